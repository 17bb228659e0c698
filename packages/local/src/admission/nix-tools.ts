/**
 * The machine's own Nix, run so that nothing of the caller's session reaches it: no NIX_PATH, no NIX_CONFIG, no user
 * configuration, registry, trusted settings or caches (they live below HOME, which is an empty directory of ours).
 * What locates the store, and the administrator's nix.conf, stay: they decide what the user's own Nix does too.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProcessError, type RunOptions, type RunResult, run } from "../process/run.ts";
import { type ProgramFiles, programFiles } from "../sealing/program-files.ts";
import type { Unsealed } from "../sealing/unsealed.ts";
import { findProgram } from "../view/programs.ts";

export type NixCommand = "nix" | "nix-instantiate" | "nix-store";

export interface NixRunOptions extends RunOptions {
  /** In an empty network namespace where this machine lets us make one; a daemon's Unix socket stays reachable. */
  readonly offline?: boolean;
}

export interface NixTools {
  /** Usually /nix/store. */
  readonly storeDir: string;
  /** `2.8.0`. */
  readonly version: string;
  /** What Nix builds for here: `x86_64-linux`. */
  readonly system: string;
  /** Runs a command to its end. A non-zero exit is a result. Throws `ProcessError`. */
  run(command: NixCommand, args: readonly string[], options?: NixRunOptions): Promise<RunResult>;
  /** The files that this Nix, or a program of the system that it belongs to, consists of. Throws `SealError`. */
  files(program: "nix" | "git" | "setpriv"): Promise<ProgramFiles>;
  /** Where evaluations are not sealed: for looking at one's own code, and never for an admission. */
  readonly unsealed?: Unsealed;
  /** What `run` would start, for whoever starts it in a place of its own. */
  words(command: NixCommand, args: readonly string[], options?: NixRunOptions): NixWords;
}

/** A command line with the whole environment that belongs to it. */
export interface NixWords {
  readonly argv: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
}

/** A Nix that cannot be asked, or that answers with something else than was asked. */
export class NixError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "NixError";
  }
}

/** What locates the store, its daemon and the administrator's configuration. 2.8 asks USER for the caller's name. */
const KEPT = [
  "PATH",
  "USER",
  "TMPDIR",
  "NIX_STORE_DIR",
  "NIX_STORE",
  "NIX_STATE_DIR",
  "NIX_LOG_DIR",
  "NIX_DATA_DIR",
  "NIX_CONF_DIR",
  "NIX_IGNORE_SYMLINK_STORE",
  "NIX_REMOTE",
  "NIX_DAEMON_SOCKET_PATH",
] as const;

/**
 * Finds the Nix that `env` leads to. `root`: the system that its program belongs to, where `PATH` leads to something
 * that enters another one. Throws `NixError`.
 */
export async function nixTools(env: NodeJS.ProcessEnv, root = ""): Promise<NixTools> {
  const childEnv = cleanEnvironment(env, ownHome());
  const isolated = await canIsolate(childEnv);
  const words = (
    command: NixCommand,
    args: readonly string[],
    { offline, env }: NixRunOptions = {},
  ): NixWords => ({
    argv: offline && isolated ? ["unshare", "--net", "--", command, ...args] : [command, ...args],
    env: { ...childEnv, ...env },
  });
  const runNix = (command: NixCommand, args: readonly string[], options: NixRunOptions = {}) => {
    const { argv, env } = words(command, args, options);
    const { offline: _, ...rest } = options;
    return run(argv[0], argv.slice(1), { ...rest, env });
  };
  const expression = "[ builtins.storeDir builtins.nixVersion builtins.currentSystem ]";
  const asked = await ask(runNix, ["--eval", "--strict", "--json", "--expr", expression]);
  const [storeDir, version, system] = readAnswer(asked);
  const files: NixTools["files"] = (program) => filesOf(program, root, childEnv.PATH);
  return { storeDir, version, system, run: runNix, words, files };
}

async function filesOf(name: string, root: string, path: string | undefined): Promise<ProgramFiles> {
  const program = root === "" ? findProgram(name, path) : `/usr/bin/${name}`;
  if (program === undefined) throw new NixError(`${name} is not installed`);
  return programFiles(program, root);
}

function cleanEnvironment(env: NodeJS.ProcessEnv, home: string): NodeJS.ProcessEnv {
  const kept = KEPT.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  return {
    ...Object.fromEntries(kept),
    HOME: home,
    // Set and empty: unset, the caller's channels are looked up.
    NIX_PATH: "",
    NIX_USER_CONF_FILES: "/dev/null",
    LC_ALL: "C.UTF-8",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_TERMINAL_PROMPT: "0",
  };
}

/** New for each process, so that no cache of an earlier evaluation answers for a later one. */
function ownHome(): string {
  const home = mkdtempSync(join(tmpdir(), "firstmile-nix-"));
  process.once("exit", () => rmSync(home, { recursive: true, force: true }));
  return home;
}

async function canIsolate(env: NodeJS.ProcessEnv): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  try {
    const tried = await run("unshare", ["--net", "--", "true"], { env, timeoutMs: 10_000 });
    return tried.code === 0;
  } catch (error) {
    if (error instanceof ProcessError) return false;
    throw error;
  }
}

async function ask(runNix: NixTools["run"], args: readonly string[]): Promise<string> {
  try {
    const { code, stdout, stderr } = await runNix("nix-instantiate", args, { timeoutMs: 60_000 });
    if (code === 0) return stdout.toString();
    throw new NixError(`Nix does not answer: ${stderr.trim().split("\n").at(-1)}`);
  } catch (error) {
    if (error instanceof ProcessError) throw new NixError(error.message, { cause: error });
    throw error;
  }
}

function readAnswer(text: string): [string, string, string] {
  const answer: unknown = JSON.parse(text);
  const isText = (value: unknown) => typeof value === "string" && value !== "";
  if (Array.isArray(answer) && answer.length === 3 && answer.every(isText))
    return answer as [string, string, string];
  throw new NixError("Nix does not say where its store is");
}
