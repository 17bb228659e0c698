/** A signed flake whose input nobody signs: what is read of the input has to be covered, on stock Nix. */
import { cpSync, rmSync } from "node:fs";
import { sriHash } from "@firstmile/formats/nix/hash";
import { treeOf } from "@firstmile/local/admission/tree-of";
import { neutralGit } from "@firstmile/local/git/neutral";
import { GitObjects } from "@firstmile/local/git/objects";
import { treeNarHash } from "@firstmile/local/git/tree-nar-hash";
import { runOk } from "@firstmile/local/process/run";
import { readStatements } from "@firstmile/local/statements/read";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import type { WorldRepository } from "../../../../testing/src/world.ts";
import { signingEnv } from "../../../../testing/src/world-people.ts";
import { gitEnv } from "../../../../testing/src/world-repository.ts";
import { signedBy, wholeReviewOf } from "../../../../testing/src/world-statements.ts";

const LIB = {
  "flake.nix":
    "{ outputs = { self }: { hello = import ./hello.nix; other = import ./other.nix; names = import ./names.nix; }; }",
  "hello.nix": derivationText("hello", "read line < $src; echo $line > $out", "src = ./hello.txt;"),
  "hello.txt": "hello\n",
  "other.nix": derivationText("other", "echo other > $out"),
  "names.nix": derivationText(
    "names",
    "echo $names > $out",
    "names = toString (builtins.attrNames (builtins.readDir ./hooks));",
  ),
  "hooks/a": "a\n",
};

const OWN = `{
  inputs.lib.url = "github:example/lib";
  outputs = { self, lib }: {
    packages.x86_64-linux.hello = lib.hello;
    packages.x86_64-linux.other = lib.other;
    packages.x86_64-linux.names = lib.names;
    packages.x86_64-linux.whole = ${derivationText("whole", "echo $src > $out", 'src = "${lib}";')};
    packages.x86_64-linux.hidden = ${derivationText("hidden", "echo $src > $out", 'src = builtins.toFile "t" "see ${lib}";')};
  };
}`;

async function lockOn(lib: WorldRepository): Promise<string> {
  const rev = lib.tip();
  const git = await neutralGit(lib.dir);
  try {
    using objects = new GitObjects(git.env);
    const { narHash } = await treeNarHash(objects, await treeOf(objects, rev));
    const time = Number(await lib.git("log", "-1", "--format=%ct", rev));
    const place = { owner: "example", repo: "lib", type: "github" };
    const locked = { ...place, lastModified: time, narHash: sriHash(narHash), rev };
    const nodes = { lib: { locked, original: place }, root: { inputs: { lib: "lib" } } };
    return JSON.stringify({ nodes, root: "root", version: 7 }, undefined, 2);
  } finally {
    git.dispose();
  }
}

