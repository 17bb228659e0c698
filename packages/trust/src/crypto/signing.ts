import { createPrivateKey, createPublicKey, sign } from "node:crypto";

/** RFC 8410: an Ed25519 private key is these bytes and the seed. */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** A key of this machine's own, for what it vouches for to its own Nix. */
export interface Ed25519Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes over the message. */
  sign(message: Uint8Array): Uint8Array;
}

/** A signer from the 32 bytes of an Ed25519 private key (RFC 8032). */
export function ed25519Signer(seed: Uint8Array): Ed25519Signer {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  return { publicKey, sign: (message) => sign(null, message, key) };
}
