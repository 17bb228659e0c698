/**
 * Two-way merges by Git, many in one child: starting a child costs more than a merge.
 *
 * Claims: each answer is what a child of its own gives, since in a batch that does not end as it should, or does not
 * answer for each merge, every merge is asked about again alone. Against: a planted merge that Git dies of, so that its
 * neighbours lose their answer or get another one's. Leaves out: time; whoever plants such merges makes each batch as
 * slow as its merges alone.
 */
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import type { HashedObjects } from "../git/hashed-objects.ts";
import { ProcessError, run } from "../process/run.ts";

export interface MergedAgain {
  readonly tree: ObjectId;
  /**
   * Paths in conflict, Latin-1. Their content in `tree` is a proposal: one side of a binary file, the changed side of
   * one that the other removed, or both between marks. Taking it over is a decision too.
   */
  readonly conflicts: readonly string[];
}

/** Two commits that are among the hashed objects, with everything that merging them reads, flushed or not. */
export interface TwoSides {
  readonly ours: CommitId;
  readonly theirs: CommitId;
}

interface Waiting {
  readonly sides: TwoSides;
  readonly resolve: (merged: MergedAgain | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Two minutes a child. */
const TIMEOUT = { timeoutMs: 120_000 } as const;
const AT_MOST = 128;
const ALONE_AT_ONCE = 4;
const FLAGS = ["--write-tree", "--no-messages", "--name-only", "-z", "--allow-unrelated-histories"] as const;
/** What it writes is read once. */
const COMMAND = ["-c", "core.compression=0", "merge-tree", ...FLAGS] as const;

export class MergeBatches {
  private readonly hashed: HashedObjects;
  private waiting: Waiting[] = [];
  private running = false;

  constructor(hashed: HashedObjects) {
    this.hashed = hashed;
  }

  /** What Git makes of two sides; undefined where it cannot merge them. Throws what `HashedObjects.flush` throws. */
  merge(sides: TwoSides): Promise<MergedAgain | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<MergedAgain | undefined>();
    this.waiting.push({ sides, resolve, reject });
    if (!this.running) {
      this.running = true;
      // Others that are nearly as far come along.
      setTimeout(() => this.drain(), 2);
    }
    return promise;
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, AT_MOST);
      try {
        await this.hashed.flush();
        const merged = await this.mergeAll(batch.map(({ sides }) => sides));
        for (const [i, { resolve }] of batch.entries()) resolve(merged[i]);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.running = false;
  }

  private async mergeAll(sides: readonly TwoSides[]): Promise<(MergedAgain | undefined)[]> {
    const merged = sides.length > 1 ? await this.together(sides) : undefined;
    return merged ?? (await this.alone(sides));
  }

  /** Undefined where anything is not as it should be, and where Git is older than 2.39. */
  private async together(sides: readonly TwoSides[]): Promise<(MergedAgain | undefined)[] | undefined> {
    const input = sides.map(({ ours, theirs }) => `${ours} ${theirs}\n`).join("");
    const args = [...COMMAND, "--stdin"];
    const answer = await run("git", args, { env: this.hashed.env, input, ...TIMEOUT }).catch(notEnded);
    if (answer?.code !== 0) return undefined;
    const merged = parseAnswers(answer.stdout.toString("latin1"));
    return merged?.length === sides.length ? merged : undefined;
  }

  private async alone(sides: readonly TwoSides[]): Promise<(MergedAgain | undefined)[]> {
    const merged: (MergedAgain | undefined)[] = [];
    for (let start = 0; start < sides.length; start += ALONE_AT_ONCE) {
      const some = sides.slice(start, start + ALONE_AT_ONCE);
      merged.push(...(await Promise.all(some.map((two) => mergeTwo(this.hashed.env, two)))));
    }
    return merged;
  }
}

function notEnded(error: unknown): undefined {
  if (!(error instanceof ProcessError)) throw error;
}

/** A merge in a child of its own. */
export async function mergeTwo(
  env: NodeJS.ProcessEnv,
  { ours, theirs }: TwoSides,
): Promise<MergedAgain | undefined> {
  const args = [...COMMAND, ours, theirs];
  const merged = await run("git", args, { env, ...TIMEOUT });
  const [tree, ...conflicts] = merged.stdout.toString("latin1").split("\0").filter(Boolean);
  return merged.code > 1 ? undefined : mergedAgain(merged.code === 0, tree, conflicts);
}

/**
 * Each answer is `1` (clean) or `0`, the tree and the paths in conflict, each ended by a NUL, and one NUL more. No path
 * is empty. Undefined where it reads otherwise.
 */
function parseAnswers(text: string): (MergedAgain | undefined)[] | undefined {
  const merged: (MergedAgain | undefined)[] = [];
  const words = text.split("\0");
  if (words.pop() !== "") return undefined;
  for (let at = 0; at < words.length; ) {
    const end = words.indexOf("", at);
    const [clean, tree, ...conflicts] = words.slice(at, end);
    if (end < 0 || (clean !== "0" && clean !== "1")) return undefined;
    merged.push(mergedAgain(clean === "1", tree, conflicts));
    at = end + 1;
  }
  return merged;
}

function mergedAgain(clean: boolean, tree = "", conflicts: readonly string[]): MergedAgain | undefined {
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(tree)) return undefined;
  // In conflict over what it does not name: nothing of it is sure.
  if (!clean && conflicts.length === 0) return undefined;
  return { tree: tree as ObjectId, conflicts };
}
