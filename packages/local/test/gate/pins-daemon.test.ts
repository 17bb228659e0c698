/** Pins with the multi-user daemon: an ordinary user asks the machine's gate, and then needs no network. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { npinsFiles, npinsPin, type PinsWorld, pinsWorld, WORDS } from "./pins-world.ts";

describe.each(VERSIONS)("pins and the daemon, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("held by the gate", () => {
    let pins: PinsWorld;
    beforeAll(async () => {
      pins = await pinsWorld(version, {}, { multiUser: true });
      await pins.world.nix.startDaemon();
      await pins.world.endGate();
      await pins.world.startGate();
    });
    afterAll(() => pins?.[Symbol.asyncDispose]());

    test("admitted for a user, and built by them; what was planted is refused", async () => {
      const { world, first } = pins;
      const evil = await pins.planted(first, { words: "evil words" });
      const files = {
        ...npinsFiles({ dep: npinsPin(first), evil: npinsPin(first, { hash: evil.sri }) }),
        "default.nix": `{ words = ${WORDS("(import ./npins).dep")}; evil = ${WORDS("(import ./npins).evil")}; }`,
      };
      await world.source.commit({ by: world.alice, files, whole: true });
      mkdirSync(join(world.nix.dir, "mine"));
      const cwd = join(world.nix.dir, "mine/pkgs");
      await world.clone(cwd, world.nix.user!.uid);
      const build = (attr: string) =>
        world.runAsUser(world.program, ["nix", "nix-build", "-A", attr, "--no-out-link"], { cwd });
      const built = await build("words");
      expect([built.code, built.stderr]).toEqual([0, expect.anything()]);
      expect(readFileSync(built.stdout.trim(), "utf8")).toBe("signed words\n");
      const refused = await build("evil");
      expect([refused.code, `${refused.stdout}${refused.stderr}`]).toEqual([
        1,
        expect.stringContaining("tree-differs"),
      ]);
    });
  });
});
