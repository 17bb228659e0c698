/** What lock files and expressions pin, as values; and the lexer beside Nix's own. */
import { latin1 } from "@firstmile/formats/bytes/text";
import { commitOfCall, fetchCalls } from "@firstmile/formats/nix/expression-pins";
import { expressionTokens } from "@firstmile/formats/nix/expression-tokens";
import { gitRepository, namedCommit } from "@firstmile/formats/nix/forge-archive";
import { parseNivLock } from "@firstmile/formats/nix/niv-lock";
import { parseNpinsLock } from "@firstmile/formats/nix/npins-lock";
import type { Pin } from "@firstmile/formats/nix/pin";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readVectors } from "../../../../testing/src/vectors.ts";
import { nixVersion, StockNix } from "./stock-nix.ts";

const REV = "1".repeat(40);
const NAR_HASH = "sha256:00xyyr3fi8l6hb839bv3f7yb86yjv7xi1cgh1xnhipym4asvb4aq";

function block(area: string, name: string, block: string): Uint8Array {
  return readVectors(`nix/${area}`)
    .find(({ file }) => file.endsWith(`/${name}.txt`))!
    .blocks.get(block)!;
}
const npins = (name: string) => [...parseNpinsLock(block("npins", name, "sources")).pins.values()];
const niv = (name: string) => [...parseNivLock(block("niv", name, "sources")).pins.values()];
const calls = (name: string) => fetchCalls(latin1(block("expression", name, "expression")));
const brief = (pin: Pin | undefined) =>
  pin?.kind === "commit" ? `${pin.fetcher} ${pin.repository} ${pin.url}` : pin?.problem;

describe("npins", () => {
  test("each kind of repository, as the loader fetches it", () => {
    const archive = `https://github.com/o/r/archive/${REV}.tar.gz`;
    const api = "https://gitlab.com/api/v4/projects/g%2Fs%2Fr/repository/archive.tar.gz?sha=";
    for (const [name, expected] of [
      ["github", `fetchTarball https://github.com/o/r ${archive}`],
      ["version-3", `fetchTarball https://github.com/o/r ${archive}`],
      ["git", "fetchGit https://example.org/r https://example.org/r.git"],
      ["gitlab", `fetchTarball https://gitlab.com/g/s/r ${api}${REV}`],
      ["forgejo", `fetchTarball https://codeberg.org/o/r https://codeberg.org/o/r/archive/${REV}.tar.gz`],
      [
        "release",
        "fetchTarball https://github.com/o/r https://api.github.com/repos/o/r/tarball/refs/tags/1.0",
      ],
      ["submodules", "fetchGit https://github.com/o/r https://github.com/o/r.git"],
    ] as const) {
      const [pin] = npins(name);
      expect([name, brief(pin)]).toEqual([name, expected]);
      expect(pin).toMatchObject({ rev: REV, narHash: NAR_HASH, storeNames: ["source"] });
    }
  });

  test("what names no commit is kept, with why and what to do", () => {
    for (const pin of [...npins("other-kinds"), ...npins("credentials"), ...npins("owner-climbs")]) {
      expect(pin.kind).toBe("other");
      expect(JSON.stringify(pin)).not.toContain("secret");
      expect(pin.kind === "other" && pin.remedy).toMatch(/^[a-z]/);
    }
    expect(npins("other-kinds").map(({ url }) => url)).toContain("https://example.org/y.tar.gz");
  });
});

