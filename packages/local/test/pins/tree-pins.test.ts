/** Where pins are looked for in a tree, and how far; and which address means which. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GitTree } from "../../src/git/git-tree.ts";
import { neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";
import { askedAddress, matches } from "../../src/pins/matching-pins.ts";
import { calledPins, lockedPins, MAX_EXPRESSIONS, type NamedPin } from "../../src/pins/tree-pins.ts";
import { commitAll, writeFiles } from "../admission/nix-of.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "tree-pins-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const REV = "1".repeat(40);
const HASH = "sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=";
const url = (repo: string) => `https://github.com/o/${repo}/archive/${REV}.tar.gz`;
const call = (repo: string) => `fetchTarball { url = "${url(repo)}"; sha256 = "${HASH}"; }`;

async function inTree<T>(
  name: string,
  files: Record<string, string>,
  use: (objects: GitObjects, tree: GitTree) => Promise<T>,
): Promise<T> {
  const path = join(dir, name);
  writeFiles(path, files);
  const { tree } = commitAll(path);
  const neutral = await neutralGit(path);
  try {
    using objects = new GitObjects(neutral.env);
    return await use(objects, await GitTree.read(objects, tree));
  } finally {
    neutral.dispose();
  }
}

const names = (pins: readonly NamedPin[]) => pins.map(({ label }) => label);

test("lock files by their names, wherever they are; one that cannot be read is a finding", async () => {
  const pin = { type: "tarball", url: url("r"), sha256: HASH };
  const locked = { type: "github", owner: "o", repo: "r", rev: REV, narHash: HASH };
  const found = await inTree(
    "locks",
    {
      "nix/sources.json": JSON.stringify({ "a\u001b[31m": pin }),
      "sub/nix/sources.json": JSON.stringify({ b: pin }),
      "npins/sources.json": "{",
      "flake.lock": JSON.stringify({
        nodes: { root: { inputs: { c: "c" } }, c: { locked } },
        root: "root",
        version: 7,
      }),
      "other/sources.json": JSON.stringify({ d: pin }),
    },
    lockedPins,
  );
  expect(names(found.pins)).toEqual([
    "input c of flake.lock",
    "pin a of nix/sources.json",
    "pin b of sub/nix/sources.json",
  ]);
  expect(found.unreadable).toMatchObject([{ code: "lock-unreadable" }]);
  expect(found.unreadable[0]!.message).toContain("npins/sources.json");
});

test("calls nearest to the file first, and no further than the limit", async () => {
  const many = Array.from({ length: MAX_EXPRESSIONS }, (_, i) => [`a/many/${i}.nix`, "1"]);
  const files = {
    ...Object.fromEntries(many),
    "default.nix": call("root"),
    "b/default.nix": call("near"),
    "b/c/far.nix": call("below"),
    "b/broken.nix": `${call("broken")} "`,
    "z/z/z/far.nix": call("far"),
  };
  const found = await inTree("calls", files, (objects, tree) => calledPins(objects, tree, "b/default.nix"));
  expect(names(found)).toEqual([
    "fetchTarball at b/default.nix:1:1",
    "fetchTarball at b/c/far.nix:1:1",
    "fetchTarball at default.nix:1:1",
  ]);
});

test("an address means the pins that it names letter by letter, and those of its commit", async () => {
  const found = await inTree(
    "matching",
    { "default.nix": `[ (${call("r")}) (${call("s")}) ]` },
    (objects, tree) => calledPins(objects, tree, ""),
  );
  const meant = (address: string) => names(found.filter((pin) => matches(askedAddress(address), pin)));
  const first = ["fetchTarball at default.nix:1:4"];
  expect(meant(url("r"))).toEqual(first);
  for (const address of [
    `https://api.github.com/repos/O/R/tarball/${REV}`,
    `https://codeload.github.com/o/r/tar.gz/${REV}`,
    `github:o/r/${REV}?narHash=x`,
    `git+https://github.com/o/r.git?rev=${REV}`,
  ])
    expect([address, meant(address)]).toEqual([address, first]);
  for (const address of ["https://github.com/o/r", url("x"), url("r").replace(REV, "2".repeat(40))])
    expect([address, meant(address)]).toEqual([address, []]);
});
