/** Whether a key that was taken in made a signature over bytes: what SSHSIG and certificates have in common. */
import type { SshPublicKey } from "@firstmile/formats/ssh/public-key";
import type { SshSignature } from "@firstmile/formats/ssh/signature";
import { digest } from "../crypto/hash.ts";
import type { SshVerifier } from "./keys.ts";

/** Never throws. A weak key has signed nothing, and neither has anybody by SHA-1. */
export function isSignedBy(
  key: SshPublicKey,
  verifier: SshVerifier,
  signature: SshSignature,
  data: Uint8Array,
): boolean {
  return verifyWith(verifier, signature, authenticated(key, signature, data));
}

/**
 * What the key really signed: the data itself, or for a FIDO key the authenticator data of OpenSSH's PROTOCOL.u2f.
 * The application is taken from the key's own blob, so that another application is another key.
 */
function authenticated(key: SshPublicKey, signature: SshSignature, data: Uint8Array): Uint8Array {
  if (signature.kind === "rsa" || signature.authenticator === undefined || !("application" in key))
    return data;
  const { flags, counter } = signature.authenticator;
  const out = new Uint8Array(32 + 1 + 4 + 32);
  out.set(digest("sha256", key.application), 0);
  new DataView(out.buffer).setUint8(32, flags);
  new DataView(out.buffer).setUint32(33, counter);
  out.set(digest("sha256", data), 37);
  return out;
}

function verifyWith(verifier: SshVerifier, signature: SshSignature, data: Uint8Array): boolean {
  if (verifier.kind === "ed25519" && signature.kind === "ed25519") {
    return verifier.key.verify(data, signature.signature);
  }
  if (verifier.kind === "ecdsa" && signature.kind === "ecdsa") {
    return verifier.key.verify(verifier.hash, data, signature.r, signature.s);
  }
  if (verifier.kind === "rsa" && signature.kind === "rsa" && signature.hash !== "sha1") {
    return verifier.key.verify(signature.hash, data, signature.signature);
  }
  return false;
}
