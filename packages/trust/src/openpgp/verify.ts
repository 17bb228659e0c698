/**
 * Detached OpenPGP signatures over bytes.
 *
 * Claims: `valid` means that a key which its certificate allows to sign, neither revoked nor expired at `now`, made
 * this one signature over exactly these bytes. Against: a second signature beside the one that is shown, text
 * signatures (one of them fits many byte strings), weak hashes, restrictions that this reader does not understand,
 * keys lent from another's certificate, and dates: those inside a signature are its maker's own words, so a revoked
 * or expired key is refused however old the signature claims to be. A refusal says where that alone is why (`lapsed`):
 * whether it was made in time is then for others to know, by where it stands in a history.
 * Leaves out: whose key it is, and whether that person may.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { algorithmName } from "@firstmile/formats/openpgp/algorithm";
import { parseDetachedSignature } from "@firstmile/formats/openpgp/detached";
import { type Signature, type SignaturePacket, SignatureType } from "@firstmile/formats/openpgp/signature";
import type { Fingerprint, SignatureCode, SignatureOutcome, SignatureRefused } from "../signature/outcome.ts";
import {
  type CertificateState,
  earliest,
  type KeyState,
  type Refusal,
  signatureExpiry,
} from "./certificate-state.ts";
import { gradedHash } from "./hash-algorithm.ts";
import type { Candidate, OpenPgpKeys } from "./keys.ts";
import { saysOnlyKnown } from "./self-signature.ts";

export type { OpenPgpKeys } from "./keys.ts";

/**
 * Checks one armored or binary signature over `message`, given whole or in parts, by the keys at hand. `now` in Unix
 * seconds. Never throws.
 */
export function verifyOpenPgp(
  signature: Uint8Array,
  message: readonly Uint8Array[] | Uint8Array,
  keys: OpenPgpKeys,
  now: number,
): SignatureOutcome {
  return checkOpenPgp(signature, message instanceof Uint8Array ? [message] : message, keys, now);
}

/**
 * All of the above but the mathematics, where the message is not at hand: which key a signature claims, and whether
 * that key may make one. "Valid" is the claim alone: whoever can write a signature's bytes can claim any key.
 */
export function claimOfOpenPgp(signature: Uint8Array, keys: OpenPgpKeys, now: number): SignatureOutcome {
  return checkOpenPgp(signature, undefined, keys, now);
}

function checkOpenPgp(
  signature: Uint8Array,
  data: readonly Uint8Array[] | undefined,
  keys: OpenPgpKeys,
  now: number,
): SignatureOutcome {
  const made = readOne(signature);
  if ("valid" in made) return made;
  const candidates = keys.candidates(made.issuer);
  const refused = refuseForm(made) ?? (candidates.length === 0 ? refuseUnknown(made) : refuseAlgorithm(made));
  if (refused !== undefined) return refused;
  return leastRefused(candidates.map((candidate) => tryCandidate(made, data, candidate, now)));
}

function readOne(bytes: Uint8Array): Signature | SignatureRefused {
  let packets: SignaturePacket[];
  try {
    packets = parseDetachedSignature(bytes);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return refuse("malformed-signature", error.message);
  }
  const [made, ...more] = packets;
  // Readers differ in which of several they check and which they show (git, gpg and forges among them).
  if (made === undefined || more.length > 0) {
    return refuse("several-signatures", `holds ${packets.length} signatures, only one is allowed`);
  }
  if (made.kind === "signature") return made;
  return refuse("unsupported-signature", `is an OpenPGP signature of version ${made.version}`);
}

function refuseForm(made: Signature): SignatureRefused | undefined {
  if (made.version === 3) return refuse("unsupported-signature", "is an OpenPGP signature of version 3");
  // A text signature covers what remains after line ends are made equal (RFC 9580 section 5.2.1.2).
  if (made.type !== SignatureType.binary) {
    return refuse(
      "unsupported-signature",
      `is of type 0x${made.type.toString(16).padStart(2, "0")}, not over binary data`,
    );
  }
  if (!saysOnlyKnown(made)) {
    const what = made.unknownCritical[0] ?? made.notations.find(({ critical }) => critical)?.name;
    return refuse(
      "unsupported-signature",
      `has a critical restriction that is not known: ${printable(`${what}`)}`,
    );
  }
  return undefined;
}

function refuseAlgorithm(made: Signature): SignatureRefused | undefined {
  if (made.material.kind === "unsupported") {
    return refuse("unsupported-signature", `is made with ${algorithmName(made.publicKeyAlgorithm)}`);
  }
  if (gradedHash(made.hashAlgorithm) !== undefined) return undefined;
  return refuse("unsupported-signature", `uses hash algorithm ${made.hashAlgorithm}`);
}

