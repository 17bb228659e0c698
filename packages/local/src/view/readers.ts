/** Who asks: the name and the arguments of a process, as /proc has them, for people to read. They decide nothing. */
import { closeSync, openSync, readSync } from "node:fs";

const MAX_COMM = 16;
const MAX_ARGV = 400;
/** Processes remembered. */
const MAX_KNOWN = 256;

interface Known {
  readonly comm: string;
  readonly name: string;
}

export class Readers {
  private readonly known = new Map<number, Known>();
  private readonly buffer = Buffer.alloc(MAX_ARGV);

  /** `nix-instantiate: nix-instantiate -A hello`; "" for one that is gone. Latin-1. */
  name(pid: number): string {
    if (pid === 0) return "";
    const comm = this.read(`/proc/${pid}/comm`, MAX_COMM).trimEnd();
    const known = this.known.get(pid);
    // A process that became another program has another name, nearly always.
    if (known?.comm === comm) return known.name;
    const argv = this.read(`/proc/${pid}/cmdline`, MAX_ARGV).replace(/\0+$/, "").replaceAll("\0", " ");
    const name = argv === "" ? comm : `${comm}: ${argv}`;
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    this.known.set(pid, { comm, name });
    return name;
  }

  private read(path: string, bytes: number): string {
    let fd: number | undefined;
    try {
      fd = openSync(path, "r");
      return this.buffer.toString("latin1", 0, readSync(fd, this.buffer, 0, bytes, 0));
    } catch {
      return "";
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}
