/** The four rungs, and that likeness reaches none that passes. */
import { edited, packageText, seeded } from "@firstmile/testing/package-text";
import type { PrincipalName } from "@firstmile/trust/policy/names";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Ancestor, passes, type SignedFile, standingOf } from "../../src/nearest/ladder.ts";
import { acceptedText, standingText } from "../../src/nearest/standing-text.ts";

const SIGNED: SignedFile = { path: "pkgs/a.nix", by: ["alice"], rev: "0123456789abcdef" };
const LINES = Array.from({ length: 50 }, (_, i) => `line ${i}\n`);

function ancestor(content: string, more: Partial<Ancestor> = {}): Ancestor {
  return { ...SIGNED, equal: 40, content: Buffer.from(content), ...more };
}

function standing(content: string, ancestors: readonly Ancestor[]) {
  return standingOf({}, Buffer.from(content), ancestors);
}

describe("what passes", () => {
  test("is given by facts alone", () => {
    const exact = standingOf({ exact: SIGNED }, Buffer.from("x"), []);
    const derived = standingOf(
      { derived: { before: SIGNED, changeBy: ["bob", "carol"] } },
      Buffer.from("x"),
      [],
    );
    expect([exact, derived].map(passes)).toEqual([true, true]);
    expect(standingText(exact)).toBe("signed: pkgs/a.nix, which alice read (rev 0123456789ab)");
    expect(standingText(derived)).toBe(
      "signed: a change that bob and carol read makes it of pkgs/a.nix, which alice read (rev 0123456789ab)",
    );
  });

  test("nothing that is only like a signed file does, not even its own content", () => {
    const equal = fc.integer({ min: 7, max: 64 });
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string()), equal, (content, others, equal) => {
        const ancestors = [content, ...others].map((text) => ancestor(text, { equal }));
        expect(passes(standing(content, ancestors))).toBe(false);
      }),
    );
  });
});

