/**
 * Nix's Ed25519 keys and signatures: `<name>:<base64>`. Reading only; whether a key is sound and a signature holds
 * is for `trust` to say. The name is a label that anybody may choose: it finds a key, it proves nothing.
 */
import { FormatError } from "../bytes/error.ts";
import { decodeBase64, encodeBase64 } from "../bytes/text.ts";

export interface NixPublicKey {
  readonly name: string;
  /** 32 bytes, RFC 8032. */
  readonly key: Uint8Array;
}

export interface NixSignature {
  /** The name of the key that is said to have made it. */
  readonly name: string;
  /** 64 bytes, RFC 8032. */
  readonly signature: Uint8Array;
}

export interface NixSecretKey {
  readonly name: string;
  /** RFC 8032's private key: 32 bytes. */
  readonly seed: Uint8Array;
  /** The public half as the file has it: 32 bytes, not checked against the seed. */
  readonly publicKey: Uint8Array;
}

const MAX_NAME = 255;

export function parseNixPublicKey(text: string): NixPublicKey {
  const { name, bytes } = parseNamed(text, "public key", 32);
  return { name, key: bytes };
}

export function parseNixSignature(text: string): NixSignature {
  const { name, bytes } = parseNamed(text, "signature", 64);
  return { name, signature: bytes };
}

/** The one line of a `secret-key-files` file, without its line feed: libsodium's seed and public key. */
export function parseNixSecretKey(text: string): NixSecretKey {
  const { name, bytes } = parseNamed(text, "secret key", 64);
  return { name, seed: bytes.slice(0, 32), publicKey: bytes.slice(32) };
}

export function renderNixPublicKey(key: NixPublicKey): string {
  return `${key.name}:${encodeBase64(key.key)}`;
}

export function renderNixSignature(signature: NixSignature): string {
  return `${signature.name}:${encodeBase64(signature.signature)}`;
}

function parseNamed(text: string, field: string, length: number): { name: string; bytes: Uint8Array } {
  const colon = text.indexOf(":");
  const name = text.slice(0, Math.max(colon, 0));
  // No white space or control characters: such a name would split or hide in nix.conf and in narinfo lines.
  if (!/^[!-~]+$/.test(name) || name.length > MAX_NAME) {
    throw new FormatError("nix key", `${field} name`, 0, "is missing, too long or not printable");
  }
  const encoded = text.slice(colon + 1);
  if (encoded.length !== Math.ceil(length / 3) * 4) {
    throw new FormatError("nix key", field, colon + 1, `is not ${length} bytes in base64`);
  }
  const bytes = decodeBase64(encoded);
  if (bytes.length !== length) {
    throw new FormatError("nix key", field, colon + 1, `has ${bytes.length} bytes in place of ${length}`);
  }
  return { name, bytes };
}
