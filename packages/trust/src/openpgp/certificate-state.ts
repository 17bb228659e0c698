/**
 * What a certificate says of its keys, by its own signatures.
 *
 * Claims: each key that may sign was bound by the primary key, agreed to the binding itself, is marked for signing,
 * and carries every revocation and expiry that the certificate states. Against: subkeys put into a certificate by
 * somebody else, a subkey of another's certificate claimed as one's own (back signatures, RFC 9580 section
 * 5.2.1.10), flags and dates in unhashed areas, weak hashes.
 * Leaves out: who the user IDs are (the policy says whose key it is), certifications by others (certification.ts), and
 * time: nothing here depends on when it is asked. Of several statements the newest counts. A revocation is final, also a soft
 * one, and whatever its own expiry. What is signed by a designated revoker cannot be checked without its
 * certificate, so such a revocation counts unchecked. Where the newest statement does not hold (its hash is too weak,
 * or it says what is not understood) the newest that holds counts, less what the other takes away, and a note says so.
 */
import type { OpenPgpCertificate, Subkey } from "@firstmile/formats/openpgp/certificate";
import { keyIdOf, type PublicKey } from "@firstmile/formats/openpgp/public-key";
import { KeyFlag, type Signature, SignatureType } from "@firstmile/formats/openpgp/signature";
import type { Fingerprint, SignatureCode } from "../signature/outcome.ts";
import { gradedHash } from "./hash-algorithm.ts";
import { gravest, type Revocation } from "./revocation.ts";
import { mayBeFrom, SelfSignatures, saysOnlyKnown } from "./self-signature.ts";
import { keyData } from "./signed-data.ts";
import { newestSelf, type UserIdState, userIdState } from "./user-id-state.ts";
import { importKey, type KeyProblem, type VerifyingKey } from "./verifying-key.ts";

export interface Refusal {
  readonly code: SignatureCode;
  readonly message: string;
}

export interface KeyState {
  readonly role: "primary key" | "subkey";
  readonly key: PublicKey;
  readonly fingerprint: Fingerprint;
  readonly verifying: VerifyingKey | KeyProblem;
  readonly revoked: Revocation | undefined;
  /** Why its signatures do not count at any time, revocation aside. */
  readonly refusal: Refusal | undefined;
  /** Unix seconds; undefined where it does not expire. */
  readonly expires: number | undefined;
  /** What its owner said of it last, where that does not hold and something older does: a sentence for a person. */
  readonly note?: string | undefined;
}

export interface CertificateState {
  /** The primary key's. */
  readonly fingerprint: Fingerprint;
  readonly primary: KeyState;
  /** Whether the primary key vouches for itself: without that nothing it binds counts. */
  readonly primaryRefusal: Refusal | undefined;
  readonly subkeys: readonly KeyState[];
  /** Why its certifications of others' user IDs do not count at any time, revocation aside. */
  readonly certifierRefusal: Refusal | undefined;
  /** In the order of the certificate. */
  readonly userIds: readonly UserIdState[];
}

/** Evaluates a certificate's own signatures: some hundred microseconds each. Never throws. */
export function loadCertificate(certificate: OpenPgpCertificate): CertificateState {
  const { primary } = certificate;
  const verifying = importKey(primary);
  if (!("verify" in verifying)) return withoutPrimary(certificate, verifying);
  const own = new SelfSignatures(primary, verifying);
  const userIds = certificate.userIds.map((userId) => userIdState(primary, userId, own));
  const self = selfStatement(certificate, userIds, own);
  const state: CertificateState = {
    fingerprint: fingerprintOf(primary),
    primary: {
      ...identity("primary key", primary, verifying),
      revoked: primaryRevocation(certificate, own),
      refusal: self.refusal ?? signingRefusal(self.keyFlags, "primary key", self.weaker),
      expires: self.expires,
      note: noteOn("self-signature of the key", primary, self.weaker),
    },
    primaryRefusal: self.refusal,
    subkeys: certificate.subkeys.map((subkey) => subkeyState(primary, subkey, own)),
    certifierRefusal: self.refusal ?? certifyingRefusal(self.keyFlags),
    userIds,
  };
  return own.exhausted ? flooded(state) : state;
}

