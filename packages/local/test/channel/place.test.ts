/** Where a curator's word goes, by where they stand and what they name. */
import { mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { publishingPlace } from "@firstmile/local/channel/place";
import { runOk } from "@firstmile/local/process/run";
import { makeWorld, type World } from "@firstmile/testing/world";
import { gitEnv } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, expect, test } from "vitest";

let world: World;
let checkout: string;
let trust: string;
let bare: string;
let plain: string;
beforeAll(async () => {
  world = await makeWorld();
  const made = async (name: string, ...args: string[]) => {
    const dir = world.fresh(name);
    await runOk("git", ["init", "-q", ...args, dir], { env: gitEnv() });
    return realpathSync(dir);
  };
  [checkout, trust, bare] = [await made("checkout"), await made("trust"), await made("bare", "--bare")];
  writeFileSync(join(trust, "firstmile.toml"), "");
  mkdirSync(join(checkout, "sub"));
  plain = realpathSync(mkdirDeep(world.fresh("plain")));
});
afterAll(() => world[Symbol.asyncDispose]());

function mkdirDeep(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

const at = async (cwd: string, to?: string, source?: string) =>
  (await publishingPlace(cwd, to, source))?.place;

test("a checkout of the source takes it on its reference", async () => {
  expect(await at(plain, undefined, checkout)).toEqual({ kind: "ref", repository: checkout });
});

test("of a source that was fetched, the repository that somebody stands in", async () => {
  expect(await at(join(checkout, "sub"))).toEqual({ kind: "ref", repository: checkout });
  expect(await at(trust)).toEqual({ kind: "directory", path: join(trust, "statements") });
  expect(await at(plain)).toBeUndefined();
});

test("what is named: a trust repository, another one, bare or not, or a directory, there or not", async () => {
  expect(await at(plain, trust, checkout)).toEqual({ kind: "directory", path: join(trust, "statements") });
  expect(await at(plain, checkout)).toEqual({ kind: "ref", repository: checkout });
  expect(await at(plain, bare)).toEqual({ kind: "ref", repository: bare });
  expect(await at(plain, join(checkout, "sub"))).toEqual({ kind: "directory", path: join(checkout, "sub") });
  expect(await at(plain, "new")).toEqual({ kind: "directory", path: join(plain, "new") });
});
