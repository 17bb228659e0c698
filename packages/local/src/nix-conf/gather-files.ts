/** Owners and modes of what the gate rests on, each with every directory above it, by its name and by where it is. */
import { lstat, readdir, realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { PathFacts, PathStep } from "./facts.ts";

export async function pathFacts(path: string): Promise<PathFacts> {
  const named = resolve(path);
  const real = await realpath(named).catch(() => undefined);
  const places = real === undefined || real === named ? chain(named) : [...chain(named), ...chain(real)];
  const steps = (await Promise.all(places.map(step))).filter((found) => found !== undefined);
  return { path: named, steps, missing: real === undefined };
}

function chain(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [...chain(above), path];
}

async function step(path: string): Promise<PathStep | undefined> {
  const info = await lstat(path).catch(() => undefined);
  if (info === undefined) return undefined;
  const kind = info.isFile()
    ? "file"
    : info.isDirectory()
      ? "directory"
      : info.isSymbolicLink()
        ? "link"
        : "other";
  return { path, kind, uid: info.uid, mode: info.mode & 0o7777 };
}

/** Secret keys of the gate: what its directory holds under a name with `key`, public halves (`.pub`) aside. */
export async function keyFiles(gateDir: string): Promise<PathFacts[]> {
  const entries = await readdir(gateDir, { withFileTypes: true }).catch(() => []);
  const keys = entries.filter(
    (entry) => entry.isFile() && /key/i.test(entry.name) && !/\.pub$|public/i.test(entry.name),
  );
  return Promise.all(keys.map((entry) => pathFacts(join(gateDir, entry.name))));
}
