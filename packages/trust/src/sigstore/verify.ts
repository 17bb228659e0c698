/**
 * Verifies X.509 signatures that gitsign made through Sigstore, offline.
 *
 * Claims: a valid outcome means that a certificate authority of the pinned trusted root certified a key for exactly
 * this identity as this issuer named it, that a pinned log of certificates saw that certificate, that the key signed
 * exactly this message, and that a pinned log took exactly this signature in while the certificate was valid.
 * Against: other people's identities, however similar; authorities and logs that nobody pinned; a key used after its
 * ten minutes; an entry of the log about another signature; a CMS that shows each reader something else.
 * The time is the log's word, the only one that counts: the signer's own is not read. `now` only refuses a log that
 * runs ahead of it.
 * Leaves out: signatures whose entry is only in the log (gitsign's online mode), timestamp authorities, and the
 * version 2 of the log, whose entries carry no time. And what the identity was asked to sign: neither certificate
 * nor log names a purpose, so whoever gets a workflow or a person to sign a file of his making through Sigstore
 * (`cosign sign-blob`) can make that file the signed attributes of a commit.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { encodeHex, equalBytes } from "@firstmile/formats/bytes/text";
import { decodeSignedMessage } from "@firstmile/formats/cms/armor";
import { type Certificate, parseCertificate } from "@firstmile/formats/cms/certificate";
import { parseSignedData, type SignedData, type SignerInfo } from "@firstmile/formats/cms/signed-data";
import { digest } from "../crypto/hash.ts";
import type { Fingerprint, SignatureOutcome } from "../signature/outcome.ts";
import { type LoggedEntry, sigstoreBundle } from "./bundle.ts";
import { doubtOf } from "./doubt.ts";
import { identityKey, type KnownIdentity, type SigstoreKeys } from "./keys.ts";
import { embeddedEntry } from "./log-entry.ts";
import { checkPurpose, namedBy } from "./named.ts";
import { Refusal, refuse } from "./refusal.ts";

export type { SigstoreKeys } from "./keys.ts";

/** Checks one armored signature over `message`. Never throws on bad input: every failure is an outcome. */
export function verifySigstore(
  signature: Uint8Array,
  message: Uint8Array,
  identities: SigstoreKeys,
  now: number,
): SignatureOutcome {
  try {
    return verify(signature, message, identities, now);
  } catch (error) {
    if (error instanceof Refusal) return { valid: false, code: error.code, message: error.message };
    if (!(error instanceof FormatError)) throw error;
    return { valid: false, code: "malformed-signature", message: error.message };
  }
}

function verify(
  armored: Uint8Array,
  message: Uint8Array,
  identities: SigstoreKeys,
  now: number,
): SignatureOutcome {
  if (armored.length === 0) refuse("unsigned", "there is no signature");
  const { signer, certificate } = onlySigner(parseSignedData(decodeSignedMessage(armored)));
  checkAlgorithms(signer, certificate);
  const named = namedBy(certificate);
  checkPurpose(certificate);
  const known = identities.get(identityKey(named.issuer, named.identity));
  if (known === undefined) {
    refuse("unknown-key", `is by ${named.identity} of ${named.issuer}, which is not among those at hand`);
  }
  const entry = embeddedEntry(signer, certificate.bytes);
  checkMessage(signer, message);
  checkTime(entry, certificate, now);
  return vouched(signer, certificate, entry, known);
}

/** One signer, and one certificate, which is the signer's: of two, each reader would pick its own. */
function onlySigner({ signers, certificates }: SignedData): { signer: SignerInfo; certificate: Certificate } {
  if (signers.length > 1) refuse("several-signatures", `has ${signers.length} signers, and must have one`);
  if (certificates.length > 1) {
    refuse(
      "several-signatures",
      `carries ${certificates.length} certificates, and must carry the signer's alone`,
    );
  }
  const [signer, certificate] = [signers[0]!, parseCertificate(certificates[0]!)];
  const its =
    equalBytes(signer.issuer, certificate.issuer) &&
    equalBytes(signer.serialNumber, certificate.serialNumber);
  if (!its) refuse("malformed-signature", "carries a certificate that is not its signer's");
  return { signer, certificate };
}

const SHA1 = "1.3.14.3.2.26";
const SHA256 = "2.16.840.1.101.3.4.2.1";
const EC_PUBLIC_KEY = "1.2.840.10045.2.1";
const P256 = "1.2.840.10045.3.1.7";
const ECDSA_SHA256 = "1.2.840.10045.4.3.2";

/** What gitsign signs with, and nothing else: an ephemeral key has no history to be compatible with. */
function checkAlgorithms(signer: SignerInfo, { keyAlgorithm, curve }: Certificate): void {
  if (signer.digestAlgorithm === SHA1) refuse("weak-signature", "this signature rests on SHA-1");
  if (signer.digestAlgorithm !== SHA256) {
    refuse("unsupported-signature", `uses the digest algorithm ${signer.digestAlgorithm}, not SHA-256`);
  }
  if (keyAlgorithm !== EC_PUBLIC_KEY || curve !== P256 || signer.signatureAlgorithm !== ECDSA_SHA256) {
    refuse("unsupported-signature", "is not made with ECDSA on P-256 and SHA-256, as gitsign's are");
  }
}

function checkMessage({ messageDigest }: SignerInfo, message: Uint8Array): void {
  if (!equalBytes(messageDigest, digest("sha256", message))) {
    refuse("bad-signature", "this signature was not made over these bytes");
  }
}

/** Seconds by which a log's clock may be ahead of ours. */
const CLOCK_TOLERANCE = 600;

/** Also of signatures on releases. Throws `Refusal`. */
export function checkTime(
  { integratedTime }: LoggedEntry,
  { notBefore, notAfter }: Certificate,
  now: number,
): void {
  if (integratedTime > now + CLOCK_TOLERANCE) {
    refuse("bad-signature", "its log entry is dated in the future");
  }
  // A key outlives its certificate only by being kept, against the rules, or by being stolen.
  if (integratedTime < notBefore || integratedTime > notAfter) {
    refuse("expired-key", "was logged while its certificate was not valid");
  }
}

/** The first of the trusted roots listed for this identity that vouches for the signature; else what the last says. */
function vouched(
  signer: SignerInfo,
  certificate: Certificate,
  entry: LoggedEntry,
  known: readonly KnownIdentity[],
): SignatureOutcome {
  const bundle = sigstoreBundle(signer, certificate.bytes, entry);
  const signingKey = encodeHex(digest("sha256", certificate.bytes)) as Fingerprint;
  const outcomes = known.map(({ fingerprint: key, file, instance }): SignatureOutcome => {
    const doubt = doubtOf(bundle, signer.signedBytes, instance);
    if (doubt === undefined) return { valid: true, key, signingKey, validUntil: undefined };
    return { valid: false, code: doubt.code, message: `${doubt.message} (${file})`, key };
  });
  return outcomes.find(({ valid }) => valid) ?? outcomes.at(-1)!;
}
