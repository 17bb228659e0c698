import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SealRequest } from "../../src/sealing/seal.ts";
import { type DirectoryQuestion, tellFile } from "./evaluated.ts";
import { commitAll, makePlace, type Place, VERSIONS, writeFiles } from "./nix-of.ts";

const drv = (name: string, more = "") =>
  `derivation { name = "${name}"; system = "x86_64-linux"; builder = "/bin/sh"; ${more} }`;

describe.each(VERSIONS)("evaluating a file with Nix of %s", (version) => {
  const missing = missingForNixWorld(version);
  let place: Place;
  let tree: string;
  beforeAll(async () => {
    if (missing !== undefined) return;
    place = await makePlace(version);
    tree = join(place.dir, "tree");
  });
  afterAll(async () => {
    await place?.[Symbol.asyncDispose]();
  });

  const ask = (file: string, more: Partial<DirectoryQuestion> = {}, seal?: SealRequest) =>
    tellFile(place.nix, { tree, file, ...more }, seal);

  /** The reason why `expression`, as a file of the tree, does not evaluate. */
  async function refusal(expression: string, seal?: SealRequest): Promise<Reason> {
    writeFiles(tree, { "sub/f.nix": expression });
    const evaluated = await ask("sub/f.nix", {}, seal);
    if (evaluated.ok) throw new Error(`evaluates to ${evaluated.roots}`);
    return evaluated.reason;
  }

  test.skipIf(missing)("gives the derivations that the user's own Nix gives", async () => {
    writeFiles(tree, {
      "plain.nix": drv("plain", `src = ./src; args = [ (builtins.readFile ./src/a) ];`),
      "src/a": "A\n",
      "set.nix": `{ who ? "nobody" }: { "a.b" = ${drv("dotted")}; "-foo" = ${drv("dashed")}; p = ${drv("p", 'outputs = [ "out" "dev" ];')}; w = ${drv("w", "args = [ who ];")}; }`,
    });
    const plain = await ask("plain.nix");
    const own = await place.world.run("nix-instantiate", [join(tree, "plain.nix")]);
    expect(plain).toEqual({ ok: true, roots: [own.stdout.trim()] });

    const attrs = ['"a.b"', "-foo", "p.dev", "p", "w"];
    const set = await ask("set.nix", { attrs, argstr: { who: "--option" } });
    if (!set.ok) throw new Error(set.reason.message);
    expect(set.roots.map((path) => path.slice(-11))).toEqual([
      expect.stringMatching(/otted\.drv$/),
      expect.stringMatching(/-dashed\.drv$/),
      expect.stringMatching(/-p\.drv$/),
      expect.stringMatching(/-w\.drv$/),
    ]);
  });

  test.skipIf(missing)("refuses what reads a file elsewhere, and says which and where", async () => {
    const read = await refusal(drv("x", "args = [ (builtins.readFile /etc/passwd) ];"));
    expect(read.code).toBe("outside-access");
    expect(read.message).toContain("/etc/passwd");
    expect(read.message).toContain("asked for at sub/f.nix:1:");

    writeFileSync(join(place.dir, "outside.nix"), '"secret"');
    const parent = await refusal(drv("x", "args = [ (import ../../outside.nix) ];"));
    expect(parent.code).toBe("outside-access");
    expect(parent.message).toContain("/tree/outside.nix");

    mkdirSync(tree, { recursive: true });
    symlinkSync("/etc/passwd", join(tree, "link"));
    expect((await refusal(drv("x", "args = [ (builtins.readFile ../link) ];"))).code).toBe("outside-access");
    expect((await refusal(drv("x", "src = /etc;"))).code).toBe("outside-access");
    expect((await refusal(drv("x", 'args = [ (builtins.readFile (/. + "etc/passwd")) ];'))).code).toBe(
      "outside-access",
    );
    expect((await refusal(drv("x", "args = [ (import <nixpkgs> {}).name ];"))).message).toContain(
      "<nixpkgs>",
    );
    expect((await refusal(drv("x", "args = [ (import <nix/fetchurl.nix> {}).name ];"))).ok).toBe(false);
  });

  test.skipIf(missing)("refuses a store path that is in no tree of the evaluation", async () => {
    writeFileSync(join(place.dir, "planted.nix"), '"planted"');
    const planted = (
      await place.world.run("nix-store", ["--add", join(place.dir, "planted.nix")])
    ).stdout.trim();
    expect((await refusal(drv("x", `args = [ (import ${planted}) ];`))).code).toBe("outside-access");
    expect((await refusal(drv("x", `args = [ (import "${planted}") ];`))).code).toBe("outside-access");
  });

  test.skipIf(missing)("sees nothing of the caller's environment", async () => {
    writeFiles(tree, {
      "env.nix": drv("env", 'args = [ (builtins.getEnv "HOME") (builtins.getEnv "PATH") ];'),
    });
    writeFiles(tree, { "none.nix": drv("env", 'args = [ "" "" ];') });
    expect(await ask("env.nix")).toEqual(await ask("none.nix"));
  });

  test.skipIf(missing)("refuses the network, which is not asked", async () => {
    const other = join(place.dir, "other");
    writeFiles(other, { secret: "secret" });
    const { commit } = commitAll(other, "master");
    let asked = 0;
    const server = createServer((_, response) => {
      asked++;
      response.end("x");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/x`;
    try {
      for (const fetcher of [
        `builtins.fetchurl "${url}"`,
        `builtins.fetchTarball "${url}.tar.gz"`,
        `(builtins.fetchGit { url = "${url}"; }).outPath`,
        `builtins.fetchurl { url = "${url}"; sha256 = "${"0".repeat(52)}"; }`,
        `builtins.fetchurl "file:///etc/passwd"`,
        `(builtins.fetchGit "${other}").outPath`,
        `(builtins.fetchGit { url = "file://${other}"; rev = "${commit}"; }).outPath`,
      ]) {
        const reason = await refusal(drv("x", `args = [ (${fetcher}) ];`));
        expect([fetcher, reason.code]).toEqual([fetcher, "outside-access"]);
      }
      expect(asked).toBe(0);
    } finally {
      server.close();
    }
  });

  test.skipIf(missing)("refuses import from derivation, and builds nothing", async () => {
    const reason = await refusal(
      `let d = ${drv("made")}; in ${drv("x", 'args = [ (import "${d}/x.nix") ];')}`,
    );
    expect(reason.code).toBe("import-from-derivation");
    expect(reason.message).toContain("-made.drv");
    expect(reason.message).toContain("f.nix:1:");
  });

  test.skipIf(missing)("ends what does not end", async () => {
    const started = performance.now();
    const reason = await refusal("let fib = n: if n < 2 then n else fib (n - 1) + fib (n - 2); in fib 60", {
      limits: { timeMs: 2_000 },
    });
    expect(reason.code).toBe("evaluation-failed");
    expect(reason.message).toContain("did not end within 2 s");
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test.skipIf(missing)("shows Nix's words without what a terminal obeys", async () => {
    const reason = await refusal('throw "a\u001b[31mred\u001b]0;title\u0007 b\u009b2J\u202e"');
    expect(reason.code).toBe("evaluation-failed");
    const shown = JSON.stringify(reason);
    expect(shown).toContain("ared");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    expect(reason.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(shown).not.toMatch(/\\u001b|\\u0007|\u009b|\u202e/);
  });

  test.skipIf(missing)("takes no file outside of the tree, and no attribute for an option", async () => {
    writeFiles(tree, { "plain.nix": drv("plain"), "deep/default.nix": drv("deep") });
    symlinkSync(place.dir, join(tree, "out"));
    for (const file of ["../outside.nix", "sub/../../outside.nix", "/etc/passwd", "out/outside.nix"]) {
      const evaluated = await ask(file);
      expect([file, !evaluated.ok && evaluated.reason.code]).toEqual([file, "outside-access"]);
    }
    expect((await ask("nothing.nix")).ok).toBe(false);
    expect((await ask("deep")).ok).toBe(true);
    for (const attr of ["--option", '"unended', "a..b", ".", "-A", "--eval"]) {
      const evaluated = await ask("plain.nix", { attrs: [attr] });
      expect([attr, !evaluated.ok && evaluated.reason.code]).toEqual([attr, "evaluation-failed"]);
    }
  });

  test.skipIf(missing)("works in a directory whose name is strange", async () => {
    const strange = join(place.dir, 'a=b http:--x <y> "q" ü\u0001');
    writeFiles(strange, { "-f.nix": drv("plain", "args = [ (builtins.readFile ./a) ];"), a: "A\n" });
    const evaluated = await tellFile(place.nix, { tree: strange, file: "-f.nix" });
    expect(evaluated.ok || evaluated.reason.message).toBe(true);
  });

  test.skipIf(missing)("asks neither a user's configuration nor a user's channels", async () => {
    const home = join(place.dir, "home");
    writeFiles(home, {
      ".config/nix/nix.conf": "allow-import-from-derivation = true\nrestrict-eval = false\n",
      ".nix-defexpr/channels/nixpkgs/default.nix": '{}: { name = "mine"; }',
    });
    chmodSync(home, 0o755);
    await using other = await makePlace(version, {
      HOME: home,
      NIX_PATH: `nixpkgs=${home}`,
      NIX_CONFIG: "restrict-eval = false",
    });
    writeFiles(tree, { "np.nix": drv("x", "args = [ (import <nixpkgs> {}).name ];") });
    const evaluated = await tellFile(other.nix, { tree, file: "np.nix" });
    expect(!evaluated.ok && evaluated.reason.code).toBe("outside-access");
  });
});