describe("niv", () => {
  test("the commit is the address's, or the members'", () => {
    for (const name of ["github", "url-alone", "gitlab", "members", "sri"])
      expect([name, niv(name)[0]]).toEqual([name, expect.objectContaining({ rev: REV, narHash: NAR_HASH })]);
    expect(brief(niv("gitlab")[0])).toMatch(/^fetchTarball https:\/\/gitlab.com\/g\/r /);
    expect(brief(niv("members")[0])).toMatch(/^fetchTarball https:\/\/github.com\/o\/r https:\/\/mirror/);
    expect(brief(niv("git")[0])).toBe("fetchGit https://example.org/r.git https://example.org/r.git");
    expect(brief(niv("ssh")[0])).toBe("fetchGit ssh://git@example.org/o/r.git git@example.org:o/r.git");
  });

  test("a tree's name in the store is the pin's, as the loader cleans it", () => {
    const pin = { type: "tarball", url: `https://github.com/o/r/archive/${REV}.tar.gz`, sha256: NAR_HASH };
    const names = ["nixpkgs", "..a b", "a/b@c", "pre-commit-hooks.nix"];
    const lock = Buffer.from(JSON.stringify(Object.fromEntries(names.map((name) => [name, pin]))));
    const read = [...parseNivLock(lock).pins.values()].map((p) => p.kind === "commit" && p.storeNames[0]);
    expect(read).toEqual(["nixpkgs-src", "a-b-src", "a-b-c-src", "pre-commit-hooks.nix-src"]);
  });

  test("what names no commit is kept, with why", () => {
    for (const pin of [...niv("other-kinds"), ...niv("credentials"), ...niv("owner-climbs")])
      expect([pin.name, pin.kind]).toEqual([pin.name, "other"]);
  });
});

describe("expressions", () => {
  test("literal calls, and those put together from one file's constants", () => {
    for (const name of ["tarball", "named", "filled-in", "inherited"]) {
      const pins = calls(name).map((call) => commitOfCall(call, "f.nix"));
      expect([name, pins]).toEqual([name, [expect.objectContaining({ rev: REV, narHash: NAR_HASH })]]);
    }
    expect(commitOfCall(calls("named")[0]!, "a/f.nix")).toMatchObject({
      name: "fetchTarball at a/f.nix:1:18",
      storeNames: ["n"],
    });
    expect(brief(commitOfCall(calls("git")[0]!, ""))).toMatch(/^fetchGit https:\/\/example.org\/r.git/);
    expect(brief(commitOfCall(calls("tree")[0]!, ""))).toBe("fetchTarball https://github.com/o/r undefined");
    for (const name of ["url-alone", "uri", "in-string"])
      expect([name, commitOfCall(calls(name)[0]!, "")?.rev]).toEqual([name, REV]);
  });

  test("what is no call, or is computed, gives no commit", () => {
    expect(["in-comment", "not-a-call"].flatMap(calls)).toEqual([]);
    expect(calls("two-values")).toMatchObject([{ computed: ["url"] }]);
    expect(commitOfCall(calls("two-values")[0]!, "")).toBeUndefined();
    const computed = fetchCalls("fetchTarball { url = f x; sha256 = if a then b else c; }");
    expect(computed).toMatchObject([{ computed: ["url", "sha256"] }]);
  });

  test("names that stand for each other in a circle end", () => {
    expect(
      fetchCalls('{ a = "${b}"; b = "${a}"; c = fetchTarball a; d = fetchTarball "${a}"; }'),
    ).toMatchObject([{ computed: ["url"] }]);
  });

  // What Nix reads of a string literal, this reads too, but for the indentation that is taken away.
  test.skipIf(!nixVersion)("string literals are those of stock Nix", () => {
    const pieces = fc.constantFrom(
      "a",
      " ",
      "\\n",
      "\\\\",
      '\\"',
      "\\$",
      "$",
      "$$",
      "'",
      "/",
      "é",
      "#",
      "/*",
    );
    const indented = fc.constantFrom("a", " ", "''$", "'''", "''\\n", "$", "$$", "{x}", '"', "\\", "#", "é");
    const cases = [
      ...fc.sample(fc.array(pieces), { numRuns: 60, seed: 1 }).map((list) => `"${list.join("")}"`),
      ...fc.sample(fc.array(indented), { numRuns: 60, seed: 2 }).map((list) => `''a${list.join(" ")}z''`),
      '"$${x}"',
      '"$$${"x"}"',
      "''$${x}''",
      "''''''${\"x\"}''",
    ];
    const lexed = cases.map((text) => expressionTokens(Buffer.from(text).toString("latin1")));
    const texts = lexed.map(
      ([token]) =>
        token?.kind === "string" &&
        token.parts.map((part) => (typeof part === "string" ? part : "x")).join(""),
    );
    const nix = new StockNix();
    const list = `[ ${cases.join("\n")} ]`;
    const expected: string[] = JSON.parse(
      nix.run("nix-instantiate", "--eval", "--strict", "--json", "-E", list),
    );
    nix.remove();
    expect(texts).toEqual(expected.map((text) => Buffer.from(text).toString("latin1")));
  });
});

