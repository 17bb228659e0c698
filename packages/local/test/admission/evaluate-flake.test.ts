import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { sriHash } from "@firstmile/formats/nix/hash";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FlakeQuestion } from "../../src/admission/evaluate-flake.ts";
import { addTreeToStore } from "../../src/admission/tree.ts";
import { neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";
import { treeNarHash } from "../../src/git/tree-nar-hash.ts";
import type { SealedInput, SealRequest } from "../../src/sealing/seal.ts";
import { tellFlake } from "./evaluated.ts";
import { commitAll, git, makePlace, type Place, VERSIONS, writeFiles } from "./nix-of.ts";

const DRV = `name: more: derivation ({ inherit name; system = "x86_64-linux"; builder = "/bin/sh"; } // more)`;

describe.each(VERSIONS)("evaluating a flake with Nix of %s", (version) => {
  const missing = missingForNixWorld(version);
  let place: Place;
  beforeAll(async () => {
    if (missing === undefined) place = await makePlace(version);
  });
  afterAll(async () => {
    await place?.[Symbol.asyncDispose]();
  });

  /** A checkout with these files, and a bare copy without refs of its own, as the gate has it. */
  function flake(
    name: string,
    files: Record<string, string>,
  ): { checkout: string; bare: string; commit: CommitId } {
    const checkout = join(place.dir, name);
    writeFiles(checkout, files);
    const { commit } = commitAll(checkout);
    const bare = `${checkout}.git`;
    rmSync(bare, { recursive: true, force: true });
    git(place.dir, "clone", "--quiet", "--bare", checkout, bare);
    for (const ref of git(bare, "for-each-ref", "--format=%(refname)").split("\n"))
      git(bare, "update-ref", "-d", ref);
    return { checkout, bare, commit };
  }

  const ask = (
    repository: string,
    commit: CommitId,
    more: Partial<Omit<FlakeQuestion, "treesDir">> = {},
    seal?: SealRequest,
  ) => tellFlake(place.nix, { repository, commit, dir: "", attrs: [], verb: "build", ...more }, seal);

  /** What the user's own Nix makes of it in the clean checkout. */
  async function own(checkout: string, fragment: string): Promise<string[]> {
    const told = await place.world.run("nix", [
      "path-info",
      "--derivation",
      "--offline",
      `git+file://${checkout}#${fragment}`,
    ]);
    if (told.code !== 0) throw new Error(told.stderr);
    return told.stdout.trim().split("\n");
  }

  /** The tree of its last commit, as an input of a seal. */
  async function given(repository: string): Promise<SealedInput> {
    const neutral = await neutralGit(repository);
    try {
      using objects = new GitObjects(neutral.env);
      const tree = git(repository, "rev-parse", "HEAD^{tree}") as Parameters<typeof treeNarHash>[1];
      const path = await addTreeToStore(place.nix, objects, tree);
      return { ...(await treeNarHash(objects, tree)), path, from: path };
    } finally {
      neutral.dispose();
    }
  }

  const SELF = `{ outputs = { self }: let drv = ${DRV}; in {
    packages.x86_64-linux.default = drv "default" { src = self; inherit (self) rev lastModified revCount; };
    packages.x86_64-linux."a.b" = drv "dotted" {};
    packages.x86_64-linux."-f" = drv "dashed" {};
    packages.x86_64-linux."\${"$"}{x}" = drv "dollar" {};
    legacyPackages.x86_64-linux.old.one = drv "legacy" { outputs = [ "out" "dev" ]; };
    devShells.x86_64-linux.default = drv "shell" {};
    apps.x86_64-linux.default = { type = "app"; program = "\${drv "tool" {}}/bin/tool"; };
    checks.x86_64-linux.c = drv "check" {};
    odd = 1;
  }; }`;

  test.skipIf(missing)("gives what the user's own nix build gives in a clean checkout", async () => {
    const { checkout, bare, commit } = flake("self", { "flake.nix": SELF, "sub/flake.nix": SELF, file: "1" });
    expect(await ask(bare, commit)).toEqual({ ok: true, roots: await own(checkout, "default") });
    expect(await ask(bare, commit, { dir: "./sub/" })).toEqual({
      ok: true,
      roots: (
        await place.world.run("nix", ["path-info", "--derivation", `git+file://${checkout}?dir=sub#default`])
      ).stdout
        .trim()
        .split("\n"),
    });
    expect(await ask(bare, commit, { attrs: ["old.one^dev", "old.one"] })).toEqual({
      ok: true,
      roots: await own(checkout, "old.one"),
    });
    const names = async (more: Partial<FlakeQuestion>) => {
      const evaluated = await ask(bare, commit, more);
      return evaluated.ok
        ? evaluated.roots.map((path) => path.replace(/^.*[a-z0-9]{32}-/, ""))
        : evaluated.reason;
    };
    expect(await names({ attrs: ['"a.b"', "-f", "${x}", ".checks.x86_64-linux.c"] })).toEqual([
      "dotted.drv",
      "dashed.drv",
      "dollar.drv",
      "check.drv",
    ]);
    expect(await names({ verb: "develop" })).toEqual(["shell.drv"]);
    expect(await names({ verb: "run" })).toEqual(["tool.drv"]);
    expect(await names({ verb: "shell" })).toEqual(["default.drv"]);
    for (const attrs of [["nothing"], ["odd"], ["--impure"], ['"'], ['"; import /etc/passwd; "']])
      expect(await names({ attrs })).toMatchObject({ code: "evaluation-failed" });
    expect(existsSync(join(place.dir, "self", "flake.lock"))).toBe(false);
  });

  test.skipIf(missing)("takes a locked github: input from the store, without the network", async () => {
    const input = join(place.dir, "input");
    writeFiles(input, { "flake.nix": `{ outputs = _: { value = "from the input"; }; }` });
    const { commit: rev } = commitAll(input);
    const tree = await given(input);
    const { narHash } = tree;
    const locked = {
      type: "github",
      owner: "nobody-at-all",
      repo: "nowhere",
      rev,
      narHash: sriHash(narHash),
      lastModified: 1700000000,
    };
    const lock = {
      nodes: {
        input: { locked, original: { type: "github", owner: "nobody-at-all", repo: "nowhere" } },
        root: { inputs: { input: "input" } },
      },
      root: "root",
      version: 7,
    };
    const files = {
      "flake.nix": `{ inputs.input.url = "github:nobody-at-all/nowhere"; outputs = { self, input }: let drv = ${DRV}; in {
        packages.x86_64-linux.default = drv "x" { args = [ input.value input.rev (toString input.lastModified) ]; src = self; }; }; }`,
      "flake.lock": JSON.stringify(lock),
    };
    const { checkout, bare, commit } = flake("locked", files);
    expect(await ask(bare, commit, {}, { inputs: [tree] })).toEqual({
      ok: true,
      roots: await own(checkout, "default"),
    });
    // What this machine's store has besides is not there.
    expect(await ask(bare, commit)).toMatchObject({ ok: false });

    const { nodes, ...rest } = lock;
    const other = {
      ...locked,
      narHash: sriHash((await given(join(place.dir, "self"))).narHash).replace(/-./, "-Z"),
    };
    const absent = flake("absent", {
      ...files,
      "flake.lock": JSON.stringify({
        ...rest,
        nodes: { ...nodes, input: { ...nodes.input, locked: other } },
      }),
    });
    const refused = await ask(absent.bare, absent.commit, {}, { inputs: [tree] });
    expect(refused.ok).toBe(false);

    const unlocked = flake("unlocked", { "flake.nix": files["flake.nix"] });
    expect((await ask(unlocked.bare, unlocked.commit, {}, { inputs: [tree] })).ok).toBe(false);
  });

  test.skipIf(missing)("refuses what reaches outside, or builds to evaluate", async () => {
    const planted = join(place.dir, "planted");
    writeFiles(planted, { x: "1" });
    const store = (await place.world.run("nix-store", ["--add", planted])).stdout.trim();
    const elsewhere = join(place.dir, "elsewhere");
    writeFiles(elsewhere, { "flake.nix": "{ outputs = _: { x = 1; }; }" });
    const { commit: rev } = commitAll(elsewhere, "master");
    const cases: [string, string][] = [
      ["builtins.readFile /etc/passwd", "outside-access"],
      ["import ../outside.nix", "outside-access"],
      [`builtins.readFile "${store}/x"`, "outside-access"],
      ["import <nixpkgs> {}", "outside-access"],
      ['builtins.fetchurl "http://127.0.0.1:1/x"', "outside-access"],
      [`builtins.fetchurl { url = "file:///etc/passwd"; sha256 = "${"0".repeat(52)}"; }`, "outside-access"],
      [`(builtins.fetchGit { url = "file://${elsewhere}"; rev = "${rev}"; }).outPath`, "outside-access"],
      ["toString builtins.currentTime", "evaluation-failed"],
      ['import "${drv "made" {}}/x.nix"', "import-from-derivation"],
    ];
    for (const [i, [expression, code]] of cases.entries()) {
      const { bare, commit } = flake(`bad${i}`, {
        "flake.nix": `{ outputs = { self }: let drv = ${DRV}; in { packages.x86_64-linux.default = drv "x" { args = [ (${expression}) ]; }; }; }`,
      });
      const evaluated = await ask(bare, commit);
      expect([expression, evaluated.ok || evaluated.reason.code]).toEqual([expression, code]);
    }
  });

  test.skipIf(missing)(
    "runs nothing that a repository's configuration names, and leaves nothing behind",
    async () => {
      const { bare, commit } = flake("config", { "flake.nix": SELF });
      const ran = join(place.dir, "ran");
      git(bare, "config", "core.fsmonitor", `touch ${ran}`);
      git(bare, "config", "uploadpack.packObjectsHook", `touch ${ran}`);
      mkdirSync(join(bare, "hooks"), { recursive: true });
      expect((await ask(bare, commit)).ok).toBe(true);
      expect(existsSync(ran)).toBe(false);
      expect(
        readdirSync(process.env.TMPDIR ?? "/tmp").filter((name) => name.startsWith("firstmile-flake-")),
      ).toEqual([]);
    },
  );

  test.skipIf(missing)("ends what does not end", async () => {
    const { bare, commit } = flake("endless", {
      "flake.nix": `{ outputs = _: let fib = n: if n < 2 then n else fib (n - 1) + fib (n - 2); in { packages.x86_64-linux.default = fib 60; }; }`,
    });
    const evaluated = await ask(bare, commit, {}, { limits: { timeMs: 2_000 } });
    expect(!evaluated.ok && evaluated.reason.message).toContain("did not end within 2 s");
  });
});
