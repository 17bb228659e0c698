/**
 * Verifies SSHSIG signatures, in process.
 *
 * Claims: a valid outcome means that the holder of this listed key, or of a key that a listed authority certified
 * for a listed name, signed exactly this message for exactly this namespace, and with a touch or a PIN where the
 * key's entry or the certificate demands it. Against: signatures made for another purpose (namespace), SHA-1, a
 * FIDO key used behind its owner's back, and keys that sign for everybody.
 * Leaves out: when it was made. Neither keys nor signatures carry a date; certificates do, and are held against
 * `now`. What comes with a certificate is judged by the certificate, also where its key is listed by itself.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import type { SshCertificate } from "@firstmile/formats/ssh/certificate";
import { type SshSignature, USER_PRESENT, USER_VERIFIED } from "@firstmile/formats/ssh/signature";
import { parseSshsig, type Sshsig, sshsigSignedData } from "@firstmile/formats/ssh/sshsig";
import { UnsupportedSshError } from "@firstmile/formats/ssh/unsupported";
import { digest } from "../crypto/hash.ts";
import type {
  SignatureCode,
  SignatureOutcome,
  SignatureRefused,
  SignatureValid,
} from "../signature/outcome.ts";
import { certifiedSigner, refuseTime } from "./certificate.ts";
import { type SshKeys, type SshSigner, sshFingerprint } from "./keys.ts";
import { isSignedBy } from "./signed-by.ts";

export type { SshKeys } from "./keys.ts";

/** The digest of a message that is not at hand itself; undefined where nobody knows it by this hash. */
export type MessageDigest = (hash: Sshsig["hashAlgorithm"]) => Uint8Array | undefined;

/**
 * Checks one armored signature over `message`, which SSHSIG signs by its digest alone. `now` in Unix seconds decides the life of certificates. Never throws
 * on bad input: every failure is an outcome.
 */
export function verifySshsig(
  signature: Uint8Array,
  message: Uint8Array | MessageDigest,
  namespace: string,
  keys: SshKeys,
  now: number,
): SignatureOutcome {
  const parsed = parse(signature);
  if ("valid" in parsed) return parsed;
  const signer = signerOf(parsed, keys);
  if ("valid" in signer) return signer;
  const refused = refuseSignature(parsed, message, namespace, signer);
  return refused ?? inTime(parsed.certificate, signer, now);
}

function signerOf(parsed: Sshsig, keys: SshKeys): SshSigner | SignatureRefused {
  const key = sshFingerprint(parsed.key);
  if (parsed.signature.kind === "rsa" && parsed.signature.hash === "sha1") {
    return refuse("weak-signature", "this signature rests on SHA-1 (ssh-rsa)", key);
  }
  if (parsed.certificate) return certifiedSigner(parsed.certificate, keys.authorities);
  return keys.plain.get(key) ?? refuse("unknown-key", `no listed key has the fingerprint ${key}`, key);
}

function refuseSignature(
  parsed: Sshsig,
  message: Uint8Array | MessageDigest,
  namespace: string,
  signer: SshSigner,
): SignatureRefused | undefined {
  const { key, verifier } = signer;
  if (verifier.kind === "weak") return refuse("weak-key", verifier.problem, key);
  if (parsed.namespace !== namespace) {
    const problem = `this signature was made for \`${parsed.namespace}\`, not for \`${namespace}\``;
    return refuse("bad-signature", problem, key);
  }
  const { hashAlgorithm } = parsed;
  const hashed = typeof message === "function" ? message(hashAlgorithm) : digest(hashAlgorithm, message);
  if (hashed === undefined)
    return refuse("unsupported-signature", `rests on a ${hashAlgorithm} that is not known`, key);
  const data = sshsigSignedData(parsed.namespace, parsed.hashAlgorithm, hashed);
  if (!isSignedBy(parsed.key, verifier, parsed.signature, data)) {
    const problem = "this signature was not made over these bytes by the key that it names";
    return refuse("bad-signature", problem, key);
  }
  return refuseDemand(parsed.signature, signer);
}

/** Asked last: a signature lapses only where nothing but the time speaks against it. */
function inTime(
  certificate: SshCertificate | undefined,
  { key, signingKey }: SshSigner,
  now: number,
): SignatureOutcome {
  const forEver: SignatureValid = { valid: true, key, signingKey, validUntil: undefined };
  if (certificate === undefined) return forEver;
  const problem = refuseTime(certificate, now);
  if (problem !== undefined) return { ...refuse("expired-key", problem, key), lapsed: forEver };
  const end = Number(certificate.validBefore);
  return { ...forEver, validUntil: Number.isSafeInteger(end) ? end : undefined };
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

/** Read only from flags that the signature was found to cover. A key in a file has none, and meets no demand. */
function refuseDemand(signature: SshSignature, signer: SshSigner): SignatureRefused | undefined {
  const flags = signature.kind === "rsa" ? 0 : (signature.authenticator?.flags ?? 0);
  if (signer.touch && !(flags & USER_PRESENT)) {
    const problem = "this key must be touched to sign, and nobody touched it";
    return refuse("touch-missing", problem, signer.key);
  }
  if (signer.pin && !(flags & USER_VERIFIED)) {
    const problem = "this key must ask for a PIN or a fingerprint to sign, and it did not";
    return refuse("pin-missing", problem, signer.key);
  }
  return undefined;
}

function refuse(code: SignatureCode, message: string, key: SignatureValid["key"]): SignatureRefused {
  return { valid: false, code, message, key };
}
