/** Contents from Git, one by one and in bulk, and what is made of those that are wrong. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GitTree } from "../../src/git/git-tree.ts";
import { type NeutralGit, neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";
import { Blobs } from "../../src/view/blobs.ts";
import { BlockingGit, type BlockingGitOptions } from "../../src/view/blocking-git.ts";
import { BulkBlobs } from "../../src/view/bulk-blobs.ts";
import { InodeTable } from "../../src/view/inode-table.ts";
import { requirePrograms } from "../../src/view/programs.ts";
import { ViewWorld } from "./view-world.ts";

const FILES = Object.fromEntries(
  Array.from({ length: 1500 }, (_, i) => [`f${i}`, `file ${i}\n${"x".repeat(i)}\n`]),
);

describe("contents", () => {
  const world = new ViewWorld();
  let git: NeutralGit;
  let options: BlockingGitOptions;
  let single: BlockingGit;
  let table: InodeTable;
  let nodes: number[];
  beforeAll(async () => {
    const view = world.tree("t", FILES);
    git = await neutralGit(view.repository);
    using objects = new GitObjects(git.env);
    table = new InodeTable([await GitTree.read(objects, view.tree)]);
    const dir = join(world.dir, "fifos");
    mkdirSync(dir);
    options = { ...requirePrograms(), env: git.env, dir };
    single = new BlockingGit(options);
    const { first, end } = table.rowsOf(0);
    nodes = Array.from({ length: end - first }, (_, place) => first + place);
    const sizes = single.sizes(nodes.map((node) => table.id(node)));
    for (const [place, node] of nodes.entries()) table.setSize(node, sizes[place]!);
  });
  afterAll(() => {
    single[Symbol.dispose]();
    git.dispose();
    world[Symbol.dispose]();
  });

  const expected = (node: number) => FILES[table.place(node)!.path];
  const bulkOf = (sizeOf: (node: number) => number) =>
    new BulkBlobs(
      options,
      nodes.map((node) => ({ node, id: table.id(node), size: sizeOf(node) })),
    );
  const last = () => nodes.at(-1)!;

  test("come from Git one by one, in any order, however many were asked for before", () => {
    for (const node of nodes.toReversed())
      expect(single.content(table.id(node), table.size(node)).toString()).toBe(expected(node));
  });

  test("come in bulk, as soon as they are there", async () => {
    const bulk = bulkOf((node) => table.size(node));
    while (!bulk.read(last(), table.size(last()))) await sleep(10);
    for (const node of nodes) expect(bulk.read(node, table.size(node))?.toString()).toBe(expected(node));
  });

  test("that lie elsewhere in bulk than was thought are asked for one by one", async () => {
    const bulk = bulkOf((node) => table.size(node) + (node === nodes[3] ? 1 : 0));
    while (!bulk.read(nodes.at(-2)!, table.size(nodes.at(-2)!))) await sleep(10);
    expect(bulk.read(nodes[9]!, table.size(nodes[9]!))?.toString()).not.toBe(expected(nodes[9]!));
    const blobs = new Blobs(table, [{ single, bulk }]);
    for (const node of nodes) expect(blobs.get(node).content.toString()).toBe(expected(node));
  });

  test("that Git does not have, or not so, are errors, and the next ones are not", () => {
    const [node, other] = [nodes[0]!, nodes[1]!];
    const nowhere = "f".repeat(40) as ReturnType<typeof table.id>;
    expect(() => single.content(nowhere, 1)).toThrow(/is not in the repository/);
    expect(() => single.content(table.id(node), table.size(node) + 1)).toThrow(/bytes, and had/);
    expect(single.sizes([nowhere, table.id(other)])).toEqual([undefined, table.size(other)]);
    expect(single.content(table.id(other), table.size(other)).toString()).toBe(expected(other));
  });

  test("are errors where there is no Git", () => {
    using broken = new BlockingGit({ ...options, git: "/nonexistent/git" });
    expect(() => broken.sizes([table.id(nodes[0]!)])).toThrow(expect.objectContaining({ name: "BlobError" }));
  });
});
