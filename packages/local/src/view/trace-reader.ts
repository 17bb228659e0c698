/**
 * What strace printed, as a record. It decides nothing: what may not be opened is not there. So what cannot be read
 * is passed over where it tells of no file, and taken for more than it says where it might.
 */

import { SYMLINK } from "./inode-table.ts";
import type { BrokenFile, ListedDirectory, OpenedFile, ViewRecord } from "./view.ts";
import type { WrittenTree } from "./written-tree.ts";

/** `1234  openat(…) = 3</path>`; what was interrupted comes in two parts. */
const LINE = /^(\d+) +(.*)$/;
const UNFINISHED = / <unfinished \.\.\.>$/;
const RESUMED = /^<\.\.\. (\w+) resumed>(.*)$/;
const CALL = /^(\w+)\((.*)\) += (-?\d+)(?:<(.*)>)?(?: \(deleted\))?(?: (E[A-Z]+) .*)?$/;

export class TraceReader {
  private readonly trees: readonly WrittenTree[];
  private readonly files = new Map<string, OpenedFile>();
  private readonly directories = new Map<string, ListedDirectory>();
  private readonly names = new Map<number, string>();
  private readonly unfinished = new Map<number, string>();

  constructor(trees: readonly WrittenTree[]) {
    this.trees = trees;
  }

  /** A line of Latin-1 text. */
  line(text: string): void {
    const match = LINE.exec(text);
    if (!match) return;
    const pid = Number(match[1]);
    const whole = this.joined(pid, match[2]!);
    const call = whole === undefined ? null : CALL.exec(whole);
    if (call) this.call(pid, call[1]!, call[2]!, call[4], call[5]);
  }

  /** Links that could be followed are taken to have been. */
  record(): ViewRecord {
    for (const [tree, { files }] of this.trees.entries()) {
      for (const [path, { mode, allowed }] of files)
        if (mode === SYMLINK && allowed) this.opened(tree, path, 0);
    }
    const broken: BrokenFile[] = [];
    const directories = [...this.directories.values()];
    return { files: [...this.files.values()], directories, asked: [], hidden: [], broken };
  }

  private joined(pid: number, text: string): string | undefined {
    if (UNFINISHED.test(text)) {
      this.unfinished.set(pid, text.replace(UNFINISHED, ""));
      return undefined;
    }
    const resumed = RESUMED.exec(text);
    if (!resumed) return text;
    const begun = this.unfinished.get(pid) ?? `${resumed[1]}(`;
    this.unfinished.delete(pid);
    return begun + resumed[2];
  }

  private call(
    pid: number,
    name: string,
    args: string,
    result: string | undefined,
    error: string | undefined,
  ) {
    if (name.startsWith("open")) {
      if (result !== undefined) this.seen(bytesOf(result), pid);
      else if (error === "EACCES") this.seen(askedFor(args), pid);
    } else if (name.startsWith("exec")) {
      if (error === undefined) this.becomes(pid, args);
    } else {
      const directory = /^\d+<(.*?)>/.exec(args)?.[1];
      if (directory !== undefined) this.listed(bytesOf(directory));
    }
  }

  private seen(path: string | undefined, pid: number): void {
    const place = path === undefined ? undefined : this.placeOf(path);
    if (place) this.opened(place.tree, place.path, pid);
  }

  private opened(tree: number, path: string, pid: number): void {
    const file = this.trees[tree]!.files.get(path);
    const key = `${tree} ${path}`;
    if (!file || this.files.has(key)) return;
    const { mode, id, sha256, allowed } = file;
    this.files.set(key, { tree, path, mode, id, sha256, allowed, pid, process: this.names.get(pid) ?? "" });
  }

  private listed(path: string): void {
    const place = this.placeOf(path);
    const entries = place && this.trees[place.tree]!.listings.get(place.path);
    if (place && entries) this.directories.set(`${place.tree} ${place.path}`, { ...place, entries });
  }

  /** A program of the tree is opened by starting it. Where a relative path leads is not known: any of that name. */
  private becomes(pid: number, args: string): void {
    const path = bytesOf(/^(?:\d+<.*?>, |AT_FDCWD<.*?>, )?"((?:[^"\\]|\\.)*)"/.exec(args)?.[1] ?? "");
    const argv = [...(/\[(.*?)\]/.exec(args)?.[1] ?? "").matchAll(/"((?:[^"\\]|\\.)*)"/g)];
    const name = path.split("/").at(-1)!;
    this.names.set(pid, `${name}: ${argv.map((word) => bytesOf(word[1]!)).join(" ")}`.slice(0, 400));
    if (path.startsWith("/")) return this.seen(path, pid);
    for (const [tree, { files }] of this.trees.entries()) {
      for (const [candidate, { mode }] of files)
        if (mode === 0o100755 && candidate.split("/").at(-1) === name) this.opened(tree, candidate, pid);
    }
  }

  /** The innermost tree that a path is in. */
  private placeOf(path: string): { tree: number; path: string } | undefined {
    const inside = this.trees.flatMap(({ at }, tree) => {
      const root = Buffer.from(at).toString("latin1");
      return path === root || path.startsWith(`${root}/`)
        ? [{ tree, path: path.slice(root.length + 1) }]
        : [];
    });
    return inside.sort((a, b) => a.path.length - b.path.length)[0];
  }
}

/** The path of an open that failed, put to where it starts from. */
function askedFor(args: string): string | undefined {
  const match = /^(?:(?:AT_FDCWD|\d+)<(.*?)>, )?"((?:[^"\\]|\\.)*)"/.exec(args);
  if (!match) return undefined;
  const path = bytesOf(match[2]!);
  return normalize(path.startsWith("/") ? path : `${bytesOf(match[1] ?? "")}/${path}`);
}

function normalize(path: string): string {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}

const LETTERS: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", v: "\v", f: "\f" };

/** As strace writes strings: C escapes, octal ones of up to three digits. */
function bytesOf(text: string): string {
  return text.replace(/\\([0-7]{1,3}|x[0-9a-f]{2}|.)/g, (_, code: string) => {
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8) & 255);
    if (code.length === 3) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return LETTERS[code] ?? code;
  });
}