describe("covered", () => {
  test("tells how much is whose, and where it differs", () => {
    const changed = LINES.with(5, "evil\n").with(40, "worse\n");
    const found = standing(changed.join(""), [ancestor(LINES.join(""))]);
    expect(found).toMatchObject({ kind: "covered", percent: 96, sameFile: true, butForSpace: false });
    expect(found.kind === "covered" && found.hunks).toEqual([
      { beforeFrom: 5, beforeTo: 6, afterFrom: 5, afterTo: 6 },
      { beforeFrom: 40, beforeTo: 41, afterFrom: 40, afterTo: 41 },
    ]);
    expect(standingText(found)).toBe(
      "not signed; 96 % of its lines equal pkgs/a.nix, which alice read (rev 0123456789ab); 2 hunks differ",
    );
  });

  test("a line less is all of its lines, and no pass", () => {
    const found = standing(LINES.toSpliced(9, 1).join(""), [ancestor(LINES.join(""))]);
    expect(found).toMatchObject({ kind: "covered", percent: 100 });
    expect(standingText(found)).toMatch(/1 hunk differs$/);
  });

  test("one line of two hundred is not rounded away", () => {
    const long = Array.from({ length: 200 }, (_, i) => `${i}\n`);
    expect(standing(long.with(7, "evil\n").join(""), [ancestor(long.join(""))])).toMatchObject({
      percent: 99,
    });
  });

  test("from several files, each counted for what the likest lacks", () => {
    const other = ["x\n", "y\n", "z\n", "}\n"];
    const content = [...LINES, "own\n", ...other.slice(0, 3), "own too\n", "}\n"];
    const found = standing(content.join(""), [
      ancestor(other.join(""), { path: "b.nix", by: ["bob"], rev: undefined, equal: 8 }),
      ancestor(LINES.join("")),
    ]);
    expect(found).toMatchObject({
      copied: {
        copiedLines: 53,
        unsigned: [
          { from: 50, to: 51 },
          { from: 54, to: 56 },
        ],
      },
    });
    expect(found.kind === "covered" && found.copied.origins.map(({ lines }) => lines)).toEqual([50, 3]);
    expect(standingText(found)).toContain("or b.nix, which bob read; ");
  });

  test("only white space differs", () => {
    const text = packageText(seeded(3));
    const found = standing(text.replaceAll("  ", "\t"), [ancestor(text, { equal: 64 })]);
    expect(found).toMatchObject({ kind: "covered", butForSpace: true });
    expect(standingText(found)).toMatch(/^not signed; but for white space it is pkgs\/a\.nix/);
  });

  test.each([
    ["line ends", (text: string) => text.replaceAll("\n", "\r\n")],
    ["a line break, by which code comes out of a comment", (text: string) => text.replace(" ", "\n")],
    ["a line break at the end", (text: string) => `${text}\n`],
    ["form feeds", (text: string) => text.replaceAll(" ", "\f")],
    ["control characters", (text: string) => text.replace("\n", "\x1b\0\n")],
    ["spaces of another kind", (text: string) => text.replaceAll(" ", "\u00a0")],
  ])("%s are more than white space: how much differs is told", (_, edit) => {
    const text = packageText(seeded(3));
    const found = standing(edit(text), [ancestor(text, { equal: 64 })]);
    expect(found).toMatchObject({ kind: "covered", butForSpace: false });
    expect(standingText(found)).toMatch(/% of its lines equal pkgs\/a\.nix.*hunks? differs?$/);
  });

  test("the same content, signed for another place", () => {
    const found = standing("a\n", [ancestor("a\n", { equal: 64 })]);
    expect(found).toMatchObject({ kind: "covered", percent: 100, hunks: [] });
    expect(standingText(found)).toMatch(/^not signed; it is pkgs\/a\.nix.*does not count/);
  });

  test("the likest of ten is the one that it was edited from", () => {
    const random = seeded(11);
    const texts = Array.from({ length: 10 }, () => packageText(random));
    const ancestors = texts.map((text, i) => ancestor(text, { path: `${i}` }));
    for (const [i, text] of texts.entries()) {
      const found = standing(edited(text, 4, random), ancestors);
      expect(found.kind === "covered" && found.copied.origins[0]!.signed.path).toBe(`${i}`);
    }
  });

  test("a path that would move the cursor is spelled out", () => {
    const found = standing("a\nb\n", [ancestor("a\n", { path: "x\u001b[2J\n" })]);
    expect(standingText(found)).toContain("x\\x1b[2J\\x0a, which");
  });
});

test("what passes unread is told as that, by whose word and for how long", () => {
  const waiver = { statement: "0", by: ["alice" as PrincipalName], until: 1_800_000_000, because: "for now" };
  expect(acceptedText({ kind: "waived", waiver })).toBe(
    "accepted without being read, by a waiver of alice until 2027-01-15",
  );
  expect(acceptedText({ kind: "bumped", because: "version 1 to 2" })).toBe(
    "accepted without being read, as a bump: version 1 to 2",
  );
  expect(acceptedText({ kind: "vouched", by: ["bob" as PrincipalName] })).toBe(
    "accepted without being read, because bob published it",
  );
  expect(acceptedText({ kind: "unruled" })).toBeUndefined();
});

describe("unknown", () => {
  test.each([
    ["nothing to compare with", "a\n", []],
    ["no line in common, and hardly a word", "a\n", [ancestor("b\n", { equal: 8 })]],
    ["an empty file", "", [ancestor("b\n", { equal: 8 })]],
    ["too large to be compared", "a\n".repeat(1_000_001), [ancestor("a\n")]],
  ])("%s", (_, content, ancestors) => {
    expect(standing(content, ancestors)).toEqual({ kind: "unknown" });
    expect(standingText({ kind: "unknown" })).toBe("not signed; no signed file is like it");
  });
});
