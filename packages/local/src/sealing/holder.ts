/**
 * A process that holds the seal's private store: a file system in memory, in a mount namespace of its own.
 *
 * Claims: the store has a size limit. Only its namespace sees it. This process can read it until it disposes of it, also
 * after every sealed process is gone. Nothing of it reaches a disk. The holder ends with this process, since it reads
 * from our pipe; the kernel removes the file system with the last namespace.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  constants,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { enter, mortal, type User } from "../view/namespace.ts";
import type { SealLimits } from "./limits.ts";
import type { SealPrograms } from "./programs.ts";
import { SealError } from "./seal-error.ts";

/** Its text is constant. $1: mount. $2: its options. $3: where. */
const HOLD = `"$1" -n -i -t tmpfs -o "$2" firstmile "$3" || exit 126; echo ready; read -r _`;

export interface HolderOptions {
  readonly programs: SealPrograms;
  readonly limits: SealLimits;
  /** Who this process runs as. */
  readonly user: User;
  /** Who evaluates, as files are owned. */
  readonly owner: User;
  /** Words that enter the namespace of a view, to begin with. */
  readonly enter: readonly string[];
}

export class Holder implements AsyncDisposable {
  /** Where the file system is, in the holder's namespace. */
  readonly dir: string;
  readonly #child: ChildProcess;
  readonly #options: HolderOptions;
  readonly #gone: Promise<void>;
  #descriptor = -1;

  static async start(options: HolderOptions): Promise<Holder> {
    const holder = new Holder(options);
    try {
      await holder.#ready();
      return holder;
    } catch (error) {
      await holder[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(options: HolderOptions) {
    this.#options = options;
    this.dir = mkdtempSync(join(tmpdir(), "firstmile-seal-"));
    const { programs, user } = options;
    const { sh, mount, unshare } = programs;
    const { storeSize, storeFiles } = options.limits;
    const mountOptions = `size=${storeSize},nr_inodes=${storeFiles},mode=755,nosuid,nodev`;
    const asRoot = user.uid === 0 || options.enter.length > 0 ? [] : ["--map-root-user"];
    const held = mortal(programs, [sh, "-c", HOLD, "sh", mount, mountOptions, this.dir]);
    const own = [unshare, "--mount", "--propagation", "private", ...asRoot, "--", ...held];
    const [command, ...args] = [...options.enter, ...own];
    this.#child = spawn(command!, args, { stdio: ["pipe", "pipe", "pipe"], cwd: "/", detached: true });
    this.#child.stdin!.on("error", () => {});
    this.#gone = new Promise((resolve) => {
      this.#child.once("close", () => resolve());
      this.#child.once("error", () => resolve());
    });
  }

  /** Words before a command that is to run in the namespace. */
  get enter(): string[] {
    const { programs, user } = this.#options;
    return enter(programs, user, this.#child.pid!);
  }

  /** The file system, as a path of this process. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#descriptor}`;
  }

  async #ready(): Promise<void> {
    const said = await firstWords(this.#child);
    if (said !== "ready\n")
      throw new SealError(`no namespace for the evaluation: ${said.trim() || "no reason given"}`);
    // Kept open: the path stays good whatever becomes of the process.
    const flags = constants.O_RDONLY | constants.O_DIRECTORY;
    this.#descriptor = openSync(join(`/proc/${this.#child.pid}/root`, this.dir), flags);
  }

  /** A directory that the evaluation may write to. */
  directory(name: string): string {
    mkdirSync(join(this.path, name), { mode: 0o755 });
    this.give(name);
    return join(this.dir, name);
  }

  /**
   * One that it may write to, and in which it cannot move what others have put there. Against: a directory above a
   * mount point that becomes a link, which the next command's mounts would follow out of the seal.
   */
  sharedDirectory(name: string): string {
    mkdirSync(join(this.path, name));
    chmodSync(join(this.path, name), 0o1777);
    return join(this.dir, name);
  }

  /** A file that it may read. */
  file(name: string, content: string): string {
    writeFileSync(join(this.path, name), content, { flag: "wx", mode: 0o444 });
    return join(this.dir, name);
  }

  give(name: string): void {
    const { user, owner } = this.#options;
    if (user.uid === 0) lchownSync(join(this.path, name), owner.uid, owner.gid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
    this.#descriptor = -1;
    this.#child.kill("SIGKILL");
    await this.#gone;
    rmdirSync(this.dir);
  }
}

/** What it says first, or what it complained of. */
function firstWords(child: ChildProcess): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let complaint = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(0, 4096);
  });
  child.stdout!.once("data", (chunk: Buffer) => resolve(chunk.toString()));
  child.once("error", ({ message }) => resolve(message));
  child.once("close", () => resolve(complaint));
  return promise;
}
