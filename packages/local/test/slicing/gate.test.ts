/** A source that nobody signs, on stock Nix: what is read of it has to be covered, and nothing else. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import {
  contentTarget,
  distrustOf,
  reviewOf,
  signedBy,
  waiverOf,
  wholeReviewOf,
} from "../../../../testing/src/world-statements.ts";

const FILES = {
  "default.nix": `{ hello = import ./hello.nix; other = import ./other.nix; }`,
  "hello.nix": derivationText("hello", "read line < $src; echo $line > $out", "src = ./hello.txt;"),
  "hello.txt": "hello\n",
  "other.nix": derivationText("other", "echo other > $out"),
};

const NEVER = 4_000_000_000;

describe.each(VERSIONS)("slices, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("held by the gate", () => {
    let world: GateWorld;
    beforeAll(async () => {
      world = await GateWorld.make({
        version,
        files: FILES,
        policy: { roles: { reader: ["bob"], warden: ["alice"] } },
      });
      const introduction = world.source.tip();
      const rules = [{ paths: ["**"], review: "reader", waive: "root" }];
      await world.changeRules({ sources: { pkgs: { introduction, authenticate: "slice", rules } } });
      await world.startGate();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    const admit = (attr: string) => world.firstmile("admit", "-f", "default.nix", "-A", attr);

    test("what nobody has read is not even evaluated, and the file is named", async () => {
      const ended = await admit("hello");
      expect(ended.stdout).toContain("not-covered");
      expect(ended.stdout).toContain("default.nix: role reader has not read it");
      expect(ended.stdout).toContain("firstmile review pkgs");
      expect(ended.code).toBe(1);
    });

    test("what is read has to be covered, whatever else lies beside it", async () => {
      const commit = world.source.tip();
      const read = await wholeReviewOf(world.source, commit, ["default.nix", "hello.nix", "hello.txt"]);
      await world.carry(await signedBy(read, [world.bob]));
      const ended = await admit("hello");
      expect(ended.stdout).toContain("3 files that it reads");
      expect(ended.code).toBe(0);
      expect((await world.build("hello")).code).toBe(0);
      expect((await admit("other")).stdout).toContain("other.nix: role reader has not read it");
    });

    test("an unsigned commit by anybody passes where it changes nothing that is read", async () => {
      await world.commit({ "README.md": "hello\n" }, undefined);
      expect((await admit("hello")).code).toBe(0);
    });

    test("one changed byte is held back, and a review of the change lets it through", async () => {
      const before = world.source.tip();
      const after = await world.commit({ "hello.txt": "hullo\n" }, undefined);
      const refused = await admit("hello");
      expect(refused.stdout).toContain("hello.txt: role reader has not read it");
      expect(refused.code).toBe(1);
      await world.carry(await signedBy(await reviewOf(world.source, before, after), [world.bob]));
      const ended = await admit("hello");
      expect(ended.stdout).toContain("read change by change by bob");
      expect(ended.code).toBe(0);
    });

    test("a waiver lets it through for a while, and is told", async () => {
      const commit = await world.commit({ "hello.txt": "hallo\n" }, undefined);
      const target = await contentTarget(world.source, commit, "hello.txt");
      const waiver = waiverOf({ targets: [target], until: NEVER, because: "in a hurry" });
      await world.carry(await signedBy(waiver, [world.alice]));
      const ended = await admit("hello");
      expect(ended.stdout).toContain("1 file waived until 2096-10-02 by alice: in a hurry");
      expect(ended.code).toBe(0);
    });

    test("a distrust wins over all of it, and what was admitted is not built any more", async () => {
      const commit = world.source.tip();
      const derivation = await world.instantiate("hello");
      const target = await contentTarget(world.source, commit, "hello.txt", "anywhere");
      const against = distrustOf({ targets: [target], because: "it says hallo" });
      await world.carry(await signedBy(against, [world.alice]));
      const why = await world.firstmile("why", derivation);
      expect(why.stdout).toContain("distrusted: hello.txt: alice distrusts it: it says hallo");
      expect((await world.build("hello")).code).not.toBe(0);
      expect((await admit("hello")).code).toBe(1);
    });
  });
});