/** Asked after the mathematics, so that a forgery is called one; but whoever can make collisions can move it. */
function refuseWeakHash(made: Signature, key: Fingerprint): SignatureRefused | undefined {
  const hash = gradedHash(made.hashAlgorithm);
  if (hash?.grade === "strong") return undefined;
  return refuse("weak-signature", `rests on ${hash?.name}, whose collisions can be made`, key);
}

function refuseUnknown({ issuer }: Signature): SignatureRefused {
  if (issuer.kind === "none") return refuse("unknown-key", "does not say which key made it");
  if (issuer.kind === "key-id")
    return refuse("unknown-key", `is by key ${issuer.keyId}, which is not among those at hand`);
  const key = issuer.fingerprint as string as Fingerprint;
  return refuse("unknown-key", `is by key ${key}, which is not among those at hand`, key);
}

function tryCandidate(
  made: Signature,
  data: readonly Uint8Array[] | undefined,
  { certificate, key }: Candidate,
  now: number,
): SignatureOutcome {
  const named = certificate.fingerprint;
  if (!("verify" in key.verifying)) return refuse(key.verifying.code, key.verifying.message, named);
  if (data !== undefined && !key.verifying.verify(made, data)) {
    return refuse("bad-signature", `is not by ${key.fingerprint} over this content`, named);
  }
  const weak = refuseWeakHash(made, named);
  if (weak !== undefined) return weak;
  if (made.created < key.key.created) {
    return refuse("bad-signature", `claims to be older than its key ${key.fingerprint}`, named);
  }
  const valid = { valid: true, key: named, signingKey: key.fingerprint } as const;
  const refusal = refuseKey(certificate, key) ?? refuseExpired(made, certificate.primary, key, now);
  if (refusal !== undefined) {
    const refused = refuse(refusal.code, refusal.message, named);
    return mayLapse(certificate, key) ? { ...refused, lapsed: { ...valid, validUntil: undefined } } : refused;
  }
  const validUntil = earliest(certificate.primary.expires, key.expires, signatureExpiry(made));
  return { ...valid, validUntil };
}

/**
 * Whether nothing but time and its owner's own tidying up speaks against the key. After a hard revocation anybody may
 * hold it, and what it signed yesterday is worth no more than what it signs tomorrow.
 */
function mayLapse({ primary, primaryRefusal }: CertificateState, key: KeyState): boolean {
  const hard = [primary, key].some(({ revoked }) => revoked?.kind === "hard");
  return !hard && primaryRefusal === undefined && key.refusal === undefined;
}

/** What holds against the key at any time: revocation first, as the graver news for a person. */
function refuseKey({ primary, primaryRefusal }: CertificateState, key: KeyState): Refusal | undefined {
  return refuseRevoked(primary) ?? refuseRevoked(key) ?? primaryRefusal ?? key.refusal;
}

function refuseRevoked({ role, fingerprint, revoked }: KeyState): Refusal | undefined {
  if (revoked === undefined) return undefined;
  return {
    code: "revoked-key",
    message: `its ${role} ${fingerprint} is revoked (${revoked.kind}: ${revoked.reason})`,
  };
}

function refuseExpired(made: Signature, primary: KeyState, key: KeyState, now: number): Refusal | undefined {
  const expired = [primary, key].find(({ expires }) => expires !== undefined && expires <= now);
  if (expired !== undefined) {
    return {
      code: "expired-key",
      message: `its ${expired.role} ${expired.fingerprint} expired on ${day(expired.expires)}`,
    };
  }
  const end = signatureExpiry(made);
  if (end === undefined || end > now) return undefined;
  return { code: "expired-signature", message: `expired on ${day(end)} by its own word` };
}

/**
 * Of what several candidates came to: valid, else lapsed, else the one whose key did make the signature, else the first. One
 * candidate's refusal says nothing about another's: anyone can list a key in a certificate of their own.
 */
function leastRefused(outcomes: readonly SignatureOutcome[]): SignatureOutcome {
  const rank = (outcome: SignatureOutcome) => {
    if (outcome.valid) return 0;
    if (outcome.lapsed !== undefined) return 1;
    if (outcome.code === "bad-signature") return 4;
    return outcome.code === "weak-key" || outcome.code === "unsupported-signature" ? 3 : 2;
  };
  return outcomes.reduce((best, outcome) => (rank(outcome) < rank(best) ? outcome : best));
}

function refuse(code: SignatureCode, message: string, key?: Fingerprint): SignatureRefused {
  return { valid: false, code, message, ...(key === undefined ? {} : { key }) };
}

/** A date a person can read; expiry times are 33 bits at most, so it never overflows. */
function day(time: number | undefined): string {
  return new Date((time ?? 0) * 1000).toISOString().slice(0, 10);
}

/** Names inside a signature are its maker's: kept short and free of what a terminal would obey. */
function printable(text: string): string {
  return text.replace(/[^ -~]/g, "?").slice(0, 80);
}
