/**
 * The programs that make a view, by their absolute paths, found once and before anything is mounted: a search through
 * PATH could lead into the mount, and a command's own PATH may have none of them.
 */
import { accessSync, constants } from "node:fs";
import { isAbsolute, join } from "node:path";
import { unavailable } from "./view-error.ts";

export interface Programs {
  readonly git: string;
  readonly mkfifo: string;
  readonly mount: string;
  readonly nsenter: string;
  readonly setpriv: string;
  readonly sh: string;
  readonly test: string;
  readonly unshare: string;
}

const NAMES = ["git", "mkfifo", "mount", "nsenter", "setpriv", "sh", "test", "unshare"] as const;
/** Where a service's short PATH may not look. */
const USUAL = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/run/current-system/sw/bin"];

/** Throws `ViewError`. */
export function requirePrograms(): Programs {
  if (process.platform !== "linux") throw unavailable("views are made on Linux only");
  const programs = findPrograms(process.env.PATH);
  if (!("missing" in programs)) return programs;
  throw unavailable(`${programs.missing.join(", ")} not found`, "install git, coreutils and util-linux");
}

/** All of them, or the names of those that are missing. */
function findPrograms(path: string | undefined): Programs | { readonly missing: readonly string[] } {
  const found = NAMES.map((name) => [name, findProgram(name, path)] as const);
  const missing = found.filter(([, file]) => file === undefined).map(([name]) => name);
  return missing.length > 0 ? { missing } : (Object.fromEntries(found) as unknown as Programs);
}

export function findProgram(
  name: string,
  path: string | undefined,
  usual: readonly string[] = USUAL,
): string | undefined {
  const directories = [...(path ?? "").split(":").filter(isAbsolute), ...usual];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
