/** A configuration as it is: let through on the first day, held to evidence from then on, on stock Nix. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sriHash } from "@firstmile/formats/nix/hash";
import { Authenticator } from "@firstmile/local/admission/authenticator";
import { SourceRepositories } from "@firstmile/local/admission/source-repositories";
import { treeOf } from "@firstmile/local/admission/tree-of";
import { Ledger } from "@firstmile/local/gate/ledger";
import { RulesHolder } from "@firstmile/local/gate/rules-in-force";
import { neutralGit } from "@firstmile/local/git/neutral";
import { GitObjects } from "@firstmile/local/git/objects";
import { treeNarHash } from "@firstmile/local/git/tree-nar-hash";
import { runOk } from "@firstmile/local/process/run";
import { writeStatement } from "@firstmile/local/statements/write";
import { firstRefusal } from "@firstmile/trust/verdict/verdict";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import type { Person, WorldRepository } from "../../../../testing/src/world.ts";
import { emailOf, gitEnv } from "../../../../testing/src/world-repository.ts";
import { signedBy, wholeReviewOf } from "../../../../testing/src/world-statements.ts";
import { npinsFiles, npinsPin, type PinsWorld, pinsWorld, WORDS } from "../gate/pins-world.ts";

const MONTH = 30.4375 * 86_400;
const now = () => Math.floor(Date.now() / 1000);

const FILES = {
  "default.nix": `{ hello = import ./pkgs/hello; other = import ./pkgs/other; broken = throw "no"; }`,
  "pkgs/hello/default.nix": derivationText(
    "hello",
    "read line < $src; echo $line > $out",
    "src = ./hello.txt;",
  ),
  "pkgs/hello/hello.txt": "hello\n",
  "pkgs/other/default.nix": derivationText("other", "echo other > $out"),
};

function as(person: Person): Record<string, string> {
  const config = {
    ...person.gitConfig,
    "user.name": `${person.name} Doe`,
    "user.email": emailOf(person.name),
  };
  const entries = Object.entries(config);
  return {
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(
      entries.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
  };
}

interface Done {
  readonly first: string;
  readonly signedBy: string;
  readonly sources: { name: string; url: string; introduction: string; judged: string }[];
  readonly slices: { source: string; commit: string; files: number }[];
  readonly steps: { number: number; until: number; files: number }[];
}

/** A commit that nobody signed, checked out. */
async function unsigned(world: GateWorld, files: Readonly<Record<string, string>>): Promise<void> {
  await world.source.commit({ files });
  await world.run("git", ["pull", "--quiet", "--ff-only"]);
}

/** What every admission comes to at another time. */
async function refusalsAt(world: GateWorld, time: number): Promise<(string | undefined)[]> {
  const rules = await new RulesHolder(world.stateDir, () => time).get();
  if (!rules.ok) throw new Error(rules.reason.message);
  using ledger = new Ledger(join(world.stateDir, "gate/ledger.sqlite"));
  const authenticator = new Authenticator({
    repositories: new SourceRepositories(join(world.stateDir, "gate/sources")),
    cacheDir: join(world.nix.dir, "other-cache"),
    clock: () => time,
    notedSlice: (slice) => ledger.slice(slice),
  });
  const bases = ledger.admissions().flatMap(({ basis }) => basis);
  const reasons = await authenticator.authenticateAll(rules.rules, bases);
  return reasons.map((reason) => firstRefusal([reason])?.code);
}

