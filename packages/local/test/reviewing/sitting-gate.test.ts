/** A small tree that nobody signs, one sitting of review, and the gate that was waiting for it. */
import { readStatements } from "@firstmile/local/statements/read";
import { statementIn } from "@firstmile/local/statements/sign";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { signingEnv } from "../../../../testing/src/world-people.ts";
import { CHANGED, LONG } from "./slice-story.ts";

const FILES = {
  "default.nix": `{ hello = import ./pkgs/hello.nix; other = import ./other.nix; }\n`,
  "pkgs/hello.nix": derivationText("hello", "read line < $src; echo $line > $out", "src = ./hello.txt;"),
  "pkgs/hello.txt": LONG,
  "other.nix": derivationText("other", "echo other > $out"),
};

describe.skipIf(missingForNixWorld("host") !== undefined)("one sitting", () => {
  let world: GateWorld;
  let out: string;
  beforeAll(async () => {
    world = await GateWorld.make({ version: "host", files: FILES, policy: { roles: { reader: ["bob"] } } });
    const introduction = world.source.tip();
    const rules = [{ paths: ["**"], review: "reader" }];
    await world.changeRules({ sources: { pkgs: { introduction, authenticate: "slice", rules } } });
    await world.startGate();
    out = world.people.fresh("out");
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const asBob = (...args: readonly string[]) =>
    world.run(world.program, args, { env: signingEnv(world.bob) });
  const review = (...args: readonly string[]) =>
    asBob("review", ".", "HEAD", "-A", "hello", "--to", out, ...args);
  const admit = () => world.firstmile("admit", "-f", "default.nix", "-A", "hello");
  const envelopes = async () => (await readStatements([{ kind: "directory", path: out }])).found;
  const carryAll = async () => world.carry(...(await envelopes()).map(({ envelope }) => envelope));

  test("lifts the coverage of what is evaluated from nothing to all of it, in one statement", async () => {
    expect((await admit()).code).toBe(1);
    const ended = await review("--yes");
    expect([ended.code, ended.stderr]).toEqual([0, ""]);
    expect(ended.stdout).toContain("3 files to read, 14 lines");
    expect(ended.stdout).toContain("before  coverage 0.0 % of files, 0.0 % of lines");
    expect(ended.stdout).toContain("now     coverage 100.0 % of files, 100.0 % of lines");
    const [only, ...more] = (await envelopes()).map(({ envelope }) => statementIn(envelope));
    expect(more).toEqual([]);
    expect(only).toMatchObject({ kind: "review", verdict: "approve", depth: "read", note: undefined });
  });

  test("and the gate admits it once the statement has come to it", async () => {
    expect((await admit()).code).toBe(1);
    await carryAll();
    const ended = await admit();
    expect(ended.stdout).toContain("3 files that it reads");
    expect(ended.code).toBe(0);
  });

  test("what changes next is read as a change alone", async () => {
    await world.commit({ "pkgs/hello.txt": CHANGED, "other.nix": "another" }, undefined);
    const refused = await admit();
    expect(refused.stdout.replace(/[\s│]+/g, " ")).toContain(
      "pkgs/hello.txt: role reader has not read it; 91 % of its lines equal pkgs/hello.txt, which bob read; 1 hunk differs",
    );
    const ended = await review("--yes", "--json");
    const { files, before, now } = JSON.parse(ended.stdout);
    const text = await world.source.git("rev-parse", "HEAD~:pkgs/hello.txt");
    expect(files).toEqual([
      expect.objectContaining({ path: "pkgs/hello.txt", verdict: "approve", lines: 2, before: text }),
    ]);
    expect([before.open, now.open]).toEqual([1, 0]);
    await carryAll();
    expect((await admit()).stdout).toContain("read change by change by bob");
  });

  test("then there is nothing to read", async () => {
    const ended = await review("--yes");
    expect([ended.code, ended.stdout]).toEqual([
      0,
      "there is nothing to read: coverage 100.0 % of files, 100.0 % of lines\n",
    ]);
    expect(await envelopes()).toHaveLength(2);
  });
});
