/**
 * What of a list lies in the store of whoever asks, and what refers to it there. Asked of the store by its own Nix; the
 * answers decide nothing: they say where to look.
 */

import { FormatError } from "@firstmile/formats/bytes/error";
import { encodeHex } from "@firstmile/formats/bytes/text";
import { parseContentAddress } from "@firstmile/formats/nix/content-address";
import { parseStorePath, type StorePath } from "@firstmile/formats/nix/store-path";
import { NixError, type NixTools } from "../admission/nix-tools.ts";

/** Paths in one command: an argument list has an end. */
const BATCH = 500;
const LIMITS = { timeoutMs: 120_000, maxBytes: 256 << 20 };

/** Those that the store has. Throws `NixError`. */
export async function validAmong(nix: NixTools, paths: readonly StorePath[]): Promise<StorePath[]> {
  const invalid = new Set<string>();
  for (let at = 0; at < paths.length; at += BATCH) {
    const args = ["--check-validity", "--print-invalid", ...paths.slice(at, at + BATCH)];
    for (const line of linesOf(await asked(nix, args))) invalid.add(line);
  }
  return paths.filter((path) => !invalid.has(path));
}

/** These and everything that refers to them, however far up. */
export async function withReferrers(nix: NixTools, paths: readonly StorePath[]): Promise<StorePath[]> {
  const found = new Set<StorePath>();
  for (let at = 0; at < paths.length; at += BATCH) {
    const args = ["--query", "--referrers-closure", ...paths.slice(at, at + BATCH)];
    for (const line of linesOf(await asked(nix, args))) found.add(parseStorePath(line, nix.storeDir));
  }
  return [...found].sort();
}

/** What keeps them alive: links such as profiles and `result`, as Nix prints them. */
export async function rootsOf(nix: NixTools, paths: readonly StorePath[]): Promise<string[]> {
  const found = new Set<string>();
  for (let at = 0; at < paths.length; at += BATCH) {
    const args = ["--query", "--roots", ...paths.slice(at, at + BATCH)];
    // `PROFILE -> PATH`
    for (const line of linesOf(await asked(nix, args))) found.add(line.replace(/ -> .*$/, ""));
  }
  return [...found].sort();
}

/** Paths that their content names, if that is one of these SHA-256: as one file, or unpacked. */
export async function pathsOfContents(
  nix: NixTools,
  contents: ReadonlySet<string>,
): Promise<Map<StorePath, string>> {
  if (contents.size === 0) return new Map();
  const options = ["--extra-experimental-features", "nix-command", "--offline"];
  const format = atLeast(nix.version, 2, 34) ? ["--json-format", "1"] : [];
  const told = await nix.run("nix", ["path-info", "--all", "--json", ...format, ...options], LIMITS);
  if (told.code !== 0) throw new NixError(`the store does not tell what is in it: ${told.stderr.trim()}`);
  const answer: unknown = JSON.parse(told.stdout.toString());
  // A list in 2.8, an object by path since.
  const entries: [unknown, unknown][] = Array.isArray(answer)
    ? answer.map((entry: unknown) => [field(entry, "path"), entry])
    : Object.entries(answer as object);
  const found = entries.flatMap(([path, entry]): [StorePath, string][] => {
    const sha256 = contentOf(field(entry, "ca"));
    if (typeof path !== "string" || sha256 === undefined || !contents.has(sha256)) return [];
    return [[parseStorePath(path, nix.storeDir), sha256]];
  });
  return new Map(found);
}

function contentOf(ca: unknown): string | undefined {
  if (typeof ca !== "string" || ca === "") return undefined;
  try {
    const { hash } = parseContentAddress(ca);
    return hash.algorithm === "sha256" ? encodeHex(hash.digest) : undefined;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

async function asked(nix: NixTools, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await nix.run("nix-store", args, LIMITS);
  if (code === 0) return stdout.toString();
  throw new NixError(`the store does not answer: ${stderr.trim().split("\n").at(-1)}`);
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [has = 0, hasMinor = 0] = version.split(".").map(Number);
  return has > major || (has === major && hasMinor >= minor);
}
