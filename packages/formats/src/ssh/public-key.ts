/**
 * SSH public keys: the blob that goes over the wire and into signatures, and the one-line files that hold it.
 *
 * Claims: two different blobs are two different keys; every field is there, once, and nothing follows. Leaves out:
 * whether the numbers make a good key (that needs the curve, and is decided where signatures are verified),
 * certificates (certificate.ts; refused by name here), options as in authorized_keys, and the comment, which nobody
 * signed.
 */
import { createHash } from "node:crypto";
import { FormatError } from "../bytes/error.ts";
import { ByteReader } from "../bytes/reader.ts";
import { decodeBase64, latin1 } from "../bytes/text.ts";
import { UnsupportedSshError } from "./unsupported.ts";
import { readName, readPositive, readString } from "./wire.ts";

/** Room for an RSA key of 16,384 bits and then some. */
const MAX_BLOB = 8 * 1024;
const MAX_LINE = 16 * 1024;

export type EcdsaKeyType = "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521";
export type SshKeyType =
  | "ssh-ed25519"
  | EcdsaKeyType
  | "ssh-rsa"
  | "sk-ssh-ed25519@openssh.com"
  | "sk-ecdsa-sha2-nistp256@openssh.com";

export type SshPublicKey = SshEd25519Key | SshEcdsaKey | SshRsaKey | SshSkEd25519Key | SshSkEcdsaKey;

interface SshKeyBlob {
  /** The whole key as SSH encodes it: what a fingerprint is taken of. */
  readonly blob: Uint8Array;
}

/** RFC 8709 section 4. */
export interface SshEd25519Key extends SshKeyBlob {
  readonly type: "ssh-ed25519";
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** RFC 5656 section 3.1. */
export interface SshEcdsaKey extends SshKeyBlob {
  readonly type: EcdsaKeyType;
  /** As SEC 1 encodes it, uncompressed: 0x04, x, y. */
  readonly point: Uint8Array;
}

/** RFC 4253 section 6.6. */
export interface SshRsaKey extends SshKeyBlob {
  readonly type: "ssh-rsa";
  /** Modulus and exponent, big-endian without leading zeros. */
  readonly n: Uint8Array;
  readonly e: Uint8Array;
}

/** OpenSSH PROTOCOL.u2f: a key that lives in a FIDO authenticator. */
export interface SshSkEd25519Key extends SshKeyBlob {
  readonly type: "sk-ssh-ed25519@openssh.com";
  readonly publicKey: Uint8Array;
  /** The relying party, `ssh:` by custom; its hash is part of what the authenticator signs. */
  readonly application: Uint8Array;
}

export interface SshSkEcdsaKey extends SshKeyBlob {
  readonly type: "sk-ecdsa-sha2-nistp256@openssh.com";
  readonly point: Uint8Array;
  readonly application: Uint8Array;
}

/**
 * One line of a `.pub` file: type, base64, and a comment or none; one newline may end it. Throws `FormatError`, and
 * `UnsupportedSshError` for a type that is not in `SshKeyType`.
 */
export function parseSshPublicKey(line: string): SshPublicKey {
  if (line.length > MAX_LINE) throw new FormatError("ssh key", "line", MAX_LINE, "is too long");
  const parts = /^([!-~]+) ([A-Za-z0-9+/]+={0,2})(?: [^\n\0]*)?\n?$/.exec(line);
  if (!parts) throw new FormatError("ssh key", "line", 0, "is not `type base64` with or without a comment");
  const [, type, base64] = parts;
  const key = parseSshPublicKeyBlob(decodeBase64(base64!));
  // A line that says one type and holds another shows its reader a key that is not the one in force.
  if (key.type !== type) throw new FormatError("ssh key", "type", 0, `the line's is not the key's own`);
  return key;
}

/** A key as it stands in a signature, an agent's answer or a decoded `.pub` line. Throws as `parseSshPublicKey`. */
export function parseSshPublicKeyBlob(bytes: Uint8Array): SshPublicKey {
  const reader = new ByteReader(bytes, "ssh key");
  if (bytes.length > MAX_BLOB) reader.fail("blob", `is over ${MAX_BLOB} bytes`, MAX_BLOB);
  const type = readName(reader, "type");
  const key = readKeyFields(reader, type, () => bytes);
  reader.end("blob");
  return key;
}

/** SHA-256 of the blob: what `ssh-keygen -l` prints in base64. */
export function sshFingerprintBytes(key: SshPublicKey): Uint8Array {
  return createHash("sha256").update(key.blob).digest();
}

/** What follows the type. `blob` is asked for when the fields have been read. Throws as `parseSshPublicKey`. */
export function readKeyFields(reader: ByteReader, type: string, blob: () => Uint8Array): SshPublicKey {
  switch (type) {
    case "ssh-ed25519":
      return { type, publicKey: readEd25519(reader), blob: blob() };
    case "ecdsa-sha2-nistp256":
    case "ecdsa-sha2-nistp384":
    case "ecdsa-sha2-nistp521":
      return { type, point: readPoint(reader, type), blob: blob() };
    case "ssh-rsa":
      return { type, e: readPositive(reader, "e"), n: readPositive(reader, "n"), blob: blob() };
    case "sk-ssh-ed25519@openssh.com":
      return {
        type,
        publicKey: readEd25519(reader),
        application: readApplication(reader),
        blob: blob(),
      };
    case "sk-ecdsa-sha2-nistp256@openssh.com":
      return {
        type,
        point: readPoint(reader, "ecdsa-sha2-nistp256"),
        application: readApplication(reader),
        blob: blob(),
      };
    default:
      throw new UnsupportedSshError("ssh key", "type", 0, `${type} keys are not supported`);
  }
}

function readEd25519(reader: ByteReader): Uint8Array {
  const key = readString(reader, "public key");
  if (key.length !== 32) reader.fail("public key", `has ${key.length} bytes, not 32`);
  return key;
}

const COORDINATE_BYTES: Readonly<Record<EcdsaKeyType, number>> = {
  "ecdsa-sha2-nistp256": 32,
  "ecdsa-sha2-nistp384": 48,
  "ecdsa-sha2-nistp521": 66,
};

function readPoint(reader: ByteReader, type: EcdsaKeyType): Uint8Array {
  const curve = readString(reader, "curve");
  if (latin1(curve) !== type.slice("ecdsa-sha2-".length)) reader.fail("curve", "is not the type's own");
  const point = readString(reader, "point");
  if (point.length !== 1 + 2 * COORDINATE_BYTES[type] || point[0] !== 4) {
    reader.fail("point", "is not an uncompressed point of this curve");
  }
  return point;
}

function readApplication(reader: ByteReader): Uint8Array {
  const application = readString(reader, "application");
  if (application.length === 0 || application.includes(0))
    reader.fail("application", "is empty or holds a NUL");
  return application;
}
