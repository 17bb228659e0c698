/**
 * The keys of principals: `keys/FILE` in the trust repository, or `nix:NAME:BASE64`, `minisign:BASE64` and `signify:BASE64` in place. What a key file is, its
 * content says. A file that does not parse refuses the policy: a principal whose key is silently missing would only
 * show as a threshold that nobody can meet.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { latin1 } from "@firstmile/formats/bytes/text";
import { isAddress } from "@firstmile/formats/git/address";
import { parseNixPublicKey } from "@firstmile/formats/nix/key";
import { type OpenPgpCertificate, parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { parseNumberedKey } from "@firstmile/formats/signify/key";
import { parseSshPublicKey } from "@firstmile/formats/ssh/public-key";
import { sigstoreInstance } from "../sigstore/trusted-root.ts";
import type { DefectCode, DefectList, Position } from "./defect.ts";
import { child, type Node } from "./document.ts";
import { KeyLifeReader, lifeOf, reportIdle, type SaidEvent } from "./key-life.ts";
import { eventNames } from "./key-parts.ts";
import { listed, nearest, quoted } from "./nearest.ts";
import type { Key, KeyEvent, OpenPgpKey, SshKey } from "./policy.ts";
import type { KeyTable } from "./shape.ts";

/** Largest key file, in bytes: certificates with many certifications run to megabytes. */
export const MAX_KEY_FILE = 4 * 1024 * 1024;

/** A key as the policy lists it. */
export type KeyEntry = string | KeyTable;

export class KeyReader {
  readonly #files: ReadonlyMap<string, Uint8Array>;
  readonly #defects: DefectList;
  /** Key files that the policy names and that are there: what its digest covers. */
  readonly named = new Map<string, Uint8Array>();
  /** Each event that speaks of one key of a certificate. */
  readonly spokenOf: { readonly of: OpenPgpKey; readonly event: KeyEvent; readonly at: Position }[] = [];
  readonly #keyrings = new Map<string, readonly OpenPgpCertificate[]>();

  constructor(files: ReadonlyMap<string, Uint8Array>, defects: DefectList) {
    this.#files = files;
    this.#defects = defects;
  }

  /** The keys of one entry: none where it is broken, several where the file holds several. */
  read(entry: KeyEntry, node: Node): Key[] {
    const { at } = node;
    if (typeof entry === "string") {
      const isInPlace = /^(?:nix|minisign|signify):/.test(entry);
      return isInPlace ? this.#inPlace(entry, at) : this.#fromFile({ file: entry }, [], node);
    }
    const said = new KeyLifeReader(this.#defects, (path, { at: place }) => this.#open(path, place)).read(
      entry,
      node,
    );
    if (entry.sigstore !== undefined) return this.#sigstore(entry, entry.sigstore, said, node);
    const foreign = SIGSTORE_ONLY.find((name) => entry[name] !== undefined);
    if (foreign !== undefined || entry.file === undefined) {
      const problem = foreign === undefined ? "no file" : `${quoted(foreign)} and no "sigstore"`;
      this.#defects.add(at, "impossible-key", `this key has ${problem}`, KEY_TABLE_HELP);
      return [];
    }
    return this.#fromFile(entry, said, node);
  }

  /** The certificates of a keyring whose owners are nobody by name. */
  keyring(file: string, at: Position): readonly OpenPgpCertificate[] | undefined {
    const known = this.#keyrings.get(file);
    if (known) return known;
    const bytes = this.#open(file, at);
    const certificates = bytes && this.#attempt(file, at, () => parseCertificates(bytes));
    if (certificates) this.#keyrings.set(file, certificates);
    return certificates;
  }

  #fromFile(entry: KeyTable, said: readonly SaidEvent[], { at }: Node): Key[] {
    const path = entry.file!;
    const bytes = this.#open(path, at);
    if (!bytes) return [];
    const keys = this.#parse(path, bytes, entry, at).map((key) => this.#withLife(key, said));
    this.#checkNamed(said, keys, path, at);
    reportIdle(said, keys, this.#defects);
    return entry.authority === undefined ? keys : this.#authorities(keys, entry.authority, path, at);
  }

