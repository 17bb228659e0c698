/**
 * `urn:firstmile:handoff:1`: this is what its author released, and here is the author's own signature.
 *
 * Claims: the statement carries all that it takes to check the author's signature again wherever the source is at
 * hand, and without any network: the signature as it is, and what was signed, where that is not the source itself.
 * The subject is the fixed output by its digest; for how the released file becomes it there are three ways and no
 * program. Leaves out: whether the signature is true, and whose key made it.
 */
import { FormatError } from "../bytes/error.ts";
import { decodeBase64, encodeBase64 } from "../bytes/text.ts";
import { MAX_LIST } from "../checksums/list.ts";
import type { JsonMembers } from "../dsse/json-members.ts";
import { type NarHash, parseNarHash, sriHash } from "../nix/hash.ts";
import type { JsonObject } from "../nix/json.ts";
import type { StatementBody } from "./subject.ts";

export interface HandoffStatement {
  readonly kind: "handoff";
  readonly output: HandedOutput;
  /** Where it was asked for, as it was asked; at least one. */
  readonly urls: readonly string[];
  readonly release: Release;
}

/** A fixed output: of a flat one the file, of a recursive one the NAR. */
export type HandedOutput =
  | { readonly kind: "file"; readonly sha256: string; readonly sha512: string | undefined }
  | { readonly kind: "nar"; readonly narHash: NarHash };

export type Release = SignedRelease | TaggedRelease;

/** A file that was released, and its author's signature beside it. */
export interface SignedRelease {
  readonly kind: "file";
  readonly file: ReleasedFile;
  readonly becomes: Becoming;
  readonly signed: SignedThing;
  readonly signature: AuthorSignature;
}

export interface ReleasedFile {
  /** As it is released: the last part of its URL. Printable ASCII without a slash. */
  readonly name: string;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  /** 128 lower-case hex digits, where a signature rests on it. */
  readonly sha512: string | undefined;
  readonly blake2b512: string | undefined;
}

/** How the file becomes the output: it is it; as a program; or unpacked, without the one directory on top. */
export type Becoming = "file" | "executable" | "tree";

/** What the author signed: the file, what it holds once it is decompressed, or a list of checksums that names it. */
export type SignedThing =
  | { readonly kind: "file" }
  | { readonly kind: "uncompressed" }
  | { readonly kind: "list"; readonly list: Uint8Array };

export type AuthorSignatureKind = "openpgp" | "ssh" | "minisign" | "signify" | "sigstore";

export interface AuthorSignature {
  readonly kind: AuthorSignatureKind;
  /** As it was found. */
  readonly bytes: Uint8Array;
}

/** A signed tag: the output is the tree of the commit that it names. */
export interface TaggedRelease {
  readonly kind: "tag";
  /** The contents of both objects, without the header that Git hashes them with. */
  readonly tag: Uint8Array;
  readonly commit: Uint8Array;
}

export const MAX_AUTHOR_SIGNATURE = 64 << 10;
const MAX_OBJECT = 64 << 10;
const MAX_URLS = 32;
const KINDS: readonly AuthorSignatureKind[] = ["openpgp", "ssh", "minisign", "signify", "sigstore"];
const BECOMING: readonly Becoming[] = ["file", "executable", "tree"];

export function readHandoff(statement: JsonMembers): HandoffStatement {
  const output = readOutput(statement);
  const predicate = statement.object("predicate");
  const urls = readUrls(predicate);
  const signed = predicate.object("signed");
  const release = readRelease(predicate, signed, signed.string("kind"));
  signed.end();
  predicate.end();
  checkFit(predicate, output, release);
  return { kind: "handoff", output, urls, release };
}

export function handoffBody({ output, urls, release }: HandoffStatement): StatementBody {
  const digest =
    output.kind === "nar"
      ? { narHash: sriHash(output.narHash) }
      : { sha256: output.sha256, ...optional("sha512", output.sha512) };
  return { subject: [{ digest }], predicate: { urls: [...urls], ...releaseJson(release) } };
}

function releaseJson(release: Release): JsonObject {
  if (release.kind === "tag") {
    const { tag, commit } = release;
    return { signed: { kind: "tag", tag: encodeBase64(tag), commit: encodeBase64(commit) } };
  }
  const { file, becomes, signed, signature } = release;
  const { name, sha256, sha512, blake2b512 } = file;
  const list = signed.kind === "list" ? { list: encodeBase64(signed.list) } : {};
  return {
    file: { name, sha256, ...optional("sha512", sha512), ...optional("blake2b512", blake2b512) },
    becomes,
    signed: { kind: signed.kind, ...list },
    signature: { kind: signature.kind, bytes: encodeBase64(signature.bytes) },
  };
}

function optional(key: string, value: string | undefined): JsonObject {
  return value === undefined ? {} : { [key]: value };
}

