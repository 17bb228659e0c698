/** What an admission leaves in the machine's store: all that was allowed, and nothing of what was denied. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { VERSIONS } from "../admission/nix-of.ts";

const COPIES = derivationText("copies", "read words < $src/words; echo $words > $out", "src = ./src;");

describe.each(VERSIONS)("an admission and the store, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("by the gate", () => {
    let world: GateWorld;
    let secret: string;
    beforeAll(async () => {
      world = await GateWorld.make({ version, files: { "default.nix": "{ }" } });
      secret = join(world.nix.dir, "secret");
      writeFileSync(secret, "a secret of the machine", { mode: 0o600 });
      const expressions = [
        `copies = ${COPIES};`,
        `fails = builtins.seq (import (builtins.toFile "f" "1")) (builtins.seq (${COPIES}).outPath (throw "no"));`,
        `flake = builtins.seq (builtins.getFlake "path:${world.stateDir}").outPath ${COPIES};`,
        `fetched = builtins.seq (builtins.fetchTree { type = "path"; path = "${secret}"; }).outPath ${COPIES};`,
        `read = derivation { name = builtins.readFile ${secret}; system = "x86_64-linux"; builder = "/bin/sh"; };`,
      ];
      await world.commit({ "default.nix": `{ ${expressions.join("\n")} }`, "src/words": "words" });
      await world.startGate();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    const inStore = () => (existsSync(world.nix.storeDir) ? readdirSync(world.nix.storeDir).sort() : []);

    test.each(["fails", "flake", "fetched", "read"])("nothing, where %s is denied", async (attr) => {
      const before = inStore();
      const ended = await world.firstmile("admit", "-f", "default.nix", "-A", attr);
      expect([attr, ended.code]).toEqual([attr, 1]);
      expect(`${ended.stdout}${ended.stderr}${world.gateLog()}`).not.toContain("a secret of the machine");
      expect(inStore()).toEqual(before);
    });

    test("the derivation and its sources, where it is allowed; and they can be built", async () => {
      await world.admit("copies");
      const names = inStore();
      expect(names.some((name) => name.endsWith("-src"))).toBe(true);
      const drv = names.find((name) => name.endsWith("-copies.drv"));
      expect(await world.instantiate("copies")).toBe(join(world.nix.storeDir, drv!));
      const built = await world.build("copies");
      expect([built.code, built.stderr]).toEqual([0, expect.any(String)]);
    });
  });
});
