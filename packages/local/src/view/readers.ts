/** Who asks: the name and the arguments of a process, as /proc has them, for people to read. They decide nothing. */
import { closeSync, openSync, readSync } from "node:fs";

/** Bytes: the kernel's own limit, and enough of a command line to know it by. */
const MAX_COMM = 16;
const MAX_ARGV = 400;

/**
 * Remembers the process that asked last, which nearly always asks next. Its name is read each time, by a descriptor
 * that is kept: what became another program is seen by it, and what has ended gives no more.
 */
export class Readers {
  private pid = 0;
  private commFile: number | undefined;
  private comm = "";
  private shown = "";
  private readonly buffer = Buffer.alloc(MAX_ARGV);

  /** `nix-instantiate: nix-instantiate -A hello`; "" for one that is gone. Latin-1. */
  name(pid: number): string {
    if (pid !== this.pid) this.turnTo(pid);
    const comm = this.readFrom(this.commFile, MAX_COMM).trimEnd();
    if (comm !== this.comm) {
      this.comm = comm;
      this.shown = this.withArguments(comm);
    }
    return this.shown;
  }

  private turnTo(pid: number): void {
    if (this.commFile !== undefined) closeSync(this.commFile);
    this.pid = pid;
    this.comm = "";
    this.shown = "";
    this.commFile = open(`/proc/${pid}/comm`);
  }

  private withArguments(comm: string): string {
    const file = open(`/proc/${this.pid}/cmdline`);
    const argv = this.readFrom(file, MAX_ARGV).replace(/\0+$/, "").replaceAll("\0", " ");
    if (file !== undefined) closeSync(file);
    return argv === "" ? comm : `${comm}: ${argv}`;
  }

  private readFrom(file: number | undefined, bytes: number): string {
    if (file === undefined) return "";
    try {
      return this.buffer.toString("latin1", 0, readSync(file, this.buffer, 0, bytes, 0));
    } catch {
      return "";
    }
  }
}

function open(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch {
    return undefined;
  }
}
