/**
 * The keys of principals: `keys/FILE` in the trust repository, or `nix:NAME:BASE64` in place. What a key file is, its
 * content says. A file that does not parse refuses the policy: a principal whose key is silently missing would only
 * show as a threshold that nobody can meet.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { latin1 } from "@firstmile/formats/bytes/text";
import { parseNixPublicKey } from "@firstmile/formats/nix/key";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { parseSshPublicKey } from "@firstmile/formats/ssh/public-key";
import type { DefectCode, DefectList, Position } from "./defect.ts";
import { listed, nearest, quoted } from "./nearest.ts";
import type { Key } from "./policy.ts";

/** Largest key file, in bytes: certificates with many certifications run to megabytes. */
export const MAX_KEY_FILE = 4 * 1024 * 1024;

/** A key as the policy lists it. */
export type KeyEntry = string | { readonly file: string; readonly touch: boolean; readonly pin: boolean };

export class KeyReader {
  readonly #files: ReadonlyMap<string, Uint8Array>;
  readonly #defects: DefectList;
  /** Key files that the policy names and that are there: what its digest covers. */
  readonly named = new Map<string, Uint8Array>();

  constructor(files: ReadonlyMap<string, Uint8Array>, defects: DefectList) {
    this.#files = files;
    this.#defects = defects;
  }

  /** The keys of one entry: none where it is broken, several where the file holds several. */
  read(entry: KeyEntry, at: Position): Key[] {
    const path = typeof entry === "string" ? entry : entry.file;
    const demands = typeof entry === "string" ? NO_DEMANDS : entry;
    if (typeof entry === "string" && entry.startsWith("nix:")) return this.#inPlace(entry, at);
    const bytes = this.#open(path, at);
    return bytes ? this.#parse(path, bytes, demands, at) : [];
  }

  #inPlace(entry: string, at: Position): Key[] {
    const key = this.#attempt(entry, at, () => parseNixPublicKey(entry.slice("nix:".length)));
    return key ? [{ kind: "nix", name: key.name, key: key.key }] : [];
  }

  #open(path: string, at: Position): Uint8Array | undefined {
    if (!isKeyPath(path)) {
      const help =
        'write a path such as "keys/alice.asc", without "." and ".." segments, or "nix:NAME:BASE64"';
      this.#defects.add(at, "path-outside-keys", `${quoted(path)} is no file below keys/`, help);
      return undefined;
    }
    const bytes = this.#files.get(path);
    if (!bytes) this.#reportMissing(path, at);
    else if (bytes.length > MAX_KEY_FILE) {
      const problem = `${path} has ${bytes.length} bytes, over the limit of ${MAX_KEY_FILE}`;
      this.#defects.add(
        at,
        "too-large",
        problem,
        "export the key without certifications: gpg --export-options export-minimal",
      );
    } else this.named.set(path, bytes);
    return this.named.get(path);
  }

  #reportMissing(path: string, at: Position): void {
    const there = [...this.#files.keys()].filter((name) => name.startsWith("keys/"));
    const near = nearest(path, there);
    const others = there.length > 0 ? `, or name one of ${listed(there)}` : "";
    const help = near === undefined ? `commit it${others}` : `did you mean ${quoted(near)}?`;
    this.#defects.add(at, "missing-key-file", `the trust repository has no file ${quoted(path)}`, help);
  }

  #parse(file: string, bytes: Uint8Array, { touch, pin }: Demands, at: Position): Key[] {
    const text = latin1(bytes.subarray(0, 256)).trimStart();
    if (/^-----BEGIN [A-Z ]*PRIVATE KEY/.test(text)) return this.#refusePrivate(file, at);
    if (SSH_LINE.test(text)) return this.#sshKeys(file, bytes, touch, pin, at);
    if (touch || pin) this.#refuseDemand(file, "is no SSH key", at);
    const certificates = this.#attempt(file, at, () => parseCertificates(bytes));
    return (certificates ?? []).map((certificate) => ({ kind: "openpgp", file, certificate }));
  }

  #sshKeys(file: string, bytes: Uint8Array, touch: boolean, pin: boolean, at: Position): Key[] {
    const lines = latin1(bytes)
      .split("\n")
      .map((line) => line.replace(/\r$/, ""));
    const keys: Key[] = [];
    for (const line of lines.filter((line) => line !== "" && !line.startsWith("#"))) {
      const key = this.#attempt(file, at, () => parseSshPublicKey(line));
      if (!key) continue;
      if ((touch || pin) && !key.type.startsWith("sk-")) this.#refuseDemand(file, `is a ${key.type} key`, at);
      keys.push({ kind: "ssh", file, key, touch, pin });
    }
    return keys;
  }

  #refusePrivate(file: string, at: Position): Key[] {
    const help =
      "replace this key: whoever has read the repository may sign with it. Commit public keys only";
    this.#defects.add(at, "private-key", `${file} is a private key`, help);
    return [];
  }

  #refuseDemand(file: string, what: string, at: Position): void {
    const help = "leave touch and pin out, or list a FIDO2 key (ssh-keygen -t ed25519-sk)";
    const problem = `touch and pin can only be proven by a FIDO2 key, and ${file} ${what}`;
    this.#defects.add(at, "impossible-demand", problem, help);
  }

  #attempt<T>(what: string, at: Position, parse: () => T): T | undefined {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#defects.add(at, MALFORMED, `${quoted(what)}: ${error.message}`, KEY_FILE_HELP);
      return undefined;
    }
  }
}

interface Demands {
  readonly touch: boolean;
  readonly pin: boolean;
}

const NO_DEMANDS: Demands = { touch: false, pin: false };
const MALFORMED: DefectCode = "malformed-key";
const SSH_LINE = /^(?:ssh-|ecdsa-|sk-|#)/;
const KEY_FILE_HELP =
  "export it again: gpg --export --armor FINGERPRINT, the .pub file of ssh-keygen, or nix:NAME:BASE64 as nix key convert-secret-to-public prints it";

/** Below keys/, and spelt in one way only: a path that climbs out could name a file that nobody reviewed. */
function isKeyPath(path: string): boolean {
  const segments = path.split("/");
  if (segments.length < 2 || segments[0] !== "keys" || path.length > 256) return false;
  return segments.every((s) => /^[^\\\p{Cc}]+$/u.test(s) && s !== "." && s !== "..");
}
