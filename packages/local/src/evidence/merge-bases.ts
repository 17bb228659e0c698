/**
 * Merge bases, from commits that were hashed, and the shape of history that is left when only they are of interest.
 *
 * Claims: a merge over this shape has the bases that it has over the whole history, and so have the bases among each
 * other where there are several, which Git merges first. Against: a planted commit that makes Git take another base,
 * so that a smuggled change looks as if one side had made it. Leaves out: histories with very many bases, or bases
 * very far away, which were made to be expensive; there is no answer to those.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { CommitLinks } from "./hashed-reader.ts";

/** Best common ancestors as far as facts at hand say; undefined where they do not reach. */
export type KnownBases = (a: CommitId, b: CommitId) => readonly CommitId[] | undefined;
type ReadCommit = (id: CommitId) => Promise<CommitLinks>;

export interface MergeShape {
  /** Bases of the two sides. */
  readonly bases: readonly CommitId[];
  /** Of each base the bases that are its ancestors: ancestors first. */
  readonly below: ReadonlyMap<CommitId, readonly CommitId[]>;
}

const MAX_BASES = 16;
const MAX_WALKED = 50_000;
/** A hostile commit has 80,000 parents. */
const AT_ONCE = 256;

/**
 * `ours` and `theirs`: one commit each, or several where an octopus has merged some. Undefined beyond the limits.
 * Throws what `read` throws.
 */
export async function mergeShape(
  ours: readonly CommitId[],
  theirs: readonly CommitId[],
  known: KnownBases,
  read: ReadCommit,
): Promise<MergeShape | undefined> {
  const bases = await basesOf(ours, theirs, known, read);
  if (bases === undefined) return undefined;
  const below = new Map<CommitId, Set<CommitId>>();
  for (const base of bases) below.set(base, new Set());
  // A map gives what is put into it while it is walked: each two of all that is ever found are compared.
  for (const a of below.keys()) {
    for (const b of below.keys()) {
      if (a === b) break;
      const common = await basesOf([a], [b], known, read);
      if (common === undefined || below.size > MAX_BASES) return undefined;
      for (const id of common) {
        if (!below.has(id)) below.set(id, new Set());
        for (const side of [a, b]) if (side !== id) below.get(side)!.add(id);
      }
    }
  }
  return { bases, below: ancestorsFirst(below) };
}

async function basesOf(
  ours: readonly CommitId[],
  theirs: readonly CommitId[],
  known: KnownBases,
  read: ReadCommit,
): Promise<readonly CommitId[] | undefined> {
  const atHand = ours.length === 1 && theirs.length === 1 ? known(ours[0]!, theirs[0]!) : undefined;
  return atHand ?? (await new Painting(read).common(ours, theirs));
}

function ancestorsFirst(below: ReadonlyMap<CommitId, ReadonlySet<CommitId>>): Map<CommitId, CommitId[]> {
  const sorted = new Map<CommitId, CommitId[]>();
  const visit = (id: CommitId) => {
    if (sorted.has(id)) return;
    for (const ancestor of below.get(id)!) visit(ancestor);
    sorted.set(id, [...below.get(id)!]);
  };
  for (const id of below.keys()) visit(id);
  return sorted;
}

const OURS = 1;
const THEIRS = 2;
/** An ancestor of a commit that was found common. */
const STALE = 4;

interface Painted {
  readonly links: CommitLinks;
  colour: number;
  waiting: boolean;
}

/**
 * Both sides' colours run down to the ancestors, youngest first by the commits' own dates. False dates cost time and
 * may leave an ancestor of a base among what is found, but never hide a base: each commit that is reached anew
 * from a side is looked at anew. `mergeShape` compares each two of what is found, so that Git drops such ancestors.
 */
class Painting {
  private readonly read: ReadCommit;
  private readonly painted = new Map<CommitId, Painted>();
  private readonly queue: Painted[] = [];
  private open = 0;

  constructor(read: ReadCommit) {
    this.read = read;
  }

  async common(ours: readonly CommitId[], theirs: readonly CommitId[]): Promise<CommitId[] | undefined> {
    await this.paintAll(ours, OURS);
    await this.paintAll(theirs, THEIRS);
    const found = new Set<Painted>();
    while (this.open > 0) {
      const next = this.takeYoungest();
      const common = (next.colour & (OURS | THEIRS | STALE)) === (OURS | THEIRS);
      if (common) found.add(next);
      await this.paintAll(next.links.parents, common ? next.colour | STALE : next.colour);
      if (this.painted.size > MAX_WALKED) return undefined;
    }
    return [...found].filter(({ colour }) => !(colour & STALE)).map(({ links }) => links.id);
  }

  private async paintAll(ids: readonly CommitId[], colour: number): Promise<void> {
    for (let start = 0; start < ids.length; start += AT_ONCE) {
      const some = ids.slice(start, start + AT_ONCE);
      for (const links of await Promise.all(some.map((id) => this.linksOf(id)))) this.paint(links, colour);
    }
  }

  private linksOf(id: CommitId): CommitLinks | Promise<CommitLinks> {
    return this.painted.get(id)?.links ?? this.read(id);
  }

  private paint(links: CommitLinks, colour: number): void {
    const here = this.painted.get(links.id) ?? { links, colour: 0, waiting: false };
    this.painted.set(links.id, here);
    const before = here.colour;
    here.colour |= colour;
    if (here.colour === before) return;
    if (here.waiting) {
      if (!(before & STALE) && here.colour & STALE) this.open--;
      return;
    }
    here.waiting = true;
    if (!(here.colour & STALE)) this.open++;
    this.insert(here);
  }

  private insert(here: Painted): void {
    let [low, high] = [0, this.queue.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.queue[middle]!.links.time <= here.links.time) low = middle + 1;
      else high = middle;
    }
    this.queue.splice(low, 0, here);
  }

  private takeYoungest(): Painted {
    const next = this.queue.pop()!;
    next.waiting = false;
    if (!(next.colour & STALE)) this.open--;
    return next;
  }
}