describe.each(VERSIONS)("adopt, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("a file of a checkout", () => {
    let world: GateWorld;
    let trust: string;
    let done: Done;
    const adopt = (args: readonly string[], person = world.alice, cwd = world.checkout) =>
      world.run(world.program, ["adopt", ...args], { env: as(person), cwd });
    const admit = (attr: string) => world.firstmile("admit", "-f", "default.nix", "-A", attr);

    beforeAll(async () => {
      world = await GateWorld.make({ version, files: FILES });
      trust = join(world.nix.dir, "rules");
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    test.each([
      [["-f", "default.nix", "-A", "broken"], "evaluation-failed"],
      [["-f", "none.nix"], "there is no none.nix here"],
      [["-f", "default.nix", "--steps", "0"], "is no number of steps"],
      [["-f", "default.nix", "--months", "13"], "is no number of months"],
      [["-f", "default.nix", ".#x"], "in one go"],
      [["github:example/lib#x"], "no whole commit"],
    ])("%j is refused, and nothing is left behind: %s", async (args, problem) => {
      const ended = await adopt([...args, "--dir", trust]);
      expect([ended.code === 0, ended.stderr]).toEqual([false, expect.stringContaining(problem)]);
      expect(existsSync(trust)).toBe(false);
    });

    test("a checkout with changes is refused; so is a directory with something else in it", async () => {
      writeFileSync(join(world.checkout, "new.nix"), "{ }\n");
      const dirty = await adopt(["-f", "default.nix", "-A", "hello", "--dir", trust]);
      expect(dirty.stderr).toContain("differ from commit");
      await world.run("git", ["clean", "-q", "-f"]);
      mkdirSync(join(world.nix.dir, "full"));
      writeFileSync(join(world.nix.dir, "full/file"), "");
      const full = await adopt(["-f", "default.nix", "-A", "hello", "--dir", join(world.nix.dir, "full")]);
      expect([full.code, full.stderr]).toEqual([2, expect.stringContaining("holds something already")]);
      expect(readdirSync(join(world.nix.dir, "full"))).toEqual(["file"]);
    });

    test("who has no key to sign with makes nothing", async () => {
      const ended = await world.run(world.program, ["adopt", "-A", "hello", "--dir", trust]);
      expect([ended.code === 0, existsSync(trust)]).toEqual([false, false]);
    });

    test("takes what is read as waivers that end in steps, and says what to do next", async () => {
      const ended = await adopt([
        "-f",
        "default.nix",
        "-A",
        "hello",
        "--dir",
        trust,
        "--steps",
        "3",
        "--months",
        "6",
      ]);
      expect(ended.stderr).toBe("");
      expect(ended.stdout).toContain("adopted  pkgs -A hello as it is");
      expect(ended.stdout).toContain("coverage 0.0 % of files, 0.0 % of lines; 3 more waived");
      expect(ended.stdout).toContain("firstmile trust add URL --introduction");
      const [, first, signedBy] = /--introduction (\S+) --signed-by (\S+)/.exec(ended.stdout)!;
      done = { first: first!, signedBy: signedBy! } as Done;
      expect(signedBy).toBe(world.alice.fingerprint);
      const rules = readFileSync(join(trust, "firstmile.toml"), "utf8");
      expect(rules).toContain('authenticate = "slice"');
      expect(rules).toContain(world.source.tip());
      const signed = await world.run("git", ["-C", trust, "log", "--format=%H %s"]);
      expect(signed.stdout).toContain("Adopt pkgs -A hello as it is");
    });

    test("the same once more adds nothing, and says so", async () => {
      const head = await world.run("git", ["-C", trust, "rev-parse", "HEAD"]);
      const ended = await adopt(["-f", "default.nix", "-A", "hello", "--dir", trust]);
      expect([ended.code, ended.stdout]).toEqual([2, ""]);
      expect(ended.stderr).toContain("so there is nothing to adopt");
      expect(ended.stderr).toContain(`firstmile coverage --policy ${trust}`);
      expect((await world.run("git", ["-C", trust, "rev-parse", "HEAD"])).stdout).toBe(head.stdout);
      expect((await world.run("git", ["-C", trust, "status", "--porcelain"])).stdout).toBe("");
    });

    test("the gate lets the configuration through as it is, and says on what", async () => {
      const args = [
        "trust",
        "add",
        `file://${trust}`,
        "--introduction",
        done.first,
        "--signed-by",
        done.signedBy,
      ];
      expect((await world.firstmile(...args, "--replace")).code).toBe(0);
      await world.startGate();
      const ended = await admit("hello");
      expect(ended.stdout).toContain("waived until");
      expect(ended.code).toBe(0);
      expect((await world.build("hello")).code).toBe(0);
    });

    test("coverage counts it as waived, with its ends, and draws how it came to that", async () => {
      const svg = join(world.nix.dir, "coverage.svg");
      const ended = await world.firstmile("coverage", "--json", "--svg", svg);
      const counted = JSON.parse(ended.stdout);
      expect([ended.code, counted.covered.files, counted.waived.files, counted.open.files]).toEqual([
        0, 0, 3, 0,
      ]);
      expect(counted.waivers.map(({ files }: { files: number }) => files)).toEqual([1, 2]);
      // Before there were rules for it nothing of it passed, and once all waivers are over nothing does.
      const opens = (points: { shares: { open: { files: number } } }[]) =>
        points.map(({ shares }) => shares.open.files);
      expect([opens(counted.past), opens(counted.future)]).toEqual([
        [3, 0, 0],
        [1, 3],
      ]);
      expect(readFileSync(svg, "utf8")).toContain("waived 100.0 %");
      const text = (await world.firstmile("coverage")).stdout;
      expect(text).toMatch(/^waived +100\.0 % +3 of 3 files/m);
      expect(text).toContain("what ends when");
      const named = await world.firstmile("coverage", ".", "-A", "hello", "--policy", trust, "--json");
      expect(JSON.parse(named.stdout).waived).toEqual(counted.waived);
    });

    test("what is read meanwhile counts as covered, and no more as waived", async () => {
      const read = await wholeReviewOf(world.source, world.source.tip(), ["default.nix"]);
      const place = { kind: "directory", path: join(trust, "statements") } as const;
      // Somebody else than alice, who alone is root here, would not be heard.
      await writeStatement(place, await signedBy(read, [world.bob]));
      const before = await world.firstmile("coverage", ".", "-A", "hello", "--policy", trust, "--json");
      expect(JSON.parse(before.stdout).covered.files).toBe(0);
      await writeStatement(place, await signedBy(read, [world.alice]));
      const after = await world.firstmile("coverage", ".", "-A", "hello", "--policy", trust);
      expect(after.stdout).toMatch(/^covered +33\.3 % +1 of 3 files/m);
      expect(after.stdout).toMatch(/^read whole +1 file/m);
      const commit = [
        "-C",
        trust,
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "commit",
        "-q",
        "-S",
        "-m",
        "Read",
      ];
      await world.run("git", ["-C", trust, "add", "statements"]);
      expect((await world.run("git", commit, { env: as(world.alice) })).code).toBe(0);
      expect((await world.firstmile("trust", "update")).code).toBe(0);
      expect(JSON.parse((await world.firstmile("coverage", "--json")).stdout).covered.files).toBe(1);
    });

    test.each([
      [["pkgs", "--admitted"], "one of them"],
      [["-A", "hello"], "no source"],
      [["none"], "none"],
      [[".", "-A", "hello", "--svg", "/nowhere/x.svg"], "cannot be written"],
    ])("coverage %j is refused: %s", async (args, problem) => {
      const ended = await world.firstmile("coverage", ...args);
      expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining(problem)]);
    });

    test("what it did not read is not let through", async () => {
      expect((await admit("other")).stdout).toContain("pkgs/other/default.nix: role root has not read it");
    });

    test("one byte in a file that is read is refused; a change elsewhere is not", async () => {
      const before = world.source.tip();
      await unsigned(world, { "pkgs/other/default.nix": derivationText("other", "echo another > $out") });
      expect((await admit("hello")).code).toBe(0);
      await unsigned(world, { "pkgs/hello/hello.txt": "hullo\n" });
      const ended = await admit("hello");
      expect(ended.stdout).toContain("pkgs/hello/hello.txt: role root has not read it");
      expect(ended.code).toBe(1);
      expect(before).not.toBe(world.source.tip());
    });

    test("after a waiver's end what it let through is refused, and what was read meanwhile is not", async () => {
      expect(new Set(await refusalsAt(world, now() + 2.1 * MONTH))).toEqual(new Set([undefined]));
      expect(new Set(await refusalsAt(world, now() + 6.2 * MONTH))).toEqual(new Set(["waiver-expired"]));
    });

    test("more can be adopted into the same rules, and what was waived stays as it was", async () => {
      const later = join(world.nix.dir, "later");
      await world.clone(later);
      const count = async () =>
        (await world.run("git", ["-C", trust, "ls-files", "statements"])).stdout.trim().split("\n").length;
      const had = await count();
      const ended = await adopt(
        ["-f", "default.nix", "-A", "other", "--dir", trust, "--json"],
        world.alice,
        later,
      );
      const more = JSON.parse(ended.stdout) as Done;
      expect(more.sources).toEqual([]);
      expect(more.steps.reduce((sum, { files }) => sum + files, 0)).toBe(1);
      expect(await count()).toBe(had + 1);
      // A test before this one asked what holds next year, and this machine remembers that.
      rmSync(join(world.stateDir, "trust/latest-seen"), { force: true });
      expect((await world.firstmile("trust", "update")).code).toBe(0);
      expect((await admit("other")).code).toBe(0);
    });

    test("a signature that does not count for it changes nothing", async () => {
      const before = readFileSync(join(trust, "firstmile.toml"));
      const args = ["-f", "default.nix", "-A", "hello", "--dir", trust];
      const ended = await adopt(args, world.bob);
      expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining("would not be let through")]);
      expect(readFileSync(join(trust, "firstmile.toml"))).toEqual(before);
      expect((await world.run("git", ["-C", trust, "status", "--porcelain"])).stdout).toBe("");
    });
  });

  describe.skipIf(missingForNixWorld(version) !== undefined)("a flake", () => {
    let world: GateWorld;
    let lib: WorldRepository;
    let trust: string;

    beforeAll(async () => {
      const conf = { "experimental-features": "nix-command flakes" };
      world = await GateWorld.make({ version, conf, files: { README: "" } });
      lib = await world.people.repository("lib");
      await lib.commit({
        files: {
          "flake.nix": "{ outputs = { self }: { hello = import ./hello.nix; }; }",
          "hello.nix": derivationText("hello", "echo hello > $out"),
          "unread.nix": "{ }\n",
        },
      });
      const own = `{
        inputs.lib.url = "github:example/lib";
        outputs = { self, lib }: { packages.x86_64-linux.hello = lib.hello; };
      }`;
      // Nobody signed it: who adopts it does.
      await unsigned(world, { "flake.nix": own, "flake.lock": await lockOn(lib) });
      trust = join(world.nix.dir, "rules");
      // What fetching would bring.
      mkdirSync(join(world.stateDir, "sources"), { recursive: true });
      await world.run("cp", ["-r", lib.dir, join(world.stateDir, "sources/lib.git")]);
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    test("takes over the caches and keys that the machine's Nix trusts today, under names of their own", async () => {
      const key = (name: string, byte: number) => `${name}:${Buffer.alloc(32, byte).toString("base64")}`;
      const keys = [key("cache.example.org-1", 1), key("builder", 2), key("alice", 3)];
      world.nix.configure({
        substituters: "file:///srv/cache https://cache.example.org?priority=3",
        "trusted-public-keys": keys.join(" "),
      });
      const dir = join(world.nix.dir, "cached");
      const ended = await world.run(world.program, ["adopt", ".#hello", "--dir", dir, "--json"], {
        env: as(world.alice),
      });
      world.nix.configure({ substituters: "", "trusted-public-keys": undefined });
      expect(JSON.parse(ended.stdout).hasCaches).toBe(true);
      const rules = readFileSync(join(dir, "firstmile.toml"), "utf8");
      expect(rules).toContain('builder = { any = 1, of = ["cache.example.org-1", "builder-2", "alice-2"] }');
      expect(rules).toContain('caches = ["file:///srv/cache", "https://cache.example.org"]');
      for (const one of keys) expect(rules).toContain(`keys = ["nix:${one}"]`);
    });

    test("its inputs by what is read of them, itself by its signed commits from this one on", async () => {
      const ended = await world.run(world.program, ["adopt", ".#hello", "--dir", trust, "--json"], {
        env: as(world.alice),
      });
      expect(ended.stderr).toBe("");
      const done = JSON.parse(ended.stdout) as Done;
      expect(done.sources.map(({ introduction, judged }) => [introduction, judged])).toEqual([
        [world.source.tip(), "commits"],
        [lib.tip(), "slice"],
      ]);
      expect(done.slices).toMatchObject([{ commit: lib.tip(), files: 2 }]);
      const args = [
        "trust",
        "add",
        `file://${trust}`,
        "--introduction",
        done.first,
        "--signed-by",
        done.signedBy,
      ];
      expect((await world.firstmile(...args, "--replace")).code).toBe(0);
      await world.startGate();
      const packed = ["-C", lib.dir, "pack-objects", "--revs", "--stdout", "-q"];
      const pack = await runOk("git", packed, { env: gitEnv(), input: `${lib.tip()}\n` });
      await world.ask("POST", "/objects?source=lib", pack);
      const admitted = await world.firstmile("admit", ".#hello");
      expect(admitted.stdout).toContain("waived until");
      expect(admitted.code).toBe(0);
      expect((await world.run("nix", ["build", ".#hello", "--no-link"])).code).toBe(0);
    });

    test("an unsigned commit of its own is refused", async () => {
      await unsigned(world, { README: "changed\n" });
      const ended = await world.firstmile("admit", ".#hello");
      expect([ended.code, ended.stdout]).toEqual([1, expect.stringContaining("unsigned")]);
    });
  });
});

