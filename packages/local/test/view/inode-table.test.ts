/** Rows against what Git says of the same tree. */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { GitTree } from "../../src/git/git-tree.ts";
import { neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";
import { InodeTable, ROOT } from "../../src/view/inode-table.ts";
import type { ViewTree } from "../../src/view/view.ts";
import { type Files, SUBMODULE, ViewWorld } from "./view-world.ts";

describe("the table of inodes", () => {
  const world = new ViewWorld();
  afterAll(() => world[Symbol.dispose]());

  async function tableOf(views: readonly ViewTree[]): Promise<InodeTable> {
    return new InodeTable(await Promise.all(views.map(read)));
  }

  async function read({ repository, tree }: ViewTree): Promise<GitTree> {
    const git = await neutralGit(repository);
    using objects = new GitObjects(git.env);
    const found = await GitTree.read(objects, tree);
    git.dispose();
    return found;
  }

  /** `MODE ID PATH` of everything below the root of a tree. */
  function rows(table: InodeTable, tree: number): string[] {
    const { first, end } = table.rowsOf(tree);
    const nodes = Array.from({ length: end - first }, (_, i) => first + i);
    return nodes
      .map((node) => {
        const place = table.place(node)!;
        expect(place.tree).toBe(tree);
        return `${table.mode(node).toString(8).padStart(6, "0")} ${table.id(node)} ${place.path}`;
      })
      .sort();
  }

  function asGitSays({ repository, tree }: ViewTree): string[] {
    const listed = world.git(repository, ["ls-tree", "-r", "-t", "-z", tree]).split("\0").filter(Boolean);
    return listed.map((line) => line.replace(/^(\d+) \w+ (\w+)\t/, "$1 $2 ")).sort();
  }

  /** Every row is found by walking its path from the root of its tree, and by no other name. */
  function checkWalks(table: InodeTable, tree: number): void {
    const { first, end } = table.rowsOf(tree);
    for (let node = first; node < end; node++) {
      const names = table.place(node)!.path.split("/");
      const walk = (parts: string[]) =>
        parts.reduce((at, name) => table.lookup(at, Buffer.from(name, "latin1")), ROOT + 1 + tree);
      expect(walk(names)).toBe(node);
      expect(table.lookup(table.parent(node), Buffer.from(`${names.at(-1)}\x01`, "latin1"))).toBe(0);
    }
  }

  const MIXED: Files = {
    "a.b": "",
    "a/b": "",
    a0: { mode: 0o100755, content: "x" },
    "a/b-c/d": "",
    "a/link": { mode: 0o120000, content: "b" },
    "a/module": { mode: 0o160000, content: SUBMODULE },
    "caf\xe9/\xff": "",
  };

  test("has what Git has, names in any order that Git sorts them", async () => {
    const view = world.tree("mixed", MIXED);
    const table = await tableOf([view]);
    expect(rows(table, 0)).toEqual(asGitSays(view));
    checkWalks(table, 0);
  });

  test("holds several trees, also the same one twice, and empty ones", async () => {
    const views = [world.tree("x", MIXED), world.tree("y", { only: "" }), world.tree("z", MIXED)];
    const table = await tableOf(views);
    for (const [place, view] of views.entries()) {
      expect(rows(table, place)).toEqual(asGitSays(view));
      checkWalks(table, place);
    }
    expect(table.lookup(ROOT, Buffer.from("02"))).toBe(ROOT + 3);
    expect(table.place(ROOT)).toBeUndefined();
    expect(table.place(ROOT + 2)).toEqual({ tree: 1, path: "" });
  });

  test("of any tree has what Git has", async () => {
    const name = fc.string({
      unit: fc.constantFrom("a", "b", ".", "-", "0", "\xe9"),
      minLength: 1,
      maxLength: 3,
    });
    const plain = name.filter((text) => text !== "." && text !== "..");
    const path = fc.array(plain, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(path, { minLength: 1, maxLength: 20 }), async (paths) => {
        const files = paths.filter((one) => !paths.some((other) => other.startsWith(`${one}/`)));
        const view = world.tree("any", Object.fromEntries(files.map((one) => [one, one])));
        const table = await tableOf([view]);
        expect(rows(table, 0)).toEqual(asGitSays(view));
        checkWalks(table, 0);
      }),
      { numRuns: 15 },
    );
  });

  test("refuses a tree that unfolds to more than anybody holds", async () => {
    const view = world.tree("bomb", { a: "" });
    let { tree } = view;
    for (let level = 0; level < 8; level++) {
      const entries = Array.from({ length: 10 }, (_, i) => `040000 tree ${tree}\t${i}\n`).join("");
      tree = world.git(view.repository, ["mktree"], entries) as typeof tree;
    }
    await expect(tableOf([{ ...view, tree }])).rejects.toMatchObject({ name: "GitTreeError" });
  });
});
