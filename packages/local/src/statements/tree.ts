/**
 * Statements in Git trees: `refs/firstmile/statements`, and `statements/` in a commit of a trust repository.
 *
 * The listing is Git's own, with sizes, so that no content is taken into memory that is too large for a statement and
 * a tree that holds itself a thousand times over ends at the listing's limit.
 */
import { MAX_ENVELOPE } from "@firstmile/formats/dsse/envelope";
import { type NeutralGit, neutralGit, ownRepositoriesEnv, RepositoryError } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { ProcessError, runOk } from "../process/run.ts";
import type { Gathered, Room } from "./gathered.ts";
import { LIMITS, STATEMENTS_FOLDER, STATEMENTS_REF, type StatementPlace } from "./place.ts";

/** Bytes of a listing: 50,000 files with room for others. */
const MAX_LISTING = 16 << 20;
const MAX_LISTING_MS = 60_000;
/** Contents asked for at a time. */
const BATCH = 64;

type RefPlace = StatementPlace & { kind: "ref" };

/**
 * The refs of a place by who sent them: each name directly below the place's own holds what one mirror, or one checkout,
 * brought (`refs/firstmile/statements/mirror-0/…`).
 */
export async function refGroups(place: RefPlace): Promise<RefPlace[]> {
  const { repository, ref = STATEMENTS_REF, tips = [], ...rest } = place;
  const refs = await listRefs(repository, ref);
  const gone = missingTip(tips, refs);
  if (gone !== undefined) throw new RepositoryError(`no reference points to ${gone}, which was fetched here`);
  const names = refs.map(({ name }) => name);
  const groups = new Set(names.map((name) => name.split("/", ref.split("/").length + 1).join("/")));
  return [...groups].map((group) => ({ ...rest, repository, ref: group }));
}

/** A tip at which no reference is any more. */
export function missingTip(tips: readonly string[], refs: readonly { tip: string }[]): string | undefined {
  const here = new Set(refs.map(({ tip }) => tip));
  return tips.find((tip) => !here.has(tip));
}

export async function readRefs(
  { repository, ref = STATEMENTS_REF }: RefPlace,
  gathered: Gathered,
): Promise<void> {
  const refs = await listRefs(repository, ref);
  if (refs.length > LIMITS.refs) gathered.cut(ref);
  if (refs.length === 0) return;
  const git = await neutralGit(repository);
  try {
    for (const { tip, name } of refs.slice(0, LIMITS.refs))
      await readTree(git, tip, name, gathered).catch((error: Error) => failed(gathered, name, error));
  } finally {
    git.dispose();
  }
}

/** What is too long to be listed was made so by its owner, and counts as whole. */
function failed(gathered: Gathered, name: string, error: Error): void {
  if (error instanceof ProcessError && error.message.endsWith("printed more than expected"))
    gathered.cut(name, error.message);
  else gathered.fail(name, error.message);
}

interface Ref {
  readonly tip: string;
  readonly name: string;
}

/** The ref of this name, and all below it. */
export async function listRefs(repository: string, ref: string): Promise<Ref[]> {
  const args = ["-C", repository, "for-each-ref", "--format=%(objectname) %(refname)", ref];
  const listed = await runOk("git", args, { env: ownRepositoriesEnv() });
  return listed
    .toString()
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [tip, name] = line.split(" ", 2) as [string, string];
      return { tip, name };
    });
}

/** The files of a place that would be read, without their contents. Throws where one of its trees cannot be listed. */
export async function listRefFiles({
  repository,
  ref = STATEMENTS_REF,
}: RefPlace): Promise<ListedStatement[]> {
  const refs = await listRefs(repository, ref);
  const git = await neutralGit(repository);
  try {
    const listed = await Promise.all(refs.map(({ tip, name }) => listTree(git, tip, name, () => {})));
    return listed.flat();
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
    const folder = await statementsFolder(git, commit);
    if (folder === undefined) return;
    const name = `${commit}:${STATEMENTS_FOLDER}`;
    await readTree(git, folder, name, gathered).catch((error: Error) => failed(gathered, name, error));
  } finally {
    git.dispose();
  }
}

