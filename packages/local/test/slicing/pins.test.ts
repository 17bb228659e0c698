/** A pinned repository of which only what is read has to be covered, on stock Nix. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import { namesAt, signedBy, wholeReviewOf } from "../../../../testing/src/world-statements.ts";
import { DEP, npinsFiles, npinsPin, type PinsWorld, pinsWorld, WORDS } from "../gate/pins-world.ts";

describe.each(VERSIONS)("slices of pinned trees, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("held by the gate", () => {
    let pins: PinsWorld;
    beforeAll(async () => {
      const rules = [{ paths: ["**"], review: "reader" }];
      const policy = { roles: { reader: ["bob"] } };
      pins = await pinsWorld(version, { authenticate: "slice", rules }, { policy });
    });
    afterAll(() => pins?.[Symbol.asyncDispose]());

    const admit = (text: string) =>
      pins.admit(
        { ...npinsFiles({ dep: npinsPin(pins.first) }), "default.nix": `{ words = ${text}; }` },
        "words",
      );
    const words = WORDS("(import ./npins).dep");
    const read = async (paths: string[]) => {
      const review = await wholeReviewOf(pins.dep, pins.first.rev, paths);
      await pins.world.carry(await signedBy(review, [pins.world.bob]));
    };

    test("what nobody has read is not evaluated, and the file is named", async () => {
      const { code, said } = await admit(words);
      expect([code, said]).toEqual([1, expect.stringContaining("default.nix: role reader has not read it")]);
      await read(["default.nix"]);
      const next = await admit(words);
      expect([next.code, next.said]).toEqual([
        1,
        expect.stringContaining("words: role reader has not read it"),
      ]);
    });

    test("what was read is enough, and it is built", async () => {
      await read(["words"]);
      const { code, said } = await admit(words);
      expect([code, said]).toEqual([0, expect.stringContaining("2 files that it reads")]);
      const built = await pins.world.build("words");
      expect([built.code, built.stderr]).toEqual([0, expect.anything()]);
      expect(readFileSync(built.stdout.trim(), "utf8")).toBe("signed words\n");
    });

    test("a derivation that takes the tree as a whole has read all of it, also behind a text", async () => {
      const more = await pins.depCommit({ "unread.nix": "1" });
      const whole = (src: string) => {
        const text = derivationText("words", "echo x > $out", `src = ${src};`);
        const files = npinsFiles({ dep: npinsPin(more) });
        return pins.admit({ ...files, "default.nix": `{ words = ${text}; }` }, "words");
      };
      const direct = await whole("(import ./npins).dep");
      expect([direct.code, direct.said]).toEqual([
        1,
        expect.stringContaining("unread.nix: role reader has not read it"),
      ]);
      expect(direct.said).toContain("a derivation takes in the whole tree");
      const hidden = await whole('builtins.toFile "t" "see ${(import ./npins).dep}"');
      expect([hidden.code, hidden.said]).toEqual([
        1,
        expect.stringContaining("a derivation takes in the whole tree"),
      ]);
    });

    test("names of a pinned tree count too", async () => {
      const text = derivationText(
        "words",
        "echo $names > $out",
        'names = toString (builtins.attrNames (builtins.readDir "${(import ./npins).dep}/hooks"));',
      );
      const admitAt = async (change: Parameters<typeof pins.depCommit>[0]) => {
        const at = await pins.depCommit(change);
        const files = npinsFiles({ dep: npinsPin(at) });
        return { at, ...(await pins.admit({ ...files, "default.nix": `{ words = ${text}; }` }, "words")) };
      };
      const first = await admitAt({ "hooks/a": "a" });
      expect(first.said).toContain("hooks/: role reader has not been shown its 1 name");
      const { changes } = await wholeReviewOf(pins.dep, pins.first.rev, ["words"]);
      const review = await wholeReviewOf(pins.dep, pins.first.rev, ["words"]);
      const names = await namesAt(pins.dep, first.at.rev, ["hooks"]);
      await pins.world.carry(await signedBy({ ...review, changes, names }, [pins.world.bob]));
      const second = await admitAt({ words: "signed words\n" });
      expect([second.code, second.said]).toEqual([0, expect.stringContaining("1 listing")]);
      const third = await admitAt({ "hooks/b": "b" });
      expect([third.code, third.said]).toEqual([1, expect.stringContaining("hooks/: b is new")]);
    });

    test("fetchGit would take it whole, unread", async () => {
      const { code, said } = await admit(
        WORDS(`(builtins.fetchGit { url = "${DEP}"; rev = "${pins.first.rev}"; })`),
      );
      expect([code, said]).toEqual([1, expect.stringContaining("is given whole to fetchGit")]);
    });
  });
});
