/**
 * A pin: what a lock file or an expression hands to one of Nix's fetchers, read without evaluating anything. It is
 * unsigned text that names what to fetch. Nothing in it is believed: it finds the commit to authenticate, and the
 * hash to hold that commit's tree against.
 */
import { FormatError, type FormatName } from "../bytes/error.ts";
import { type NarHash, parseNarHash } from "./hash.ts";
import type { JsonObject, JsonValue } from "./json.ts";

/** A pin of a Git commit's tree. */
export interface CommitPin {
  readonly kind: "commit";
  /** As people know it: its name in the lock file, or where the call stands. */
  readonly name: string;
  readonly fetcher: "fetchTarball" | "fetchGit";
  /** As the fetcher is given it. Undefined where the loader makes it up. */
  readonly url: string | undefined;
  /** URL of the Git repository. */
  readonly repository: string;
  /** The whole commit id: 40 or 64 lower-case digits. */
  readonly rev: string;
  readonly narHash: NarHash | undefined;
  /** Names that the tree may have in the store, likeliest first. */
  readonly storeNames: readonly string[];
}

/** A pin that names no Git commit, with what to do about it. */
export interface OtherPin {
  readonly kind: "other";
  readonly name: string;
  readonly url: string | undefined;
  /** Completes "pin NAME …". */
  readonly problem: string;
  readonly remedy: string;
}

export type Pin = CommitPin | OtherPin;

/** A fetched tree's own name in the store, where the call gives none. */
export const FETCHED_NAME = "source";

/**
 * SHA-256 of a tree as fetchers take it: with or without its algorithm in front. Undefined for the empty text, by
 * which people have Nix tell them the hash. Throws `FormatError`.
 */
export function parsePinHash(text: string): NarHash | undefined {
  if (text === "") return undefined;
  return parseNarHash(/^[a-z0-9]+[:-]/.test(text) ? text : `sha256:${text}`);
}

export function isWholeCommitId(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** The members of one pin in a JSON lock, each read as what it has to be. Each refusal names pin and member. */
export class PinFields {
  readonly fields: JsonObject;
  private readonly format: FormatName;
  private readonly where: string;

  constructor(format: FormatName, where: string, value: JsonValue | undefined) {
    this.format = format;
    this.where = where;
    this.fields = asObject(format, where, value);
  }

  /** A member that is a string; undefined where it is missing or null. */
  text(member: string): string | undefined {
    const value = this.fields[member];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "string") return this.fail(member, "is not a string");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    if (/[\u0000-\u001f\u007f]/.test(value)) return this.fail(member, "has control characters");
    return value;
  }

  needed(member: string): string {
    return this.text(member) ?? this.fail(member, "is missing");
  }

  flag(member: string): boolean {
    const value = this.fields[member] ?? false;
    return typeof value === "boolean" ? value : this.fail(member, "is neither true nor false");
  }

  /** A member that is an object of its own. */
  inner(member: string): PinFields {
    return new PinFields(this.format, `${this.where}: ${member}`, this.fields[member]);
  }

  /** Whole ids only: a short one could come to mean another commit. */
  commitId(member: string): string {
    const id = this.needed(member);
    return isWholeCommitId(id) ? id : this.fail(member, "is not a whole commit id in lower-case hex");
  }

  hash(member: string): NarHash {
    const text = this.needed(member);
    try {
      return parsePinHash(text) ?? this.fail(member, "is empty");
    } catch (error) {
      if (!(error instanceof FormatError) || error.format === this.format) throw error;
      return this.fail(member, error.message);
    }
  }

  fail(member: string, problem: string): never {
    throw new FormatError(this.format, `${this.where}: ${member}`, 0, problem);
  }
}

export function asObject(format: FormatName, where: string, value: JsonValue | undefined): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new FormatError(format, where, 0, "is not an object");
}

/** UTF-8 as text. Throws `FormatError`. */
export function pinText(bytes: Uint8Array, format: FormatName, maxBytes: number): string {
  if (bytes.length > maxBytes)
    throw new FormatError(format, "size", maxBytes, `is over ${maxBytes >> 20} MiB`);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatError(format, "encoding", 0, "is not UTF-8");
  }
}
