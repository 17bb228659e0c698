/**
 * SSHSIG, what `ssh-keygen -Y sign` writes (OpenSSH PROTOCOL.sshsig).
 *
 * Claims: exactly one armored signature, of version 1, with nothing before, inside or behind it, and one way to
 * write each blob; the width of the armor's lines, up to 76, is all that is left free. Leaves out: who the key
 * belongs to and whether the signature is true.
 */
import { FormatError } from "../bytes/error.ts";
import { ByteReader } from "../bytes/reader.ts";
import { concatBytes, decodeBase64, encodeUtf8, latin1 } from "../bytes/text.ts";
import { isSshCertificate, parseSshCertificate, type SshCertificate } from "./certificate.ts";
import { parseSshPublicKeyBlob, type SshPublicKey } from "./public-key.ts";
import { parseSshSignature, type SshSignature } from "./signature.ts";
import { UnsupportedSshError } from "./unsupported.ts";
import { readName, readString, writeString } from "./wire.ts";

const BEGIN = "-----BEGIN SSH SIGNATURE-----\n";
const END = "-----END SSH SIGNATURE-----";
const MAGIC = "SSHSIG";
/** Room for a certificate over an RSA key of 16,384 bits and that key's signature, in base64. */
const MAX_ARMOR = 40 * 1024;
const MAX_NAMESPACE = 256;

export type SshsigHash = "sha256" | "sha512";

export interface Sshsig {
  /** The key that the signature names; nothing says yet that it is anybody's. */
  readonly key: SshPublicKey;
  /** The certificate over `key`, where the signature carries one in the key's place. */
  readonly certificate: SshCertificate | undefined;
  /** What the signature was made for, `git` or `file` for instance. */
  readonly namespace: string;
  /** How the message was hashed before signing. */
  readonly hashAlgorithm: SshsigHash;
  readonly signature: SshSignature;
}

/** One armored signature; up to two newlines may follow. Throws `FormatError`, `UnsupportedSshError` where it is newer. */
export function parseSshsig(bytes: Uint8Array): Sshsig {
  return readBlob(new ByteReader(dearmor(bytes), "sshsig"));
}

/** The bytes that the key signs (PROTOCOL.sshsig section 3). `messageDigest` is by `hashAlgorithm`. */
export function sshsigSignedData(
  namespace: string,
  hashAlgorithm: SshsigHash,
  messageDigest: Uint8Array,
): Uint8Array {
  return concatBytes(
    signedFront(namespace, hashAlgorithm),
    Uint8Array.of(0, 0, 0, messageDigest.length),
    messageDigest,
  );
}

/** All in front of the digest: the same for every commit of a history, so the last one made is kept. */
function signedFront(namespace: string, hashAlgorithm: SshsigHash): Uint8Array {
  if (lastFront?.namespace === namespace && lastFront.hashAlgorithm === hashAlgorithm) return lastFront.bytes;
  const fields = [namespace, "", hashAlgorithm].map((field) => writeString(encodeUtf8(field)));
  const bytes = concatBytes(encodeUtf8(MAGIC), ...fields);
  lastFront = { namespace, hashAlgorithm, bytes };
  return bytes;
}

let lastFront: { namespace: string; hashAlgorithm: SshsigHash; bytes: Uint8Array } | undefined;

function dearmor(bytes: Uint8Array): Uint8Array {
  if (bytes.length > MAX_ARMOR) throw new FormatError("sshsig", "armor", MAX_ARMOR, "is too long");
  // libgit2 leaves an empty line behind a signature that it writes into a commit.
  const text = latin1(bytes).replace(/\n{1,2}$/, "");
  if (!text.startsWith(BEGIN)) throw new FormatError("sshsig", "armor", 0, "does not open with its header");
  if (!text.endsWith(`\n${END}`)) throw new FormatError("sshsig", "armor", text.length, "lacks its footer");
  return decodeBase64(unwrap(text.slice(BEGIN.length, -END.length - 1)));
}

/** Joins lines of one width, of which only the last may be shorter: white space is not a place to hide a variant. */
function unwrap(body: string): string {
  const lines = body.split("\n");
  const width = lines[0]!.length;
  const even = lines.every(
    (line, i) => line.length === width || (i === lines.length - 1 && line.length < width),
  );
  if (!even || width > 76 || lines.includes("")) {
    throw new FormatError("sshsig", "armor", BEGIN.length, "is not in even lines of at most 76 characters");
  }
  return lines.join("");
}

function readBlob(reader: ByteReader): Sshsig {
  if (latin1(reader.take(MAGIC.length, "magic")) !== MAGIC) reader.fail("magic", `is not ${MAGIC}`, 0);
  const version = reader.u32("version");
  if (version !== 1) unsupported(reader, "version", `${version} is not supported`);
  const { key, certificate } = readSigner(readString(reader, "public key"));
  const namespace = readNamespace(reader);
  // Reserved for what may change a signature's meaning one day; not understood, so refused.
  if (readString(reader, "reserved").length > 0) unsupported(reader, "reserved", "is not empty");
  const hashAlgorithm = readHash(reader);
  const at = reader.offset + 4;
  const signature = parseSshSignature(readString(reader, "signature"), key, at);
  reader.end("blob");
  return { key, certificate, namespace, hashAlgorithm, signature };
}

function readSigner(blob: Uint8Array): Pick<Sshsig, "key" | "certificate"> {
  if (!isSshCertificate(blob)) return { key: parseSshPublicKeyBlob(blob), certificate: undefined };
  const certificate = parseSshCertificate(blob);
  return { key: certificate.key, certificate };
}

/** UTF-8 without control characters, since refusals repeat it to a person. Never empty (PROTOCOL.sshsig section 2). */
function readNamespace(reader: ByteReader): string {
  const bytes = readString(reader, "namespace");
  // A plain word, as nearly always, needs no decoding.
  const plain = latin1(bytes);
  if (plain.length <= MAX_NAMESPACE && /^[ -~]+$/.test(plain)) return plain;
  const text = new TextDecoder().decode(bytes);
  const exact = Buffer.compare(encodeUtf8(text), bytes) === 0;
  if (!exact || text === "" || text.length > MAX_NAMESPACE || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)) {
    reader.fail("namespace", `is not 1 to ${MAX_NAMESPACE} printable characters`);
  }
  return text;
}

function readHash(reader: ByteReader): SshsigHash {
  const name = readName(reader, "hash algorithm");
  if (name === "sha256" || name === "sha512") return name;
  return unsupported(reader, "hash algorithm", `${name} is not supported`);
}

function unsupported(reader: ByteReader, field: string, problem: string): never {
  throw new UnsupportedSshError("sshsig", field, reader.offset, problem);
}