  #withLife(key: Key, said: readonly SaidEvent[]): Key {
    if (key.kind === "openpgp") {
      const names = new Set(eventNames(key));
      for (const { event, at } of said)
        if (event.key !== undefined && names.has(event.key)) this.spokenOf.push({ of: key, event, at });
    }
    return key.kind === "nix" || said.length === 0 ? key : { ...key, life: lifeOf(said, key) };
  }

  #sigstore(entry: KeyTable, file: string, said: readonly SaidEvent[], node: Node): Key[] {
    const { at } = node;
    const { identity, issuer } = entry;
    const foreign = FILE_ONLY.find((name) => entry[name] !== undefined);
    if (foreign !== undefined || identity === undefined || issuer === undefined) {
      const problem =
        foreign === undefined ? "needs both identity and issuer" : `cannot have ${quoted(foreign)}`;
      this.#defects.add(at, "impossible-key", `a Sigstore identity ${problem}`, KEY_TABLE_HELP);
      return [];
    }
    const trustedRoot = this.#open(file, at);
    if (trustedRoot === undefined) return [];
    const isAlike = /^[!-~]*$/.test(identity) || identity.includes("@");
    this.#checkSigstore(file, trustedRoot, isAlike ? [issuer] : [identity, issuer], at);
    if (isAlike) this.#checkIdentity(identity, child(node, "identity")?.at ?? at);
    for (const { event, at: place } of said) {
      if (event.key === undefined) continue;
      const problem = `a Sigstore identity signs with a new key each time, so no event can name ${quoted(event.key)}`;
      this.#defects.add(
        place,
        "impossible-key",
        problem,
        'remove "key": the event then holds for the identity',
      );
    }
    const key: Key = { kind: "sigstore", file, trustedRoot, identity, issuer, life: [] };
    reportIdle(said, [key], this.#defects);
    return [{ ...key, life: lifeOf(said, key) }];
  }

  #checkSigstore(file: string, trustedRoot: Uint8Array, names: readonly string[], at: Position): void {
    const instance = sigstoreInstance(trustedRoot);
    if (instance.kind === "unusable") {
      const help = "take trusted_root.json from the TUF repository of the Sigstore instance";
      this.#defects.add(at, MALFORMED, `${file}: ${instance.problem}`, help);
    }
    const odd = names.find((name) => !/^[!-~]{1,512}$/.test(name));
    if (odd === undefined) return;
    const help = "write the e-mail address or URL exactly as certificates name it, in ASCII";
    this.#defects.add(at, "impossible-key", `no certificate can name ${quoted(odd)}`, help);
  }

  /** Certificates name a person by an address or by a URI, and both are compared byte for byte. */
  #checkIdentity(identity: string, at: Position): void {
    const isPlain = /^[!-~]{1,512}$/.test(identity);
    if (isPlain && (/^[a-z][a-z0-9+.-]*:\/\//i.test(identity) || isAddress(identity))) return;
    const problem = `${quoted(identity)} is neither an e-mail address nor a URI`;
    this.#defects.add(
      at,
      "bad-value",
      problem,
      "write the bare address or the whole URI that certificates name",
    );
  }

  #authorities(keys: readonly Key[], certifiedAs: readonly string[], file: string, at: Position): Key[] {
    return keys.flatMap((key) => {
      if (key.kind === "ssh" && !key.touch && !key.pin) {
        return [{ kind: "ssh-authority" as const, file, key: key.key, certifiedAs, life: key.life }];
      }
      const problem = `${file} is to be a certification authority, and ${key.kind === "ssh" ? "has touch or pin" : "is no SSH key"}`;
      this.#defects.add(
        at,
        "impossible-key",
        problem,
        "list the public key of an SSH certification authority",
      );
      return [];
    });
  }

  /** A retirement of a key that the file does not hold would retire nothing. */
  #checkNamed(said: readonly SaidEvent[], keys: readonly Key[], file: string, at: Position): void {
    const held = new Set(keys.flatMap(eventNames));
    for (const { key } of said.map(({ event }) => event)) {
      if (key === undefined || held.has(key)) continue;
      const problem = `${file} holds no key with the fingerprint ${quoted(key)}`;
      this.#defects.add(at, "impossible-key", problem, `it holds ${listed([...held])}`);
    }
  }

  #inPlace(entry: string, at: Position): Key[] {
    const [kind, text] = [entry.slice(0, entry.indexOf(":")), entry.slice(entry.indexOf(":") + 1)];
    if (kind === "minisign" || kind === "signify") {
      const key = this.#attempt(entry, at, () => parseNumberedKey(text, kind));
      return key ? [{ kind, ...key, life: [] }] : [];
    }
    const key = this.#attempt(entry, at, () => parseNixPublicKey(text));
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

  #parse(file: string, bytes: Uint8Array, { touch = false, pin = false }: KeyTable, at: Position): Key[] {
    const text = latin1(bytes.subarray(0, 256)).trimStart();
    if (/^-----BEGIN [A-Z ]*PRIVATE KEY/.test(text)) return this.#refusePrivate(file, at);
    if (SSH_LINE.test(text)) return this.#sshKeys(file, bytes, { touch, pin }, at);
    if (touch || pin) this.#refuseDemand(file, "is no SSH key", at);
    const certificates = this.#attempt(file, at, () => parseCertificates(bytes));
    return (certificates ?? []).map((certificate) => ({ kind: "openpgp", file, certificate, life: [] }));
  }

  #sshKeys(file: string, bytes: Uint8Array, demands: Pick<SshKey, "touch" | "pin">, at: Position): Key[] {
    const { touch, pin } = demands;
    const lines = latin1(bytes)
      .split("\n")
      .map((line) => line.replace(/\r$/, ""));
    const keys: Key[] = [];
    for (const line of lines.filter((line) => line !== "" && !line.startsWith("#"))) {
      const key = this.#attempt(file, at, () => parseSshPublicKey(line));
      if (!key) continue;
      if ((touch || pin) && !key.type.startsWith("sk-")) this.#refuseDemand(file, `is a ${key.type} key`, at);
      keys.push({ kind: "ssh", file, key, ...demands, life: [] });
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

/** What each kind of entry alone may have. */
const SIGSTORE_ONLY = ["identity", "issuer"] as const;
const FILE_ONLY = ["file", "touch", "pin", "authority"] as const;
const KEY_TABLE_HELP =
  'write { file = "keys/alice.pub", ... }, or { sigstore = "keys/trusted_root.json", identity = "alice@example.org", issuer = "https://..." }';

const MALFORMED: DefectCode = "malformed-key";
const SSH_LINE = /^(?:ssh-|ecdsa-|sk-|#)/;
const KEY_FILE_HELP =
  "export it again: gpg --export --armor FINGERPRINT, the .pub file of ssh-keygen, or nix:NAME:BASE64 as nix key convert-secret-to-public prints it; minisign:BASE64 and signify:BASE64 with the second line of a .pub file";

/** Below keys/, and spelt in one way only: a path that climbs out could name a file that nobody reviewed. */
function isKeyPath(path: string): boolean {
  const segments = path.split("/");
  if (segments.length < 2 || segments[0] !== "keys" || path.length > 256) return false;
  return segments.every((s) => /^[^\\\p{Cc}]+$/u.test(s) && s !== "." && s !== "..");
}
