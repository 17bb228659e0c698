/** Owners and modes of what the gate rests on, each with every directory above it, by its name and by where it is. */
import { lstat, readdir, readFile, realpath } from "node:fs/promises";
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

/** The programs that a hook written by the gate runs: the quoted paths in it that are files. */
export async function programsOf(hook: string): Promise<PathFacts[]> {
  const text = await readFile(hook, "utf8").catch(() => "");
  const quoted = [...text.slice(0, MAX_HOOK).matchAll(/'(\/[^']+)'/g)].map((match) => match[1]!);
  const programs = await Promise.all(quoted.map(pathFacts));
  return programs.filter(({ steps }) => steps.at(-1)?.kind === "file");
}

const MAX_HOOK = 65_536;

/** Secret keys of the gate: what its directory holds under a name with `key`, public halves (`.pub`) aside. */
export async function keyFiles(gateDir: string): Promise<PathFacts[]> {
  const entries = await readdir(gateDir, { withFileTypes: true }).catch(() => []);
  const keys = entries.filter(
    (entry) => entry.isFile() && /key/i.test(entry.name) && !/\.pub$|public/i.test(entry.name),
  );
  return Promise.all(keys.map((entry) => pathFacts(join(gateDir, entry.name))));
}
