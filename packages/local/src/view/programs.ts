/**
 * The programs that make a view, by their absolute paths, found once and before anything is mounted: a search through
 * PATH could lead into the mount, and a command's own PATH may have none of them.
 */
import { accessSync, constants } from "node:fs";
import { isAbsolute, join } from "node:path";

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

/** All of them, or the names of those that are missing. */
export function findPrograms(path: string | undefined): Programs | { readonly missing: readonly string[] } {
  const found = NAMES.map((name) => [name, findProgram(name, path)] as const);
  const missing = found.filter(([, file]) => file === undefined).map(([name]) => name);
  return missing.length > 0 ? { missing } : (Object.fromEntries(found) as unknown as Programs);
}

export function findProgram(name: string, path: string | undefined): string | undefined {
  const directories = [...(path ?? "").split(":").filter(isAbsolute), ...USUAL];
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
