/**
 * Which changes of a path are left unread, by trying. A stretch of changes is read by people who each read it from its
 * beginning to its end, in pieces without a gap or an overlap; the whole is read where such stretches follow each other.
 */
import type { Person } from "./history.ts";

/** The changes from number `from` up to, and without, `to`. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly by: ReadonlySet<Person>;
}

/** The fewest changes without which the others are read. */
export function fewestUnread(
  count: number,
  pieces: readonly Piece[],
  suffices: (people: ReadonlySet<Person>) => boolean,
): number[] {
  const best: (readonly number[] | undefined)[] = [[]];
  for (let to = 1; to <= count; to++) {
    let fewest = [...best[to - 1]!, to - 1];
    for (let from = 0; from < to; from++) {
      if (best[from]!.length < fewest.length && suffices(readWhole(from, to, pieces)))
        fewest = [...best[from]!];
    }
    best[to] = fewest;
  }
  return [...best[count]!];
}

/** Who read all from one version to another. */
function readWhole(from: number, to: number, pieces: readonly Piece[]): ReadonlySet<Person> {
  const everybody = new Set(pieces.flatMap(({ by }) => [...by]));
  return new Set([...everybody].filter((name) => arrives(from, to, pieces, name)));
}

function arrives(from: number, to: number, pieces: readonly Piece[], name: Person): boolean {
  const versions = new Set([from]);
  for (const at of versions) {
    for (const piece of pieces)
      if (piece.from === at && piece.to <= to && piece.by.has(name)) versions.add(piece.to);
  }
  return versions.has(to);
}
