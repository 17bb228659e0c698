/** Shapes of histories by table; packages/local/test/git compares them with Git on random ones. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { expect, test } from "vitest";
import { firstParents, type Graph, mergeBases, reachable } from "../../src/history/graph.ts";

/** `b: a, c` on each line; children first. */
function graphOf(text: string): { graph: Graph; order: Map<CommitId, number> } {
  const rows = text
    .trim()
    .split("\n")
    .map(
      (row) =>
        row
          .trim()
          .split(/[:,\s]+/)
          .filter(Boolean) as [CommitId, ...CommitId[]],
    );
  return {
    graph: new Map(rows.map(([id, ...parents]) => [id, { parents }])),
    order: new Map(rows.map(([id], i) => [id, i])),
  };
}

const id = (text: string) => text as CommitId;

const CRISS_CROSS = graphOf(`
  y: l, r
  x: l, r
  r: m, n
  l: n, m
  n: o
  m: o
  o:
`);

test.each([
  ["x", "y", ["l", "r"]],
  ["l", "r", ["m", "n"]],
  ["x", "l", ["l"]],
  ["m", "n", ["o"]],
  ["m", "m", ["m"]],
])("mergeBases of %s and %s", (a, b, bases) => {
  expect(mergeBases(CRISS_CROSS.graph, CRISS_CROSS.order, id(a), id(b))!.toSorted()).toEqual(bases);
});

test("mergeBases is not sure where the walk leaves what was read", () => {
  const { graph, order } = graphOf("b: a\nc: a");
  expect(mergeBases(graph, order, id("b"), id("c"))).toBeUndefined();
});

test("mergeBases of two histories is none", () => {
  const { graph, order } = graphOf("b: a\nd: c\na:\nc:");
  expect(mergeBases(graph, order, id("b"), id("d"))).toEqual([]);
});

test("reachable and firstParents end where the graph does, also on a circle", () => {
  const { graph } = graphOf("c: b, x\nb: a\na: c");
  expect([...reachable(graph, [id("c")])].toSorted()).toEqual(["a", "b", "c"]);
  expect(firstParents(graph, id("c"))).toEqual(["c", "b", "a"]);
  expect(firstParents(graph, id("x"))).toEqual([]);
});

test("mergeBases takes time in proportion where thousands of commits wait side by side", () => {
  const sides = Array.from({ length: 20_000 }, (_, i) => id(`s${i}`));
  const { graph, order } = graphOf(
    [`l: ${sides.join(" ")}`, "r: o", ...sides.map((side) => `${side}: o`), "o:"].join("\n"),
  );
  const start = performance.now();
  expect(mergeBases(graph, order, id("l"), id("r"))).toEqual(["o"]);
  expect(performance.now() - start).toBeLessThan(1000);
});