describe.each(VERSIONS)("a flake with an input that is judged by its slices, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("held by the gate", () => {
    let world: GateWorld;
    let lib: WorldRepository;
    beforeAll(async () => {
      const conf = { "experimental-features": "nix-command flakes" };
      world = await GateWorld.make({
        version,
        conf,
        files: { README: "" },
        policy: { roles: { reader: ["bob"] } },
      });
      lib = await world.people.repository("lib");
      const introduction = await lib.commit({ files: LIB });
      const rules = [{ paths: ["**"], review: "reader" }];
      const url = "https://github.com/example/lib";
      await world.changeRules({
        sources: {
          pkgs: { introduction: world.source.tip() },
          lib: { introduction, authenticate: "slice", url, rules },
        },
      });
      await world.startGate();
      await world.commit({ "flake.nix": OWN, "flake.lock": await lockOn(lib) });
      await bringLib();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    /** As a person brings objects to the gate that it cannot fetch. */
    const bringLib = async () => {
      const packed = ["-C", lib.dir, "pack-objects", "--revs", "--stdout", "-q"];
      const pack = await runOk("git", packed, { env: gitEnv(), input: `${lib.tip()}\n` });
      await world.ask("POST", "/objects?source=lib", pack);
    };

    /** As a user of these sources has it who fetched it before. */
    const takeLib = () => {
      const place = `${world.stateDir}/sources/lib.git`;
      rmSync(place, { recursive: true, force: true });
      cpSync(lib.dir, place, { recursive: true });
    };
    const admit = (attr: string) => world.firstmile("admit", `.#${attr}`);

    test("an input that nobody has read is held back, file by file", async () => {
      const ended = await admit("hello");
      expect(ended.stdout).toContain("flake.nix: role reader has not read it");
      expect(ended.code).toBe(1);
    });

    test("slice tells what trust in an attribute rests on, input by input", async () => {
      takeLib();
      const ended = await world.firstmile("slice", ".#hello", "--json");
      const [slice] = JSON.parse(ended.stdout);
      expect(slice).toMatchObject({
        source: "lib",
        commit: lib.tip(),
        derivations: 1,
        counts: { uncovered: 3 },
      });
      const uses = slice.files.map(({ path, use }: { path: string; use: string }) => [path, use]);
      expect(uses).toEqual([
        ["flake.nix", "evaluated"],
        ["hello.nix", "evaluated"],
        ["hello.txt", "copied"],
      ]);
      expect(ended.code).toBe(1);
    });

    test("one sitting goes through what the flake reads of each input", async () => {
      const out = world.people.fresh("out");
      const review = (...args: readonly string[]) =>
        world.run(world.program, ["review", ".#hello", ...args], { env: signingEnv(world.bob) });
      expect((await review("--yes")).stderr).toContain("--to DIR");
      const listed = JSON.parse((await review("--list", "--json")).stdout);
      expect(listed).toMatchObject([{ source: "lib", commit: lib.tip(), words: ".#hello" }]);
      const ended = await review("--yes", "--to", out);
      expect(ended.stdout).toContain("now     coverage 100.0 % of files");
      expect(ended.code).toBe(0);
      const { found } = await readStatements([{ kind: "directory", path: out }]);
      await world.carry(...found.map(({ envelope }) => envelope));
      expect((await admit("hello")).code).toBe(0);
    });

    test("what is read of it has to be covered; the derivation is the one that the user's Nix makes", async () => {
      const files = ["flake.nix", "hello.nix", "hello.txt"];
      await world.carry(await signedBy(await wholeReviewOf(lib, lib.tip(), files), [world.bob]));
      const ended = await admit("hello");
      expect(ended.stdout).toContain("3 files that it reads of source lib");
      expect(ended.code).toBe(0);
      const built = await world.run("nix", ["build", ".#hello", "--no-link"]);
      expect(built.stderr).not.toContain("denied");
      expect(built.code).toBe(0);
      expect((await admit("other")).stdout).toContain("other.nix: role reader has not read it");
    });

    test.each(["whole", "hidden"])(
      "a derivation that takes the whole tree in needs the whole of it covered: %s",
      async (attr) => {
        const ended = await admit(attr);
        expect(ended.stdout).toContain("a derivation takes in the whole tree");
        expect(ended.stdout).toContain("other.nix: role reader has not read it");
        expect(ended.code).toBe(1);
      },
    );

    test("covered as a whole, it may be taken in as a whole", async () => {
      await world.carry(await signedBy(await wholeReviewOf(lib, lib.tip()), [world.bob]));
      expect((await admit("whole")).code).toBe(0);
      expect((await admit("hidden")).code).toBe(0);
    });

    test("names of the input count too", async () => {
      const ended = await admit("names");
      expect(ended.stdout).toContain("2 files and 1 listing that it reads of source lib");
      expect(ended.code).toBe(0);
      await lib.commit({ files: { "hooks/b": "b\n" } });
      takeLib();
      await bringLib();
      await world.commit({ "flake.lock": await lockOn(lib) });
      const added = await admit("names");
      expect(added.stdout).toContain("hooks/: b is new, decides what it evaluates to");
      expect(added.code).toBe(1);
      expect((await admit("hello")).code).toBe(0);
      const listed = JSON.parse(
        (await world.run(world.program, ["review", ".#names", "--list", "--json"])).stdout,
      );
      expect(listed).toMatchObject([{ names: [{ path: "hooks", change: { come: [{ name: "b" }] } }] }]);
      const { findings } = JSON.parse(
        (await world.firstmile("check", "HEAD~1..HEAD", ".#names", "--json")).stdout,
      );
      expect(findings).toMatchObject([{ code: "listing-not-covered", path: "flake.lock", who: [["bob"]] }]);
      await lib.commit({ files: { "hooks/a": null, "hooks/b": null } });
      takeLib();
      await bringLib();
      await world.commit({ "flake.lock": await lockOn(lib) });
      const gone = await admit("names");
      expect(gone.stdout).toContain("hooks: it is gone, which was a directory");
      expect(gone.code).toBe(1);
    });

    test("check tells what a bump of the input leaves open, at the line of the lock that pins it", async () => {
      await lib.commit({ files: { "hello.txt": "hello, world\n" } });
      takeLib();
      await world.commit({ "flake.lock": await lockOn(lib) });
      const check = (attr: string) => world.firstmile("check", "HEAD~1..HEAD", `.#${attr}`, "--json");
      const { stdout, code } = await check("hello");
      const report = JSON.parse(stdout);
      expect(report.slices).toMatchObject([
        {
          words: ".#hello",
          changed: { files: 1, open: 1 },
          derivations: { fresh: 1, gone: 1 },
          before: { files: 3, counts: { read: 3 } },
          after: { files: 3, counts: { read: 2, uncovered: 1 } },
        },
      ]);
      expect(report.findings).toMatchObject([
        { code: "not-covered", path: "flake.lock", line: 10, who: [["bob"]] },
      ]);
      expect(report.findings[0].message).toContain("hello.txt: role reader has not read it");
      expect(code).toBe(1);
      expect((await check("other")).code).toBe(0);
      const missing = await check("missing");
      expect(JSON.parse(missing.stdout).findings).toMatchObject([{ code: "evaluation-failed" }]);
      expect(missing.code).toBe(1);
    });
  });
});
