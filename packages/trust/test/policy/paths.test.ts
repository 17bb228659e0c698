import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileGlob, type Glob, ruleFor, rulesAt } from "@firstmile/trust/policy/paths";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";

function glob(text: string): Glob {
  const compiled = compileGlob(text);
  if (typeof compiled === "string") throw new Error(compiled);
  return compiled;
}

const covers = (text: string, path: string | Uint8Array) =>
  ruleFor(path, [{ paths: [glob(text)] }]) !== undefined;

describe("a glob", () => {
  test.each<[string, string, boolean]>([
    ["**", "a/b/c", true],
    ["flake.nix", "flake.nix", true],
    ["flake.nix", "sub/flake.nix", true],
    ["/flake.nix", "sub/flake.nix", false],
    ["*.nix", "a/b/c.nix", true],
    ["*.nix", "a/b/c.nix.txt", false],
    ["a/*", "b/a/x", false],
    ["a/*", "a/x/y", true],
    ["a/*/c", "a/b/d", false],
    ["a/**/c", "a/c", true],
    ["a/**/c", "a/x/y/c/d", true],
    ["a/**", "a", false],
    ["a/", "a", false],
    ["a/", "x/a/b", true],
    ["/a/", "x/a/b", false],
    ["?", "ab", false],
    ["a?c", "a/c", false],
    ["A", "a", false],
    [".*", "x/.git-ignored", true],
    ["**/b/**/d", "b/b/c/b/d", true],
    ["a*b*c", "aXbYc", true],
    ["a*b*c", "acb", false],
  ])("%s on %s: %s", (text, path, matches) => {
    expect(covers(text, path)).toBe(matches);
  });

  test("compares bytes, whether they are UTF-8 or not", () => {
    expect(covers("é", new TextEncoder().encode("é"))).toBe(true);
    expect(covers("?", new TextEncoder().encode("é"))).toBe(false);
    expect(covers("a/?", Uint8Array.of(0x61, 0x2f, 0xff))).toBe(true);
    expect(covers("\u00e9", new TextEncoder().encode("e\u0301"))).toBe(false);
  });

  test("covers no path that is no tree entry's, nor a decoded one", () => {
    for (const path of ["", "/a", "a/", "a//b", "a/./b", "../a", "a/..", "\u20ac"]) {
      expect([path, covers("**", path)]).toEqual([path, false]);
    }
  });

  test("takes time proportional to the path", () => {
    const hostile = glob(`${"**/*a*a*a*a/".repeat(60)}b`);
    const start = performance.now();
    ruleFor(`${"a".repeat(100)}/`.repeat(1_000).concat("c"), [{ paths: [hostile] }]);
    ruleFor("a".repeat(1_000_000), [{ paths: [glob("*a*a*a*a*a*b")] }]);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

test("the last rule that matches holds, and without one nobody may write", () => {
  const rules = [{ paths: [glob("a/**")] }, { paths: [glob("*.nix"), glob("/a/b")] }];
  expect(ruleFor("a/x", rules)).toBe(rules[0]);
  expect(ruleFor("a/b/x", rules)).toBe(rules[1]);
  expect(ruleFor("a/x.nix", rules)).toBe(rules[1]);
  expect(ruleFor("b/x", rules)).toBeUndefined();
});

const hasGit = spawnSync("git", ["--version"]).status === 0;
const repository = mkdtempSync(join(tmpdir(), "firstmile-globs-"));
afterAll(() => rmSync(repository, { recursive: true }));

/** The paths that git itself finds covered by this line of .gitignore. */
function ignoredByGit(text: string, paths: readonly string[]): string[] {
  writeFileSync(join(repository, ".gitignore"), `${text}\n`);
  const environment = { PATH: process.env.PATH, HOME: repository, GIT_CONFIG_NOSYSTEM: "1" };
  const { stdout, status } = spawnSync("git", ["check-ignore", "--no-index", "--stdin", "-z"], {
    cwd: repository,
    env: environment,
    input: paths.map((path) => `${path}\0`).join(""),
  });
  if (status !== 0 && status !== 1) throw new Error(`git check-ignore ended with ${status}`);
  return stdout.toString("utf8").split("\0").filter(Boolean).sort();
}

test.skipIf(!hasGit)("globs cover what git's own .gitignore does", { timeout: 120_000 }, () => {
  execFileSync("git", ["init", "--quiet"], { cwd: repository });
  const name = fc.stringMatching(/^[ab.]{1,3}$/).filter((text) => !/^\.+$/.test(text));
  const paths = fc.uniqueArray(
    fc.array(name, { minLength: 1, maxLength: 4 }).map((segments) => segments.join("/")),
    { minLength: 12, maxLength: 12 },
  );
  const piece = fc.oneof(fc.constantFrom("**", "*", "?", "a", "b", "a*", "*b", "?b"), name);
  const text = fc
    .tuple(fc.constantFrom("", "", "/"), fc.array(piece, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([start, pieces, directory]) => `${start}${pieces.join("/")}${directory ? "/" : ""}`)
    .filter((candidate) => typeof compileGlob(candidate) !== "string");
  fc.assert(
    fc.property(text, paths, (pattern, candidates) => {
      const ours = candidates.filter((path) => covers(pattern, path)).sort();
      expect([pattern, ours]).toEqual([pattern, ignoredByGit(pattern, candidates)]);
    }),
    { numRuns: 400 },
  );
});

describe("what stands in place of a directory", () => {
  const rules = (...globs: readonly string[][]) => globs.map((list, i) => ({ i, paths: list.map(glob) }));
  const at = (path: string, ...globs: readonly string[][]) =>
    rulesAt(path, rules(...globs)).map(({ i }) => i);

  test.each<[string, string, string[][], number[]]>([
    ["falls under both rules", "secure", [["**"], ["/secure/"]], [0, 1]],
    ["also with stars behind", "secure", [["**"], ["/secure/**"]], [0, 1]],
    ["also where files below are named", "secure", [["**"], ["/secure/*.nix", "/secure/key"]], [0, 1]],
    ["also further up", "a", [["**"], ["/a/b/secure/"]], [0, 1]],
    ["also at any depth", "x/y/secure", [["**"], ["secure/"]], [0, 1]],
    ["also behind a star", "a/x/secure", [["**"], ["/a/*/secure/"]], [0, 1]],
    ["also behind stars", "a/x/y/secure", [["**"], ["/a/**/secure/k"]], [0, 1]],
    ["under all that hold below", "a", [["**"], ["/a/"], ["/a/public/"]], [0, 2, 1]],
    ["not under one that another replaces", "a", [["**"], ["/a/"], ["a/"]], [0, 2]],
    ["not under one before its own", "secure", [["/secure/"], ["**"]], [1]],
    ["not under its own twice", "secure", [["/secure", "/secure/"]], [0]],
    ["not below it", "secure/k", [["**"], ["/secure/"]], [1]],
    ["not beside it", "secure2", [["**"], ["/secure/"]], [0]],
    ["not elsewhere", "x/secure", [["**"], ["/secure/"]], [0]],
    ["not where the name is a pattern", "a/x", [["**"], ["/a/*/"]], [0]],
    ["not where no person may write it", "secure", [["/secure/"]], []],
  ])("%s: %s", (_, path, globs, expected) => {
    expect(at(path, ...globs)).toEqual(expected);
  });

  test.each<[string, string, string[][], number[]]>([
    ["falls under both rules", "a/x", [["**"], ["/a/*/"]], [0, 1]],
    ["also where files below are named", "a/x", [["**"], ["/a/?/default.nix"]], [0, 1]],
    ["also further up", "a1", [["**"], ["/a*/b/"]], [0, 1]],
    ["under both of two kinds, in the order of the rules", "a/x", [["**"], ["/a/*/"], ["/a/x/k"]], [0, 2, 1]],
    ["not under one that another replaces", "a/x", [["**"], ["/a/*/"], ["/a/x/"]], [0, 2]],
    ["not elsewhere", "b/x", [["**"], ["/a/*/"]], [0]],
    ["not wherever a directory could be", "x", [["**"], ["**/secure/"]], [0]],
  ])("by a pattern, what leads on %s: %s", (_, path, globs, expected) => {
    expect(rulesAt(path, rules(...globs), true).map(({ i }) => i)).toEqual(expected);
  });

  test("meets every rule that holds for a path below it which the rules name", () => {
    const name = fc.constantFrom("a", "b", "c");
    const path = fc.array(name, { minLength: 1, maxLength: 3 });
    const text = fc
      .tuple(fc.boolean(), path, fc.boolean())
      .map(([root, segments, below]) => `${root ? "/" : ""}${segments.join("/")}${below ? "/" : ""}`);
    fc.assert(
      fc.property(
        fc.array(fc.array(text, { minLength: 1, maxLength: 2 }), { maxLength: 4 }),
        path,
        (globs, at) => {
          const all = rules(["**"], ...globs);
          const place = at.join("/");
          const met = new Set(rulesAt(place, all).map(({ i }) => i));
          // Only what the rules name by its place: any directory can have a file of any other name.
          const named = globs.flat().flatMap((glob) => {
            const inner = glob.replace(/^\/|\/$/g, "");
            const rest = inner.startsWith(`${place}/`) ? inner.slice(place.length + 1).split("/") : [];
            return rest.map((_, i) => rest.slice(0, i + 1).join("/"));
          });
          for (const one of named) expect(met).toContain(ruleFor(`${place}/${one}`, all)!.i);
          expect(met).toContain(ruleFor(place, all)!.i);
        },
      ),
    );
  });

  test("takes time in proportion on hostile globs and paths", () => {
    const hostile = rules(["**"], [`${"**/a/".repeat(200)}b/`]);
    const start = performance.now();
    rulesAt(`${"a/".repeat(2000)}a`, hostile);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
