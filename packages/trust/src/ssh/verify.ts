/**
 * Verifies SSHSIG signatures, in process.
 *
 * Claims: a valid outcome means that the holder of this listed key signed exactly this message for exactly this
 * namespace, and, where the key's entry demands it, with a touch or a PIN. Against: signatures made for another
 * purpose (namespace), SHA-1, a FIDO key used behind its owner's back, and keys that sign for everybody.
 * Leaves out: when it was made. An SSH key and its signatures carry no date, so nothing here expires.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import type { SshPublicKey } from "@firstmile/formats/ssh/public-key";
import { type SshSignature, USER_PRESENT, USER_VERIFIED } from "@firstmile/formats/ssh/signature";
import { parseSshsig, type Sshsig, sshsigSignedData } from "@firstmile/formats/ssh/sshsig";
import { UnsupportedSshError } from "@firstmile/formats/ssh/unsupported";
import { digest } from "../crypto/hash.ts";
import type { SignatureCode, SignatureOutcome, SignatureRefused } from "../signature/outcome.ts";
import { type KnownSshKey, type SshKeys, type SshVerifier, sshFingerprint } from "./keys.ts";

export type { SshKeys } from "./keys.ts";

/** Checks one armored signature over `message`. Never throws on bad input: every failure is an outcome. */
export function verifySshsig(
  signature: Uint8Array,
  message: Uint8Array,
  namespace: string,
  keys: SshKeys,
): SignatureOutcome {
  const parsed = parse(signature);
  if ("valid" in parsed) return parsed;
  const key = sshFingerprint(parsed.key);
  const refuse = (code: SignatureCode, text: string): SignatureRefused => ({
    valid: false,
    code,
    message: text,
    key,
  });
  if (parsed.signature.kind === "rsa" && parsed.signature.hash === "sha1") {
    return refuse("weak-signature", "this signature rests on SHA-1 (ssh-rsa)");
  }
  const known = keys.get(key);
  if (known === undefined) return refuse("unknown-key", `no listed key has the fingerprint ${key}`);
  if (known.verifier.kind === "weak") return refuse("weak-key", known.verifier.problem);
  if (parsed.namespace !== namespace) {
    return refuse(
      "bad-signature",
      `this signature was made for \`${parsed.namespace}\`, not for \`${namespace}\``,
    );
  }
  if (!isTrue(parsed, message, known.verifier)) {
    return refuse("bad-signature", "this signature was not made over these bytes by the key that it names");
  }
  return (
    refuseDemand(parsed.signature, known) ?? { valid: true, key, signingKey: key, validUntil: undefined }
  );
}

function parse(signature: Uint8Array): Sshsig | SignatureRefused {
  if (signature.length === 0) return { valid: false, code: "unsigned", message: "there is no signature" };
  try {
    return parseSshsig(signature);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const code = error instanceof UnsupportedSshError ? "unsupported-signature" : "malformed-signature";
    return { valid: false, code, message: error.message };
  }
}

function isTrue(sshsig: Sshsig, message: Uint8Array, verifier: SshVerifier): boolean {
  const hashed = digest(sshsig.hashAlgorithm, message);
  const data = sshsigSignedData(sshsig.namespace, sshsig.hashAlgorithm, hashed);
  return verifyWith(verifier, sshsig.signature, authenticated(sshsig.key, sshsig.signature, data));
}

/**
 * What the key really signed: the data itself, or for a FIDO key the authenticator data of OpenSSH's PROTOCOL.u2f.
 * The application is taken from the listed key's own blob, so that another application is another key.
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

/** Read only from flags that the signature was found to cover. A key in a file has none, and meets no demand. */
function refuseDemand(signature: SshSignature, known: KnownSshKey): SignatureRefused | undefined {
  const flags = signature.kind === "rsa" ? 0 : (signature.authenticator?.flags ?? 0);
  const refuse = (code: SignatureCode, message: string): SignatureRefused => ({
    valid: false,
    code,
    message,
    key: known.fingerprint,
  });
  if (known.touch && !(flags & USER_PRESENT)) {
    return refuse("touch-missing", "this key must be touched to sign, and nobody touched it");
  }
  if (known.pin && !(flags & USER_VERIFIED)) {
    return refuse("pin-missing", "this key must ask for a PIN or a fingerprint to sign, and it did not");
  }
  return undefined;
}
