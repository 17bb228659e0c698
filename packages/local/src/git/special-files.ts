/**
 * FIFOs, devices and sockets where Git expects files. Claim: no Git child of ours is pointed at a local repository in
 * which it would wait for a FIFO that has no writer, or read a device that never ends. Against: a person who may write
 * in a directory that another person, or a machine, is asked to look at. Left out: a file that is exchanged between this look
 * and Git's; files of the working tree.
 */
import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { RepositoryError } from "./repository-error.ts";

/** A repository that holds something other than a file, a directory or a link to these. */
export class SpecialFileError extends RepositoryError {
  readonly help =
    "nothing was read. Use another copy of the repository; or find out who put it there, and remove it";

  constructor(path: string, what: string) {
    super(`${path} is ${what}, where Git expects a file: reading it might never end`);
  }
}

/** Directories in which Git looks for whatever is named, to any depth. */
const DEEP = ["refs", "logs", "info", "reftable"];
/** What `git status` reads of a working tree; only at its top is it looked at. */
const READ_IN_TREE = [".gitignore", ".gitattributes", ".gitmodules"];
/** Where one Git process listens for others; it is never read. */
const LISTENS = "fsmonitor--daemon.ipc";
/** As Git: how far one object directory borrows from another. */
const MAX_ALTERNATES = 5;
const MAX_LEVELS = 64;

/** Looks through the repository that Git would find from a path. Throws `SpecialFileError`; what is missing is Git's to tell. */
export function refuseSpecialFiles(repository: string): void {
  let dir = real(repository);
  for (let level = 0; dir !== undefined && level < MAX_LEVELS; level++) {
    const inside = join(dir, ".git");
    if (kindOf(inside) !== undefined) {
      const found = gitDirOf(inside);
      for (const name of READ_IN_TREE) refuse(join(dir, name));
      lookThrough(found);
      if (kindOf(join(found, "HEAD")) !== undefined) return;
    }
    if (["HEAD", "objects", "refs"].every((name) => kindOf(join(dir!, name)) !== undefined))
      return lookThrough(dir);
    dir = dir === dirname(dir) ? undefined : dirname(dir);
  }
}

/** As `refuseSpecialFiles`, of what Git would take for a repository on this machine; anything else is left alone. */
export function refuseSpecialFilesAt(url: string, from: string): void {
  const path = url.startsWith("file://") ? url.slice("file://".length) : url;
  const names = new Set([path, unescaped(path)].flatMap((name) => [name, `${name}.git`]));
  for (const name of names)
    if (kindOf(resolve(from, name)) !== undefined) refuseSpecialFiles(resolve(from, name));
}

function unescaped(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** A directory, or a file with one line that names another. */
function gitDirOf(path: string): string {
  refuse(path);
  const named = /^gitdir: (.+?)\s*$/s.exec(textOf(path) ?? "")?.[1];
  return named === undefined ? path : resolve(dirname(path), named);
}

function lookThrough(gitDir: string): void {
  const common = textOf(join(gitDir, "commondir"))?.trim();
  for (const dir of new Set([gitDir, common ? resolve(gitDir, common) : gitDir])) {
    lookAt(dir);
    for (const name of DEEP) lookBelow(join(dir, name));
    lookAtObjects(join(dir, "objects"), MAX_ALTERNATES);
  }
}

function lookAtObjects(objects: string, further: number): void {
  lookAt(objects);
  for (const { name } of entriesOf(objects)) lookAt(join(objects, name));
  const borrowed = textOf(join(objects, "info", "alternates"))?.split("\n") ?? [];
  for (const line of borrowed) {
    if (line !== "" && !line.startsWith("#") && further > 0)
      lookAtObjects(resolve(objects, line), further - 1);
  }
}

function lookBelow(dir: string): void {
  for (const open = [dir], seen = new Set<string>(); open.length > 0; ) {
    const here = open.pop()!;
    const at = real(here);
    if (at === undefined || seen.has(at)) continue;
    seen.add(at);
    lookAt(here);
    for (const entry of entriesOf(here)) if (!entry.isFile()) open.push(join(here, entry.name));
  }
}

/** Everything directly in a directory. */
function lookAt(dir: string): void {
  for (const entry of entriesOf(dir)) {
    if (!entry.isFile() && !entry.isDirectory() && entry.name !== LISTENS) refuse(join(dir, entry.name));
  }
}

/** Refuses what is, or what a link leads to. A link that leads nowhere is as good as nothing. */
function refuse(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats && !stats.isFile() && !stats.isDirectory()) throw new SpecialFileError(path, nameOf(stats));
}

function nameOf(stats: Stats): string {
  if (stats.isFIFO()) return "a FIFO";
  return stats.isSocket() ? "a socket" : "a device";
}

function kindOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Of what cannot be listed, Git reads nothing either, or says so itself. */
function entriesOf(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Files that name other places are short. Opened so that a FIFO which is put there meanwhile is not waited for. */
const MAX_TEXT = 1 << 20;

function textOf(path: string): string | undefined {
  refuse(path);
  let handle: number;
  try {
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const stats = fstatSync(handle);
    return stats.isFile() && stats.size <= MAX_TEXT ? readFileSync(handle, "utf8") : undefined;
  } finally {
    closeSync(handle);
  }
}
