/** Fetching from somebody else's server: what it cannot make this machine do, run or wait for. */
import { readdirSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gitFetch, isBranchName, listRemote, RemoteError } from "@firstmile/local/git/fetch";
import { packBytes } from "@firstmile/local/git/limited-git";
import { initBare, RepositoryError } from "@firstmile/local/git/neutral";
import { makeWorld, type World } from "@firstmile/testing/world";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let repository: WorldRepository;
let server: Server;
let silent: string;
beforeAll(async () => {
  world = await makeWorld();
  repository = await world.repository("served");
  await repository.commit({ files: { a: "1" } });
  await repository.commit({ files: { a: "2" } });
  server = createServer((socket) => socket.on("error", () => {}).resume());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  silent = `git://127.0.0.1:${(server.address() as { port: number }).port}/x`;
});
afterAll(async () => {
  server.close();
  await world[Symbol.asyncDispose]();
});

async function bare(): Promise<string> {
  const dir = `${world.fresh("into")}.git`;
  await initBare(dir);
  return dir;
}

const REFSPECS = ["+HEAD:refs/firstmile/head"];

test("what was transferred is told, and the second time it is nothing", async () => {
  const into = await bare();
  const first = await gitFetch({ into, url: repository.dir, refspecs: REFSPECS });
  expect(first.bytes).toBeGreaterThan(0);
  expect(first.bytes).toBe(packBytes(into));
  expect((await gitFetch({ into, url: repository.dir, refspecs: REFSPECS })).bytes).toBe(0);
});

test.each(["", "-x", "--upload-pack=sh", "ext::sh -c true", "::x", "a\nb", "a\0b"])(
  "%j is no URL",
  async (url) => {
    const into = await bare();
    await expect(gitFetch({ into, url, refspecs: REFSPECS })).rejects.toThrow(RepositoryError);
    await expect(listRemote(into, url, ["HEAD"])).rejects.toThrow("is no URL");
  },
);

test.each([["gopher://127.0.0.1/x"], ["https://127.0.0.1:1/x"], ["/nonexistent"]])(
  "RemoteError: %s",
  async (url) => {
    const into = await bare();
    await expect(gitFetch({ into, url, refspecs: REFSPECS })).rejects.toThrow(RemoteError);
  },
);

describe("limits", () => {
  test("a server that never answers is left after its time", async () => {
    const into = await bare();
    const began = performance.now();
    await expect(listRemote(into, silent, ["HEAD"], { timeoutMs: 500 })).rejects.toThrow(
      "did not end within 0.5 s",
    );
    const fetching = gitFetch({ into, url: silent, refspecs: REFSPECS, limits: { timeoutMs: 500 } });
    await expect(fetching).rejects.toThrow(RemoteError);
    expect(performance.now() - began).toBeLessThan(15_000);
  });

  test("its connection is ended with it: no helper stays behind", async () => {
    const open = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
    await listRemote(await bare(), silent, ["HEAD"], { timeoutMs: 300 }).catch(() => {});
    for (let tries = 0; tries < 50 && (await open()) > 0; tries++) await sleep(100);
    expect(await open()).toBe(0);
  });

  test("a pack over the limit is stopped", async () => {
    const noise = Buffer.from(Array.from({ length: 8 << 20 }, () => Math.floor(Math.random() * 256)));
    await repository.commit({ files: { noise }, branch: "big" });
    const into = await bare();
    const refspecs = ["+refs/heads/big:refs/firstmile/head"];
    const fetching = gitFetch({ into, url: repository.dir, refspecs, limits: { maxBytes: 1 << 20 } });
    await expect(fetching).rejects.toThrow("it sent more than the 1.0 MiB");
    const left = () => readdirSync(join(into, "objects/pack")).filter((name) => name.startsWith("tmp_"));
    for (let tries = 0; tries < 50 && left().length > 0; tries++) await sleep(100);
    expect(left()).toEqual([]);
  });
});

test("only the references that are asked for, by their whole names", async () => {
  repository.ref("refs/heads/deep/HEAD", repository.tip());
  repository.ref("refs/notes/signatures", repository.tip());
  repository.ref("refs/notes/signatures-of-others", repository.tip());
  const listed = await listRemote(await bare(), repository.dir, ["HEAD", "refs/notes/signatures"]);
  expect([...listed.keys()].sort()).toEqual(["HEAD", "refs/notes/signatures"]);
  const below = await listRemote(await bare(), repository.dir, ["refs/notes/*"]);
  expect(below.size).toBe(2);
});

test.each([
  ["main", true],
  ["release-25.05", true],
  ["a/b", true],
  ["-x", false],
  ["a..b", false],
  ["a b", false],
  ["a:b", false],
  ["*", false],
  ["a/.b", false],
  ["a.lock", false],
  ["a/", false],
  ["@{-1}", false],
  ["", false],
])("a branch may be named %j: %s", (name, expected) => {
  expect(isBranchName(name)).toBe(expected);
});
