/** The programs that make a seal, by their absolute paths: the same search as for views. */
import { findProgram } from "../view/programs.ts";
import { SealError } from "./seal-error.ts";

const NAMES = ["bwrap", "mount", "nsenter", "prlimit", "setpriv", "sh", "unshare"] as const;

export type SealPrograms = Readonly<Record<(typeof NAMES)[number], string>>;

/** Throws `SealError`. */
export function requireSealPrograms(
  path: string | undefined = process.env.PATH,
  usual?: readonly string[],
): SealPrograms {
  if (process.platform !== "linux") throw new SealError("evaluations are sealed on Linux only");
  const found = NAMES.map((name) => [name, findProgram(name, path, usual)] as const);
  const missing = found.filter(([, file]) => file === undefined).map(([name]) => name);
  if (missing.length > 0) throw new SealError(`${missing.join(", ")} not found`);
  return Object.fromEntries(found) as unknown as SealPrograms;
}
