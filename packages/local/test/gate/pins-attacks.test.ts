/** Pins that say something else than what was signed. One test an attack. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import {
  DEP,
  nivFiles,
  nivPin,
  npinsFiles,
  npinsPin,
  type PinnedCommit,
  type PinsWorld,
  pinsWorld,
  WORDS,
} from "./pins-world.ts";

const EVIL = { words: "evil words" };

describe.each(VERSIONS)("attacks on pins, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("held by the gate", () => {
    let pins: PinsWorld;
    let first: PinnedCommit;
    let evil: PinnedCommit;
    beforeAll(async () => {
      pins = await pinsWorld(version);
      first = pins.first;
      // As a forge's changed tarball leaves it: downloaded once, by the hash that it then had.
      evil = await pins.planted(first, EVIL);
    });
    afterAll(() => pins?.[Symbol.asyncDispose]());
    let derivations: number;
    const admitted = async (): Promise<number> =>
      JSON.parse((await pins.world.ask("GET", "/status")).body).derivations;
    beforeEach(async () => {
      derivations = await admitted();
    });

    /** Denied with this code, and nothing admitted. */
    async function denied(code: string, files: Record<string, string>, tree: string): Promise<string> {
      const answer = await pins.admit({ ...files, "default.nix": `{ words = ${WORDS(tree)}; }` }, "words");
      expect([tree, answer.code, answer.said]).toEqual([tree, 1, expect.stringContaining(`✗ ${code}:`)]);
      expect(await admitted()).toBe(derivations);
      return answer.said;
    }
    const npins = (more: object, code: string) =>
      denied(code, npinsFiles({ dep: npinsPin(first, more) }), "(import ./npins).dep");
    const call = (url: string, hash: string) => `(fetchTarball { url = "${url}"; sha256 = "${hash}"; })`;

    test("the hash of another tree, in each kind of pin: shown file by file", async () => {
      const said = [
        await npins({ hash: evil.sri }, "tree-differs"),
        await denied("tree-differs", {}, call(first.archive, evil.nix32)),
        await denied(
          "tree-differs",
          {},
          `(builtins.fetchGit { url = "${DEP}"; rev = "${first.rev}"; narHash = "${evil.sri}"; })`,
        ),
      ];
      for (const each of said) expect(each).toContain("words has other content");
      const named = await pins.planted(first, EVIL, "dep-src");
      const niv = nivFiles({ dep: nivPin(first, { sha256: named.nix32 }) });
      const shown = await denied("tree-differs", niv, "(import ./nix/sources.nix).dep");
      expect(shown).toContain("words has other content");
    });

    test("the hash of another tree, computed so that no text says it", async () => {
      const halves = [evil.nix32.slice(0, 20), evil.nix32.slice(20)].map((half) => JSON.stringify(half));
      const said = await denied(
        "tree-differs",
        {},
        `(fetchTarball { url = "${first.archive}"; sha256 = ${halves.join(" + ")}; })`,
      );
      expect(said).toContain(`sha256 = "${first.sri}"`);
    });

    test("the right pin beside the call, in a lock or in a comment, does not vouch for the call", async () => {
      const halves = [evil.nix32.slice(0, 20), evil.nix32.slice(20)].map((half) => JSON.stringify(half));
      const decoy = `(fetchTarball { url = "${first.archive}"; sha256 = ${halves.join(" + ")}; })`;
      const right = call(first.archive, first.nix32);
      await denied("tree-differs", npinsFiles({ dep: npinsPin(first) }), decoy);
      await denied("tree-differs", { "other.nix": right }, decoy);
      // Both are evaluated: the address is let through for the one, and the other asks for it too.
      await denied("tree-differs", {}, `(builtins.seq (import ${right}) ${decoy})`);
    });

    test("fetchTree, which 2.8 lets take any tree of the store by its hash, in a file and in a flake", async () => {
      const github = `type = "github"; owner = "o"; repo = "dep"; rev = "${first.rev}"; lastModified = 1;`;
      for (const input of [github, 'type = "path"; path = "/nowhere"; lastModified = 1;']) {
        const tree = `(builtins.fetchTree { ${input} narHash = "${evil.sri}"; })`;
        const text = WORDS(tree);
        const file = await pins.admit({ "default.nix": `{ words = ${text}; }` }, "words");
        const refused = expect.stringMatching(/✗ (?:tree-differs|outside-access|evaluation-failed):/);
        expect([tree, file.code, file.said]).toEqual([tree, 1, refused]);
        const flake = `{ outputs = _: { packages.x86_64-linux.words = ${text}; }; }`;
        await pins.admit({ "default.nix": "{ }", "flake.nix": flake });
        const ended = await pins.world.firstmile("admit", ".#words");
        expect([tree, ended.code, ended.stdout]).toEqual([tree, 1, refused]);
        expect(await admitted()).toBe(derivations);
      }
    });

    test("the revision of another commit, with the hash of the first", async () => {
      const second = await pins.depCommit({ more: "more" });
      const url = second.archive;
      expect(await npins({ revision: second.rev, url }, "tree-differs")).toContain(second.rev);
      await denied("tree-differs", {}, call(url, first.nix32));
    });

    test("the revision of a commit that a stranger signed, and of one that is nowhere", async () => {
      const strange = await pins.depCommit({ words: "bob's words" }, pins.world.bob);
      const pin = npinsFiles({ dep: npinsPin(strange) });
      expect(await denied("not-in-role", pin, "(import ./npins).dep")).toContain("bob");
      await denied("not-in-role", {}, call(strange.archive, strange.nix32));
      await denied("not-in-role", {}, `(builtins.fetchGit { url = "${DEP}"; rev = "${strange.rev}"; })`);
      pins.dep.move("main", first.rev);
      const rev = "1".repeat(40);
      const nowhere = { ...first, rev, archive: `${DEP}/archive/${rev}.tar.gz` } as PinnedCommit;
      await denied("source-unavailable", npinsFiles({ dep: npinsPin(nowhere) }), "(import ./npins).dep");
    });

    test("an older revision of a repository of which a newer one was brought, given to fetchGit", async () => {
      const second = await pins.depCommit({ ...EVIL });
      const third = await pins.depCommit({ words: "signed words" });
      const git = (rev: string) => `(builtins.fetchGit { url = "${DEP}"; rev = ${rev}; })`;
      const halves = [second.rev.slice(0, 20), second.rev.slice(20)].map((half) => JSON.stringify(half));
      const both = `(builtins.seq (import ${git(`"${third.rev}"`)}) ${git(`(${halves.join(" + ")})`)})`;
      const answer = await pins.admit({ "default.nix": `{ words = ${WORDS(both)}; }` }, "words");
      // 2.34 says which revision it wants, so it is brought as any other: it is authentic. 2.8 does not.
      if (version === "sid")
        expect([answer.code, answer.said]).toEqual([0, expect.stringContaining(second.rev)]);
      else expect([answer.code, answer.said]).toEqual([1, expect.stringContaining("✗ outside-access:")]);
      pins.dep.move("main", first.rev);
    });

    test("a repository that no source of the policy is, with the lines to add", async () => {
      const other = "https://github.com/evil/dep";
      const said = await denied(
        "unknown-source",
        {},
        call(first.archive.replace("/o/", "/evil/"), first.nix32),
      );
      expect(said).toContain(`urls = ["${other}"]`);
      const repository = { type: "GitHub", owner: "evil", repo: "dep" };
      await npins({ repository }, "unknown-source");
      await denied("unknown-source", {}, `(builtins.fetchGit { url = "${other}"; rev = "${first.rev}"; })`);
    });

    test("two pins with one name, of which Nix would take the last", async () => {
      const pair = [npinsPin(first), npinsPin(evil)].map((pin) => `"dep":${JSON.stringify(pin)}`);
      const text = `{"pins":{${pair.join()}},"version":7}`;
      const files = { ...npinsFiles({}), "npins/sources.json": text };
      expect(await denied("lock-unreadable", files, "(import ./npins).dep")).toContain("twice");
    });

    test("a lock of 17 MB, and one nested 10,000 deep", async () => {
      const dep = npinsPin(first, { padding: "x".repeat(17 << 20) });
      expect(await denied("lock-unreadable", npinsFiles({ dep }), "(import ./npins).dep")).toContain(
        "16 MiB",
      );
      const deep = `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`;
      const text = `{"dep":${JSON.stringify(nivPin(first))},"deep":${deep}}`;
      const files = { ...nivFiles({}), "nix/sources.json": text };
      const { code, said } = await pins.admit(
        { ...files, "default.nix": `{ words = ${WORDS("(import ./nix/sources.nix).dep")}; }` },
        "words",
      );
      // Whichever of the two gives up first, Nix or this.
      expect([code, said]).toEqual([1, expect.stringMatching(/✗ (?:lock-unreadable|evaluation-failed):/)]);
    });

    test("a lock of 10 MB is read", async () => {
      const dep = npinsPin(first, { padding: "x".repeat(10 << 20) });
      const text = `{ words = ${WORDS("(import ./npins).dep")}; }`;
      expect((await pins.admit({ ...npinsFiles({ dep }), "default.nix": text }, "words")).code).toBe(0);
    });

    test("names of dots, of pins and repositories", async () => {
      const climbs = { type: "GitHub", owner: "evil/../o", repo: "dep" };
      const said = await npins({ repository: climbs }, "outside-access");
      expect(said).toContain("pin dep of npins/sources.json names no repository by a plain URL");
      await denied("outside-access", {}, call(first.archive.replace("/o/", "/evil/../o/"), first.nix32));
      const niv = nivFiles({ "../../etc": nivPin(first) });
      const pin = await pins.admit(
        { ...niv, "default.nix": `{ words = ${WORDS('(import ./nix/sources.nix)."../../etc"')}; }` },
        "words",
      );
      // Nix itself has no store path of such a name, or a harmless one of its parts.
      if (pin.code !== 0) expect(pin.said).toMatch(/✗ (?:tree-differs|evaluation-failed):/);
      const { archive, nix32 } = first;
      const name = `(fetchTarball { name = "../x"; url = "${archive}"; sha256 = "${nix32}"; })`;
      expect(await denied("outside-access", {}, name)).toContain("a name that nothing in a store has");
    });

    test("an address with a password, which is not repeated", async () => {
      const secret = first.archive.replace("https://", "https://me:secret@");
      const withToken = { type: "Git", url: `${DEP.replace("https://", "https://me:secret@")}.git` };
      for (const said of [
        await denied("outside-access", {}, call(secret, first.nix32)),
        await npins({ repository: withToken, url: null }, "outside-access"),
      ])
        expect(said).not.toContain("secret");
    });

    test("addresses of this machine, and one that would be two", async () => {
      await denied("outside-access", {}, call(`file://${pins.dep.dir}`, first.nix32));
      await denied(
        "outside-access",
        {},
        `(builtins.fetchGit { url = "file://${pins.dep.dir}"; rev = "${first.rev}"; })`,
      );
      await denied(
        "outside-access",
        {},
        `(builtins.fetchGit { url = ${pins.dep.dir}; rev = "${first.rev}"; })`,
      );
      await denied("outside-access", {}, call(`${first.archive} https:`, first.nix32));
    });

    test("an address made up in an error message brings nothing that counts", async () => {
      // Taken at its word, the tree is brought; the expression fails all the same.
      const message = `access to URI '${first.archive}' is forbidden in restricted mode`;
      await denied("tree-differs", {}, `(throw "${message}")`);
    });
  });
});
