/**
 * An author's keys as somebody has them in a file, before any policy lists them: shown to a person, who says whether
 * they are the author's. Nothing here says so.
 */
import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { FormatError } from "@firstmile/formats/bytes/error";
import { latin1 } from "@firstmile/formats/bytes/text";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { userIdText } from "@firstmile/formats/openpgp/user-id";
import { parseNumberedKey, renderNumberedKey } from "@firstmile/formats/signify/key";
import { parseSshPublicKey } from "@firstmile/formats/ssh/public-key";
import { type AuthorKeys, authorKeys } from "@firstmile/trust/handoff/author";
import { loadCertificate } from "@firstmile/trust/openpgp/certificate-state";
import { isName, type Operator, type PrincipalName } from "@firstmile/trust/policy/names";
import type { Key } from "@firstmile/trust/policy/policy";
import { sshFingerprint } from "@firstmile/trust/ssh/keys";

export interface KeyFile {
  readonly name: PrincipalName;
  readonly keys: readonly Key[];
  readonly author: AuthorKeys;
  /** As a policy lists it: a file below `keys/`, or the key itself. */
  readonly listed: string;
  /** Undefined where the key stands in the policy itself. */
  readonly content: Buffer | undefined;
}

/** A file that holds no key of a kind that signs releases. */
export class KeyFileError extends Error {
  readonly help =
    "give the author's OpenPGP certificate, SSH public key, or .pub file of minisign or signify";

  constructor(path: string, problem: string) {
    super(`${path}: ${problem}`);
    this.name = "KeyFileError";
  }
}

const MAX_BYTES = 4 << 20;

/** `name` is what the author is to be called in a policy. Throws `KeyFileError`. */
export function readKeyFile(path: string, name: string): KeyFile {
  if (!isName(name)) throw new KeyFileError(path, `${JSON.stringify(name)} is no name for a principal`);
  const inPlace = /^(minisign|signify):(.*)$/s.exec(path);
  const content = inPlace ? undefined : readBounded(path);
  try {
    const numbered = inPlace ? numberedKey(inPlace[1] as "minisign", inPlace[2]!) : numberedIn(content!);
    const keys = numbered ? [numbered] : keysIn(content!, `keys/${name}${suffixOf(content!)}`);
    const listed = numbered ? `${numbered.kind}:${renderNumberedKey(numbered)}` : fileOf(keys[0]!);
    return { ...named(name as PrincipalName, keys), listed, content: numbered ? undefined : content };
  } catch (error) {
    if (error instanceof FormatError) throw new KeyFileError(path, error.message);
    throw error;
  }
}

function named(name: PrincipalName, keys: readonly Key[]): Pick<KeyFile, "name" | "keys" | "author"> {
  const principal = { name, emails: [], operator: name as string as Operator, keys };
  return { name, keys, author: authorKeys({ principals: new Map([[name, principal]]) }, name)! };
}

function readBounded(path: string): Buffer {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) throw new KeyFileError(path, "there is no such file");
  if (stat.size > MAX_BYTES) throw new KeyFileError(path, `is over ${MAX_BYTES} bytes`);
  return readFileSync(path);
}

/** `.pub` files of minisign and signify differ in their comment alone. */
function numberedIn(content: Buffer) {
  const [comment = "", line = ""] = latin1(content).split("\n");
  if (!comment.startsWith("untrusted comment: ")) return undefined;
  return numberedKey(/minisign/.test(comment) ? "minisign" : "signify", line);
}

function numberedKey(kind: "minisign" | "signify", line: string) {
  return { kind, ...parseNumberedKey(line, kind), life: [] };
}

function keysIn(content: Buffer, file: string): Key[] {
  const text = latin1(content);
  if (!SSH_LINE.test(text))
    return parseCertificates(content).map((certificate) => ({
      kind: "openpgp",
      file,
      certificate,
      life: [],
    }));
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => ({
    kind: "ssh",
    file,
    key: parseSshPublicKey(line),
    touch: false,
    pin: false,
    life: [],
  }));
}

const SSH_LINE = /^(?:ssh-|ecdsa-|sk-)/;

function suffixOf(content: Buffer): string {
  return SSH_LINE.test(latin1(content)) ? ".pub" : ".asc";
}

function fileOf(key: Key): string {
  return "file" in key ? key.file : "";
}

/** What a person compares with what the author publishes: fingerprints, user IDs, and what speaks against a key. */
export function describeKeys({ keys }: Pick<KeyFile, "keys">, now: number): string[] {
  return keys.flatMap((key) => {
    if (key.kind === "ssh") return [`SSH key ${sshFingerprint(key.key)}`];
    if (key.kind === "minisign" || key.kind === "signify")
      return [`${key.kind} key ${renderNumberedKey(key)}`];
    if (key.kind !== "openpgp") return [];
    const { primary } = loadCertificate(key.certificate);
    const life = primary.revoked
      ? " (revoked)"
      : primary.expires && primary.expires <= now
        ? " (expired)"
        : "";
    const ids = key.certificate.userIds.filter(({ kind }) => kind === "user-id");
    return [
      `OpenPGP certificate ${spaced(key.certificate.fingerprint)}${life}`,
      ...ids.slice(0, 10).map(({ bytes }) => `  ${userIdText(bytes)}`),
    ];
  });
}

/** In groups of four, as fingerprints are read aloud. */
function spaced(fingerprint: string): string {
  return fingerprint.replace(/(.{4})(?=.)/g, "$1 ");
}

/** A principal's name out of a file's: `hello` for `hello-2.10.tar.gz`, `gnu-hello` where that is asked. */
export function nameFrom(file: string): string {
  const plain = basename(file)
    .toLowerCase()
    .replace(/[-_]v?\d.*$/, "")
    .replace(/\..*$/, "");
  const name = plain.replace(/[^a-z0-9._-]/g, "-").replace(/^[^a-z0-9]+/, "");
  return name === "" ? "author" : name.slice(0, 64);
}
