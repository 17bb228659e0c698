/**
 * The demo's directory, and its undoing. Everything is below one temporary directory; the only thing outside is an
 * empty /nix, made where the machine has none, because a directory must be there to mount another one over it.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endAll } from "./processes.ts";

/** This machine lacks something that the demo needs. */
export class NotPossible extends Error {
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.name = "NotPossible";
    this.help = help;
  }
}

export class Workplace {
  readonly dir: string;
  private readonly keep: boolean;
  private readonly madeNix: boolean;
  private readonly endings: (() => Promise<unknown>)[] = [];
  private closed: Promise<void> | undefined;

  constructor(keep: boolean) {
    this.keep = keep;
    this.madeNix = makeMountPoint();
    this.dir = mkdtempSync(join(tmpdir(), "firstmile-demo-"));
    // Nix refuses to build below a directory that others may write.
    chmodSync(this.dir, 0o755);
  }

  /** A directory of this name in the demo's. */
  make(...names: string[]): string {
    const dir = join(this.dir, ...names);
    mkdirSync(dir, { recursive: true });
    return dir;
  }

  /** Something to be ended before the directory goes. */
  onClose(ending: () => Promise<unknown>): void {
    this.endings.push(ending);
  }

  /** Ends every process that was started and removes what was made, once. */
  close(): Promise<void> {
    this.closed ??= this.undo();
    return this.closed;
  }

  private async undo(): Promise<void> {
    for (const ending of this.endings) await ending().catch(() => {});
    await endAll();
    if (!this.keep) removeTree(this.dir);
    if (this.madeNix) removeIfEmpty("/nix");
  }
}

function makeMountPoint(): boolean {
  if (existsSync("/nix")) return false;
  try {
    mkdirSync("/nix");
    return true;
  } catch {
    throw new NotPossible(
      "there is no /nix here, and no right to make one",
      "run it as root, or first: sudo mkdir /nix",
    );
  }
}

/** Store paths are read-only, which stops anybody but root from removing what is in them. */
function removeTree(dir: string): void {
  if (process.getuid?.() !== 0) makeWritable(dir);
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}

function makeWritable(dir: string): void {
  chmodSync(dir, 0o700);
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) makeWritable(join(dir, entry.name));
  }
}

/** Another demo, or somebody's Nix, may have begun to use it meanwhile. */
function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // Not empty: theirs now.
  }
}
