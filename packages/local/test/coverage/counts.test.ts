/** Each file counted once, and what comes of itself. */
import { ifNothingHappens, shareOf, sharesOf, together, waivedParts } from "@firstmile/local/coverage/counts";
import { joined, type NotedSlice } from "@firstmile/local/coverage/parts";
import type { SlicedFile } from "@firstmile/local/slicing/slice-of";
import type { FileStanding } from "@firstmile/trust/slice/cover";
import { passes } from "@firstmile/trust/slice/cover";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const NOW = 1_800_000_000;
const DAY = 86_400;

function waiver(days: number, statement = String(days)) {
  return { by: ["alice" as never], until: NOW + days * DAY, because: "later", statement };
}

const STANDINGS: readonly FileStanding[] = [
  { kind: "read", by: [], derived: false },
  { kind: "read", by: [], derived: true },
  { kind: "vouched", by: [] },
  { kind: "bumped", because: "" },
  { kind: "waived", waiver: waiver(30) },
  { kind: "waived", waiver: waiver(60) },
  { kind: "uncovered", have: [], ended: undefined },
  { kind: "uncovered", have: [], ended: waiver(-1) },
  { kind: "rejected", by: [] },
  { kind: "distrusted", objection: { by: [], because: "", statement: "" } },
  { kind: "unruled" },
];

function file(standing: FileStanding, lines = 1): SlicedFile {
  return { standing, lines, rule: undefined, file: {} as never };
}

const anyFiles = fc.array(
  fc.tuple(fc.constantFrom(...STANDINGS), fc.nat(1_000)).map(([standing, lines]) => file(standing, lines)),
);

describe("shares", () => {
  test.each(STANDINGS.map((standing) => [standing.kind, standing] as const))("%s", (_, standing) => {
    expect(shareOf(standing) === "open").toBe(!passes(standing));
    expect(shareOf(standing) === "waived").toBe(standing.kind === "waived");
  });

  test("hold every file and line once, in parts as in all", () => {
    fc.assert(
      fc.property(anyFiles, anyFiles, (some, others) => {
        const all = sharesOf([...some, ...others]);
        expect(together([sharesOf(some), sharesOf(others)])).toEqual(all);
        const { covered, waived, open } = all;
        expect(covered.files + waived.files + open.files).toBe(some.length + others.length);
        const lines = [...some, ...others].reduce((sum, one) => sum + one.lines, 0);
        expect(covered.lines + waived.lines + open.lines).toBe(lines);
      }),
    );
  });
});

describe("what comes of itself", () => {
  test("each waiver ends once, in their order, and what it let through is open", () => {
    fc.assert(
      fc.property(anyFiles, (files) => {
        const shares = sharesOf(files);
        const parts = waivedParts(files);
        const points = ifNothingHappens({ time: NOW, shares }, parts);
        const times = points.map(({ time }) => time);
        expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
        expect(parts.reduce((sum, part) => sum + part.files, 0)).toBe(shares.waived.files);
        const last = points.at(-1)?.shares ?? shares;
        expect(last.waived).toEqual({ files: 0, lines: 0 });
        expect(last.covered).toEqual(shares.covered);
        expect(last.open.files).toBe(shares.open.files + shares.waived.files);
        expect(last.open.lines).toBe(shares.open.lines + shares.waived.lines);
      }),
    );
  });

  test("two waivers of one day end together", () => {
    const files = [1, 2].map((i) => file({ kind: "waived", waiver: waiver(30, `s${i}`) }, i));
    const now = { time: NOW, shares: sharesOf(files) };
    const points = ifNothingHappens(now, waivedParts(files));
    expect(points.map(({ time, shares }) => [time, shares.open])).toEqual([
      [NOW + 30 * DAY, { files: 2, lines: 3 }],
    ]);
  });
});

test("slices of one commit are one, and a file that two of them read is read once", () => {
  const noted = (words: string, commit: string, ...paths: readonly string[]): NotedSlice => ({
    source: "pkgs",
    commit: commit as never,
    words,
    files: paths.map((path) => ({ path, mode: 0, id: "" as never, sha256: "", use: "evaluated" })),
    names: [],
  });
  const all = joined([
    noted("-A a", "1", "z", "lib"),
    noted("-A b", "1", "lib", "b"),
    noted("-A a", "2", "lib"),
  ]);
  expect(all.map(({ commit, words, files }) => [commit, words, files.map(({ path }) => path)])).toEqual([
    ["1", "-A a, -A b", ["b", "lib", "z"]],
    ["2", "-A a", ["lib"]],
  ]);
});
