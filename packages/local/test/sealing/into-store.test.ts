/** The import: what it needs, what it refuses, what it leaves when it is killed, and how long it takes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { StorePath } from "@firstmile/formats/nix/store-path";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import { expect, test } from "vitest";
import { readClosure } from "../../src/admission/closure.ts";
import { readDerivation } from "../../src/admission/derivation-reader.ts";
import { BroughtOut } from "../../src/sealing/brought-out.ts";
import { clearFileCaches, FileCache } from "../../src/sealing/file-cache.ts";
import { intoStore } from "../../src/sealing/into-store.ts";
import { sealedClosure } from "../../src/sealing/sealed-closure.ts";
import { makePlace, type Place, VERSIONS, writeFiles } from "../admission/nix-of.ts";
import type { ImportJob } from "./import-job.ts";
import { allPaths, bring, evaluatePrivately, readOut } from "./private-store.ts";

const missing = missingForNixWorld("host");

const SMALL = `derivation { name = "top"; system = "x86_64-linux"; builder = "/bin/sh"; src = ./data; text = builtins.toFile "text" "a text"; }`;

function chainOf(length: number): string {
  return `let
    drv = name: more: derivation ({ inherit name; system = "x86_64-linux"; builder = "/bin/sh"; } // more);
    next = { a, b }: n: { a = drv "d\${toString n}" { inherit a b; text = builtins.toFile "t\${toString n}" "\${toString n}"; }; b = a; };
    first = drv "first" { };
  in (builtins.foldl' next { a = first; b = first; } (builtins.genList (n: n) ${length})).a`;
}

async function small(place: Place) {
  writeFiles(place.dir, { "default.nix": SMALL, data: "data" });
  return evaluatePrivately(place, join(place.dir, "default.nix"));
}

test.each(VERSIONS)("an input has to be in the store before what refers to it (%s)", async (version) => {
  if (missingForNixWorld(version) !== undefined) return;
  await using place = await makePlace(version);
  writeFiles(place.dir, { "input/source/file": "an input" });
  const add = async () =>
    (
      await place.world.run("nix-store", ["--add", join(place.dir, "input/source")])
    ).stdout.trim() as StorePath;
  const input = await add();
  writeFiles(place.dir, {
    "default.nix": `derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; src = builtins.storePath "${input}"; file = builtins.toFile "t" "see \${builtins.storePath "${input}"}/file"; }`,
  });
  const evaluated = await evaluatePrivately(place, join(place.dir, "default.nix"));
  await expect(bring(place, evaluated, [input])).rejects.toThrow(
    /-source is not in the store, and what was evaluated/,
  );
  expect((await allPaths(place)).size).toBe(0);
  expect(await add()).toBe(input);
  const { sources } = await bring(place, evaluated, [input]);
  expect([...sources.keys()].map((path) => path.slice(-2))).toEqual(["-t"]);
  const info = (await allPaths(place)).get(evaluated.roots[0]!);
  expect(info?.references).toContain(input);
});

test.each(VERSIONS)(
  "what is imported is what was read, and a cache that was changed is refused (%s)",
  async (version) => {
    if (missingForNixWorld(version) !== undefined) return;
    await using place = await makePlace(version);
    const evaluated = await small(place);
    const refused = await readOut(place, evaluated);
    const nars = join(refused.cache.url.slice("file://".length), "nar");
    for (const name of readdirSync(nars)) {
      const text = readFileSync(join(nars, name), "latin1");
      writeFileSync(join(nars, name), text.replace("data", "DATA"), "latin1");
    }
    await expect(intoStore(place.nix, refused.brought, refused.cache)).rejects.toThrow(/hash mismatch.*got:/);
    expect([...(await allPaths(place)).keys()].filter((path) => path.endsWith("-data"))).toEqual([]);
    refused.cache[Symbol.dispose]();
    const { brought, cache } = await readOut(place, evaluated);
    rmSync(evaluated.store, { recursive: true });
    expect(await intoStore(place.nix, brought, cache)).toBeUndefined();
    expect(await allPaths(place)).toEqual(evaluated.paths);
  },
);

test.skipIf(missing)("only what is missing comes in, and what is valid must hold our bytes", async () => {
  await using place = await makePlace("host");
  const evaluated = await small(place);
  await bring(place, evaluated);
  const [root] = evaluated.roots;
  const { brought, cache } = await readOut(place, evaluated);
  expect(await intoStore(place.nix, brought, cache)).toBeUndefined();
  const dir = cache.url.slice("file://".length);
  expect(readdirSync(dir).filter((name) => name.endsWith(".narinfo"))).toEqual([]);
  chmodSync(root!, 0o644);
  writeFileSync(root!, readFileSync(root!, "latin1").replace("/bin/sh", "/bin/zz"), "latin1");
  const reason = await intoStore(place.nix, brought, cache);
  expect(reason).toMatchObject({ code: "derivation-corrupt", message: expect.stringContaining(root!) });
});

test.each(VERSIONS)("files that lie in the store without being valid are replaced (%s)", async (version) => {
  if (missingForNixWorld(version) !== undefined) return;
  await using place = await makePlace(version);
  const evaluated = await small(place);
  mkdirSync(place.world.storeDir);
  for (const path of evaluated.paths.keys()) writeFileSync(path, "stray");
  await bring(place, evaluated);
  expect(await allPaths(place)).toEqual(evaluated.paths);
  expect(readDerivation(evaluated.roots[0]!, place.world.storeDir).builder).toBe("/bin/sh");
});

test.each(VERSIONS)("a cache may lie at any path (%s)", async (version) => {
  if (missingForNixWorld(version) !== undefined) return;
  await using place = await makePlace(version);
  const evaluated = await small(place);
  for (const name of ["a b", "100%25?x=y#z&", "żółć"]) {
    const importsDir = join(place.world.dir, name);
    const { storeDir } = place.world;
    const question = { storeDir, inputs: [], roots: evaluated.roots, importsDir };
    using sealed = await sealedClosure({ run: place.nix.run, store: evaluated.store }, question);
    expect(await sealed.import(place.nix)).toBeUndefined();
    expect((await allPaths(place)).size).toBe(evaluated.paths.size);
    const told = await place.world.run("nix-store", ["--delete", ...evaluated.paths.keys()]);
    expect(told.code, told.stderr).toBe(0);
  }
});

test.each(VERSIONS)("large sources lie on disk until they are imported (%s)", async (version) => {
  if (missingForNixWorld(version) !== undefined) return;
  await using place = await makePlace(version);
  writeFiles(place.dir, { "default.nix": SMALL, data: Buffer.alloc(3 << 20, "large") });
  const evaluated = await evaluatePrivately(place, join(place.dir, "default.nix"));
  const importsDir = join(place.world.dir, "imports");
  const { brought, cache } = await readOut(place, evaluated);
  const [large] = readdirSync(importsDir);
  expect(readdirSync(join(importsDir, large!))).toHaveLength(1);
  expect(await intoStore(place.nix, brought, cache)).toBeUndefined();
  expect(await allPaths(place)).toEqual(evaluated.paths);
  cache[Symbol.dispose]();
  expect(readdirSync(importsDir)).toEqual([]);
});

test.skipIf(missing)("a place for imports that cannot be written says nothing against a source", async () => {
  await using place = await makePlace("host");
  writeFiles(place.dir, { "default.nix": SMALL, data: Buffer.alloc(3 << 20, "large") });
  const evaluated = await evaluatePrivately(place, join(place.dir, "default.nix"));
  const cache = new FileCache(join(place.world.dir, "imports"), place.world.storeDir);
  rmSync(join(place.world.dir, "imports"), { recursive: true });
  const { storeDir } = place.world;
  using brought = new BroughtOut({ store: evaluated.store, storeDir, inputs: [], cache });
  await expect(readClosure(brought, evaluated.roots)).rejects.toThrow(
    /cannot be prepared for the store: ENOENT/,
  );
  cache[Symbol.dispose]();
});

test.skipIf(missing)("a closure that does not hold is not imported", async () => {
  await using place = await makePlace("host");
  const evaluated = await small(place);
  const { storeDir } = place.world;
  const importsDir = join(place.world.dir, "imports");
  rmSync(join(evaluated.store, evaluated.roots[0]!.slice(storeDir.length + 1)));
  {
    using sealed = await sealedClosure(
      { run: place.nix.run, store: evaluated.store },
      { storeDir, inputs: [], roots: evaluated.roots, importsDir },
    );
    expect(sealed.closure.ok).toBe(false);
    await expect(sealed.import(place.nix)).rejects.toThrow(/closure that holds/);
  }
  expect(existsSync(storeDir)).toBe(false);
});

test.each(VERSIONS)(
  "an import that is killed leaves whole paths, and the next one ends (%s)",
  async (version) => {
    if (missingForNixWorld(version) !== undefined) return;
    await using place = await makePlace(version);
    writeFiles(place.dir, { "default.nix": chainOf(300) });
    const evaluated = await evaluatePrivately(place, join(place.dir, "default.nix"));
    const importsDir = join(place.world.dir, "imports");
    const { env } = place.nix.words("nix", []);
    const job: ImportJob = { env, store: evaluated.store, roots: evaluated.roots, importsDir };
    const partly = new Set<number>();
    for (const files of [1, 50, 150, 310, 450, 600]) {
      await killedAt(job, place.world.storeDir, files);
      const there = await allPaths(place);
      partly.add(there.size);
      for (const [path, info] of there) {
        expect(evaluated.paths.get(path)).toEqual(info);
        expect(info.references.every((one) => there.has(one))).toBe(true);
        if (path.endsWith(".drv")) readDerivation(path as never, place.world.storeDir);
      }
      clearFileCaches(importsDir);
      expect(existsSync(importsDir)).toBe(false);
    }
    // Some of these ended it in the middle.
    expect(partly.size).toBeGreaterThan(1);
    await bring(place, evaluated);
    expect(await allPaths(place)).toEqual(evaluated.paths);
  },
);

/** Kills the job and the Nix that it runs as soon as the store has so many files. */
async function killedAt(job: ImportJob, storeDir: string, files: number): Promise<void> {
  const script = join(import.meta.dirname, "import-job.ts");
  const child = spawn(process.execPath, [script, JSON.stringify(job)], { detached: true, stdio: "inherit" });
  const ended = once(child, "close");
  const count = () =>
    existsSync(storeDir) ? readdirSync(storeDir).filter((name) => !name.endsWith(".lock")).length : 0;
  while (count() < files && child.exitCode === null) await sleep(1);
  if (child.exitCode === null) process.kill(-child.pid!, "SIGKILL");
  await ended;
}

test.skipIf(missing)("2,000 derivations are read soon, and others get their turn", async () => {
  await using place = await makePlace("host");
  writeFiles(place.dir, { "default.nix": chainOf(2_000) });
  const evaluated = await evaluatePrivately(place, join(place.dir, "default.nix"));
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  const started = performance.now();
  const { closure, brought, cache } = await readOut(place, evaluated);
  const took = performance.now() - started;
  clearInterval(timer);
  expect(closure.ok && closure.derivations.size).toBe(2_001);
  expect(took).toBeLessThan(20_000);
  expect(longest).toBeLessThan(took / 3);
  expect(await intoStore(place.nix, brought, cache)).toBeUndefined();
  expect(statSync(evaluated.roots[0]!).isFile()).toBe(true);
});
