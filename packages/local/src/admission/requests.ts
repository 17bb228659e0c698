/** What can be asked to be admitted, as it comes over the gate's socket. */
import { parseCommitId } from "@firstmile/formats/git/object-id";
import * as z from "zod";
import { shown } from "./arguments.ts";

const commit = z.string().transform((text) => parseCommitId(text));
/** Shown in logs and verdicts as it is: nothing in it may begin a line of its own, or end a word for C. */
const plain = z
  .string()
  .refine((text) => !/[\p{Cc}\u2028\u2029]/u.test(text), "must not hold control characters");
/** Relative, below the tree, no way out of it. */
const inTree = plain
  .max(4096)
  .refine(
    (path) => !path.startsWith("/") && !path.split("/").includes(".."),
    "must be a path inside the tree",
  );
const attrs = z.array(plain.min(1).max(1000)).max(1000);
const source = plain.max(64);

const fileRequest = z.strictObject({
  kind: z.literal("file"),
  source,
  commit,
  /** The checkout's own directory name: paths such as `./.` take their name from it. */
  directoryName: z
    .string()
    .regex(/^[A-Za-z0-9+_?=-][A-Za-z0-9+._?=-]{0,200}$/, "must be a plain directory name"),
  file: inTree,
  attrs,
  argstr: z.record(
    plain.max(200),
    z
      .string()
      .max(10_000)
      .refine((text) => !text.includes("\0"), "must not hold a NUL"),
  ),
});

const flakeRequest = z.strictObject({
  kind: z.literal("flake"),
  source,
  commit,
  dir: inTree,
  attrs,
  verb: z.enum(["build", "run", "develop", "shell"]),
});

/** A flake that nobody here has checked out: the gate finds its source by URL and fetches the commit itself. */
const remoteFlakeRequest = z.strictObject({
  kind: z.literal("remote flake"),
  url: plain.max(2000),
  commit,
  dir: inTree,
  attrs,
  verb: z.enum(["build", "run", "develop", "shell"]),
});

export const admissionRequest = z.discriminatedUnion("kind", [fileRequest, flakeRequest, remoteFlakeRequest]);

export type AdmissionRequest = z.infer<typeof admissionRequest>;
export type FileRequest = z.infer<typeof fileRequest>;
export type FlakeRequest = z.infer<typeof flakeRequest>;
export type RemoteFlakeRequest = z.infer<typeof remoteFlakeRequest>;

/** The request in a person's words. */
export function wordsOf(request: AdmissionRequest): string {
  const at = `${request.kind === "remote flake" ? request.url : request.source} at ${request.commit.slice(0, 12)}`;
  if (request.kind !== "file")
    return `${at}: ${request.attrs.map((attr) => `.${request.dir ? `?dir=${request.dir}` : ""}#${attr}`).join(" ")}`;
  const args = Object.entries(request.argstr).map(
    ([name, value]) => ` --argstr ${shown(name)} ${shown(value)}`,
  );
  return `${at}: ${request.file}${request.attrs.map((attr) => ` -A ${attr}`).join("")}${args.join("")}`;
}
