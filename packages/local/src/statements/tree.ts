/**
 * Statements in Git trees: `refs/firstmile/statements`, and `statements/` in a commit of a trust repository.
 *
 * The listing is Git's own, with sizes, so that no content is taken into memory that is too large for a statement and
 * a tree that holds itself a thousand times over ends at the listing's limit.
 */
import { MAX_ENVELOPE } from "@firstmile/formats/dsse/envelope";
import { type NeutralGit, neutralGit, ownRepositoriesEnv } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { run, runOk } from "../process/run.ts";
import type { Gathered } from "./gathered.ts";
import { LIMITS, STATEMENTS_FOLDER, STATEMENTS_REF, type StatementPlace } from "./place.ts";

/** Bytes of a listing: 50,000 files with room for others. */
const MAX_LISTING = 16 << 20;
const MAX_LISTING_MS = 60_000;
/** Contents asked for at a time. */
const BATCH = 64;

export async function readRefs(
  { repository, ref = STATEMENTS_REF }: StatementPlace & { kind: "ref" },
  gathered: Gathered,
): Promise<void> {
  const args = ["-C", repository, "for-each-ref", "--format=%(objectname) %(refname)", ref];
  const listed = await runOk("git", args, { env: ownRepositoriesEnv() });
  const refs = listed.toString().split("\n").filter(Boolean);
  if (refs.length > LIMITS.refs)
    gathered.refuse(ref, `more than ${LIMITS.refs} refs: the rest is left unread`);
  if (refs.length === 0) return;
  const git = await neutralGit(repository);
  try {
    for (const line of refs.slice(0, LIMITS.refs)) {
      const [tip, name] = line.split(" ", 2) as [string, string];
      await readTree(git, tip, name, gathered).catch((error: Error) => gathered.refuse(name, error.message));
    }
  } finally {
    git.dispose();
  }
}

/** A commit without such a folder holds no statements. */
export async function readCommit(
  { repository, commit }: StatementPlace & { kind: "commit" },
  gathered: Gathered,
): Promise<void> {
  const git = await neutralGit(repository);
  try {
    const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${commit}:${STATEMENTS_FOLDER}`];
    const folder = await run("git", args, { env: git.env });
    if (folder.code !== 0) return;
    await readTree(git, folder.stdout.toString().trim(), `${commit}:${STATEMENTS_FOLDER}`, gathered);
  } finally {
    git.dispose();
  }
}

interface Listed {
  readonly id: string;
  readonly where: string;
}

async function readTree(git: NeutralGit, tree: string, name: string, gathered: Gathered): Promise<void> {
  const args = ["ls-tree", "-r", "-l", "-z", "--full-tree", tree];
  const limits = { env: git.env, maxBytes: MAX_LISTING, timeoutMs: MAX_LISTING_MS };
  const listing = (await runOk("git", args, limits)).toString("latin1");
  const files = listing.split("\0").flatMap((line) => listedFile(line, name, gathered));
  using objects = new GitObjects(git.env);
  for (let at = 0; at < files.length; at += BATCH) {
    if (gathered.full !== undefined) return gathered.refuse(name, gathered.full);
    await readBlobs(objects, files.slice(at, at + BATCH), gathered);
  }
}

/** `<mode> <type> <id> <size>` TAB `<path>`, as `git ls-tree -l` prints it. */
function listedFile(line: string, name: string, gathered: Gathered): Listed[] {
  const match = /^(\d{6}) (\w+) ([0-9a-f]{40,64}) +(\d+|-)\t(.+)$/s.exec(line);
  if (match === null || !match[5]!.endsWith(".json")) return [];
  const [, mode, , id, size, path] = match as unknown as [string, string, string, string, string, string];
  const where = `${name}:${JSON.stringify(path).slice(1, -1)}`;
  if (mode !== "100644" && mode !== "100755") gathered.refuse(where, "is no regular file");
  else if (Number(size) > MAX_ENVELOPE) gathered.refuse(where, `has more than ${MAX_ENVELOPE} bytes`);
  else if (path.split("/").length - 1 > LIMITS.depth) {
    gathered.refuse(where, `lies more than ${LIMITS.depth} folders deep`);
  } else return [{ id, where }];
  return [];
}

async function readBlobs(objects: GitObjects, files: readonly Listed[], gathered: Gathered): Promise<void> {
  const contents = await objects.getAll(files.map(({ id }) => id));
  for (const [i, { where }] of files.entries()) {
    const object = contents[i];
    if (object?.type === "blob") gathered.add(object.content, where);
    else gathered.refuse(where, "is not in the repository");
  }
}