/** With a primary key that verifies nothing, no binding can be checked and no subkey counts. */
function withoutPrimary(
  { primary, subkeys, userIds }: OpenPgpCertificate,
  problem: KeyProblem,
): CertificateState {
  const refused = { revoked: undefined, refusal: problem, expires: undefined };
  return {
    fingerprint: fingerprintOf(primary),
    primary: { ...identity("primary key", primary, problem), ...refused },
    primaryRefusal: problem,
    subkeys: subkeys.map(({ key }) => ({ ...identity("subkey", key, importKey(key)), ...refused })),
    certifierRefusal: problem,
    userIds: userIds.map((userId) => ({ userId, self: undefined, refusal: "unclaimed-user-id" })),
  };
}

function flooded(state: CertificateState): CertificateState {
  const refusal = notSigning("the certificate has more self-signatures than are looked at");
  return {
    fingerprint: state.fingerprint,
    primary: { ...state.primary, refusal },
    primaryRefusal: refusal,
    subkeys: state.subkeys.map((subkey) => ({ ...subkey, refusal })),
    certifierRefusal: refusal,
    userIds: state.userIds,
  };
}

interface SelfStatement {
  readonly refusal: Refusal | undefined;
  readonly keyFlags: number | undefined;
  readonly expires: number | undefined;
  readonly weaker: Signature | undefined;
}

/**
 * What the primary key says of itself: in a direct-key signature or with its user IDs, by whichever said it last
 * (section 5.2.3.10). A version 6 key needs the direct-key signature (section 10.1.1).
 */
function selfStatement(
  { primary, signatures }: OpenPgpCertificate,
  userIds: readonly UserIdState[],
  own: SelfSignatures,
): SelfStatement {
  const direct = own.told(signatures, [SignatureType.directKey], keyData(primary), ["strong", "sha1"]);
  const ids = primary.version === 6 ? [] : userIds;
  const said = [direct.holds, newestSelf(ids)]
    .filter((one) => one !== undefined)
    .sort((a, b) => b.created - a.created);
  const weaker = [direct.weaker, ...ids.map((id) => id.weaker)]
    .filter((one) => one !== undefined && one.created >= (said[0]?.created ?? 0))
    .sort((a, b) => b!.created - a!.created)[0];
  const expiring = said.find(({ keyExpiresAfter }) => keyExpiresAfter !== undefined);
  return {
    refusal: said.length > 0 ? undefined : notSigning("the primary key has no valid self-signature"),
    keyFlags: bothAllow(said.find(({ keyFlags }) => keyFlags !== undefined)?.keyFlags, weaker),
    expires: earliest(keyExpiry(primary, expiring), ...said.map(signatureExpiry), endOf(primary, weaker)),
    weaker,
  };
}

function subkeyState(primary: PublicKey, { key, signatures }: Subkey, own: SelfSignatures): KeyState {
  const verifying = importKey(key);
  const data = keyData(primary, key);
  const { holds: binding, weaker } = own.told(signatures, [SignatureType.subkeyBinding], data, ["strong"]);
  const back = binding && backSignature(binding, verifying, data);
  return {
    ...identity("subkey", key, verifying),
    revoked: gravest(own.revocations(signatures, SignatureType.subkeyRevocation, data)),
    refusal: binding === undefined ? unbound(signatures) : subkeyRefusal(binding, back, weaker),
    expires: earliest(
      keyExpiry(key, binding),
      signatureExpiry(binding),
      signatureExpiry(back),
      endOf(key, weaker),
    ),
    note: noteOn("binding of the subkey", key, weaker),
  };
}

/** Old subkeys are common enough that their owner should read what to do, which is to bind it again. */
function unbound(signatures: readonly Signature[]): Refusal {
  const bySha1 = signatures.some(
    ({ type, hashAlgorithm }) =>
      type === SignatureType.subkeyBinding && gradedHash(hashAlgorithm)?.grade === "sha1",
  );
  const why = bySha1 ? ": its binding rests on SHA-1" : "";
  return notSigning(`the subkey is not validly bound to its primary key${why}`);
}

function subkeyRefusal(
  binding: Signature,
  back: Signature | undefined,
  weaker: Signature | undefined,
): Refusal | undefined {
  const refusal = signingRefusal(bothAllow(binding.keyFlags, weaker), "subkey", weaker);
  if (refusal !== undefined || back !== undefined) return refusal;
  return notSigning(
    "the subkey did not sign its binding to the primary key in turn, or did so over a weak hash",
  );
}

/**
 * The signature of the subkey over its binding (section 5.2.1.10). Without it, whoever lists another's signing
 * subkey in their own certificate would be credited with what the other signs.
 */