function readOutput(statement: JsonMembers): HandedOutput {
  const [subject] = statement.objects("subject", 1);
  if (subject === undefined) statement.fail("subject", "is not one output");
  const digest = subject.object("digest");
  const narHash = digest.optionalString("narHash");
  const output: HandedOutput =
    narHash === undefined
      ? { kind: "file", sha256: readHex(digest, "sha256", 64), sha512: readOptionalHex(digest, "sha512") }
      : { kind: "nar", narHash: readNarHash(digest, narHash) };
  digest.end();
  subject.end();
  return output;
}

function readNarHash(digest: JsonMembers, text: string): NarHash {
  try {
    return parseNarHash(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return digest.fail("narHash", "is no SHA-256 hash");
  }
}

function readHex(members: JsonMembers, key: string, digits: number): string {
  const text = members.string(key);
  if (text.length !== digits || !/^[0-9a-f]*$/.test(text))
    members.fail(key, `is not ${digits} hexadecimal digits`);
  return text;
}

function readOptionalHex(members: JsonMembers, key: string): string | undefined {
  const value = members.optionalString(key);
  if (value === undefined || /^[0-9a-f]{128}$/.test(value)) return value;
  return members.fail(key, "is not 128 hexadecimal digits");
}

function readUrls(predicate: JsonMembers): string[] {
  const urls = predicate.strings("urls", MAX_URLS);
  const odd = urls.some((url) => url.length > 2048 || !/^[!-~]+$/.test(url));
  if (urls.length === 0 || odd || new Set(urls).size < urls.length)
    predicate.fail("urls", "are not one or more, each once, in printable ASCII");
  return urls;
}

function readRelease(predicate: JsonMembers, signed: JsonMembers, kind: string): Release {
  if (kind === "tag") {
    const [tag, commit] = [readBytes(signed, "tag", MAX_OBJECT), readBytes(signed, "commit", MAX_OBJECT)];
    return { kind: "tag", tag, commit };
  }
  const file = readFile(predicate.object("file"));
  const becomes = readWord(predicate, "becomes", BECOMING);
  const signature = readSignature(predicate.object("signature"));
  return { kind: "file", file, becomes, signed: readSigned(signed, kind), signature };
}

function readSigned(signed: JsonMembers, kind: string): SignedThing {
  if (kind === "list") return { kind, list: readBytes(signed, "list", MAX_LIST) };
  return kind === "file" || kind === "uncompressed"
    ? { kind }
    : signed.fail("kind", "is not one that is known");
}

function readFile(file: JsonMembers): ReleasedFile {
  const name = file.string("name");
  if (!isFileName(name)) file.fail("name", "is no plain file name");
  const sha256 = readHex(file, "sha256", 64);
  const [sha512, blake2b512] = [readOptionalHex(file, "sha512"), readOptionalHex(file, "blake2b512")];
  file.end();
  return { name, sha256, sha512, blake2b512 };
}

/** Whether a released file may be called so: lists and comments of authors are compared with it. */
export function isFileName(name: string): boolean {
  return /^[!-.0-~]{1,255}$/.test(name) && name !== "." && name !== "..";
}

function readSignature(signature: JsonMembers): AuthorSignature {
  const kind = readWord(signature, "kind", KINDS);
  const bytes = readBytes(signature, "bytes", MAX_AUTHOR_SIGNATURE);
  signature.end();
  return { kind, bytes };
}

function readWord<Word extends string>(members: JsonMembers, key: string, words: readonly Word[]): Word {
  const text = members.string(key);
  return words.find((word) => word === text) ?? members.fail(key, "is not one of its words");
}

function readBytes(members: JsonMembers, key: string, limit: number): Uint8Array {
  const text = members.string(key);
  const bytes = text.length <= 4 * Math.ceil(limit / 3) ? decode(members, key, text) : undefined;
  if (bytes === undefined || bytes.length === 0 || bytes.length > limit)
    members.fail(key, `has not 1 to ${limit} bytes`);
  return bytes;
}

function decode(members: JsonMembers, key: string, text: string): Uint8Array {
  try {
    return decodeBase64(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return members.fail(key, "is not strict base64");
  }
}

/** A flat output is the file itself; what else it might become has a NAR. */
function checkFit(predicate: JsonMembers, output: HandedOutput, release: Release): void {
  if (release.kind === "tag") {
    if (output.kind !== "nar") predicate.fail("signed.kind", "is a tag, whose tree is no file");
    return;
  }
  const { file, becomes, signed, signature } = release;
  // Of what a file decompresses to no digest is carried.
  if (signed.kind === "uncompressed" && (signature.kind === "ssh" || signature.kind === "sigstore"))
    predicate.fail("signature.kind", "needs a digest of what was signed");
  if (output.kind === "nar") return;
  if (becomes !== "file" || file.sha256 !== output.sha256) predicate.fail("file", "is not the subject");
  if (output.sha512 !== undefined && file.sha512 !== output.sha512)
    predicate.fail("file.sha512", "is not the subject's");
}