/** The id of the folder in the tree of a commit. Throws where that tree cannot be read, so that a loss does not pass for an absence. */
async function statementsFolder({ env }: NeutralGit, commit: string): Promise<string | undefined> {
  const listed = await runOk("git", ["ls-tree", "-z", "--full-tree", commit, "--", STATEMENTS_FOLDER], {
    env,
  });
  return /^040000 tree ([0-9a-f]+)\t/.exec(listed.toString("latin1"))?.[1];
}

export async function readTreePlace(
  { repository, tree }: StatementPlace & { kind: "tree" },
  gathered: Gathered,
): Promise<void> {
  const git = await neutralGit(repository);
  try {
    await readTree(git, tree, tree, gathered).catch((error: Error) => failed(gathered, tree, error));
  } finally {
    git.dispose();
  }
}

export interface ListedStatement {
  /** Of the blob. */
  readonly id: string;
  readonly where: string;
  readonly size: number;
}

type Refuse = (where: string, problem: string) => void;

async function listTree(
  git: NeutralGit,
  tree: string,
  name: string,
  refuse: Refuse,
): Promise<ListedStatement[]> {
  const args = ["ls-tree", "-r", "-l", "-z", "--full-tree", tree];
  const limits = { env: git.env, maxBytes: MAX_LISTING, timeoutMs: MAX_LISTING_MS };
  const listing = (await runOk("git", args, limits)).toString("latin1");
  return listing.split("\0").flatMap((line) => listedFile(line, name, refuse));
}

async function readTree(git: NeutralGit, tree: string, name: string, gathered: Gathered): Promise<void> {
  const files = await listTree(git, tree, name, (where, problem) => gathered.refuse(where, problem));
  const within = fitting(files, gathered.room);
  if (within < files.length) gathered.cut(name);
  using objects = new GitObjects(git.env);
  for (let at = 0; at < within; at += BATCH)
    await readBlobs(objects, files.slice(at, Math.min(at + BATCH, within)), gathered);
}

/** How many of the files there is room for. */
function fitting(files: readonly ListedStatement[], room: Room): number {
  let bytes = 0;
  for (const [i, { size }] of files.entries()) {
    bytes += size;
    if (i >= room.files || bytes > room.bytes) return i;
  }
  return files.length;
}

/** `<mode> <type> <id> <size>` TAB `<path>`, as `git ls-tree -l` prints it. */
function listedFile(line: string, name: string, refuse: Refuse): ListedStatement[] {
  const match = /^(\d{6}) (\w+) ([0-9a-f]{40,64}) +(\d+|-)\t(.+)$/s.exec(line);
  if (match === null || !match[5]!.endsWith(".json")) return [];
  const [, mode, , id, size, path] = match as unknown as [string, string, string, string, string, string];
  const where = `${name}:${JSON.stringify(path).slice(1, -1)}`;
  if (mode !== "100644" && mode !== "100755") refuse(where, "is not a regular file");
  else if (Number(size) > MAX_ENVELOPE) refuse(where, `has more than ${MAX_ENVELOPE} bytes`);
  else if (path.split("/").length - 1 > LIMITS.depth) {
    refuse(where, `lies more than ${LIMITS.depth} folders deep`);
  } else return [{ id, where, size: Number(size) }];
  return [];
}

async function readBlobs(
  objects: GitObjects,
  files: readonly ListedStatement[],
  gathered: Gathered,
): Promise<void> {
  const contents = await objects.getAll(files.map(({ id }) => id));
  for (const [i, { where }] of files.entries()) {
    const object = contents[i];
    if (object?.type === "blob") gathered.add(object.content, where);
    else gathered.fail(where, "is not in the repository");
  }
}
