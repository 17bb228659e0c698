/** The pre-build hook on stock Nix, one user: nothing is built that was not admitted. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";

const FILES = {
  "default.nix": `{
    hello = ${derivationText("hello", "echo hello > $out")};
    other = ${derivationText("other", "echo other > $out")};
    later = ${derivationText("later", "echo later > $out")};
  }`,
};

describe.each(VERSIONS)("hook, one user, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("held by the gate", () => {
    let world: GateWorld;
    beforeAll(async () => {
      world = await GateWorld.make({ version, files: FILES });
      await world.startGate();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    test("what was not admitted is not built, and the refusal says what to do", async () => {
      const ended = await world.build("hello");
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain("not-admitted");
      expect(ended.stderr).toContain("firstmile why");
      expect(ended.stdout).toBe("");
    });

    test("admitted, it is built", async () => {
      await world.admit("hello");
      const ended = await world.build("hello");
      expect(ended.stderr).toContain("building");
      expect(ended.code).toBe(0);
    });
  });
});
