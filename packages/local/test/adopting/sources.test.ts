/** Where a configuration and what it is locked to come from, as rules may say it. */
import { mkdirSync } from "node:fs";
import { parseFlakeLock } from "@firstmile/formats/nix/flake-lock";
import { nameFrom, sourcesOfLock, unknownTo, urlOf } from "@firstmile/local/adopting/sources";
import { runOk } from "@firstmile/local/process/run";
import { makeWorld, type World } from "@firstmile/testing/world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gitEnv } from "../../../../testing/src/world-repository.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe("the URL of a checkout", () => {
  test.each([
    ["https://example.org/config.git", "https://example.org/config.git"],
    ["git@example.org:people/config.git", "ssh://git@example.org/people/config.git"],
    ["example.org:config", "ssh://example.org/config"],
    ["/srv/config.git", "file:///srv/config.git"],
    // What rules may not name: a password, a helper.
    ["https://me:secret@example.org/config", undefined],
    ["ext::sh -c true", undefined],
    [undefined, undefined],
  ])("%s", async (remote, url) => {
    const dir = world.fresh("checkout");
    mkdirSync(dir);
    const git = (...args: readonly string[]) => runOk("git", ["-C", dir, ...args], { env: gitEnv() });
    await git("init", "--quiet");
    if (remote !== undefined) await git("remote", "add", "origin", remote);
    expect(await urlOf(dir)).toBe(url ?? `file://${dir}`);
  });
});

describe("the sources of a lock", () => {
  const rev = (digit: string) => digit.repeat(40);
  const lockOf = (nodes: Readonly<Record<string, object>>) => {
    const root = { inputs: Object.fromEntries(Object.keys(nodes).map((name) => [name, name])) };
    return parseFlakeLock(
      Buffer.from(JSON.stringify({ nodes: { ...nodes, root }, root: "root", version: 7 })),
    );
  };
  const github = (repo: string, id: string) => {
    const place = { type: "github", owner: "example", repo };
    return { locked: { ...place, rev: rev(id) }, original: place };
  };

  test("one for each repository, with all commits that are in use", () => {
    const { sources, foreign } = sourcesOfLock(
      lockOf({ a: github("lib", "1"), b: github("LIB", "2"), c: github("other", "3") }),
    );
    expect(foreign).toEqual([]);
    expect(sources.map(({ name, commits, judged }) => [name, commits, judged])).toEqual([
      ["lib", [rev("1"), rev("2")], "slice"],
      ["other", [rev("3")], "slice"],
    ]);
  });

  test("paths within the tree are the tree's own; what is no repository is told", () => {
    const tarball = { type: "tarball", url: "https://example.org/x.tar.gz" };
    const { sources, foreign } = sourcesOfLock(
      lockOf({
        sub: { locked: { type: "path", path: "./sub" }, original: { type: "path", path: "./sub" } },
        x: { locked: tarball, original: tarball },
      }),
    );
    expect([sources, foreign]).toEqual([[], [{ name: "x", where: "https://example.org/x.tar.gz" }]]);
  });

  test("have names of their own, and those that the rules have are left out", () => {
    const known = { name: "lib", urls: ["https://github.com/example/lib.git"] };
    const policy = { sources: new Map([["lib", known]]) } as never;
    const of = (name: string, url: string) => ({ name, url, commits: [], judged: "slice" as const });
    const fresh = unknownTo(policy, [
      of("lib", "https://github.com/Example/lib"),
      of("lib", "https://example.org/lib"),
      of("lib", "https://example.com/lib"),
    ]);
    expect(fresh.map(({ name }) => name)).toEqual(["lib-2", "lib-3"]);
  });

  test.each([
    ["/home/me/My Config.git", "my-config"],
    ["https://example.org/~x/.dotfiles", "dotfiles"],
    ["/", "source"],
  ])("%s is called %s", (path, name) => expect(nameFrom(path)).toBe(name));
});
