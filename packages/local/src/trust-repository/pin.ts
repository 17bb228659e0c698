/** What this machine pins of its trust repository: where it is, its introduction, and how far it was followed. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommitId, parseCommitId } from "@firstmile/formats/git/object-id";
import type { Fingerprint } from "@firstmile/trust/signature/outcome";
import * as z from "zod";
import { LatestSeenError, latestSeen } from "./latest-seen.ts";

export interface Pin {
  readonly url: string;
  /** Where else this machine was told that it is served; the rules may name more. */
  readonly mirrors: readonly string[];
  readonly branch?: string | undefined;
  readonly introduction: { readonly commit: CommitId; readonly signedBy: readonly Fingerprint[] };
  /** The newest authentic commit; nothing that does not descend from it is followed. */
  readonly followed: CommitId;
  /** Unix seconds of the last update that reached the repository. */
  readonly updated: number;
  /** The latest time that this machine decided at, in Unix seconds, whatever the answer was: see latest-seen.ts. */
  readonly latestSeen: number;
}

const commit = z.string().transform((text) => parseCommitId(text));
const pinShape = z.strictObject({
  url: z.string(),
  mirrors: z.array(z.string()).default([]),
  branch: z.string().optional(),
  introduction: z.strictObject({
    commit,
    signedBy: z.array(z.string().transform((text) => text as Fingerprint)).min(1),
  }),
  followed: commit,
  updated: z.number(),
  latestSeen: z.number(),
});

/** The pin is there and cannot be read: nothing may be decided until somebody has looked at it. */
export class PinError extends Error {
  readonly help = "put the file back from a backup, or pin anew with firstmile trust add --replace";

  constructor(file: string, problem: string) {
    super(`${file} cannot be read: ${problem}`);
    this.name = "PinError";
  }
}

/** The Git directory that holds this machine's copy. */
export function trustGitDir(stateDir: string): string {
  return join(stateDir, "trust", "repository.git");
}

/** The pin, or undefined where this machine follows no trust repository. Throws `PinError`, `LatestSeenError`. */
export function readPin(stateDir: string): Pin | undefined {
  const file = pinFile(stateDir);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new PinError(file, String(error));
  }
  try {
    const pin = pinShape.parse(JSON.parse(text));
    return { ...pin, latestSeen: Math.max(pin.latestSeen, latestSeen(stateDir)) };
  } catch (error) {
    if (error instanceof LatestSeenError) throw error;
    throw new PinError(file, error instanceof Error ? error.message : String(error));
  }
}

/** Replaces the pin by rename, so that a machine that loses power has the old one or the new one. */
export function writePin(stateDir: string, pin: Pin): void {
  const file = pinFile(stateDir);
  mkdirSync(join(stateDir, "trust"), { recursive: true, mode: 0o755 });
  writeFileSync(`${file}.new`, `${JSON.stringify(pin, undefined, 2)}\n`, { mode: 0o644, flush: true });
  renameSync(`${file}.new`, file);
}

function pinFile(stateDir: string): string {
  return join(stateDir, "trust", "pin.json");
}
