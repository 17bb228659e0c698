/** Listings as contents: one text for each, and none that reads as another. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/bytes/error.ts";
import {
  answerContent,
  type EntryType,
  entryType,
  isPlainName,
  isTreeName,
  listingContent,
  listingText,
  parseEntry,
  sortedEntries,
  spellEntry,
} from "../../src/statement/listing.ts";
import { changedListing, listingDifference, type StatedListingChange } from "../../src/statement/names.ts";

const entry = (type: EntryType, name: string) => ({ type, name });
/** Bytes that a name may have. */
const aName = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => Buffer.from(bytes).toString("latin1"))
  .filter(isTreeName);
const aListing = fc
  .uniqueArray(fc.record({ type: fc.constantFrom<EntryType>("f", "d", "l", "s"), name: aName }), {
    selector: ({ name }) => name,
    maxLength: 12,
  })
  .map(sortedEntries);

describe("a listing", () => {
  test("is a line for each entry, by the bytes of the names", () => {
    const entries = sortedEntries([
      entry("f", "b"),
      entry("d", "B"),
      entry("l", "caf\xe9"),
      entry("s", "a\nf c"),
    ]);
    expect(listingText(entries)).toBe("d B\ns a%0Af c\nf b\nl caf%E9\n");
    const { sha256, mode } = listingContent(entries);
    expect(sha256).toBe(createHash("sha256").update(listingText(entries)).digest("hex"));
    expect(mode).toBe(0o40000);
  });

  test("has one text, and no two listings have the same", () => {
    fc.assert(
      fc.property(aListing, aListing, (a, b) => {
        const lines = listingText(a).split("\n").slice(0, -1);
        expect(lines.map(parseEntry)).toEqual(a);
        expect(listingText(a) === listingText(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  test("that differs is reached by what went and what came, and by nothing else", () => {
    fc.assert(
      fc.property(aListing, aListing, aListing, (before, after, other) => {
        const change: StatedListingChange = {
          kind: "change",
          path: "d",
          before: listingContent(before).sha256,
          after: listingContent(after).sha256,
          ...listingDifference(before, after),
        };
        expect(changedListing(before, change)).toEqual(after);
        const reached = changedListing(other, change);
        if (reached !== undefined) expect(reached).toEqual(after);
      }),
    );
  });

  test("spells only names that a tree may hold", () => {
    for (const name of ["", ".", "..", ".git", ".GIT", "a/b", "a\0", "\u0100"])
      expect(() => spellEntry(entry("f", name)), name).toThrow(FormatError);
  });
});

test("types are those of a tree's modes", () => {
  expect([0o100644, 0o100755, 0o100664, 0o120000, 0o40000, 0o160000].map(entryType).join("")).toBe("ffflds");
});

test("each answer is a content of its own", () => {
  const digests = (["f", "d", "l", "s", "-"] as const).map((type) => answerContent(type, "a/b").sha256);
  expect(new Set([...digests, answerContent("-", "b").sha256]).size).toBe(6);
  expect(answerContent("-", "a/b").sha256).toBe(createHash("sha256").update("- a/b\n").digest("hex"));
});

test("plain names have nothing that a shell takes for more", () => {
  for (const name of ["1-fix.patch", "a_b", "gtk+3", "x@2", "a%20", "c,v", "k=v", "..data"])
    expect(isPlainName(name), name).toBe(true);
  for (const name of [
    "$(id)",
    "a b",
    "a;b",
    "a`b",
    "a|b",
    "a\nb",
    "~a",
    "a'b",
    'a"b',
    "a&b",
    "caf\xe9",
    "a*",
    "a:b",
    "",
  ])
    expect(isPlainName(name), name).toBe(false);
});
