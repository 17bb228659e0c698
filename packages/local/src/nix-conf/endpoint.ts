/**
 * Where this machine's gate is, as the gate itself wrote it down when it started: `<state>/gate/endpoint.json`.
 *
 * The three fields end in nix.conf, which whoever is root then believes. Against a file that somebody else could
 * change: a line feed would add a setting, `#` would hide the rest of a line, a space would add a second substituter
 * or key, and `?trusted=1` would turn signatures off. So each field is held to the few characters that it needs.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseNixPublicKey, renderNixPublicKey } from "@firstmile/formats/nix/key";
import * as z from "zod";

export interface GateEndpoint {
  /** Absolute path of the program for `pre-build-hook`. */
  readonly hookPath: string;
  /** `http://127.0.0.1:PORT/`, or below it. */
  readonly url: string;
  /** `name:base64`, the only key in `trusted-public-keys`. */
  readonly publicKey: string;
}

/** The file is there and cannot be believed. */
export class EndpointError extends Error {
  readonly help = "see who can write the state directory, then start the gate again: it writes the file anew";

  constructor(file: string, problem: string) {
    super(`${file} cannot be used: ${problem}`);
    this.name = "EndpointError";
  }
}

const MAX_BYTES = 16_384;
const HOOK_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._+@=-]+)+$/;
const LOOPBACK_URL =
  /^http:\/\/(?:127\.0\.0\.1|\[::1\]):([0-9]{1,5})(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*\/?$/;

const shape = z.strictObject({
  hookPath: z.string().regex(HOOK_PATH, "is no plain absolute path"),
  url: z.string().refine(isLoopback, "is no plain http URL of this machine"),
  publicKey: z.string().refine(isPublicKey, "is no Nix public key"),
});

/** The program for `post-build-hook`, which the gate writes beside the other hook. */
export function builtHookBeside(hookPath: string): string {
  return `${hookPath}-built`;
}

/** The endpoint file of a state directory. */
export function endpointFile(stateDir: string): string {
  return join(stateDir, "gate", "endpoint.json");
}

/** The gate's endpoint, or undefined where no gate has started yet. Throws `EndpointError`. */
export function readGateEndpoint(stateDir: string): GateEndpoint | undefined {
  const file = endpointFile(stateDir);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new EndpointError(file, error instanceof Error ? error.message : String(error));
  }
  return parseGateEndpoint(bytes, file);
}

/** Reads the file's bytes: exactly three fields, each in its narrowest form. `file` names it in errors. */
export function parseGateEndpoint(bytes: Uint8Array, file: string): GateEndpoint {
  if (bytes.length > MAX_BYTES) throw new EndpointError(file, "is too long");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new EndpointError(file, "is not JSON");
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new EndpointError(file, `${issue?.path.join(".") || "its fields"} ${issue?.message ?? "do not fit"}`);
}

function isLoopback(url: string): boolean {
  const port = Number(LOOPBACK_URL.exec(url)?.[1]);
  return port >= 1 && port <= 65_535;
}

function isPublicKey(text: string): boolean {
  try {
    // Nix takes what follows `#` for a comment: a key cut short there is another key, or none.
    return !text.includes("#") && renderNixPublicKey(parseNixPublicKey(text)) === text;
  } catch {
    return false;
  }
}
