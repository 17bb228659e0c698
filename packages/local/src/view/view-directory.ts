/**
 * The directory of one view, and what views that were killed have left behind. Mounts are none of that: they end with
 * the namespace of whoever was in them.
 *
 * Claims: what is removed belongs to this user, and to a process that is gone: its name has the process's number, when
 * that one started, and in which namespace of processes it is counted. Against: somebody else's directory of such a
 * name in a directory for temporary files, and a number that was given out again.
 */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAME = /^firstmile-view-(\d+)-(\d+)-(\d+)-\w{6}$/;

export interface ViewDirectory extends Disposable {
  readonly path: string;
  /** Makes a place for a tree in a directory for temporary files, gone with the view. */
  makePlace(at: string): void;
}

export function viewDirectory(base: string): ViewDirectory {
  const path = mkdtempSync(
    join(base, `firstmile-view-${pidNamespace()}-${process.pid}-${startOf(process.pid)}-`),
  );
  mkdirSync(join(path, "root"));
  const places: string[] = [];
  return {
    path,
    makePlace(at) {
      places.push(at);
      writeFileSync(join(path, "places"), JSON.stringify(places));
      mkdirSync(at, { mode: 0o755 });
    },
    [Symbol.dispose]: () => remove(path),
  };
}

/** Where views have their directories: not where everybody may write, if there is another place. */
export function baseDirectory(env: NodeJS.ProcessEnv): string {
  const own = env.XDG_RUNTIME_DIR;
  return own && lstatSync(own, { throwIfNoEntry: false })?.isDirectory() ? own : tmpdir();
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
  for (const place of placesOf(path)) removeEmpty(place);
  rmSync(path, { recursive: true, force: true });
}

function placesOf(path: string): string[] {
  try {
    return JSON.parse(readFileSync(join(path, "places"), "utf8")) as string[];
  } catch {
    return [];
  }
}

/** Never what is in it. */
function removeEmpty(place: string): void {
  try {
    rmdirSync(place);
  } catch {
    // Gone already, or somebody has put something there.
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
