/**
 * A view where nothing can be mounted: the trees are written down, and strace tells what the command opens.
 *
 * Claims: a file that is not allowed is not there to be opened: in its place is an empty one without permissions, and
 * root's command runs without the capability to look past them. Every regular file of a tree that was opened is in
 * the record, and every directory that was listed. Leaves out which links were followed, so all of them are taken to
 * have been; which names were looked up and which of them do not exist, so that nothing is admitted by this; and a
 * command that changes files of its own user, where no namespace can make them read-only.
 */
import { createReadStream, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../process/run.ts";
import { runCommand } from "./command.ts";
import { insideNew, insideSame, mortal, type User, userOf } from "./namespace.ts";
import { isThere, makePlaces, outermost, realPlace } from "./places.ts";
import { findProgram, type Programs, requirePrograms } from "./programs.ts";
import { TraceReader } from "./trace-reader.ts";
import type { ViewCommand, ViewRecord, ViewResult, ViewTree } from "./view.ts";
import { removeLeftBehind, ViewDirectory } from "./view-directory.ts";
import { unavailable, ViewError } from "./view-error.ts";
import { type WrittenTree, writeViewTree } from "./written-tree.ts";

const MAX_TRACE_BYTES = 4 * 2 ** 30;

/** Throws `ViewError` where strace cannot do it either. `because`: why it is not mounted. */
export async function runTraced(
  trees: readonly ViewTree[],
  command: ViewCommand,
  because: string,
): Promise<ViewResult> {
  const programs = requirePrograms();
  refuseHiding(trees, because);
  const strace = await requireStrace(because);
  const user = userOf(process);
  const canMount = await canMountIn(programs, user);
  const covered = canMount ? undefined : mustCover(trees);
  if (covered) throw unavailable(`${because}; and ${covered} cannot be covered without a mount namespace`);
  removeLeftBehind(tmpdir());
  using directory = new ViewDirectory(tmpdir());
  const written = await writeTrees(trees, directory, canMount);
  const trace = join(directory.path, "trace");
  const unable = withoutOverride(programs, user, trees);
  const traced = [strace, ...STRACE_OPTIONS, "-o", trace, "--", ...unable, ...command.argv];
  const own = command.stdio === "inherit" ? traced : mortal(programs, traced);
  const inside = { binds: written.binds, protect: true, cwd: command.cwd ?? process.cwd(), argv: own };
  const argv = canMount ? insideNew(programs, user, inside) : insideSame(programs, inside);
  const ended = await runCommand(argv, command);
  return { ...ended, record: await readTrace(trace, written.trees), how: "strace", because };
}

/** Trees that are written down, and a trace of what a command opens of them at places that it sees alone. */
export interface Traced extends Disposable {
  /** Where each tree is. */
  readonly roots: readonly string[];
  /** The command, traced: it runs where it has no privilege, and where nothing can be changed. */
  around(argv: readonly string[]): string[];
  record(): Promise<ViewRecord>;
}

/** Throws `ViewError` where strace is missing. `because`: why it is not mounted. */
export async function openTraced(trees: readonly ViewTree[], because: string): Promise<Traced> {
  refuseHiding(trees, because);
  const strace = await requireStrace(because);
  removeLeftBehind(tmpdir());
  using opening = new DisposableStack();
  const directory = opening.use(new ViewDirectory(tmpdir()));
  const written: WrittenTree[] = [];
  const roots: string[] = [];
  for (const [place, tree] of trees.entries()) {
    const dir = join(directory.path, `tree-${place}`);
    written.push({ at: tree.at, ...(await writeViewTree(tree, dir)) });
    roots.push(dir);
  }
  const trace = join(directory.path, "trace");
  const opened = opening.move();
  return {
    roots,
    around: (argv) => [strace, ...STRACE_OPTIONS, "-o", trace, "--", ...argv],
    record: () => readTrace(trace, written),
    [Symbol.dispose]: () => opened.dispose(),
  };
}

const CALLS = ["?open", "openat", "?openat2", "execve", "?execveat", "?getdents", "getdents64"];
const HELP = "let this user open /dev/fuse and make user namespaces";
const STRACE_HELP = `install strace, or ${HELP}`;
const STRACE_OPTIONS = [
  "--follow-forks",
  "--seccomp-bpf",
  "--quiet=all",
  "--decode-fds=path",
  `--trace=${CALLS.join(",")}`,
  "--signal=none",
];

/** An admission judges names, so a trace is not enough for it. Throws `ViewError`. */
function refuseHiding(trees: readonly ViewTree[], because: string): void {
  if (!trees.some(({ rules }) => rules.kind === "enforce" && rules.names !== undefined)) return;
  throw unavailable(`${because}; and strace can neither hide names nor tell which ones are asked for`, HELP);
}

async function requireStrace(because: string): Promise<string> {
  const strace = findProgram("strace", process.env.PATH);
  if (strace === undefined) throw unavailable(`${because}; and strace is not installed`, STRACE_HELP);
  const tried = await run(strace, [...STRACE_OPTIONS, "-o", "/dev/null", "--", "true"], {
    timeoutMs: 10_000,
  });
  if (tried.code === 0) return strace;
  throw unavailable(`${because}; and strace traces nothing here: ${tried.stderr.trim()}`, STRACE_HELP);
}

/** A place that is there already, or will be in another tree. */
function mustCover(trees: readonly ViewTree[]): string | undefined {
  const own = outermost(trees);
  return trees.find((tree) => isThere(tree.at) || !own.includes(tree))?.at;
}

async function canMountIn(programs: Programs, user: User): Promise<boolean> {
  const binds = [{ from: tmpdir(), to: tmpdir() }];
  const [unshare, ...args] = insideNew(programs, user, { binds, protect: true, cwd: "/", argv: ["true"] });
  const tried = await run("sh", ["-c", 'exec "$@" 3>/dev/null', "sh", unshare!, ...args], {
    timeoutMs: 10_000,
  });
  return tried.code === 0;
}

/** What keeps root from opening files that nobody may open. */
function withoutOverride({ setpriv }: Programs, { uid }: User, trees: readonly ViewTree[]): string[] {
  const enforced = trees.some(({ rules }) => rules.kind === "enforce");
  return uid === 0 && enforced ? [setpriv, "--bounding-set", "-dac_override,-dac_read_search", "--"] : [];
}

async function writeTrees(trees: readonly ViewTree[], directory: ViewDirectory, canMount: boolean) {
  if (canMount) makePlaces(trees, directory);
  const written: WrittenTree[] = [];
  const binds = [];
  for (const [place, tree] of trees.entries()) {
    const dir = join(directory.path, `tree-${place}`);
    const all = await writeViewTree(tree, dir);
    if (canMount) binds.push({ from: dir, to: tree.at });
    else directory.putInPlace(dir, tree.at);
    written.push({ at: realPlace(tree.at), ...all });
  }
  return { trees: written, binds };
}

async function readTrace(path: string, trees: readonly WrittenTree[]): Promise<ViewRecord> {
  if (statSync(path).size > MAX_TRACE_BYTES)
    throw new ViewError("view-ended", "the trace is too long to be read");
  const reader = new TraceReader(trees);
  let rest = "";
  for await (const chunk of createReadStream(path, { encoding: "latin1" })) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) reader.line(line);
  }
  return reader.record();
}