function backSignature(binding: Signature, subkey: VerifyingKey | KeyProblem, data: readonly Uint8Array[]) {
  if (!("verify" in subkey)) return undefined;
  return binding.embedded.find(
    (back): back is Signature =>
      back.kind === "signature" &&
      back.type === SignatureType.primaryKeyBinding &&
      gradedHash(back.hashAlgorithm)?.grade === "strong" &&
      saysOnlyKnown(back) &&
      subkey.verify(back, data),
  );
}

/** Also where it stands behind a user ID or came on its own: a revocation in the wrong place is still one. */
function primaryRevocation(certificate: OpenPgpCertificate, own: SelfSignatures): Revocation | undefined {
  const { primary, signatures, userIds, looseRevocations } = certificate;
  const all = [...signatures, ...userIds.flatMap((userId) => userId.signatures), ...looseRevocations];
  const made = own.revocations(all, SignatureType.keyRevocation, keyData(primary));
  return gravest([...made, ...byDesignatedRevoker(certificate, own)]);
}

function byDesignatedRevoker({ primary, signatures }: OpenPgpCertificate, own: SelfSignatures): Signature[] {
  const foreign = signatures.filter(
    ({ type, issuer }) => type === SignatureType.keyRevocation && !mayBeFrom(issuer, primary),
  );
  if (foreign.length === 0) return [];
  const naming = signatures.filter(({ revocationKeys }) => revocationKeys.length > 0);
  const revokers = naming
    .filter((one) => own.newest([one], [SignatureType.directKey], keyData(primary), ["strong", "sha1"]))
    .flatMap(({ revocationKeys }) => revocationKeys);
  const keyIds = new Set(revokers.map((revoker) => keyIdOf(4, revoker)));
  return foreign.filter(({ issuer }) => issuer.kind !== "none" && keyIds.has(issuer.keyId));
}

function identity(role: KeyState["role"], key: PublicKey, verifying: VerifyingKey | KeyProblem) {
  return { role, key, fingerprint: fingerprintOf(key), verifying };
}

function fingerprintOf(key: PublicKey): Fingerprint {
  return key.fingerprint as string as Fingerprint;
}

function signingRefusal(
  keyFlags: number | undefined,
  role: KeyState["role"],
  weaker: Signature | undefined,
): Refusal | undefined {
  if (((keyFlags ?? 0) & KeyFlag.sign) !== 0) return undefined;
  const why = weaker === undefined ? "" : `; its owner's newest word ${flawOf(weaker)}, and still takes away`;
  return notSigning(`the ${role} is not marked for signing${why}`);
}

/** What does not hold gives nothing, and may still take away. */
function bothAllow(keyFlags: number | undefined, weaker: Signature | undefined): number | undefined {
  if (weaker?.keyFlags === undefined) return keyFlags;
  return (keyFlags ?? weaker.keyFlags) & weaker.keyFlags;
}

function endOf(key: PublicKey, weaker: Signature | undefined): number | undefined {
  return earliest(keyExpiry(key, weaker), signatureExpiry(weaker));
}

function noteOn(what: string, key: PublicKey, weaker: Signature | undefined): string | undefined {
  if (weaker === undefined) return undefined;
  return `the newest ${what} ${key.fingerprint} ${flawOf(weaker)}: an older one counts, but for what the newest takes away`;
}

function flawOf(signature: Signature): string {
  const hash = gradedHash(signature.hashAlgorithm);
  if (hash !== undefined && hash.grade !== "strong") return `rests on ${hash.name.toUpperCase()}`;
  return signature.version === 3 ? "is of version 3" : "has a critical part that is not known";
}

/**
 * Section 5.2.3.29. A primary key whose owner states no flags at all may certify: that is what makes it primary.
 */
function certifyingRefusal(keyFlags: number | undefined): Refusal | undefined {
  if (keyFlags === undefined || (keyFlags & KeyFlag.certify) !== 0) return undefined;
  return { code: "not-a-signing-key", message: "the primary key is not marked for certifying" };
}

function notSigning(message: string): Refusal {
  return { code: "not-a-signing-key", message };
}

function keyExpiry(key: PublicKey, said: Signature | undefined): number | undefined {
  return said?.keyExpiresAfter ? key.created + said.keyExpiresAfter : undefined;
}

export function signatureExpiry(signature: Signature | undefined): number | undefined {
  return signature?.expiresAfter ? signature.created + signature.expiresAfter : undefined;
}

export function earliest(...times: readonly (number | undefined)[]): number | undefined {
  return times.reduce((a, b) => (a === undefined || (b !== undefined && b < a) ? b : a), undefined);
}
