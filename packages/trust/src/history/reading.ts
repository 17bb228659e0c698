/**
 * Which changes of one path nobody has read. Claim: what is not named here was read from its first version to its
 * last: the changes fall into stretches that follow each other without a gap, and each stretch was read whole by people
 * who meet the rule, each of them in pieces that follow each other as well. Against: pieces that overlap. Where somebody
 * read the first two of three changes as one and the last two as one, what the first brought, the second took away
 * and the third brings back was in nothing that they read, though each change was in something. Left out: who reads
 * what, and which versions are equal.
 */
import type { PrincipalName } from "../policy/names.ts";

/** Nobody has to read it. */
export const EVERYBODY = "everybody";
export type By = ReadonlySet<PrincipalName> | typeof EVERYBODY;

/** The changes from number `from` up to, and without, `to`, read as one. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly by: By;
}

/** Longest stretch, in changes, that is put together of pieces or looked for in one: a bound on work. */
export const MAX_STRETCH = 200;

/** The fewest of `count` changes, by number, without which all the others are read. */
export function unreadChanges(
  count: number,
  pieces: readonly Piece[],
  isMet: (readers: ReadonlySet<PrincipalName>) => boolean,
): number[] {
  const starting = byStart(count, pieces);
  const unread = new Float64Array(count + 1).fill(Number.POSITIVE_INFINITY);
  const before = new Int32Array(count + 1);
  unread[0] = 0;
  for (let at = 0; at < count; at++) {
    const reach = (to: number, cost: number) => {
      if (unread[at]! + cost >= unread[to]!) return;
      unread[to] = unread[at]! + cost;
      before[to] = at;
    };
    for (const end of stretchesFrom(at, starting, isMet)) reach(end, 0);
    reach(at + 1, 1);
  }
  return walkBack(count, unread, before);
}

function byStart(count: number, pieces: readonly Piece[]): readonly (readonly Piece[])[] {
  const starting: Piece[][] = Array.from({ length: count }, () => []);
  for (const piece of pieces) starting[piece.from]!.push(piece);
  return starting;
}

/** Where stretches end that begin at a version and that enough people have read, each in pieces of their own. */
function stretchesFrom(
  at: number,
  starting: readonly (readonly Piece[])[],
  isMet: (readers: ReadonlySet<PrincipalName>) => boolean,
): number[] {
  const readers = new Map<number, By>([[at, EVERYBODY]]);
  let furthest = at;
  const end = Math.min(starting.length, at + MAX_STRETCH);
  for (let here = at; here < end && here <= furthest; here++) {
    const until = readers.get(here);
    if (until === undefined) continue;
    for (const { to, by } of starting[here]!) {
      const both = common(until, by);
      if (both !== EVERYBODY && both.size === 0) continue;
      readers.set(to, joined(readers.get(to), both));
      furthest = Math.max(furthest, to);
    }
  }
  readers.delete(at);
  return [...readers].filter(([, by]) => by === EVERYBODY || isMet(by)).map(([to]) => to);
}

function common(a: By, b: By): By {
  if (a === EVERYBODY || a === b) return b;
  if (b === EVERYBODY) return a;
  return a.intersection(b);
}

function joined(a: By | undefined, b: By): By {
  if (a === undefined || a === b) return b;
  return a === EVERYBODY || b === EVERYBODY ? EVERYBODY : a.union(b);
}

function walkBack(count: number, unread: Float64Array, before: Int32Array): number[] {
  const found: number[] = [];
  for (let at = count; at > 0; at = before[at]!)
    if (unread[at]! > unread[before[at]!]!) found.push(before[at]!);
  return found.reverse();
}
