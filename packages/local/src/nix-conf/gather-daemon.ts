/**
 * The Nix daemon of this machine, from /proc: whether one answers, which environment it was started with, and whether
 * that was before nix.conf was changed. A daemon reads its configuration once.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { Answer } from "./facts.ts";

export interface DaemonProcess {
  readonly pid: number;
  /** Undefined where this user may not read it. */
  readonly env: ReadonlyMap<string, string> | undefined;
  readonly options: readonly string[];
  /** Unix seconds. */
  readonly started: number;
}

export function daemonSocket(env: NodeJS.ProcessEnv): string {
  return env.NIX_DAEMON_SOCKET_PATH || join(env.NIX_STATE_DIR || "/nix/var/nix", "daemon-socket/socket");
}

/** Whether somebody answers at a Unix socket. */
export function knock(path: string): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const socket = connect(path);
  socket.setTimeout(3000, () => socket.destroy(new Error("did not answer within 3 s")));
  socket.once("connect", () => {
    socket.destroy();
    resolve({ ok: true, said: `${path} answers` });
  });
  socket.once("error", (error) => resolve({ ok: false, problem: `${path}: ${error.message}` }));
  return promise;
}

/** Daemons of the same state directory, the oldest first: the others are mostly its children, one a connection. */
export async function findDaemons(env: NodeJS.ProcessEnv): Promise<DaemonProcess[]> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => readDaemon(Number(pid))));
  return found
    .filter((daemon) => daemon !== undefined)
    .filter((daemon) => daemon.env === undefined || sameState(daemon.env, env))
    .sort((a, b) => a.started - b.started);
}

function sameState(daemon: ReadonlyMap<string, string>, env: NodeJS.ProcessEnv): boolean {
  return (daemon.get("NIX_STATE_DIR") ?? "") === (env.NIX_STATE_DIR ?? "");
}

async function readDaemon(pid: number): Promise<DaemonProcess | undefined> {
  const words = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
  const program = words[0]?.split("/").at(-1);
  if (program !== "nix-daemon" && !(program === "nix" && words.includes("daemon"))) return undefined;
  const environ = await readFile(`/proc/${pid}/environ`, "utf8").catch(codeOf);
  // A connection that ended meanwhile is not a daemon that may not be looked at.
  if (environ === GONE) return undefined;
  const env = environ === undefined ? undefined : new Map(environ.split("\0").map(splitVariable));
  return { pid, env, options: words.filter(isSetting), started: await startOf(pid) };
}

const GONE = Symbol("gone");

function codeOf(error: NodeJS.ErrnoException): typeof GONE | undefined {
  return error.code === "ENOENT" || error.code === "ESRCH" ? GONE : undefined;
}

const USUAL = new Set(["--daemon", "--stdio", "--experimental-features", "--extra-experimental-features"]);

function isSetting(word: string): boolean {
  return word.startsWith("--") && !USUAL.has(word);
}

function splitVariable(text: string): [string, string] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
}

/** proc_pid_stat(5): field 22 is the start in ticks of 1/100 s after boot; the name in field 2 may hold anything. */
async function startOf(pid: number): Promise<number> {
  const own = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const ticks = Number(own.slice(own.lastIndexOf(")") + 2).split(" ")[19]);
  const boot = Number(/^btime (\d+)$/m.exec(await readFile("/proc/stat", "utf8"))?.[1]);
  return boot + ticks / 100;
}

/** Unix seconds of the last change of a file, or 0 where it is not there. */
export async function changed(path: string): Promise<number> {
  return ((await stat(path).catch(() => undefined))?.mtimeMs ?? 0) / 1000;
}
