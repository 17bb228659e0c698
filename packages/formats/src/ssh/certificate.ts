/**
 * OpenSSH certificates (PROTOCOL.certkeys, version 01): a key, the names that an authority gives its holder, for how
 * long, and the authority's signature over all of that.
 *
 * Claims: every field is there, once, in one spelling, and nothing follows; `signed` is exactly what the authority's
 * signature covers. Stricter than OpenSSH, which also takes options out of order or twice and ignores `reserved`.
 * Leaves out: whether the signature is true, whether anybody trusts the authority, and what the time is. A chain is
 * no certificate: the authority's key is always a plain one.
 */
import { ByteReader } from "../bytes/reader.ts";
import { concatBytes, encodeUtf8, equalBytes } from "../bytes/text.ts";
import { parseSshPublicKeyBlob, readKeyFields, type SshKeyType, type SshPublicKey } from "./public-key.ts";
import { parseSshSignature, type SshSignature } from "./signature.ts";
import { UnsupportedSshError } from "./unsupported.ts";
import { readName, readString, readUint64, writeString } from "./wire.ts";

/** Room for a key, an authority and a signature of RSA with 16,384 bits, and for many names. */
const MAX_BLOB = 24 * 1024;
/** As many as OpenSSH reads. */
const MAX_PRINCIPALS = 256;
const MAX_OPTIONS = 64;

export interface SshCertificate {
  /** The certified key, as if it had come without a certificate. */
  readonly key: SshPublicKey;
  /** Given by the authority, 0 where it does not count. */
  readonly serial: bigint;
  readonly kind: "user" | "host";
  /** Free text for an authority's log, of any encoding. */
  readonly keyId: Uint8Array;
  /** Whom the authority calls the holder. OpenSSH takes none at all for everybody, where a server lets it. */
  readonly principals: readonly string[];
  /** Unix seconds: valid from the one on, up to but without the other. 2^64 - 1 stands for ever. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  /** By name. Whoever does not know one of them refuses the certificate. */
  readonly criticalOptions: ReadonlyMap<string, Uint8Array>;
  /** By name. Unknown ones are ignored. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
  readonly authority: SshPublicKey;
  readonly signed: Uint8Array;
  readonly signature: SshSignature;
}

const SUFFIX = "-cert-v01@openssh.com";

/**
 * Types of certificates by what they certify. RSA's `rsa-sha2-…-cert` names are spoken in negotiation only and never
 * written into a certificate.
 */
const CERTIFIED: ReadonlyMap<string, SshKeyType> = new Map([
  [`ssh-ed25519${SUFFIX}`, "ssh-ed25519"],
  [`ecdsa-sha2-nistp256${SUFFIX}`, "ecdsa-sha2-nistp256"],
  [`ecdsa-sha2-nistp384${SUFFIX}`, "ecdsa-sha2-nistp384"],
  [`ecdsa-sha2-nistp521${SUFFIX}`, "ecdsa-sha2-nistp521"],
  [`ssh-rsa${SUFFIX}`, "ssh-rsa"],
  [`sk-ssh-ed25519${SUFFIX}`, "sk-ssh-ed25519@openssh.com"],
  [`sk-ecdsa-sha2-nistp256${SUFFIX}`, "sk-ecdsa-sha2-nistp256@openssh.com"],
] as const);

/** Whether a blob opens as a certificate and not as a key. Throws `FormatError` where it opens as neither. */
export function isSshCertificate(bytes: Uint8Array): boolean {
  return readName(new ByteReader(bytes, "ssh key"), "type").endsWith(SUFFIX);
}

/** One certificate. Throws `FormatError`, `UnsupportedSshError` for a type or version that is not known. */
export function parseSshCertificate(bytes: Uint8Array): SshCertificate {
  const reader = new ByteReader(bytes, "ssh key");
  if (bytes.length > MAX_BLOB) reader.fail("blob", `is over ${MAX_BLOB} bytes`, MAX_BLOB);
  const type = readCertifiedType(reader);
  readString(reader, "nonce");
  const key = readCertifiedKey(reader, type);
  const said = readSaid(reader);
  const authority = parseSshPublicKeyBlob(readString(reader, "signature key"));
  const signed = bytes.subarray(0, reader.offset);
  const at = reader.offset + 4;
  const signature = parseSshSignature(readString(reader, "signature"), authority, at);
  reader.end("blob");
  return { key, ...said, authority, signed, signature };
}

function readCertifiedType(reader: ByteReader): SshKeyType {
  const name = readName(reader, "type");
  const type = CERTIFIED.get(name);
  if (type === undefined) unsupported(reader, "type", `${name} certificates are not supported`);
  return type;
}

/** The fields stand as in a plain key, without the type before them. */
function readCertifiedKey(reader: ByteReader, type: SshKeyType): SshPublicKey {
  const start = reader.offset;
  return readKeyFields(reader, type, () =>
    concatBytes(writeString(encodeUtf8(type)), reader.bytes.subarray(start, reader.offset)),
  );
}

type Said = Pick<
  SshCertificate,
  "serial" | "kind" | "keyId" | "principals" | "validAfter" | "validBefore" | "criticalOptions" | "extensions"
>;

function readSaid(reader: ByteReader): Said {
  const said = {
    serial: readUint64(reader, "serial"),
    kind: readKind(reader),
    keyId: readString(reader, "key id"),
    principals: readPrincipals(reader),
    validAfter: readUint64(reader, "valid after"),
    validBefore: readUint64(reader, "valid before"),
    criticalOptions: readOptions(reader, "critical options"),
    extensions: readOptions(reader, "extensions"),
  };
  // What may stand here one day may change what the rest means.
  if (readString(reader, "reserved").length > 0) unsupported(reader, "reserved", "is not empty");
  return said;
}

function readKind(reader: ByteReader): SshCertificate["kind"] {
  const kind = reader.u32("type of holder");
  if (kind === 1) return "user";
  return kind === 2 ? "host" : unsupported(reader, "type of holder", `${kind} is not known`);
}

function readPrincipals(reader: ByteReader): string[] {
  const packed = reader.nested(reader.u32("valid principals"), "valid principals");
  const principals: string[] = [];
  while (packed.remaining > 0) {
    principals.push(readPrincipal(packed));
    if (principals.length > MAX_PRINCIPALS) {
      packed.fail("valid principals", `are more than ${MAX_PRINCIPALS}`);
    }
  }
  return principals;
}

/** UTF-8 in its one spelling and without control characters: what is compared is what a person is shown. */
function readPrincipal(reader: ByteReader): string {
  const bytes = readString(reader, "principal");
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  if (!equalBytes(encodeUtf8(text), bytes) || text === "" || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)) {
    reader.fail("principal", "is not printable text");
  }
  return text;
}

/** Names in order, each once (PROTOCOL.certkeys, "Critical options"): of two of one name, readers differ in which holds. */
function readOptions(reader: ByteReader, field: string): ReadonlyMap<string, Uint8Array> {
  const packed = reader.nested(reader.u32(field), field);
  const options = new Map<string, Uint8Array>();
  let last = "";
  while (packed.remaining > 0) {
    const name = readName(packed, field);
    if (name <= last) packed.fail(field, "are out of order, or one is there twice");
    if (options.size === MAX_OPTIONS) packed.fail(field, `are more than ${MAX_OPTIONS}`);
    options.set(name, readString(packed, field));
    last = name;
  }
  return options;
}

function unsupported(reader: ByteReader, field: string, problem: string): never {
  throw new UnsupportedSshError("ssh key", field, reader.base + reader.offset, problem);
}
