/** Flakes in a seal beside the user's own `nix build` in a clean checkout: the same derivations, input by input. */

import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { sriHash } from "@firstmile/formats/nix/hash";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addTreeToStore } from "../../src/admission/tree.ts";
import { neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";
import { treeNarHash } from "../../src/git/tree-nar-hash.ts";
import type { SealedInput } from "../../src/sealing/seal.ts";
import { tellFlake } from "./evaluated.ts";
import { commitAll, git, makePlace, type Place, VERSIONS, writeFiles } from "./nix-of.ts";

/** A package that holds all that can be read of its flake and of each input. */
const ALL = (more: string) => `
  drv = name: more: derivation ({ inherit name; system = "x86_64-linux"; builder = "/bin/sh"; } // more);
  told = input: builtins.toJSON { inherit (input) outPath narHash; names = builtins.attrNames input;
    rev = input.rev or null; shortRev = input.shortRev or null; revCount = input.revCount or null;
    lastModified = input.lastModified or null; lastModifiedDate = input.lastModifiedDate or null;
    submodules = input.submodules or null; };
  package = { self, ... }@inputs: drv "x" { src = self; ${more}
    args = [ (toString ./.) ] ++ map (name: name + told inputs.\${name}) (builtins.attrNames inputs); };`;
const FLAKE = (inputs: string, more = "") =>
  `{ ${inputs} outputs = inputs: let ${ALL(more)} in { packages.x86_64-linux.default = package inputs; }; }`;
const LIB = "{ outputs = _: { value = 1; }; }";

describe.each(VERSIONS)("a flake's derivations, Nix of %s", (version) => {
  const missing = missingForNixWorld(version);
  let place: Place;
  beforeAll(async () => {
    if (missing === undefined) place = await makePlace(version);
  });
  afterAll(() => place?.[Symbol.asyncDispose]());

  /** What the user's own Nix makes of it, which also writes the lock where there is none. */
  async function own(checkout: string, dir: string, { world } = place): Promise<string[]> {
    const at = dir === "" ? "" : `?dir=${dir}`;
    const words = ["path-info", "--derivation", "--offline", `git+file://${checkout}${at}#default`];
    const ended = await world.run("nix", words);
    if (ended.code !== 0) throw new Error(ended.stderr);
    return ended.stdout.trim().split("\n");
  }

  async function given(repository: string): Promise<SealedInput & { readonly rev: CommitId }> {
    const neutral = await neutralGit(repository);
    try {
      using objects = new GitObjects(neutral.env);
      const tree = git(repository, "rev-parse", "HEAD^{tree}") as Parameters<typeof treeNarHash>[1];
      const path = await addTreeToStore(place.nix, objects, tree);
      const rev = git(repository, "rev-parse", "HEAD") as CommitId;
      return { ...(await treeNarHash(objects, tree)), path, from: path, rev };
    } finally {
      neutral.dispose();
    }
  }

  async function same(name: string, files: Record<string, string>, dir: string, inputs: SealedInput[]) {
    const checkout = join(place.dir, name);
    writeFiles(checkout, files);
    const { commit } = commitAll(checkout);
    const theirs = await own(checkout, dir);
    const ours = await tellFlake(
      place.nix,
      { repository: checkout, commit, dir, attrs: [], verb: "build" },
      { inputs },
    );
    expect(ours).toEqual({ ok: true, roots: theirs });
  }

  const github = (input: { rev: string; narHash: SealedInput["narHash"] }, repo = "lib") => ({
    type: "github",
    owner: "o",
    repo,
    rev: input.rev,
    narHash: sriHash(input.narHash),
    lastModified: 1_700_000_000,
  });
  const original = (repo = "lib") => ({ type: "github", owner: "o", repo });
  const lock = (nodes: object) => JSON.stringify({ nodes, root: "root", version: 7 });

  test.skipIf(missing)("alone, in a directory of the tree, with odd names and history", async () => {
    const files = {
      "flake.nix": FLAKE(""),
      "ü/a b": "1",
      "sub/flake.nix": FLAKE(""),
      "sub/deep/flake.nix": FLAKE(""),
    };
    await same("alone", files, "", []);
    await same("alone", { more: "2" }, "sub", []);
    await same("alone", { more: "3" }, "sub/deep", []);
  });

  test.skipIf(missing)("with inputs that follow each other, and one that is no flake", async () => {
    const lib = join(place.dir, "lib");
    writeFiles(lib, { "flake.nix": LIB, data: "data" });
    commitAll(lib);
    const tree = await given(lib);
    const plain = join(place.dir, "plain");
    writeFiles(plain, { data: "plain" });
    commitAll(plain);
    const data = await given(plain);
    const inputs = `inputs = { lib.url = "github:o/lib"; other = { url = "github:o/other"; inputs.lib.follows = "lib"; };
      data = { url = "github:o/data"; flake = false; }; }; `;
    const other = join(place.dir, "other");
    writeFiles(other, {
      "flake.nix": `{ inputs.lib.url = "github:o/lib"; outputs = { self, lib }: { value = lib.value; }; }`,
    });
    commitAll(other);
    const others = await given(other);
    const nodes = {
      lib: { locked: github(tree), original: original() },
      other: { inputs: { lib: ["lib"] }, locked: github(others, "other"), original: original("other") },
      data: { flake: false, locked: github(data, "data"), original: original("data") },
      root: { inputs: { lib: "lib", other: "other", data: "data" } },
    };
    const flake = FLAKE(inputs, "value = toString inputs.other.inputs.lib.value;");
    await same("many", { "flake.nix": flake, "flake.lock": lock(nodes) }, "", [tree, data, others]);
    const below = { "sub/flake.nix": flake, "sub/flake.lock": lock(nodes) };
    await same("below", below, "sub", [tree, data, others]);
  });

  test.skipIf(missing)("with a git input, by an address that nobody has", async () => {
    const lib = join(place.dir, "git-lib");
    writeFiles(lib, { "flake.nix": LIB });
    commitAll(lib);
    const tree = await given(lib);
    for (const url of ["https://example.org/lib.git", "ssh://git@example.org/lib.git"]) {
      const reference = { type: "git", url, ref: "main", rev: tree.rev };
      const locked = {
        ...reference,
        narHash: sriHash(tree.narHash),
        lastModified: 1_700_000_000,
        revCount: 1,
      };
      const nodes = {
        lib: { locked, original: { type: "git", url, ref: "main" } },
        root: { inputs: { lib: "lib" } },
      };
      const flake = FLAKE(`inputs.lib = { type = "git"; url = "${url}"; ref = "main"; };`);
      const name = `git-${url.slice(0, 3)}`;
      await same(name, { "flake.nix": flake, "flake.lock": lock(nodes) }, "", [tree]);
    }
  });

  test.skipIf(missing)("with an input that is a directory of its own tree", async () => {
    const sub = join(place.dir, "sub-of-relative");
    mkdirSync(sub);
    const files = { "flake.nix": FLAKE(`inputs.sub.url = "path:./sub";`), "sub/flake.nix": LIB };
    const source = join(place.dir, "sub-only");
    writeFiles(source, { "flake.nix": LIB });
    commitAll(source);
    const { narHash } = await given(source);
    const isOld = version === "host";
    const reference = { type: "path", path: "./sub" };
    const locked = isOld ? { ...reference, narHash: sriHash(narHash), lastModified: 1 } : reference;
    const node = { locked, original: reference, ...(isOld ? {} : { parent: [] }) };
    const nodes = { sub: node, root: { inputs: { sub: "sub" } } };
    await same("relative", { ...files, "flake.lock": lock(nodes) }, "", []);
  });

  test.skipIf(missing)("where the machine's Nix has flakes turned off, all the same", async () => {
    const checkout = join(place.dir, "off");
    writeFiles(checkout, { "flake.nix": FLAKE("") });
    const { commit } = commitAll(checkout);
    await using off = await makePlace(version);
    off.world.configure({ "experimental-features": "" });
    const asked = { repository: checkout, commit, dir: "", attrs: [], verb: "build" } as const;
    const ours = await tellFlake(off.nix, asked);
    off.world.configure({ "experimental-features": "nix-command flakes" });
    expect(ours).toEqual({ ok: true, roots: await own(checkout, "", off) });
  });

  test.skipIf(missing)("nothing of an evaluation is left among temporary files", () => {
    // Other files of tests evaluate at the same time, each in a process of its own.
    const own = (name: string) => name.startsWith(`told-${process.pid}-`);
    expect(readdirSync(process.env.TMPDIR ?? "/tmp").filter(own)).toEqual([]);
  });
});
