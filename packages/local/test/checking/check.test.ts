/** `firstmile check` on real repositories and a real Nix: what a change leaves open is told, and nothing else. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { makeWorld, type World } from "../../../../testing/src/world.ts";
import { signedBy, wholeReviewOf } from "../../../../testing/src/world-statements.ts";

const HOOK = resolve(import.meta.dirname, "../../../../examples/pre-push");

describe.skipIf(missingForNixWorld("host") !== undefined)("a source that is judged by its slices", () => {
  let world: GateWorld;
  let base: string;
  beforeAll(async () => {
    const files = {
      "default.nix":
        "{ hello = import ./hello.nix; other = import ./other.nix; broken = import ./broken.nix; }",
      "hello.nix": derivationText("hello", "echo 1 > $out"),
      "other.nix": derivationText("other", "echo 1 > $out"),
    };
    world = await GateWorld.make({ version: "host", files, policy: { roles: { reader: ["bob"] } } });
    base = world.source.tip();
    const rules = [{ paths: ["**"], review: "reader" }];
    await world.changeRules({
      sources: { pkgs: { introduction: world.source.tip(), authenticate: "slice", rules } },
    });
    const read = await wholeReviewOf(world.source, world.source.tip(), [
      "default.nix",
      "hello.nix",
      "other.nix",
    ]);
    await world.carry(await signedBy(read, [world.bob]));
    await world.startGate();
    await world.commit({ "hello.nix": derivationText("hello", "echo 2 > $out"), README: "x" }, undefined);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  test("names the file, the line and the reader, and leaves alone what is not read", async () => {
    const ended = await world.firstmile("check", `${base}..HEAD`, "-A", "hello", "--json");
    const report = JSON.parse(ended.stdout);
    expect(report.findings).toMatchObject([
      { code: "not-covered", path: "hello.nix", line: 1, who: [["bob"]] },
    ]);
    expect(report.slices).toMatchObject([
      { words: "-A hello", changed: { files: 1, open: 1 }, derivations: { fresh: 1, gone: 1 } },
    ]);
    expect(ended.code).toBe(1);
  });

  test("an attribute that the change does not reach is as it was", async () => {
    const ended = await world.firstmile("check", `${base}..HEAD`, "-A", "other");
    expect(ended.stdout).toContain("nothing open");
    expect(ended.stdout).toContain("0 of 2 files that are read change");
    expect(ended.code).toBe(0);
  });

  test("Markdown and SARIF come out of the same findings", async () => {
    const sarif = join(world.nix.dir, "out.sarif");
    const ended = await world.firstmile(
      "check",
      `${base}..HEAD`,
      "-A",
      "hello",
      "--markdown",
      "-",
      "--sarif",
      sarif,
    );
    expect(ended.stdout).toContain("### Firstmile: ❌ 1 finding");
    expect(ended.stdout).toContain("| `-A hello` | 2 | 1 | 1 | 100 % → 50 % | +1 −1 | 0 |");
    const made = await world.run("cat", [sarif]);
    expect(JSON.parse(made.stdout).runs[0].results).toHaveLength(1);
  });

  test("an attribute that does not evaluate is told, and no answer is made up for it", async () => {
    const ended = await world.firstmile("check", `${base}..HEAD`, "-A", "broken");
    expect(ended.stdout).toContain("-A broken: evaluation-failed");
  });

  test("one revision is no range", async () => {
    const ended = await world.firstmile("check", "HEAD");
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain("name BASE..HEAD");
  });
});

describe("a source that is judged by its commits", () => {
  let world: World;
  afterAll(() => world?.[Symbol.asyncDispose]());

  test("tells what the range brings in and not what was open before; the hook stops a push", async () => {
    world = await makeWorld();
    const [alice, bob] = [await world.person("alice"), await world.person("bob")];
    const source = await world.repository("pkgs");
    const introduction = await source.commit({ by: alice, files: { "a.nix": "1\n2\n3\n" } });
    const before = await source.commit({ files: { "old.nix": "unsigned before\n" } });
    const after = await source.commit({ by: bob, files: { "a.nix": "1\n2\nthree\n" } });
    const trust = await world.repository("trust");
    const rules = [{ paths: ["**"], write: "writer" }];
    const policy = {
      people: [alice, bob],
      roles: { writer: [alice] },
      sources: { pkgs: { introduction, rules } },
    };
    await world.rules(trust, { by: alice, policy });
    const rulesDir = join(world.dir, "rules");
    execFileSync("git", ["clone", "--quiet", trust.dir, rulesDir]);
    const ended = await world.firstmile([
      "check",
      `${before}..${after}`,
      "--repository",
      source.dir,
      "--policy",
      rulesDir,
      "--json",
    ]);
    expect(JSON.parse(ended.stdout.toString()).findings).toMatchObject([{ code: "not-in-role", path: null }]);
    expect(ended.code).toBe(1);
    expect(hookCode(world, source.dir, rulesDir, before, after)).toBe(1);
    expect(hookCode(world, source.dir, rulesDir, after, after)).toBe(0);
  });
});

/** The hook as Git runs it, with a `firstmile` in PATH that knows the rules. */
function hookCode(world: World, repository: string, rules: string, from: string, to: string): number {
  const bin = join(world.dir, "bin");
  mkdirSync(bin, { recursive: true });
  const program = resolve(import.meta.dirname, "../../../../firstmile");
  writeFileSync(join(bin, "firstmile"), `#!/bin/sh\nexec "${program}" "$@" --policy "${rules}"\n`, {
    mode: 0o755,
  });
  const input = `refs/heads/main ${to} refs/heads/main ${from}\n`;
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
  try {
    execFileSync("sh", [HOOK, "origin", "url"], {
      cwd: repository,
      input,
      env,
      stdio: ["pipe", "ignore", "ignore"],
    });
    return 0;
  } catch (error) {
    return (error as { status: number }).status;
  }
}
