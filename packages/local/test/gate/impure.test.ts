/** Impure derivations: a download that no hash binds is neither admitted nor built, unless the rules say so. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";

const IMPURE = derivationText(
  "fetch",
  "echo fetched > $out",
  '__impure = true; outputHashMode = "recursive"; outputHashAlgo = "sha256";',
);
const FILES = {
  "default.nix": `rec {
    fetch = ${IMPURE};
    named = (${IMPURE}) // { __impure = false; };
    user = ${derivationText("user", "read line < $fetched; echo $line > $out", 'fetched = fetch; __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256";')};
    plain = ${derivationText("plain", "echo plain > $out")};
  }`,
};
const rules = (more: string) => ({
  roles: { builders: ["b1"] },
  more: `[principal.b1]\nkeys = ["nix:b1-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="]\n[output]\nbuilders = "builders"\n${more}`,
});

describe.each(VERSIONS)("impure derivations, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("with the feature on", () => {
    let world: GateWorld;
    beforeAll(async () => {
      world = await GateWorld.make({
        version,
        files: FILES,
        policy: rules(""),
        conf: { "experimental-features": "nix-command ca-derivations impure-derivations" },
      });
      await world.startGate();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    test.each(["fetch", "named", "user"])("%s is not admitted: impure-derivation", async (attr) => {
      const ended = await world.firstmile("admit", "-f", "default.nix", "-A", attr);
      expect(ended.code).not.toBe(0);
      expect(ended.stdout).toContain("impure-derivation");
      expect(ended.stdout).toContain("[output] impure = true");
      expect((await world.build("fetch")).stderr).toContain("not-admitted");
      await world.admit("plain");
    });

    test("what was admitted while the rules allowed it is not built afterwards", async () => {
      await world.changeRules(rules("impure = true\n"));
      await world.admit("fetch");
      await world.changeRules(rules(""));
      const refused = await world.build("fetch");
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toContain("impure-derivation");
      await world.changeRules(rules("impure = true\n"));
      expect((await world.build("fetch")).stderr).not.toContain("denied");
    });
  });
});
