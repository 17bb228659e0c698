/**
 * The directory of one view, and what views that were killed have left behind. Mounts are none of that: they end with
 * the namespace of whoever was in them.
 *
 * Claims: what is removed was made by this user's own views, and by a process that is gone: the directory's name has
 * its number, when it started, and in which namespace of processes it is counted. Against: somebody else's directory
 * of such a name among temporary files, a number that was given out again, and a place that is another one by now.
 */
import {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MOUNT } from "./server-job.ts";

const NAME = /^firstmile-view-(\d+)-(\d+)-(\d+)-\w{6}$/;
const PLACES = "places";

export class ViewDirectory implements Disposable {
  readonly path: string;
  private readonly places: Place[] = [];

  constructor(base: string) {
    const name = ["firstmile-view", pidNamespace(), process.pid, startOf(process.pid), ""].join("-");
    this.path = mkdtempSync(join(base, name));
    mkdirSync(join(this.path, MOUNT));
  }

  /** Makes an empty directory where a tree is to be seen, gone with the view. */
  makePlace(at: string): void {
    const made = join(this.path, `place-${this.places.length}`);
    mkdirSync(made, { mode: 0o755 });
    this.move(made, at, "empty");
  }

  /** Moves a directory of this one to where it is to be seen, gone with the view and all that is in it. */
  putInPlace(tree: string, at: string): void {
    this.move(tree, at, "tree");
  }

  [Symbol.dispose](): void {
    remove(this.path);
  }

  /** Written down before it is there: whoever cleans up knows it by its inode. */
  private move(from: string, at: string, kind: Place["kind"]): void {
    this.places.push({ at, kind, inode: lstatSync(from).ino });
    writeFileSync(join(this.path, PLACES), JSON.stringify(this.places));
    renameSync(from, at);
  }
}

/** Something that a view has outside of its own directory. */
interface Place {
  readonly at: string;
  readonly kind: "empty" | "tree";
  readonly inode: number;
}

/** Where views have their directories: not where everybody may write, if there is another place. */
export function baseDirectory(env: NodeJS.ProcessEnv): string {
  const own = env.XDG_RUNTIME_DIR;
  return own && isWritable(own) ? own : tmpdir();
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Removes what is left of views whose processes are gone. */
export function removeLeftBehind(base: string): void {
  for (const name of readdirSync(base)) {
    const match = NAME.exec(name);
    if (!match || match[1] !== pidNamespace() || startOf(Number(match[2])) === match[3]) continue;
    const path = join(base, name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory() && found.uid === process.getuid?.()) remove(path);
  }
}

function remove(path: string): void {
  for (const place of placesOf(path)) {
    if (lstatSync(place.at, { throwIfNoEntry: false })?.ino === place.inode) removePlace(place);
  }
  rmSync(path, { recursive: true, force: true });
}

function placesOf(path: string): Place[] {
  try {
    return JSON.parse(readFileSync(join(path, PLACES), "utf8")) as Place[];
  } catch {
    return [];
  }
}

function removePlace({ at, kind }: Place): void {
  if (kind === "tree") return rmSync(at, { recursive: true, force: true });
  try {
    rmdirSync(at);
  } catch {
    // Somebody has put something there.
  }
}

function pidNamespace(): string {
  return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))![0];
}

/** When a process started, in ticks since the machine did; undefined where there is none. */
function startOf(pid: number): string | undefined {
  try {
    // The name, in parentheses, may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
