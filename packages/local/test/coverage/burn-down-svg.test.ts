/** The drawing: well formed, within its paper, and never more than a drawing. */
import { type BurnDown, burnDownSvg } from "@firstmile/local/cli/drawing/burn-down-svg";
import { ifNothingHappens, type Point } from "@firstmile/local/coverage/counts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const NOW = 1_800_000_000;
const DAY = 86_400;

function point(time: number, covered: number, waived: number, open: number): Point {
  const amount = (files: number) => ({ files, lines: files * 7 });
  return { time, shares: { covered: amount(covered), waived: amount(waived), open: amount(open) } };
}

function plot(past: readonly Point[], ends: readonly (readonly [days: number, files: number])[]): BurnDown {
  const parts = ends.map(([days, files], i) => ({
    waiver: { by: [], until: NOW + days * DAY, because: "", statement: String(i) },
    files,
    lines: files * 7,
  }));
  return { title: "Coverage", subtitle: "all of it", past, future: ifNothingHappens(past.at(-1)!, parts) };
}

const anyPast = fc
  .array(fc.tuple(fc.nat(400), fc.nat(90), fc.nat(90), fc.nat(90)), { maxLength: 12 })
  .map((all) => all.sort((a, b) => b[0] - a[0]).map(([days, ...rest]) => point(NOW - days * DAY, ...rest)));
const anyPlot = fc
  .tuple(
    anyPast,
    fc.nat(500),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 366 }), fc.nat(60)), { maxLength: 12 }),
  )
  .map(([past, covered, ends]) => {
    const sorted = ends.sort((a, b) => a[0] - b[0]);
    const waived = sorted.reduce((sum, [, files]) => sum + files, 0);
    return plot([...past, point(NOW, covered, waived, 3)], sorted);
  });

describe("a burn-down", () => {
  test("is drawn within its paper, whatever there is to draw", () => {
    fc.assert(
      fc.property(anyPlot, (drawn) => {
        const svg = burnDownSvg(drawn);
        expect(svg).not.toMatch(/NaN|Infinity|undefined/);
        for (const [, path] of svg.matchAll(/ d="M([^"]*)"/g)) {
          const numbers = path!.replaceAll(/[LZ]/g, " ").trim().split(/\s+/).map(Number);
          expect(numbers.every((value, i) => value >= 0 && value <= (i % 2 === 0 ? 900 : 440))).toBe(true);
        }
      }),
    );
  });

  test("says in words how much is what, when it ends, and which day it is", () => {
    const svg = burnDownSvg(
      plot(
        [point(NOW - 30 * DAY, 0, 100, 0), point(NOW, 25, 65, 10)],
        [
          [20, 15],
          [60, 50],
        ],
      ),
    );
    for (const words of [
      "covered 25.0 %",
      "waived 65.0 %",
      "open 10.0 %",
      "today",
      "\u221215",
      "\u221250",
      "15 files",
    ])
      expect(svg).toContain(words);
  });

  test("of nothing at all is drawn too", () => {
    expect(burnDownSvg(plot([point(NOW, 0, 0, 0)], []))).toContain("covered 0.0 %");
  });

  test("holds names as text and nothing of them as markup", () => {
    const hostile = '<script>alert("1")</script>\u202e&';
    const svg = burnDownSvg({ ...plot([point(NOW, 1, 0, 0)], []), title: hostile, subtitle: hostile });
    expect(svg).not.toContain("<script");
    expect(svg).not.toContain("\u202e");
    expect(svg.match(/<svg/g)).toHaveLength(1);
    expect(svg).not.toMatch(/href|<image|<style|url\((?!#hatch\))/);
  });
});
