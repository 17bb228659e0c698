/**
 * The files that a program consists of: itself, its loader and its libraries, as the loader itself finds them.
 *
 * So a seal holds these and no other program of the machine. It works for a system in /usr and for one in a store of
 * Nix's alike: there the libraries are store paths, and only the files that are loaded are shown. Leaves out what a
 * program opens later, such as plugins of the name service: Nix does without, and complains.
 */
import { closeSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { run } from "../process/run.ts";
import { findProgram } from "../view/programs.ts";
import { SealError } from "./seal-error.ts";

export interface ProgramFile {
  /** Where it is. */
  readonly from: string;
  /** Where its program looks for it. */
  readonly at: string;
}

export interface ProgramFiles {
  /** Absolute, links resolved. */
  readonly program: string;
  readonly libraries: readonly ProgramFile[];
}

const known = new Map<string, Promise<ProgramFiles>>();

/**
 * @param program Absolute path, below `root`.
 * @param root The system that the program belongs to; "" for this one.
 * @throws SealError where it is not a program for this machine.
 */
export function programFiles(program: string, root = ""): Promise<ProgramFiles> {
  const path = realpathSync(join(root, program));
  const { ctimeMs, ino } = statSync(path);
  const key = `${path} ${ctimeMs} ${ino}`;
  const found = known.get(key) ?? find(path, root);
  known.set(key, found);
  return found;
}

async function find(path: string, root: string): Promise<ProgramFiles> {
  const loader = loaderOf(path);
  if (loader === undefined) return { program: path, libraries: [] };
  const asked = [loader, "--list", path.slice(root.length)];
  const [command, ...args] =
    root === "" ? asked : [findProgram("chroot", undefined) ?? "chroot", root, ...asked];
  const listed = await run(command!, args, { timeoutMs: 20_000, env: { LC_ALL: "C" } });
  if (listed.code !== 0) throw new SealError(`${loader} does not list the libraries of ${path}`);
  const paths = new Set([loader, ...librariesIn(listed.stdout.toString())]);
  return { program: path, libraries: [...paths].map((at) => ({ at, from: realpathSync(join(root, at)) })) };
}

/** Lines are `NAME => PATH (ADDRESS)`, and `PATH (ADDRESS)` for the loader. The kernel's own library has no path. */
function librariesIn(listing: string): string[] {
  if (/=> not found/.test(listing))
    throw new SealError(
      "the loader does not find all libraries of Nix",
      "see what is missing: ldd $(command -v nix)",
    );
  return listing.split("\n").flatMap((line) => /(?:=> |^\s*)(\/.*) \(0x[0-9a-f]+\)$/.exec(line)?.[1] ?? []);
}

const PT_INTERP = 3;

/** What the header of a 64-bit ELF file names as its loader; undefined for a program without libraries. */
function loaderOf(path: string): string | undefined {
  const header = Buffer.alloc(4096);
  const file = openSync(path, "r");
  try {
    readSync(file, header, 0, header.length, 0);
    if (!header.subarray(0, 5).equals(Buffer.from("\x7fELF\x02")))
      throw new SealError(
        `${path} is not a program for this machine, so its libraries cannot be found`,
        "put the directory of the program itself first in PATH",
      );
    const [start, size, count] = [header.readUInt32LE(32), header.readUInt16LE(54), header.readUInt16LE(56)];
    for (let at = start; at < start + size * count && at + 56 <= header.length; at += size) {
      if (header.readUInt32LE(at) !== PT_INTERP) continue;
      const name = Buffer.alloc(header.readUInt32LE(at + 32));
      readSync(file, name, 0, name.length, header.readUInt32LE(at + 8));
      return name.toString("latin1").replace(/\0.*$/s, "");
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}
