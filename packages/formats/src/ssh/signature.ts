/**
 * A signature by an SSH key, as RFC 4253 section 6.6, RFC 5656 section 3.1.2, RFC 8332 section 3 and OpenSSH's
 * PROTOCOL.u2f encode it. Its algorithm must be one of the key's own: the key decides, the signature only says which.
 */
import { ByteReader } from "../bytes/reader.ts";
import type { SshKeyType, SshPublicKey } from "./public-key.ts";
import { UnsupportedSshError } from "./unsupported.ts";
import { readName, readPositive, readString } from "./wire.ts";

export type SshSignature = SshEd25519Signature | SshEcdsaSignature | SshRsaSignature;

export interface SshEd25519Signature {
  readonly kind: "ed25519";
  /** R || S, 64 bytes. */
  readonly signature: Uint8Array;
  readonly authenticator: Authenticator | undefined;
}

export interface SshEcdsaSignature {
  readonly kind: "ecdsa";
  /** Big-endian, without leading zeros. */
  readonly r: Uint8Array;
  readonly s: Uint8Array;
  readonly authenticator: Authenticator | undefined;
}

export interface SshRsaSignature {
  readonly kind: "rsa";
  /** `sha1` is the algorithm `ssh-rsa`: read so that it can be refused by name. */
  readonly hash: "sha1" | "sha256" | "sha512";
  /** Big-endian, as long as the modulus or without its leading zeros. */
  readonly signature: Uint8Array;
}

/** What a FIDO authenticator says of the moment of signing, covered by the signature (WebAuthn section 6.1). */
export interface Authenticator {
  readonly flags: number;
  readonly counter: number;
}

/** Bits of `flags`: somebody touched it; it knew who (PIN or fingerprint). */
export const USER_PRESENT = 0x01;
export const USER_VERIFIED = 0x04;

/** Reads a signature made by `key`. Offsets in errors count from `base`. */
export function parseSshSignature(bytes: Uint8Array, key: SshPublicKey, base = 0): SshSignature {
  const reader = new ByteReader(bytes, "sshsig", base);
  const algorithm = readName(reader, "signature algorithm");
  if (!ALGORITHMS[key.type].includes(algorithm)) {
    const problem = `${algorithm} is not an algorithm of ${key.type} keys`;
    throw new UnsupportedSshError("sshsig", "signature algorithm", base, problem);
  }
  const signature = readSignature(reader, key, algorithm);
  reader.end("signature");
  return signature;
}

const ALGORITHMS: Readonly<Record<SshKeyType, readonly string[]>> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"],
  "sk-ssh-ed25519@openssh.com": ["sk-ssh-ed25519@openssh.com"],
  "sk-ecdsa-sha2-nistp256@openssh.com": ["sk-ecdsa-sha2-nistp256@openssh.com"],
};

function readSignature(reader: ByteReader, key: SshPublicKey, algorithm: string): SshSignature {
  switch (key.type) {
    case "ssh-rsa":
      return { kind: "rsa", hash: rsaHash(algorithm), signature: readRsa(reader, key.n.length) };
    case "ssh-ed25519":
      return { kind: "ed25519", signature: readEd25519(reader), authenticator: undefined };
    case "sk-ssh-ed25519@openssh.com":
      return { kind: "ed25519", signature: readEd25519(reader), authenticator: readAuthenticator(reader) };
    case "sk-ecdsa-sha2-nistp256@openssh.com":
      return { kind: "ecdsa", ...readEcdsa(reader), authenticator: readAuthenticator(reader) };
    default:
      return { kind: "ecdsa", ...readEcdsa(reader), authenticator: undefined };
  }
}

function rsaHash(algorithm: string): SshRsaSignature["hash"] {
  if (algorithm === "rsa-sha2-512") return "sha512";
  return algorithm === "rsa-sha2-256" ? "sha256" : "sha1";
}

function readRsa(reader: ByteReader, modulusBytes: number): Uint8Array {
  const signature = readString(reader, "signature");
  // Some agents drop leading zeros; dropping only some of them would be one more spelling.
  const whole = signature.length === modulusBytes;
  const stripped = signature.length > 0 && signature.length < modulusBytes && signature[0] !== 0;
  if (!whole && !stripped) reader.fail("signature", `does not have the key's ${modulusBytes} bytes`);
  return signature;
}

function readEd25519(reader: ByteReader): Uint8Array {
  const signature = readString(reader, "signature");
  if (signature.length !== 64) reader.fail("signature", `has ${signature.length} bytes, not 64`);
  return signature;
}

function readEcdsa(reader: ByteReader): { r: Uint8Array; s: Uint8Array } {
  const numbers = reader.nested(reader.u32("signature"), "signature");
  const r = readPositive(numbers, "r");
  const s = readPositive(numbers, "s");
  numbers.end("signature");
  return { r, s };
}

function readAuthenticator(reader: ByteReader): Authenticator {
  return { flags: reader.u8("flags"), counter: reader.u32("counter") };
}
