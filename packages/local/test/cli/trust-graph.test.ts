/** The drawing and the tree: all of the graph, nothing that a name could smuggle in, legible for sixty people. */
import { readFileSync } from "node:fs";
import { graph as graphCommand } from "@firstmile/local/cli/commands/trust-graph";
import type { GraphFlags } from "@firstmile/local/cli/commands/trust-graph.command";
import type { FirstmileContext } from "@firstmile/local/cli/context";
import { graphSvg } from "@firstmile/local/cli/drawing/graph-svg";
import { showGraph } from "@firstmile/local/cli/drawing/graph-tree";
import { type Line, layOut } from "@firstmile/local/cli/drawing/layers";
import { Terminal } from "@firstmile/local/cli/terminal";
import { run } from "@firstmile/local/process/run";
import { makeWorld, WORLD_NOW } from "@firstmile/testing/world";
import type { GraphNode, TrustGraph } from "@firstmile/trust/graph/graph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

/** Some roles over some people: as many ways as there are pairs that fit. */
function sketch(people: number, roles: number, label = (i: number) => `person-${i}`): TrustGraph {
  const node = (id: string, kind: GraphNode["kind"], text: string): GraphNode => ({
    id,
    kind,
    label: text,
    notes: [],
    problems: [],
    ...(kind === "person" ? { keys: [{ kind: "SSH", name: `SHA256:${id}`, state: "good" as const }] } : {}),
  });
  const all = Array.from({ length: people }, (_, i) => i);
  const names = Array.from({ length: roles }, (_, r) => r);
  return {
    name: "sketch",
    nodes: [
      node("s", "source", "nixpkgs"),
      ...names.map((r) => node(`r${r}`, "role", `role-${r}`)),
      ...all.map((i) => node(`p${i}`, "person", label(i))),
    ],
    edges: names.flatMap((r) => [
      { from: "s", to: `r${r}`, may: "write" as const },
      ...all.filter((i) => i % (r + 1) === 0).map((i) => ({ from: `r${r}`, to: `p${i}` })),
    ]),
  };
}

function tree(graph: TrustGraph, columns = 80): string {
  const lines: string[] = [];
  const out = { write: (text: string) => lines.push(text), columns };
  showGraph(new Terminal(out, { write: () => {} }, {}), graph);
  return lines.join("");
}

const HOSTILE = `</title><script>alert("1")</script>&'\u001b[2J\u202e\ufffe\ud800`;

const MARKS = ["\u001b", "\u202e", "\ufffe"];

describe("a drawing", () => {
  test("shows everybody, sixty as well as five", () => {
    for (const count of [5, 60]) {
      const svg = graphSvg(sketch(count, 3));
      for (let i = 0; i < count; i++) expect(svg).toContain(`>person-${i}</text>`);
    }
  });

  test("has few lines for many people", () => {
    const lines = graphSvg(sketch(60, 3)).match(/<path d="M[^"]*C/g)!;
    expect(lines.length).toBeLessThanOrEqual(12);
  });

  test("is what an XML parser reads, whatever a name holds", async (context) => {
    const svg = graphSvg(sketch(2, 1, () => HOSTILE));
    expect(svg).not.toContain("<script");
    for (const mark of MARKS) expect(svg).not.toContain(mark);
    const found = await run("xmllint", ["--noout", "--nonet", "-"], { env: process.env, input: svg }).catch(
      () => undefined,
    );
    if (!found || found.code === 127) return context.skip("no xmllint here");
    expect(found).toMatchObject({ code: 0 });
  });

  test("asks nobody for anything", () => {
    const svg = graphSvg(sketch(5, 2));
    expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
      /https?:|href|url\(|@import|<style|<image/,
    );
    expect(svg.match(/<title>/g)!.length).toBeGreaterThan(4);
  });
});

