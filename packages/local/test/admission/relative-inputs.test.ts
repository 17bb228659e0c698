/** Directories of a flake's own tree as inputs. Against: a link in the tree, or a lock, that leads out of it. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sriHash } from "@firstmile/formats/nix/hash";
import { narDigest } from "@firstmile/formats/nix/nar";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { NixTools } from "../../src/admission/nix-tools.ts";
import { relativeInputs } from "../../src/admission/relative-inputs.ts";
import { directoryNode } from "../../src/admission/tree-difference.ts";

const NIX = { storeDir: "/nix/store" } as NixTools;
let dir: string;
let hash: ReturnType<typeof narDigest>;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "relative-"));
  for (const at of ["tree/a/sub", "secret/sub"]) {
    mkdirSync(join(dir, at), { recursive: true });
    writeFileSync(join(dir, at, "file"), "the same in both\n");
  }
  hash = narDigest(directoryNode(join(dir, "secret/sub")));
  symlinkSync(join(dir, "secret"), join(dir, "tree/out"));
  symlinkSync(join(dir, "secret/sub"), join(dir, "tree/last"));
  symlinkSync("..", join(dir, "tree/a/up"));
  symlinkSync("a", join(dir, "tree/inside"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function given(path: string, flakeDir = "") {
  const locked = { type: "path", path, narHash: sriHash(hash.narHash) };
  const nodes = { root: { inputs: { x: "x" } }, x: { locked, original: { type: "path", path } } };
  const lock = JSON.stringify({ nodes, root: "root", version: 7 });
  const tree = { flake: { dir: flakeDir, lock }, input: { from: join(dir, "tree") } };
  return relativeInputs(NIX, tree as Parameters<typeof relativeInputs>[1], dir).map(({ from }) => from);
}

test("a directory of the tree is given", () => {
  expect(given("./a/sub")).toEqual([join(dir, "tree/a/sub")]);
  expect(given("./sub", "a")).toEqual([join(dir, "tree/a/sub")]);
});

test.each(["./out/sub", "./last", "./a/up/out/sub", "./inside/sub", "./a/../../secret/sub", "./a/nothing"])(
  "nothing is read by way of %s",
  (path) => {
    expect(given(path)).toEqual([]);
  },
);

test("nor by way of the flake's own directory", () => {
  expect(given("./sub", "out")).toEqual([]);
});
