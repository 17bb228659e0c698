/**
 * What a person means by a file of a checkout, a path in a store, or a hash: the digest that a statement names.
 *
 * Claims: of a file, the content that its commit has, with Git's id and its SHA-256; a file that differs from its commit
 * is refused, since the person who signs sees another one. Leaves out what the name was for them: nothing goes into the
 * statement but digests, and the path in the tree.
 */
import { createHash } from "node:crypto";
import { existsSync, lstatSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { FormatError } from "@firstmile/formats/bytes/error";
import { encodeHex } from "@firstmile/formats/bytes/text";
import { parseObjectId } from "@firstmile/formats/git/object-id";
import { parseHash } from "@firstmile/formats/nix/hash";
import type { ContentTarget, Target } from "@firstmile/formats/statement/target";
import { checkoutOf } from "../asking/checkout.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { runOk } from "../process/run.ts";
import { SubjectError } from "./subject-error.ts";

/** What is meant, in a statement's terms and in a person's. */
export interface NamedTarget {
  readonly targets: readonly Target[];
  readonly words: string;
  /** The checkout that it lies in. */
  readonly repository: string | undefined;
}

const STORE_PATH = /^\/.+\/([0-9a-df-np-sv-z]{32}-[0-9a-zA-Z+._?=-]{1,211})$/;
const HASH = /^(?:md5|sha1|sha256|sha512)[:-]/;

/** `anywhere`: the content wherever it lies. Undefined: it is none of these. Throws `SubjectError`, `RepositoryError`. */
export async function namedTarget(
  cwd: string,
  text: string,
  anywhere: boolean,
): Promise<NamedTarget | undefined> {
  if (HASH.test(text)) return named([hashTarget(text)], text);
  const path = resolve(cwd, text);
  const store = storePathAt(path);
  if (store !== undefined) return named([{ kind: "store", baseName: store }], path);
  return existsSync(path) ? fileTarget(path, anywhere) : undefined;
}

function named(targets: readonly Target[], words: string): NamedTarget {
  return { targets, words, repository: undefined };
}

function hashTarget(text: string): ContentTarget {
  const hash = readHash(text);
  if (hash.algorithm !== "sha256")
    throw new SubjectError(
      `${text} is no SHA-256`,
      "content is named by SHA-256; for a download that is pinned by another hash, name its path in the store",
    );
  return { kind: "content", sha256: encodeHex(hash.digest), id: undefined, path: undefined };
}

function readHash(text: string) {
  try {
    return parseHash(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new SubjectError(`${text} is no hash: ${error.message}`, "write sha256:HEX, or sha256-BASE64");
  }
}

/** The base name; also of what a link such as `result` leads to. */
function storePathAt(path: string): string | undefined {
  const direct = STORE_PATH.exec(path)?.[1];
  if (direct !== undefined) return direct;
  const link = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() && existsSync(path);
  return link ? STORE_PATH.exec(realpathSync(path))?.[1] : undefined;
}

async function fileTarget(path: string, anywhere: boolean): Promise<NamedTarget> {
  if (statSync(path).isDirectory())
    throw new SubjectError(`${path} is a directory`, "name a file; or patterns: --paths GLOB --source NAME");
  // The file itself, and not what it may link to.
  const checkout = await checkoutOf(dirname(path));
  const file = join(realpathSync(dirname(path)), basename(path));
  const inside = relative(checkout.root, file);
  if (checkout.dirty.some((line) => line.slice(3) === inside))
    throw new SubjectError(
      `${path} is not as commit ${checkout.commit.slice(0, 12)} has it`,
      "commit it first, or take the change back: what is signed is the content that its commit has",
    );
  const latin1 = Buffer.from(inside).toString("latin1");
  const target = await contentAt(checkout.root, checkout.commit, latin1);
  return {
    targets: [{ ...target, path: anywhere ? undefined : latin1 }],
    words: `${inside} as it is in ${checkout.commit.slice(0, 12)}`,
    repository: checkout.root,
  };
}

/** `path` in Latin-1. */
async function contentAt(repository: string, commit: string, path: string): Promise<ContentTarget> {
  const git = await neutralGit(repository);
  try {
    const args = ["ls-tree", "-z", "--full-tree", commit, "--", Buffer.from(path, "latin1").toString()];
    const env = { ...git.env, GIT_LITERAL_PATHSPECS: "1" };
    const [line = ""] = (await runOk("git", args, { env })).toString("latin1").split("\0");
    const id = /^(\d+) blob ([0-9a-f]+)\t/.exec(line)?.[2];
    if (id === undefined)
      throw new SubjectError(`${path} is in no commit`, "commit it first: git add, git commit");
    using objects = new GitObjects(git.env);
    const blob = await objects.get(parseObjectId(id));
    if (blob?.type !== "blob")
      throw new SubjectError(`${path} cannot be read`, "check the repository: git fsck");
    const sha256 = createHash("sha256").update(blob.content).digest("hex");
    return { kind: "content", sha256, id: parseObjectId(id), path };
  } finally {
    git.dispose();
  }
}
