/** `--argstr`: unsigned text of a user reaches builders only where the source's rules allow it. */
import { lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { rootSocket } from "../../src/gate/socket.ts";

const FILES = {
  "default.nix": `{ greeting ? "hello" }: { greet = ${derivationText("greet", "echo ${greeting} > $out")}; }`,
};
const EVIL = "x > $out; echo owned";

describe.each(VERSIONS)("--argstr, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("by users", () => {
    let world: GateWorld;
    let mine: string;
    const rules = (more: string) =>
      world.changeRules({ sources: { pkgs: { introduction: world.source.tip(), more } } });
    const build = (greeting: string) =>
      world.runAsUser(
        world.program,
        ["nix", "nix-build", "-A", "greet", "--argstr", "greeting", greeting, "--no-out-link"],
        { cwd: mine },
      );

    beforeAll(async () => {
      world = await GateWorld.make({ version, multiUser: true, files: FILES });
      await world.startGate();
      await world.nix.startDaemon();
      mkdirSync(join(world.nix.dir, "mine"));
      mine = join(world.nix.dir, "mine/pkgs");
      await world.clone(mine, world.nix.user!.uid);
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    test("are refused by default, with the line that would allow them", async () => {
      const refused = await build("hi");
      expect(refused.code).not.toBe(0);
      expect(refused.stderr + refused.stdout).toContain("arguments-not-allowed");
      expect(refused.stderr + refused.stdout).toContain('[source.pkgs.arguments] greeting = ["hi"]');
      const evil = await build(EVIL);
      expect(evil.stderr + evil.stdout).toContain("arguments-not-allowed");
      expect(evil.code).not.toBe(0);
    });

    test("pass where they are listed, and no others", async () => {
      await rules('arguments = { greeting = ["hi*"] }');
      expect((await build("hi-there")).stderr).toContain("building");
      for (const other of [EVIL, "hi there", "bye"]) {
        const refused = await build(other);
        expect([other, refused.code === 0, refused.stdout.includes("arguments-not-allowed")]).toEqual([
          other,
          false,
          true,
        ]);
      }
    });

    test("admitted while they were allowed, they are not built afterwards", async () => {
      await rules('arguments = "any"');
      const admitted = await world.runAsUser(
        world.program,
        ["nix", "nix-build", "-A", "greet", "--argstr", "greeting", "later", "--no-out-link", "--dry-run"],
        { cwd: mine },
      );
      expect(admitted.code).toBe(0);
      await rules("");
      const args = ["-A", "greet", "--argstr", "greeting", "later", "--no-out-link"];
      const refused = await world.runAsUser("nix-build", args, { cwd: mine });
      expect(refused.code).not.toBe(0);
      expect(world.nix.daemonLog()).toContain("arguments-not-allowed");
    });

    test("of root pass: root needs no gate for that", async () => {
      await rules("");
      const args = ["nix", "nix-build", "-A", "greet", "--argstr", "greeting", "root", "--no-out-link"];
      expect((await world.run(world.program, args)).code).toBe(0);
    });

    test("cannot be sent as root's by a user, whatever the mask when the gate started", async () => {
      const path = rootSocket(world.stateDir);
      expect(lstatSync(join(path, "..")).mode & 0o777).toBe(0o700);
      expect(lstatSync(path).mode & 0o777).toBe(0o600);
      const script = `require("node:net").connect(${JSON.stringify(path)}).on("error", (e) => console.log(e.code)).on("connect", () => console.log("connected"))`;
      const tried = await world.runAsUser(process.execPath, ["-e", script], { cwd: "/" });
      expect(tried.stdout.trim()).toBe("EACCES");
    });

    test("cannot be smuggled past the names of the request", async () => {
      const known = {
        kind: "file",
        source: "pkgs",
        commit: world.source.tip(),
        directoryName: "pkgs",
        file: "default.nix",
        attrs: ["greet"],
      };
      const ask = async (more: object) =>
        JSON.parse(
          (await world.ask("POST", "/admit", JSON.stringify({ ...known, argstr: {}, ...more }))).body,
        );
      expect((await ask({})).verdict.allowed).toBe(true);
      expect((await ask({ argstr: { greeting: "x" } })).verdict).toMatchObject({ allowed: false });
      // Not taken as a name: evaluated without it, or refused.
      const text = JSON.stringify({ ...known, argstr: {} }).replace(
        '"argstr":{}',
        '"argstr":{"__proto__":"x"}',
      );
      const answer = await world.ask("POST", "/admit", text);
      expect(answer.body).not.toContain("__proto__ x");
      for (const more of [
        { asker: "root" },
        { arg: { greeting: '"x"' } },
        { argstr: { "gr\neeting": "x" } },
        { argstr: { greeting: "a\0b" } },
        { file: "a\nb" },
        { attrs: ["a\rb"] },
        { source: "p\u2028q" },
        { source: "p".repeat(65) },
      ])
        expect([more, (await ask(more)).error !== undefined]).toEqual([more, true]);
    });
  });
});