describe("for any layered graph", () => {
  const boxes = fc.integer({ min: 1, max: 25 });
  const graph = boxes.chain((n) =>
    fc.record({
      sizes: fc.array(
        fc.record({ width: fc.integer({ min: 20, max: 200 }), height: fc.integer({ min: 10, max: 90 }) }),
        {
          minLength: n,
          maxLength: n,
        },
      ),
      pairs: fc.array(fc.tuple(fc.nat(n - 1), fc.nat(n - 1)), { maxLength: 40 }),
    }),
  );

  test("no two boxes overlap, and every line goes from left to right, box to box", () => {
    fc.assert(
      fc.property(graph, ({ sizes, pairs }) => {
        const all = sizes.map((size, i) => ({ id: `b${i}`, ...size }));
        const lines: Line[] = pairs
          .filter(([a, b]) => a < b)
          .map(([a, b]) => ({ from: `b${a}`, to: `b${b}` }));
        const layout = layOut(all, lines, { column: 50, row: 10 });
        const placed = all.map((box) => ({ ...box, ...layout.boxes.get(box.id)! }));
        for (const a of placed) {
          expect(a.x >= 0 && a.y >= -1e-6 && a.x + a.width <= layout.width + 1e-6).toBe(true);
          expect(a.y + a.height).toBeLessThanOrEqual(layout.height + 1e-6);
          for (const b of placed) {
            if (a.id >= b.id) continue;
            const apart =
              a.x + a.width <= b.x ||
              b.x + b.width <= a.x ||
              a.y + a.height <= b.y + 1e-6 ||
              b.y + b.height <= a.y + 1e-6;
            expect(apart).toBe(true);
          }
        }
        lines.forEach(({ from, to }, i) => {
          const points = layout.lines[i]!;
          const [start, end] = [placed.find(({ id }) => id === from)!, placed.find(({ id }) => id === to)!];
          expect(points[0]!.x).toBe(start.x + start.width);
          expect(points.at(-1)!.x).toBe(end.x);
          for (let p = 1; p < points.length; p++)
            expect(points[p]!.x).toBeGreaterThanOrEqual(points[p - 1]!.x);
        });
      }),
      { numRuns: 300 },
    );
  });
});

describe("a tree", () => {
  test("fits the terminal, and names a role again without spelling it out again", () => {
    const text = tree(sketch(60, 2), 60);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(62);
    const twice: TrustGraph = {
      ...sketch(3, 1),
      edges: [...sketch(3, 1).edges, { from: "s", to: "r0", may: "review" }],
    };
    expect(tree(twice)).toMatch(/review: role role-0 \(as above\)/);
    expect(tree(twice).match(/person-0, person-1, person-2/g)).toHaveLength(1);
  });

  test("shows control characters and never sends them", () => {
    for (const mark of MARKS.slice(0, 2)) expect(tree(sketch(1, 1, () => HOSTILE))).not.toContain(mark);
  });
});

test("the command shows, draws and answers for one path", async () => {
  await using world = await makeWorld();
  const [alice, bob] = [await world.person("alice"), await world.person("bob", "openpgp-ed25519")];
  const repository = await world.repository("source");
  const introduction = await repository.commit({ by: alice, files: { a: "1" } });
  const dir = await world.policyDirectory({
    people: [alice, bob],
    roles: { writer: [alice], lib: [bob] },
    sources: {
      x: {
        introduction,
        rules: [
          { paths: ["**"], write: "writer" },
          { paths: ["/lib/**"], write: "lib" },
        ],
      },
    },
  });
  const ask = async (flags: Partial<GraphFlags>, part?: string): Promise<string> => {
    const lines: string[] = [];
    const terminal = new Terminal(
      { write: (text) => lines.push(text), columns: 100 },
      { write: () => {} },
      {},
    );
    const context = {
      terminal,
      cwd: world.dir,
      env: {},
      stateDir: world.path("state"),
      now: WORLD_NOW,
      exit: () => {},
    };
    await graphCommand.call(
      context as unknown as FirstmileContext,
      { json: false, policy: dir, ...flags },
      part,
    );
    return lines.join("");
  };
  expect(await ask({})).toMatch(/write: role writer: any 1 of 1/);
  expect(await ask({}, "x:lib/a.nix")).toMatch(/write: role lib/);
  expect(await ask({}, "x:lib/a.nix")).not.toMatch(/writer/);
  expect(JSON.parse(await ask({ json: true }, "x"))).toMatchObject({ name: "world" });
  await ask({ svg: "graph.svg" });
  expect(readFileSync(world.path("graph.svg"), "utf8")).toContain(bob.fingerprint.slice(-16));
  await expect(ask({}, "y")).rejects.toThrow(/no source "y"/);
  await expect(ask({}, "x:")).rejects.toThrow(/names no path/);
  await expect(ask({ svg: "nowhere/graph.svg" })).rejects.toThrow(/cannot be written/);
});
