import { FormatError } from "@firstmile/formats/bytes/error";
import { parseCommit } from "@firstmile/formats/git/commit";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { run } from "../process/run.ts";
import { Lines } from "./lines.ts";
import type { NeutralGit } from "./neutral.ts";
import { type GitObject, GitObjects, type OversizedObject } from "./objects.ts";

interface Options {
  readonly firstParent?: boolean;
}

/** Object ids as bytes, `width` each, in pieces of whole ids as they come. To be gone through once. */
export interface IdListing {
  readonly width: number;
  readonly pieces: AsyncIterable<Buffer> | Iterable<Buffer>;
}

interface ListOptions extends Options {
  /** Which ids to leave out, by the bytes at an offset. */
  readonly skip?: (ids: Buffer, at: number) => boolean;
}

/**
 * Commits that `tips` reach and `without` does not. In no sure order, and where something is missing, some twice: a
 * list of what to read and nothing more. Whoever reads puts the commits themselves in order and checks by them that
 * nothing is missing.
 */
export function listIds(
  git: NeutralGit,
  tips: readonly CommitId[],
  without: readonly CommitId[],
  options: ListOptions = {},
): IdListing {
  const width = git.format === "sha256" ? 32 : 20;
  // Started with the reading: a child that nobody reads from would wait for ever.
  async function* pieces() {
    const listing = new Lines("git", revListArgs(options), git.env, revListInput(tips, without));
    for await (const lines of listing.pieces()) yield kept(idsIn(lines, width), width, options);
    if (listing.code === 0) return;
    const left = await walk(git, tips, without, options);
    yield kept(Buffer.from(left.join(""), "hex"), width, options);
  }
  return { width, pieces: pieces() };
}

function kept(ids: Buffer, width: number, { skip }: ListOptions): Buffer {
  if (!skip) return ids;
  let end = 0;
  for (let at = 0; at < ids.length; at += width) {
    if (!skip(ids, at)) end += ids.copy(ids, end, at, at + width);
  }
  return ids.subarray(0, end);
}

/** Lines of hex digits as bytes, all at once. */
function idsIn(lines: string, width: number): Buffer {
  const ids = Buffer.from(lines.replaceAll("\n", ""), "hex");
  if (ids.length * 2 + ids.length / width !== lines.length)
    throw new Error("git rev-list printed something that is no list of object ids");
  return ids;
}

function revListInput(tips: readonly CommitId[], without: readonly CommitId[]): string {
  return [...tips, ...without.map((id) => `^${id}`), ""].join("\n");
}

function revListArgs({ firstParent }: Options, ...more: string[]): string[] {
  return ["rev-list", "--ignore-missing", ...(firstParent ? ["--first-parent"] : []), ...more, "--stdin"];
}

/**
 * Commits that `tips` reach and `without` does not, children before parents. A list of what to read, in a good
 * order: whoever reads checks by the commits themselves that nothing is missing.
 */
export async function revList(
  git: NeutralGit,
  tips: readonly CommitId[],
  without: readonly CommitId[],
  options: Options = {},
): Promise<CommitId[]> {
  const listed = await run("git", revListArgs(options, "--topo-order"), {
    env: git.env,
    input: revListInput(tips, without),
    maxBytes: 1 << 30,
  });
  if (listed.code !== 0) return walk(git, tips, without, options);
  const text = listed.stdout.toString("latin1").trimEnd();
  return text === "" ? [] : (text.split("\n") as CommitId[]);
}

/**
 * As `revList`, by two listings without an end in between: where dates are wrong, Git stops too early and lists some that
 * `without` reaches. For short histories: both are listed to their roots.
 */
export async function exactRevList(
  git: NeutralGit,
  tips: readonly CommitId[],
  without: readonly CommitId[],
): Promise<CommitId[]> {
  const left = new Set(await revList(git, without, []));
  return (await revList(git, tips, [])).filter((id) => !left.has(id));
}

/**
 * The same as far as the commits are there. Git gives up at the first that is missing, as in a shallow clone or where
 * somebody took it away; the person who asked is told better which one it is.
 */
async function walk(
  git: NeutralGit,
  tips: readonly CommitId[],
  without: readonly CommitId[],
  options: Options,
): Promise<CommitId[]> {
  using objects = new GitObjects(git.env);
  const left = await parentsBelow(objects, without, () => false, {});
  const found = await parentsBelow(objects, tips, (id) => left.has(id), options);
  return childrenFirst(found);
}

type Parents = Map<CommitId, readonly CommitId[]>;

/** Parents of every commit that can be read from `starts`, generation by generation. */
async function parentsBelow(
  objects: GitObjects,
  starts: readonly CommitId[],
  stop: (id: CommitId) => boolean,
  { firstParent = false }: Options,
): Promise<Parents> {
  const found: Parents = new Map();
  for (let next = new Set(starts.filter((id) => !stop(id))); next.size > 0; ) {
    const ids = [...next];
    const read: (readonly CommitId[] | undefined)[] = [];
    await objects.each(ids, (object, place) => {
      read[place] = parentsIn(object);
    });
    next = new Set();
    for (const [i, id] of ids.entries()) {
      const parents = read[i];
      if (parents) found.set(id, firstParent ? parents.slice(0, 1) : parents);
      for (const parent of found.get(id) ?? []) if (!found.has(parent) && !stop(parent)) next.add(parent);
    }
  }
  return found;
}

function parentsIn(object: GitObject | OversizedObject | undefined): readonly CommitId[] | undefined {
  if (object?.type !== "commit") return undefined;
  if ("oversized" in object) return [];
  try {
    return parseCommit(object.content).parents;
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}

/** Each commit once, when all its children were given; what lies on a circle, which only planted bytes make, is last. */
function childrenFirst(found: Parents): CommitId[] {
  const children = new Map<CommitId, number>();
  for (const parent of [...found.values()].flat()) children.set(parent, (children.get(parent) ?? 0) + 1);
  const ready = [...found.keys()].filter((id) => !children.has(id));
  const ordered = new Set<CommitId>();
  for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
    ordered.add(id);
    for (const parent of found.get(id)!) {
      const waiting = children.get(parent)! - 1;
      children.set(parent, waiting);
      if (waiting === 0 && found.has(parent)) ready.push(parent);
    }
  }
  return [...new Set([...ordered, ...found.keys()])];
}
