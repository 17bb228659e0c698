/** Which changes of a path nobody has read: pieces that follow each other, never pieces that overlap. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EVERYBODY, type Piece, unreadChanges } from "../../src/history/reading.ts";
import type { PrincipalName } from "../../src/policy/names.ts";

type Readers = ReadonlySet<PrincipalName>;
const who = (...names: string[]): Readers => new Set(names as PrincipalName[]);
const anybody = (readers: Readers) => readers.size > 0;
const two = (readers: Readers) => readers.size > 1;
const piece = (from: number, to: number, ...names: string[]): Piece => ({ from, to, by: who(...names) });

test("nothing read is all unread, and nothing changed is nothing unread", () => {
  expect(unreadChanges(3, [], anybody)).toEqual([0, 1, 2]);
  expect(unreadChanges(0, [], anybody)).toEqual([]);
});

test("two pieces that overlap leave something unread, two that meet do not", () => {
  expect(unreadChanges(3, [piece(0, 2, "bob"), piece(1, 3, "bob")], anybody)).toHaveLength(1);
  expect(unreadChanges(3, [piece(0, 2, "bob"), piece(2, 3, "carol")], anybody)).toEqual([]);
});

test("a piece inside another adds nothing to it", () => {
  expect(unreadChanges(3, [piece(0, 3, "bob"), piece(1, 2, "carol")], anybody)).toEqual([]);
  expect(unreadChanges(3, [piece(0, 3, "bob"), piece(1, 2, "carol")], two)).toHaveLength(3);
});

test("two people may each have read the whole in pieces of their own", () => {
  const pieces = [piece(0, 2, "bob"), piece(2, 3, "bob"), piece(0, 1, "carol"), piece(1, 3, "carol")];
  expect(unreadChanges(3, pieces, two)).toEqual([]);
  expect(unreadChanges(3, pieces.slice(0, 3), two)).toEqual([0, 1, 2]);
});

test("one person's pieces do not continue another's where two have to read all", () => {
  const pieces = [piece(0, 1, "bob", "carol"), piece(1, 2, "bob", "dora")];
  expect(unreadChanges(2, pieces, two)).toEqual([]);
  const three = (readers: Readers) => readers.size > 2;
  expect(unreadChanges(2, pieces, three)).toEqual([0, 1]);
});

test("what everybody counts as having read joins pieces", () => {
  const pieces: Piece[] = [piece(0, 1, "bob"), { from: 1, to: 2, by: EVERYBODY }, piece(2, 3, "bob")];
  expect(unreadChanges(3, pieces, anybody)).toEqual([]);
  expect(unreadChanges(3, pieces.slice(1), anybody)).toEqual([0]);
});

describe("against trying all ways to cut", () => {
  const NAMES = ["a", "b", "c"] as const;
  const COUNT = 5;
  const pieces = fc.array(
    fc
      .record({
        from: fc.nat(COUNT - 1),
        length: fc.integer({ min: 1, max: COUNT }),
        by: fc.subarray([...NAMES], { minLength: 1 }),
      })
      .map(({ from, length, by }) => piece(from, Math.min(COUNT, from + length), ...by)),
    { maxLength: 8 },
  );

  /** Whether one person's pieces lead from one version to another. */
  function reads(name: string, all: readonly Piece[], from: number, to: number): boolean {
    if (from === to) return true;
    return all.some(
      (one) =>
        one.from === from &&
        one.to <= to &&
        (one.by as Readers).has(name as PrincipalName) &&
        reads(name, all, one.to, to),
    );
  }

  function fewestUnread(all: readonly Piece[], needed: number, at = 0): number {
    if (at === COUNT) return 0;
    let best = 1 + fewestUnread(all, needed, at + 1);
    for (let to = at + 1; to <= COUNT; to++) {
      const readers = NAMES.filter((name) => reads(name, all, at, to));
      if (readers.length >= needed) best = Math.min(best, fewestUnread(all, needed, to));
    }
    return best;
  }

  test.each([1, 2])("as few are unread where %i have to read", (needed) => {
    let partly = 0;
    fc.assert(
      fc.property(pieces, (all) => {
        const unread = unreadChanges(COUNT, all, (readers) => readers.size >= needed);
        expect(unread).toHaveLength(fewestUnread(all, needed));
        if (unread.length > 0 && unread.length < COUNT) partly++;
      }),
      { numRuns: 300 },
    );
    expect(partly).toBeGreaterThan(20);
  });
});

test("ten thousand changes, each read alone and each two as one, in a moment", () => {
  const count = 10_000;
  const pieces = Array.from({ length: count }, (_, i) => [
    piece(i, i + 1, "bob"),
    ...(i + 2 <= count ? [piece(i, i + 2, "carol", "bob")] : []),
  ]).flat();
  const start = performance.now();
  expect(unreadChanges(count, pieces.slice(2), anybody)).toEqual([0]);
  expect(performance.now() - start).toBeLessThan(10_000);
});