describe.each(VERSIONS)("adopt what is pinned, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("with npins", () => {
    let pins: PinsWorld;
    beforeAll(async () => {
      pins = await pinsWorld(version);
    });
    afterAll(() => pins?.[Symbol.asyncDispose]());

    test("each pin that is used has a source of its own, judged by what is read of it", async () => {
      const { world, dep, first } = pins;
      const unused = npinsPin(first, { repository: { type: "GitHub", owner: "o", repo: "unused" } });
      const files = { ...npinsFiles({ dep: npinsPin(first), unused }) };
      const text = `{ words = ${WORDS("(import ./npins).dep")}; }`;
      await world.source.commit({ files: { ...files, "default.nix": text }, whole: true });
      await world.run("git", ["pull", "--quiet", "--ff-only"]);
      mkdirSync(join(world.stateDir, "sources"), { recursive: true });
      await world.run("cp", ["-r", dep.dir, join(world.stateDir, "sources/dep.git")]);
      const trust = join(world.nix.dir, "rules");
      const args = ["adopt", "-A", "words", "--dir", trust, "--json"];
      const ended = await world.run(world.program, args, { env: as(world.alice) });
      expect(ended.stderr).toBe("");
      const done = JSON.parse(ended.stdout) as Done;
      expect(done.sources.map(({ name, judged }) => [name, judged])).toEqual([
        ["pkgs", "slice"],
        ["dep", "slice"],
      ]);
      expect(done.slices.map(({ source, files: read }) => [source, read])).toEqual([
        ["pkgs", 3],
        ["dep", 2],
      ]);
      const pinned = ["--introduction", done.first, "--signed-by", done.signedBy, "--replace"];
      expect((await world.firstmile("trust", "add", `file://${trust}`, ...pinned)).code).toBe(0);
      const packed = ["-C", dep.dir, "pack-objects", "--revs", "--stdout", "-q"];
      const pack = await runOk("git", packed, { env: gitEnv(), input: `${first.rev}\n` });
      await world.ask("POST", "/objects?source=dep", pack);
      const admitted = await world.firstmile("admit", "-f", "default.nix", "-A", "words");
      expect(admitted.stdout).toContain("waived until");
      expect(admitted.code).toBe(0);
      expect((await world.build("words")).code).toBe(0);
    });
  });
});

async function lockOn(lib: WorldRepository): Promise<string> {
  const rev = lib.tip();
  const git = await neutralGit(lib.dir);
  try {
    using objects = new GitObjects(git.env);
    const { narHash } = await treeNarHash(objects, await treeOf(objects, rev));
    const lastModified = Number(await lib.git("log", "-1", "--format=%ct", rev));
    const place = { owner: "example", repo: "lib", type: "github" };
    const locked = { ...place, lastModified, narHash: sriHash(narHash), rev };
    const nodes = { lib: { locked, original: place }, root: { inputs: { lib: "lib" } } };
    return JSON.stringify({ nodes, root: "root", version: 7 });
  } finally {
    git.dispose();
  }
}
