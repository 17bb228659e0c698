import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeAccounts, type NixAccounts } from "./nix-accounts.ts";
import { type Ended, endGroup, runChild } from "./nix-process.ts";

/**
 * A private Nix for one test: stock Nix, this machine's own or Debian sid's, with store, state, configuration, users
 * and daemon below one directory. Nothing of the machine's /nix or /etc is read, needed or changed.
 *
 * The store is moved by NIX_STORE_DIR and its siblings rather than by `--store ROOT`: with the latter the hook is
 * handed /nix/store/….drv, a path that exists for Nix alone, and the hook and the test could not open it.
 * Store paths are therefore below `storeDir`, and differ from those of a store in /nix/store.
 *
 * Needs root (the sandbox, the daemon's build users) and, for "sid", the tree of scripts/sid-tree.
 */
export interface NixWorld {
  readonly version: NixVersion;
  readonly dir: string;
  readonly storeDir: string;
  readonly stateDir: string;
  readonly confPath: string;
  readonly socketPath: string;
  /** What the daemon has written so far; the hook's stderr ends here when there is a daemon. */
  daemonLog(): string;
  /** The unprivileged user that this world has; undefined in a single-user world. */
  readonly user: { readonly name: string; readonly uid: number } | undefined;
  /** Runs a command as root: on the store itself, or through the daemon while one is started. */
  run(command: string, args?: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Runs a command as `uid` with no privilege and no group, through the daemon while one is started. */
  runAs(uid: number, command: string, args?: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Replaces settings in nix.conf; undefined removes one. A running daemon reads them when it is started again. */
  configure(conf: Readonly<Record<string, string | undefined>>): void;
  /** `env`: over the world's own. */
  startDaemon(env?: Readonly<Record<string, string>>): Promise<void>;
  /** Ends the daemon, if this world started one. */
  stop(): Promise<void>;
  /** Ends the daemon and removes the directory. */
  [Symbol.asyncDispose](): Promise<void>;
}

export type NixVersion = "host" | "sid";

export interface NixWorldOptions {
  /** Made if missing, removed with the world. Short, since a socket's path holds 107 bytes. */
  readonly dir: string;
  readonly version: NixVersion;
  /** With build users and an unprivileged user, for a daemon. */
  readonly multiUser?: boolean;
  /** Lines of nix.conf, over the world's own. */
  readonly conf?: Readonly<Record<string, string>>;
}

export interface RunOptions {
  /** Over the world's environment, which takes nothing from the test's but PATH. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  /** Milliseconds until the command is killed; 120,000 unless told. */
  readonly timeoutMs?: number;
}

const CHECKOUT = resolve(import.meta.dirname, "../..");
const SID_TREE = process.env.FIRSTMILE_SID_TREE ?? join(CHECKOUT, ".cache/sid");
/** Since 2.34 Nix refuses build users whose build directory lies below a directory that others may write, as /tmp is. */
const SID_BUILDS = "/var/lib/world-builds";

/** Why this machine cannot make such a world, for `test.skipIf`; undefined if it can. */
export function missingForNixWorld(version: NixVersion): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  if (version === "sid")
    return existsSync(join(SID_TREE, ".sid-tree")) ? undefined : "needs scripts/sid-tree";
  return existsSync("/usr/bin/nix") ? undefined : "needs Nix in /usr/bin";
}

export function makeNixWorld(options: NixWorldOptions): NixWorld {
  const { version } = options;
  const dir = resolve(options.dir);
  for (const below of ["etc/nix", "home", "tmp", "builds", "state"])
    mkdirSync(join(dir, below), { recursive: true });
  chmodSync(join(dir, "tmp"), 0o1777);
  const accounts =
    options.multiUser === true ? makeAccounts(dir, version === "sid" ? SID_TREE : "/") : undefined;
  const place: Place = { version, dir, accounts };
  const confPath = join(dir, "etc/nix/nix.conf");
  const socketPath = join(dir, "state/daemon-socket/socket");
  if (socketPath.length > 107) throw new Error(`${socketPath}: too long for a socket`);
  let conf: Record<string, string | undefined> = {};
  let daemon: ChildProcess | undefined;

  const world: NixWorld = {
    version,
    dir,
    storeDir: join(dir, "store"),
    stateDir: join(dir, "state"),
    confPath,
    socketPath,
    user: accounts?.user,
    daemonLog: () => readIfThere(join(dir, "daemon.log")),
    run: (command, args = [], given = {}) =>
      start(place, [command, ...args], "home", daemon !== undefined, given),
    runAs(uid, command, args = [], given = {}) {
      const home = `home-${uid}`;
      mkdirSync(join(dir, home), { recursive: true });
      chownSync(join(dir, home), uid, uid);
      const as = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", command, ...args];
      return start(place, as, home, daemon !== undefined, given);
    },
    configure(changes) {
      conf = { ...conf, ...changes };
      writeFileSync(confPath, renderConf(conf));
    },
    async startDaemon(env = {}) {
      if (daemon !== undefined) throw new Error("the world's daemon runs already");
      rmSync(socketPath, { force: true });
      daemon = startDaemon(place, env);
      await listening(daemon, socketPath);
    },
    async stop() {
      const ending = daemon;
      daemon = undefined;
      if (ending !== undefined) await ended(ending);
    },
    async [Symbol.asyncDispose]() {
      await world.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  world.configure({ ...defaults(place), ...options.conf });
  return world;
}

interface Place {
  readonly version: NixVersion;
  readonly dir: string;
  readonly accounts: NixAccounts | undefined;
}

/**
 * The sandbox sees the system's programs: there is no nixpkgs here to give a build its shell. No registry, since a
 * test asks no network; no fallback, since 2.34 then builds without sandbox and without hook, and says nothing.
 */
function defaults({ version, accounts }: Place): Record<string, string> {
  return {
    sandbox: "true",
    "sandbox-fallback": "false",
    "sandbox-paths": "/usr /bin /lib /lib64",
    substituters: "",
    "flake-registry": "",
    "use-registries": "false",
    "build-users-group": accounts?.buildGroup ?? "",
    "experimental-features": "nix-command flakes ca-derivations",
    ...(version === "sid" ? { "build-dir": SID_BUILDS } : {}),
  };
}

function renderConf(conf: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(conf)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join("");
}

function environment({ dir }: Place, home: string, viaDaemon: boolean): Record<string, string> {
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    LC_ALL: "C.UTF-8",
    HOME: join(dir, home),
    TMPDIR: join(dir, "tmp"),
    NIX_STORE_DIR: join(dir, "store"),
    NIX_STATE_DIR: join(dir, "state"),
    NIX_LOG_DIR: join(dir, "state/log"),
    NIX_CONF_DIR: join(dir, "etc/nix"),
    NIX_REMOTE: viaDaemon ? "daemon" : "local",
  };
}

/** Words that put a command into the world's view of the machine: sid's tree, its accounts, or neither. */
function enter({ version, dir, accounts }: Place): string[] {
  const over = accounts === undefined ? [] : [accounts.passwd, accounts.group];
  if (version === "sid") {
    const binds = [`${dir}:${dir}`, `${join(dir, "builds")}:${SID_BUILDS}`];
    if (accounts !== undefined) binds.push(`${accounts.passwd}:/etc/passwd`, `${accounts.group}:/etc/group`);
    return [join(CHECKOUT, "scripts/sid-run"), SID_TREE, ...binds.flatMap((bind) => ["--bind", bind]), "--"];
  }
  if (accounts === undefined) return [];
  const script = 'mount --bind "$1" /etc/passwd && mount --bind "$2" /etc/group && shift 2 && exec "$@"';
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", ...over];
}

/**
 * A worker of Nix 2.8's daemon sometimes closes a descriptor twice when it builds a content-addressed derivation, and
 * ends before the build begins: then the client is asked once more. It happens without any hook too.
 */
const DAEMON_FAULT = /error: closing file descriptor \d+: Bad file descriptor/;

async function start(
  place: Place,
  argv: string[],
  home: string,
  viaDaemon: boolean,
  given: RunOptions,
): Promise<Ended> {
  const ask = () =>
    runChild([...enter(place), ...argv], {
      cwd: given.cwd ?? join(place.dir, home),
      env: { ...environment(place, home, viaDaemon), ...given.env },
      input: given.input,
      timeoutMs: given.timeoutMs ?? 120_000,
    });
  const ended = await ask();
  const isFault =
    viaDaemon && place.version === "host" && ended.code !== 0 && DAEMON_FAULT.test(ended.stderr);
  return isFault ? ask() : ended;
}

function startDaemon(place: Place, env: Readonly<Record<string, string>>): ChildProcess {
  const [command, ...args] = [...enter(place), "nix-daemon"];
  const log = openSync(join(place.dir, "daemon.log"), "a");
  const daemon = spawn(command!, args, {
    cwd: place.dir,
    env: { ...environment(place, "home", false), ...env },
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);
  // A test that dies must not leave a daemon behind.
  process.once("exit", () => endGroup(daemon, "SIGKILL"));
  return daemon;
}

async function listening(daemon: ChildProcess, socketPath: string) {
  for (let waited = 0; waited < 10_000; waited += 20) {
    if (existsSync(socketPath)) return;
    if (daemon.exitCode !== null) throw new Error(`nix-daemon ended with ${daemon.exitCode}`);
    await sleep(20);
  }
  endGroup(daemon, "SIGKILL");
  throw new Error("nix-daemon does not listen");
}

async function ended(daemon: ChildProcess) {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const gone = new Promise((resolve) => daemon.once("exit", resolve));
  endGroup(daemon, "SIGTERM");
  await gone;
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
