import { FormatError } from "@firstmile/formats/bytes/error";
import { parseCommit } from "@firstmile/formats/git/commit";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { run } from "../process/run.ts";
import type { NeutralGit } from "./neutral.ts";
import { GitObjects } from "./objects.ts";

interface Options {
  readonly firstParent?: boolean;
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
  const lines = [...tips, ...without.map((id) => `^${id}`), ""].join("\n");
  const flags = options.firstParent ? ["--first-parent"] : [];
  const args = ["rev-list", "--topo-order", "--ignore-missing", ...flags, "--stdin"];
  const listed = await run("git", args, { env: git.env, input: lines, maxBytes: 1 << 30 });
  if (listed.code !== 0) return walk(git, tips, without, options);
  const text = listed.stdout.toString("latin1").trimEnd();
  return text === "" ? [] : (text.split("\n") as CommitId[]);
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
    const read = await objects.getAll(ids);
    next = new Set();
    for (const [i, id] of ids.entries()) {
      const parents = parentsIn(read[i]);
      if (parents) found.set(id, firstParent ? parents.slice(0, 1) : parents);
      for (const parent of found.get(id) ?? []) if (!found.has(parent) && !stop(parent)) next.add(parent);
    }
  }
  return found;
}

function parentsIn(object: Awaited<ReturnType<GitObjects["get"]>>): readonly CommitId[] | undefined {
  if (object?.type !== "commit") return undefined;
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
