/**
 * Where this machine's gate is, as the gate itself wrote it down when it started: `<state>/gate/endpoint.json`.
 *
 * The fields end in nix.conf, which root then uses. Against a file that another user could
 * change: a line feed would add a setting, `#` would hide the rest of a line, a space would add a second substituter
 * or key, and `?trusted=1` would turn signatures off. So each field is held to the few characters that it needs, and a
 * gate that is trusted by its place to a port that only root may bind. Never `localhost` or `[::1]`: these
 * are other addresses, which the gate does not hold.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseNixPublicKey, renderNixPublicKey } from "@firstmile/formats/nix/key";
import * as z from "zod";
import type { Trust } from "../gate/place.ts";

export interface GateEndpoint {
  /** Absolute path of the program for `pre-build-hook`. */
  readonly hookPath: string;
  /** `http://127.0.0.1:PORT/`, or below it. */
  readonly url: string;
  /** `name:base64`: what the gate signs with. */
  readonly publicKey: string;
  /** Whether Nix believes the gate by its port or by its key. */
  readonly trust: Trust;
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
const LOOPBACK_URL = /^http:\/\/127\.0\.0\.1:([0-9]{1,5})(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*\/?$/;

const shape = z
  .strictObject({
    hookPath: z.string().regex(HOOK_PATH, "is not a plain absolute path"),
    url: z.string().refine((url) => isPort(portOf(url)), "is not a plain URL on http://127.0.0.1"),
    publicKey: z.string().refine(isPublicKey, "is not a Nix public key"),
    trust: z.enum(["place", "key"], "is neither place nor key: the gate that wrote it is older"),
  })
  .refine(({ trust, url }) => trust !== "place" || portOf(url) < 1024, {
    path: ["url"],
    message: "has a port that every user can bind, and is to be trusted by its place",
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

/** Reads the file's bytes: exactly four fields, each in its narrowest form. `file` names it in errors. */
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

/** NaN where the URL is not one of this machine's. */
export function portOf(url: string): number {
  return Number(LOOPBACK_URL.exec(url)?.[1]);
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}

/** The gate's URL as nix.conf has it. */
export function substituterUrl({ url, trust }: GateEndpoint): string {
  return trust === "place" ? `${url}?trusted=1` : url;
}

function isPublicKey(text: string): boolean {
  try {
    // Nix takes what follows `#` for a comment: a key cut short there is another key, or none.
    return !text.includes("#") && renderNixPublicKey(parseNixPublicKey(text)) === text;
  } catch {
    return false;
  }
}
