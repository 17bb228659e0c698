/**
 * Annotated tags (git-mktag). Git appends the signature to the message instead of putting it into a header.
 *
 * Claims: object, type and name are there once and in order; signature and payload are cut where Git cuts them, at
 * the last line that opens an armored block. Leaves out: whether the name is that of the ref that led here, which
 * whoever follows a ref must compare, and whether the content hashes to any id.
 */
import { HeaderScanner, type HeaderSpan, idAt } from "./headers.ts";
import type { ObjectHash, ObjectId, ObjectKind } from "./object-id.ts";
import { type Person, person } from "./person.ts";
import { without } from "./without.ts";

export interface Tag {
  readonly object: ObjectId;
  readonly type: ObjectKind;
  /** Which hash names the object it points at. */
  readonly hash: ObjectHash;
  /** As bytes: names of refs need not be UTF-8. */
  readonly name: Uint8Array;
  /** Undefined in tags older than Git 1.0. */
  readonly tagger: Person | undefined;
  /** Without the signature. */
  readonly message: Uint8Array;
  /** The armored block at the end. */
  readonly signature: Uint8Array | undefined;
  /** Signatures there are: the one at the end, and headers that hold one for the other hash. */
  readonly signatures: number;
  /** What the signature is over: the tag up to it, without signature headers. */
  signedPayload(): Uint8Array;
}

const KINDS: readonly ObjectKind[] = ["commit", "tree", "blob", "tag"];

/** Reads a tag's content, without the `tag <size>` that it is hashed with. Throws `FormatError`. */
export function parseTag(content: Uint8Array): Tag {
  const scanner = new HeaderScanner(content, "git tag");
  const { bytes } = scanner;
  const digits = bytes["object ".length + 40] === 0x0a ? 40 : 64;
  const object = idAt(bytes, scanner.id("object", digits));
  const type = readKind(scanner);
  const name = readTagName(scanner);
  const tagger = scanner.startsWith("tagger ") ? readTagger(scanner) : undefined;
  const headers = readSignatureHeaders(scanner);
  const cut = signatureStart(bytes, scanner.at);
  return {
    object,
    type,
    hash: digits === 64 ? "sha256" : "sha1",
    name,
    tagger,
    message: bytes.subarray(scanner.at, cut),
    signature: cut < bytes.length ? bytes.subarray(cut) : undefined,
    signatures: headers.length + (cut < bytes.length ? 1 : 0),
    signedPayload: () => without(bytes.subarray(0, cut), headers),
  };
}

function readKind(scanner: HeaderScanner): ObjectKind {
  const { value, end } = scanner.line("type");
  const text = scanner.text(value, end - 1);
  return KINDS.find((kind) => kind === text) ?? scanner.fail("type", "is not a kind of object", value);
}

function readTagName(scanner: HeaderScanner): Uint8Array {
  const { value, end } = scanner.line("tag");
  if (end - 1 === value) scanner.fail("tag", "is empty", value);
  return scanner.bytes.subarray(value, end - 1);
}

function readTagger(scanner: HeaderScanner): Person {
  const { value, end } = scanner.line("tagger");
  return person(scanner.bytes.subarray(value, end - 1), "git tag", "tagger", value);
}

/** Git knows no other header behind the tagger; one that only some readers know is refused. */
function readSignatureHeaders(scanner: HeaderScanner): HeaderSpan[] {
  const spans: HeaderSpan[] = [];
  for (let span = scanner.any(); span !== undefined; span = scanner.any()) {
    if (!scanner.isNamed(span, "gpgsig") && !scanner.isNamed(span, "gpgsig-sha256")) {
      scanner.fail("header", "is not one that a tag has", span.start);
    }
    spans.push(span);
  }
  return spans;
}

/** The lines that Git takes for the start of a signature, whatever follows on them (gpg-interface). */
const OPENINGS = [
  "-----BEGIN PGP SIGNATURE-----",
  "-----BEGIN PGP MESSAGE-----",
  "-----BEGIN SSH SIGNATURE-----",
  "-----BEGIN SIGNED MESSAGE-----",
];

/** Where the last of them opens a line of the body; the end of the object where none does. */
function signatureStart(bytes: Buffer, body: number): number {
  const found = OPENINGS.map((opening) => lastLineOpeningWith(bytes, opening, body));
  const last = Math.max(...found);
  return last < 0 ? bytes.length : last;
}

function lastLineOpeningWith(bytes: Buffer, opening: string, body: number): number {
  const inside = bytes.subarray(body).lastIndexOf(`\n${opening}`, undefined, "latin1");
  if (inside >= 0) return body + inside + 1;
  return bytes.subarray(body, body + opening.length).toString("latin1") === opening ? body : -1;
}