describe("addresses", () => {
  const ID = "2".repeat(40);
  test("of archives, and what Nix writes", () => {
    for (const [address, repository] of [
      [`https://github.com/o/r/archive/${ID}.tar.gz`, "https://github.com/o/r"],
      [`https://github.com/o/r/archive/${ID}.zip`, "https://github.com/o/r"],
      [`https://github.com/o/r.git/archive/${ID}.tar.gz`, "https://github.com/o/r"],
      [`https://github.com/o/r/tarball/${ID}`, "https://github.com/o/r"],
      [`https://api.github.com/repos/o/r/tarball/${ID}`, "https://github.com/o/r"],
      [`https://codeload.github.com/o/r/tar.gz/${ID}`, "https://github.com/o/r"],
      [`https://gitlab.com/g/s/r/-/archive/${ID}/r-${ID}.tar.gz`, "https://gitlab.com/g/s/r"],
      [`https://gitlab.com/g/s/r/-/archive/${ID}.tar.gz`, "https://gitlab.com/g/s/r"],
      [
        `https://h.example/api/v4/projects/g%2Fr/repository/archive.tar.gz?sha=${ID}`,
        "https://h.example/g/r",
      ],
      [`https://codeberg.org/o/r/archive/${ID}.tar.gz`, "https://codeberg.org/o/r"],
      [`https://git.sr.ht/~o/r/archive/${ID}.tar.gz`, "https://git.sr.ht/~o/r"],
      [`https://git.example.org/p/r.git/snapshot/r-${ID}.tar.gz`, "https://git.example.org/p/r.git"],
      [`https://bitbucket.org/o/r/get/${ID}.tar.gz`, "https://bitbucket.org/o/r"],
      [`git+https://example.org/r?exportIgnore=1&rev=${ID}`, "https://example.org/r"],
      [`git+ssh://git@example.org/r.git?rev=${ID}`, "ssh://git@example.org/r.git"],
      [`github:o/r/${ID}?narHash=sha256-x%3D`, "https://github.com/o/r"],
      [`gitlab:g%2Fs/r/${ID}?host=gitlab.example.org`, "https://gitlab.example.org/g/s/r"],
    ])
      expect([address, namedCommit(address!)]).toEqual([address, { repository, rev: ID }]);
  });

  test("that could be read two ways, or name no commit, name nothing", () => {
    for (const address of [
      "https://github.com/o/r/archive/main.tar.gz",
      "https://github.com/o/r/archive/refs/tags/v1.tar.gz",
      `https://github.com/o/r/archive/${ID.slice(1)}.tar.gz`,
      `https://github.com/o/r/archive/${ID}.tar.gz?x=1`,
      `https://github.com/o/r/archive/${ID}.tar.gz#x`,
      `https://github.com/evil/../o/r/archive/${ID}.tar.gz`,
      `https://github.com/evil/%2e%2e/o/archive/${ID}.tar.gz`,
      `https://u:p@github.com/o/r/archive/${ID}.tar.gz`,
      `https://u@github.com/o/r/archive/${ID}.tar.gz`,
      `https://github.com/o/%72/archive/${ID}.tar.gz`,
      `https://gitlab.com/api/v4/projects/..%2Fr/repository/archive.tar.gz?sha=${ID}`,
      `file:///o/r/archive/${ID}.tar.gz`,
      `git+https://u:p@example.org/r?rev=${ID}`,
      "git+https://example.org/r?rev=main",
      `github:o/r/${ID}?host=evil/x`,
      `github:../r/${ID}`,
    ])
      expect([address, namedCommit(address)]).toEqual([address, undefined]);
    for (const address of [
      "https://u:p@h.example/r",
      "https://u@h.example/r",
      "https://h.example/../r",
      "/srv/r",
      "r",
    ])
      expect([address, gitRepository(address)]).toEqual([address, undefined]);
  });
});
