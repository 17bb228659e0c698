/**
 * A private store to read from, without a seal: Nix evaluates into the world's store, which is then put aside under
 * another name. An empty store is left in its place, as the machine's own.
 */
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type DrvPath, parseDrvPath, type StorePath } from "@firstmile/formats/nix/store-path";
import { afterEach, expect } from "vitest";
import { type Closure, readClosure } from "../../src/admission/closure.ts";
import { BroughtOut, type SealedResult } from "../../src/sealing/brought-out.ts";
import { FileCache } from "../../src/sealing/file-cache.ts";
import { intoStore } from "../../src/sealing/into-store.ts";
import type { Place } from "../admission/nix-of.ts";

export interface Evaluated {
  readonly roots: readonly DrvPath[];
  /** Everything that the evaluation wrote, by what its database says. */
  readonly paths: ReadonlyMap<string, PathInfo>;
  /** Where its store is now. */
  readonly store: string;
}

export interface PathInfo {
  readonly narHash: string;
  readonly references: readonly string[];
  readonly ca: string | undefined;
}

const NIX = ["--extra-experimental-features", "nix-command ca-derivations flakes"];

/** Evaluates a file, with plain Nix and nothing forbidden, and empties the store. */
export async function evaluatePrivately(
  place: Place,
  file: string,
  args: readonly string[] = [],
): Promise<Evaluated> {
  const { world } = place;
  const told = await world.run("nix-instantiate", [...args, file], { timeoutMs: 300_000 });
  expect(told.code, told.stderr).toBe(0);
  const roots = told.stdout
    .trim()
    .split("\n")
    .map((path) => parseDrvPath(path.replace(/!.*/, ""), world.storeDir));
  const paths = await allPaths(place);
  const store = join(world.dir, "private");
  rmSync(store, { recursive: true, force: true });
  renameSync(world.storeDir, store);
  for (const below of ["db", "gcroots", "temproots"])
    rmSync(join(world.stateDir, below), { recursive: true, force: true });
  return { roots, paths, store };
}

/** What the store of the world holds. */
export async function allPaths({ world }: Place): Promise<ReadonlyMap<string, PathInfo>> {
  const told = await world.run("nix", [...NIX, "path-info", "--json", "--all"]);
  expect(told.code, told.stderr).toBe(0);
  const answer = JSON.parse(told.stdout) as Record<string, PathInfo> | (PathInfo & { path: string })[];
  const entries: [string, PathInfo][] = Array.isArray(answer)
    ? answer.map((one) => [one.path, one])
    : Object.entries(answer);
  return new Map(
    entries.map(([path, { narHash, references, ca }]) => [
      path,
      { narHash, ca: ca ?? undefined, references: [...references].sort() },
    ]),
  );
}

export interface Reading {
  readonly brought: BroughtOut;
  readonly cache: FileCache;
  readonly closure: Closure;
}

/** In memory, so that removing the world does not remove them. */
const opened: FileCache[] = [];
afterEach(() => {
  for (const cache of opened.splice(0)) cache[Symbol.dispose]();
});

/** Reads it as an admission would. `inputs`: what the seal would have been given. */
export async function readOut(
  place: Place,
  { roots, paths, store }: Evaluated,
  inputs: readonly StorePath[] = [],
  more: Pick<SealedResult, "budget"> = {},
): Promise<Reading> {
  const { storeDir } = place.world;
  const cache = new FileCache(join(place.world.dir, "imports"), storeDir);
  opened.push(cache);
  const references = async (asked: readonly StorePath[]) =>
    new Map(asked.map((path) => [path, paths.get(path)?.references ?? []]));
  const brought = new BroughtOut({ store, storeDir, inputs, references, cache, ...more });
  return { brought, cache, closure: await readClosure(brought, roots) };
}

/** The whole way. Throws where the closure does not hold. */
export async function bring(place: Place, evaluated: Evaluated, inputs: readonly StorePath[] = []) {
  const { brought, cache, closure } = await readOut(place, evaluated, inputs);
  using _ = brought;
  using __ = cache;
  if (!closure.ok) throw new Error(`${closure.reason.code} ${closure.reason.message}`);
  const reason = await intoStore(place.nix, brought, cache);
  if (reason) throw new Error(`${reason.code} ${reason.message}`);
  return { closure, sources: new Map(brought.sources), derivations: new Map(brought.derivations) };
}

/** A digest over every name, type and byte below a directory; links are not followed. */
export function digestOf(dir: string): string {
  const hash = createHash("sha256");
  const walk = (path: string) => {
    const stat = lstatSync(path);
    hash.update(`${path} ${stat.mode} ${stat.isFile() ? stat.size : ""}\0`);
    if (stat.isSymbolicLink()) hash.update(readlinkSync(path));
    else if (stat.isFile()) hash.update(readFileSync(path));
    else if (stat.isDirectory()) for (const name of readdirSync(path).sort()) walk(join(path, name));
  };
  if (existsSync(dir)) walk(dir);
  return hash.digest("hex");
}
