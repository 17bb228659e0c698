/**
 * A history vector's repository: written out with stock Git alone, as any other implementation would, and read back
 * from one that a case built. Only what refs reach goes into a vector.
 */
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { inflateSync } from "node:zlib";
import { hashObject, type ObjectHash, type ObjectKind } from "@firstmile/formats/git/object-id";
import type { HistoryVector, VectorObject } from "./history-vector.ts";
import { gitEnv } from "./world-repository.ts";

/** Makes the vector's repository, bare, at `dir`, which must not exist. */
export function writeVectorRepository(vector: HistoryVector, dir: string): void {
  const args = ["init", "-q", "--bare", "--template=", "--initial-branch=main"];
  git(undefined, [...args, `--object-format=${vector.objectFormat}`, dir]);
  for (const kind of ["blob", "tree", "commit", "tag"] as const) {
    writeAll(
      dir,
      kind,
      vector.objects.filter((object) => object.kind === kind),
    );
  }
  for (const [path, bytes] of vector.files) writeBelow(dir, path, bytes);
  const lines = vector.refs.map(([name, id]) => `${id} ${name}\n`).join("");
  writeFileSync(join(dir, "packed-refs"), `# pack-refs with: sorted \n${lines}`);
}

function writeAll(dir: string, kind: ObjectKind, objects: readonly VectorObject[]): void {
  if (objects.length === 0) return;
  const scratch = mkdtempSync(join(dir, "scratch-"));
  const paths = objects.map((_, i) => join(scratch, String(i)));
  for (const [i, { content }] of objects.entries()) writeFileSync(paths[i]!, content);
  const flags = ["hash-object", "-w", "--literally", "--no-filters", "-t", kind, "--stdin-paths"];
  const ids = git(dir, flags, `${paths.join("\n")}\n`)
    .trim()
    .split("\n");
  for (const [i, { place, id }] of objects.entries()) {
    if (place === "object" && ids[i] !== id) throw new Error(`${id} was written as ${ids[i]}`);
    if (place === "planted") placeAs(join(dir, "objects"), join(dir, "objects"), ids[i]!, id);
    if (place === "lent") placeAs(join(dir, "objects"), join(dir, "lent"), ids[i]!, id);
  }
  rmSync(scratch, { recursive: true });
}

/** A loose object's file does not say which id it is for. */
function placeAs(from: string, to: string, id: string, as: string): void {
  const target = join(to, as.slice(0, 2), as.slice(2));
  mkdirSync(dirname(target), { recursive: true });
  rmSync(target, { force: true });
  copyFileSync(join(from, id.slice(0, 2), id.slice(2)), target);
}

function writeBelow(dir: string, path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), bytes);
}

function git(dir: string | undefined, args: readonly string[], input = ""): string {
  const where = dir === undefined ? [] : ["-C", dir];
  return execFileSync("git", [...where, ...args], { env: gitEnv(), input, maxBuffer: 1 << 26 }).toString();
}

/** Files of a repository's directory that change what Git makes of it. */
const TELLING = ["shallow", "info/grafts", "objects/info/alternates"] as const;

/** What a vector says of the repository at `dir`, whose objects are all loose. */
export function readVectorRepository(
  dir: string,
  objectFormat: ObjectHash,
): Pick<HistoryVector, "refs" | "files" | "objects" | "absent"> {
  const refs = listRefs(dir);
  const reached = reach(
    dir,
    objectFormat,
    refs.map(([, id]) => id),
  );
  const files = TELLING.filter((path) => existsSync(join(dir, path)));
  return {
    refs,
    files: new Map(files.map((path) => [path, readFileSync(join(dir, path))])),
    ...reached,
  };
}

function listRefs(dir: string): [string, string][] {
  const walked = execFileSync("find", [join(dir, "refs"), "-type", "f"])
    .toString()
    .split("\n")
    .filter(Boolean);
  return walked
    .map((file): [string, string] => [file.slice(dir.length + 1), readFileSync(file, "latin1").trim()])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function reach(
  dir: string,
  format: ObjectHash,
  from: readonly string[],
): Pick<HistoryVector, "objects" | "absent"> {
  const objects: VectorObject[] = [];
  const absent: string[] = [];
  const seen = new Set<string>();
  const open = [...from].reverse();
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const object = loose(dir, format, id);
    if (object === undefined) absent.push(id);
    else {
      objects.push(object);
      open.push(...pointsAt(object, format));
    }
  }
  return { objects, absent };
}

function loose(dir: string, format: ObjectHash, id: string): VectorObject | undefined {
  for (const below of ["objects", "lent"] as const) {
    const file = join(dir, below, id.slice(0, 2), id.slice(2));
    if (!existsSync(file)) continue;
    const bytes = inflateSync(readFileSync(file));
    const nul = bytes.indexOf(0);
    const kind = bytes.toString("latin1", 0, bytes.indexOf(" ")) as ObjectKind;
    const content = bytes.subarray(nul + 1);
    const own = hashObject(kind, content, format) === id;
    return { place: below === "lent" ? "lent" : own ? "object" : "planted", kind, id, content };
  }
  return undefined;
}

/** Read leniently: a malformed object's neighbours belong to the case as well. */
function pointsAt({ kind, content }: VectorObject, format: ObjectHash): string[] {
  const bytes = Buffer.from(content);
  if (kind === "blob") return [];
  if (kind === "tree") return treeIds(bytes, format === "sha1" ? 20 : 32);
  const head = bytes.toString("latin1").split("\n\n")[0]!;
  return [...head.matchAll(/^(?:tree|parent|object) ([0-9a-f]+)$/gm)].map(([, id]) => id!).reverse();
}

function treeIds(bytes: Buffer, idBytes: number): string[] {
  const ids: string[] = [];
  for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, at + 1 + idBytes)) {
    ids.push(bytes.toString("hex", at + 1, at + 1 + idBytes));
  }
  return ids;
}
