/**
 * Machines, each with a /nix of its own. All are this computer: a machine's commands run in a mount namespace where
 * its own directory lies over /nix, with a home, a nix.conf and a temporary directory of its own. So store paths are
 * the real ones and agree between machines, and the computer's own /nix and /etc/nix are neither read nor changed.
 *
 * The compiler is this computer's: `sandbox-paths` lets builds see /bin, /usr and /lib.
 */
import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { type Ended, run, runOk, start } from "./processes.ts";
import { commandLine, type Screen } from "./screen.ts";
import { NotPossible, type Workplace } from "./workplace.ts";

const CHECKOUT = resolve(import.meta.dirname, "..");

/** What every command of the demo gets: nothing of whoever started it but where programs are. */
export function baseEnvironment(home: string): Record<string, string> {
  const path = [join(CHECKOUT, "node_modules/.bin"), CHECKOUT, process.env.PATH ?? "/usr/bin:/bin"];
  return {
    PATH: path.join(delimiter),
    HOME: home,
    USER: "root",
    TMPDIR: home,
    LC_ALL: "C.UTF-8",
    NO_COLOR: "1",
    // Lines are broken where they are shown.
    COLUMNS: "1000",
    GIT_CONFIG_NOSYSTEM: "1",
    FIRSTMILE_STATE: join(home, "firstmile"),
  };
}

/**
 * The command that runs others where `nix` lies over /nix. Without root the mount is made inside a user namespace, and
 * the command runs in another one below it as a user again: as root there, Nix would want rights that it has not.
 */
function inOwnNix(nix: string, words: readonly string[]): string[] {
  const root = process.getuid?.() === 0;
  const outer = root ? ["unshare", "--mount"] : ["unshare", "--user", "--map-root-user", "--mount"];
  const inner = root ? "exec" : "exec unshare --user --map-user=1000 --map-group=1000";
  return [...outer, "sh", "-c", `mount --bind "$0" /nix && ${inner} "$@"`, nix, ...words];
}

/** Throws `NotPossible` where this computer does not let the demo make such namespaces. */
export async function checkNamespaces({ dir }: Workplace): Promise<void> {
  const tried = await run(inOwnNix(dir, ["true"]), { cwd: "/", env: baseEnvironment(dir) });
  if (tried.code === 0) return;
  throw new NotPossible(
    `no mount namespace can be made here: ${tried.stderr.trim()}`,
    "run it as root, outside of a container that forbids it",
  );
}

export class Machine {
  readonly name: string;
  readonly home: string;
  private readonly nix: string;
  private readonly screen: Screen;
  private readonly env: Readonly<Record<string, string>>;

  constructor(workplace: Workplace, screen: Screen, name: string) {
    this.name = name;
    this.screen = screen;
    this.home = workplace.make(name);
    this.nix = workplace.make(name, "nix");
    const tmp = workplace.make(name, "tmp");
    workplace.make(name, "etc");
    this.env = {
      ...baseEnvironment(this.home),
      TMPDIR: tmp,
      NIX_CONF_DIR: join(this.home, "etc"),
    };
    this.configure([]);
  }

  /** Writes nix.conf: what makes Nix work here, and then `lines`. */
  configure(lines: readonly string[]): void {
    const conf = [
      "build-users-group =",
      "experimental-features = nix-command flakes",
      "sandbox = true",
      "sandbox-fallback = false",
      "sandbox-paths = /bin /usr /lib /lib64",
      "substituters =",
      ...lines,
    ];
    writeFileSync(join(this.home, "etc/nix.conf"), `${conf.join("\n")}\n`);
  }

  /** Runs a command that the screen shows, whatever it ends with. */
  types(dir: string, ...words: string[]): Promise<Ended> {
    return this.screen.command(this.name, commandLine(words), () => this.tries(dir, ...words));
  }

  /** Runs a command that the screen shows and that has to succeed. */
  typesOk(dir: string, ...words: string[]): Promise<string> {
    return this.screen.command(this.name, commandLine(words), () => this.does(dir, ...words));
  }

  /** Runs a line of shell that the screen shows; it has to succeed. */
  typesLine(dir: string, line: string): Promise<string> {
    return this.screen.command(this.name, line, () => this.does(dir, "sh", "-c", line));
  }

  /** Runs a command that is not worth showing, whatever it ends with. */
  tries(dir: string, ...words: string[]): Promise<Ended> {
    return run(inOwnNix(this.nix, words), this.options(dir));
  }

  does(dir: string, ...words: string[]): Promise<string> {
    return runOk(inOwnNix(this.nix, words), this.options(dir));
  }

  /** Starts a service. */
  starts(...words: string[]): ChildProcess {
    return start(inOwnNix(this.nix, words), this.options("."));
  }

  /** True where the machine's store has the path. */
  has(storePath: string): boolean {
    return existsSync(this.seenFromOutside(storePath));
  }

  /** Content of a file in the machine's store. */
  read(path: string): string {
    return readFileSync(this.seenFromOutside(path), "latin1");
  }

  /** Names of the derivations that were built here: Nix keeps a log of each. */
  built(): string[] {
    const logs = join(this.nix, "var/log/nix/drvs");
    if (!existsSync(logs)) return [];
    const files = readdirSync(logs, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    return files.map(({ name }) => name.replace(/^.{31}|\.drv(?:\.bz2)?$/g, "").replace(/^-/, ""));
  }

  seenFromOutside(path: string): string {
    return join(this.nix, path.replace(/^\/nix\//, ""));
  }

  private options(dir: string) {
    return { cwd: resolve(this.home, dir), env: this.env };
  }
}
