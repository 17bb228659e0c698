/** The multi-user daemon: an ordinary user asks the machine's gate, builds what it admits, and nothing else. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, FLOATING, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";

const FILES = {
  "default.nix": `rec {
    hello = ${derivationText("hello", "echo hello > $out")};
    other = ${derivationText("other", "echo other > $out")};
    floating = ${derivationText("floating", "echo honest > $out", FLOATING)};
    top = ${derivationText("top", `read line < \${floating}; echo $line > $out`)};
  }`,
};

const OVERRIDES: readonly (readonly string[])[] = [
  ["pre-build-hook", ""],
  ["pre-build-hook", "/bin/true"],
  ["sandbox", "false"],
  ["sandbox", "relaxed"],
  ["sandbox-fallback", "true"],
  ["substituters", "file:///tmp/nothing"],
  ["trusted-public-keys", ""],
  ["require-sigs", "false"],
  ["builders", "ssh://localhost x86_64-linux"],
  ["build-hook", "/bin/true"],
];

describe.each(VERSIONS)("daemon, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("held by the gate", () => {
    let world: GateWorld;
    let mine: string;
    const build = (attr: string, ...more: string[]) =>
      world.runAsUser("nix-build", ["-A", attr, "--no-out-link", ...more], { cwd: mine });
    const firstmile = (...args: string[]) => world.runAsUser(world.program, args, { cwd: mine });

    beforeAll(async () => {
      world = await GateWorld.make({ version, multiUser: true, files: FILES });
      await world.startGate();
      await world.nix.startDaemon();
      await world.endGate();
      await world.startGate();
      mkdirSync(join(world.nix.dir, "mine"));
      mine = join(world.nix.dir, "mine/pkgs");
      await world.clone(mine, world.nix.user!.uid);
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    test("what was not admitted is not built for a user; the daemon's log says why", async () => {
      const ended = await build("hello");
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain("failed with exit code 1");
      expect(world.nix.daemonLog()).toContain("not-admitted");
    });

    test.each(OVERRIDES)("the user's own --option %s '%s' does not help", async (name, value) => {
      const ended = await build("hello", "--option", name!, value!);
      expect(ended.code).not.toBe(0);
      expect(ended.stdout).toBe("");
    });

    test("nor does a nix.conf of the user's own", async () => {
      const conf = join(world.nix.dir, "user.conf");
      writeFileSync(conf, "pre-build-hook =\nsandbox = false\n");
      const ended = await world.runAsUser("nix-build", ["-A", "hello", "--no-out-link"], {
        cwd: mine,
        env: { NIX_USER_CONF_FILES: conf },
      });
      expect(ended.code).toBe(1);
    });

    test("the user asks the machine's gate, which admits, and then builds", async () => {
      const ended = await firstmile("nix", "nix-build", "-A", "hello", "--no-out-link");
      expect(ended.stderr).toContain("building");
      expect(ended.code).toBe(0);
      expect(existsSync(ended.stdout.trim())).toBe(true);
      expect((await build("other")).code).toBe(1);
    });

    test("a user who is not asked about cannot read the gate's key, nor write its state", async () => {
      const gate = join(world.stateDir, "gate");
      expect((await world.runAsUser("cat", [join(gate, "key")])).code).not.toBe(0);
      expect((await world.runAsUser("cat", [join(gate, "endpoint.json")])).code).toBe(0);
      for (const name of ["hook", "endpoint.json", "ledger.sqlite", "sources", "trees", "../trust/pin.json"])
        expect([name, (await world.runAsUser("test", ["-w", join(gate, name)])).code]).toEqual([name, 1]);
    });

    test("without the gate nothing is built for a user", async () => {
      await firstmile("admit", "-f", "default.nix", "-A", "other");
      await world.endGate("SIGKILL");
      const ended = await build("other", "--option", "substitute", "false");
      expect(ended.code).toBe(1);
      await world.startGate();
      expect((await build("other")).code).toBe(0);
    });
  });
});
