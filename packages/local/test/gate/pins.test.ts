/** Checkouts that pin other repositories, admitted and built on stock Nix without a network. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VERSIONS } from "../../../../testing/src/gate-world.ts";
import { missingForNixWorld } from "../../../../testing/src/nix-world.ts";
import {
  DEP,
  nivFiles,
  nivPin,
  npinsFiles,
  npinsPin,
  type PinsWorld,
  pinsWorld,
  WORDS,
} from "./pins-world.ts";

describe.each(VERSIONS)("pins, Nix of %s", (version) => {
  describe.skipIf(missingForNixWorld(version) !== undefined)("of a signed repository", () => {
    let pins: PinsWorld;
    beforeAll(async () => {
      pins = await pinsWorld(version);
    });
    afterAll(() => pins?.[Symbol.asyncDispose]());

    /** Admitted, named as inputs, and built to the signed words by the user's own command. */
    async function works(files: Record<string, string>, tree: string, label: string) {
      const { code, said } = await pins.admit(
        { ...files, "default.nix": `{ words = ${WORDS(tree)}; }` },
        "words",
      );
      expect([tree, code, said]).toEqual([tree, 0, expect.stringContaining(label)]);
      expect(said).toContain(pins.first.rev.slice(0, 12));
      return said;
    }
    async function builds() {
      const built = await pins.world.build("words");
      expect([built.code, built.stderr]).toEqual([0, expect.anything()]);
      expect(readFileSync(built.stdout.trim(), "utf8")).toBe("signed words\n");
    }

    test("npins, of each version and kind of repository", async () => {
      const { first } = pins;
      for (const version of [3, 5, 7, 8]) {
        const hash = version < 6 ? first.nix32 : first.sri;
        const files = npinsFiles({ dep: npinsPin(first, { hash }) }, version);
        await works(files, "(import ./npins).dep", "pin dep of npins/sources.json is the tree of commit");
      }
      await builds();
      const release = npinsPin(first, {
        type: "GitRelease",
        url: `https://api.github.com/repos/o/dep/tarball/refs/tags/1.0`,
      });
      await works(npinsFiles({ dep: release }), "(import ./npins).dep", "pin dep of npins/sources.json");
      await builds();
      const plain = npinsPin(first, { repository: { type: "Git", url: `${DEP}.git` }, url: null });
      await works(
        npinsFiles({ dep: plain }),
        "(import ./npins).dep",
        "given to fetchGit from its own objects",
      );
    });

    test("niv, as a tarball and as a repository", async () => {
      await works(
        nivFiles({ "the dep": nivPin(pins.first) }),
        '(import ./nix/sources.nix)."the dep"',
        "pin the dep of nix/sources.json",
      );
      await builds();
      const git = { type: "git", repo: DEP, rev: pins.first.rev, branch: "main" };
      await works(
        nivFiles({ dep: git }),
        "(import ./nix/sources.nix).dep",
        "pin dep of nix/sources.json is commit",
      );
    });

    test("calls in expressions: literal, put together, and computed", async () => {
      const { rev, nix32, sri, archive } = pins.first;
      const from = (text: string) => ({ "from.nix": text });
      await works(
        {},
        `(fetchTarball { url = "${archive}"; sha256 = "${nix32}"; })`,
        "fetchTarball at default.nix:1:",
      );
      await builds();
      await works(
        {},
        `(builtins.fetchTarball { name = "other"; url = "${archive}"; sha256 = "${sri}"; })`,
        "fetchTarball at",
      );
      await builds();
      await works(
        from(
          `let rev = "${rev}"; in fetchTarball { url = "${DEP}/archive/\${rev}.tar.gz"; sha256 = "${nix32}"; }`,
        ),
        "(import ./from.nix)",
        "fetchTarball at from.nix:1:",
      );
      // Nothing in the text says it: the address that Nix wants does.
      await works(
        {
          "from.json": JSON.stringify({ url: archive, sha256: nix32 }),
          "from.nix": "fetchTarball (builtins.fromJSON (builtins.readFile ./from.json))",
        },
        "(import ./from.nix)",
        `${archive} is the tree of commit`,
      );
      await builds();
      for (const call of [
        `{ url = "${DEP}"; rev = "${rev}"; }`,
        `{ url = "${DEP}.git"; rev = "${rev}"; ref = "refs/heads/main"; narHash = "${sri}"; }`,
        `{ url = "${DEP}"; rev = "${rev}"; name = "other"; shallow = true; }`,
      ])
        await works({}, `(builtins.fetchGit ${call})`, "fetchGit at default.nix:1:");
    });

    test("what fetchGit tells of a commit is the commit's own", async () => {
      const { rev } = pins.first;
      const second = await pins.depCommit({ more: "more" });
      const text = `let d = builtins.fetchGit { url = "${DEP}"; rev = "${second.rev}"; }; in {
        told = derivation { name = "told"; system = "x86_64-linux"; builder = "/bin/sh";
          args = [ d.rev d.shortRev (toString d.revCount) (toString d.lastModified) d.narHash ]; }; }`;
      const { code, said } = await pins.admit({ "default.nix": text }, "told");
      expect([code, said]).toEqual([0, expect.stringContaining(second.rev.slice(0, 12))]);
      const drv = readFileSync(/\/\S+-told\.drv/.exec(said)![0], "utf8");
      for (const word of [second.rev, second.rev.slice(0, 7), '"2"', second.sri]) expect(drv).toContain(word);
      expect(drv).not.toContain(rev);
    });

    test("pins of a pinned tree are brought like any other", async () => {
      const inner = pins.first;
      const outer = await pins.depCommit({
        ...npinsFiles({ inner: npinsPin(inner) }),
        "default.nix": "{ words = (import (import ./npins).inner).words; }",
      });
      const call = `(fetchTarball { url = "${outer.archive}"; sha256 = "${outer.nix32}"; })`;
      const { code, said } = await pins.admit({ "default.nix": `{ words = ${WORDS(call)}; }` }, "words");
      expect([code, said]).toEqual([
        0,
        expect.stringContaining("pin inner of npins/sources.json, in fetchTarball at"),
      ]);
      await builds();
    });

    test("only what is asked for has to be covered", async () => {
      const files = npinsFiles({
        dep: npinsPin(pins.first),
        channel: {
          type: "Channel",
          name: "c",
          url: "https://releases.nixos.org/c/nixexprs.tar.xz",
          hash: pins.first.sri,
        },
        unlisted: npinsPin(pins.first, {
          repository: { type: "GitHub", owner: "x", repo: "y" },
          url: "https://github.com/x/y",
        }),
      });
      await works(files, "(import ./npins).dep", "pin dep of npins/sources.json");
      for (const [name, code, words] of [
        ["channel", "outside-access", "is a channel's release"],
        ["unlisted", "unknown-source", 'urls = ["https://github.com/x/y"]'],
      ]) {
        const text = `{ words = ${WORDS(`(import ./npins).${name}`)}; }`;
        const denied = await pins.admit({ ...files, "default.nix": text }, "words");
        expect([name, denied.code, denied.said]).toEqual([name, 1, expect.stringContaining(code!)]);
        expect(denied.said).toContain(`pin ${name} of npins/sources.json`);
        expect(denied.said.replaceAll(/\s+/g, " ")).toContain(words);
      }
    });

    test("a flake's own lock, read by a loader in the shape of flake-compat", async () => {
      const { rev, sri: narHash } = pins.first;
      const lastModified = Number(
        (await pins.world.run("git", ["-C", pins.dep.dir, "log", "-1", "--format=%ct", rev])).stdout,
      );
      const locked = { type: "github", owner: "o", repo: "dep", rev, narHash, lastModified };
      const lock = { nodes: { root: { inputs: { dep: "dep" } }, dep: { locked } }, root: "root", version: 7 };
      const loader = `let fetchTree = builtins.fetchTree or (info: { outPath = fetchTarball {
          url = "https://api.\${info.host or "github.com"}/repos/\${info.owner}/\${info.repo}/tarball/\${info.rev}"; sha256 = info.narHash; }; });
        in (fetchTree (builtins.fromJSON (builtins.readFile ./flake.lock)).nodes.dep.locked).outPath`;
      const files = { "flake.lock": JSON.stringify(lock), "loader.nix": loader };
      const said = await works(
        files,
        "(import ./loader.nix)",
        "input dep of flake.lock is the tree of commit",
      );
      const plain = await works(npinsFiles({ dep: npinsPin(pins.first) }), "(import ./npins).dep", "pin dep");
      const drv = /\/\S+-words\.drv/;
      expect(drv.exec(said)![0]).toBe(drv.exec(plain)![0]);
    });

    test("firstmile nix nix-build does both", async () => {
      await pins.admit({
        ...npinsFiles({ dep: npinsPin(pins.first) }),
        "default.nix": `{ words = ${WORDS("(import ./npins).dep")}; }`,
      });
      const ended = await pins.world.firstmile("nix", "nix-build", "-A", "words", "--no-out-link");
      expect([ended.code, ended.stderr]).toEqual([0, expect.anything()]);
      expect(readFileSync(ended.stdout.trim().split("\n").at(-1)!, "utf8")).toBe("signed words\n");
    });

    test("what rests on a pin is not built any more when its repository is nobody's", async () => {
      const text = `{ words = ${WORDS("(import ./npins).dep").replace('"words"', '"later"')}; }`;
      const files = { ...npinsFiles({ dep: npinsPin(pins.first) }), "default.nix": text };
      expect((await pins.admit(files, "words")).code).toBe(0);
      const introduction = pins.world.source.tip();
      await pins.world.changeRules({ sources: { pkgs: { introduction } } });
      const built = await pins.world.build("words");
      expect([built.code, built.stdout]).toEqual([1, ""]);
      expect(`${(await pins.world.firstmile("why", "--last")).stdout}`).toContain("no source dep any more");
    });
  });
});
