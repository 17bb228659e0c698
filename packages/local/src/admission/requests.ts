/** What can be asked to be admitted, as it comes over the gate's socket. */
import { parseCommitId } from "@firstmile/formats/git/object-id";
import * as z from "zod";

const commit = z.string().transform((text) => parseCommitId(text));
/** Relative, below the tree, no way out of it. */
const inTree = z
  .string()
  .max(4096)
  .refine(
    (path) => !path.startsWith("/") && !path.split("/").includes(".."),
    "must be a path inside the tree",
  );
const attrs = z.array(z.string().min(1).max(1000)).max(1000);

const fileRequest = z.strictObject({
  kind: z.literal("file"),
  source: z.string(),
  commit,
  /** The checkout's own directory name: paths such as `./.` take their name from it. */
  directoryName: z
    .string()
    .regex(/^[A-Za-z0-9+_?=-][A-Za-z0-9+._?=-]{0,200}$/, "must be a plain directory name"),
  file: inTree,
  attrs,
  argstr: z.record(z.string().max(200), z.string().max(10_000)),
});

const flakeRequest = z.strictObject({
  kind: z.literal("flake"),
  source: z.string(),
  commit,
  dir: inTree,
  attrs,
  verb: z.enum(["build", "run", "develop", "shell"]),
});

/** A flake that nobody here has checked out: the gate finds its source by URL and fetches the commit itself. */
const remoteFlakeRequest = z.strictObject({
  kind: z.literal("remote flake"),
  url: z.string().max(2000),
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
  const args = Object.entries(request.argstr).map(([name, value]) => ` --argstr ${name} ${value}`);
  return `${at}: ${request.file}${request.attrs.map((attr) => ` -A ${attr}`).join("")}${args.join("")}`;
}
