/** Certificates as those of certifiers: whether their word for others counts at all. */
import type { OpenPgpCertificate } from "@firstmile/formats/openpgp/certificate";
import type { PublicKey } from "@firstmile/formats/openpgp/public-key";
import type { Fingerprint } from "../signature/outcome.ts";
import { loadCertificate, type Refusal } from "./certificate-state.ts";
import { mergeCertificates } from "./merge.ts";
import type { VerifyingKey } from "./verifying-key.ts";

export interface Certifier {
  readonly fingerprint: Fingerprint;
  /** The primary key: no other certifies (RFC 9580 section 5.2.3.29, and GnuPG counts no other). */
  readonly key: PublicKey;
  readonly verifying: VerifyingKey | undefined;
  /** Why nothing that it certifies counts. */
  readonly refusal: Refusal | undefined;
  /** Unix seconds; undefined where it does not expire. */
  readonly expires: number | undefined;
}

/**
 * Of copies of one certificate every statement counts, so that an old copy does not bring back a revoked key.
 *
 * @param since Unix seconds: a key that expired later than this still certifies
 */
export function certifiersAt(certificates: Iterable<OpenPgpCertificate>, since: number): Certifier[] {
  return mergeCertificates(certificates).map((certificate) => certifierAt(certificate, since));
}

function certifierAt(certificate: OpenPgpCertificate, since: number): Certifier {
  const { fingerprint, primary, certifierRefusal } = loadCertificate(certificate);
  const { key, verifying, expires } = primary;
  const refusal = refuseLife(primary.revoked?.kind, expires, since) ?? certifierRefusal;
  return { fingerprint, key, verifying: "verify" in verifying ? verifying : undefined, refusal, expires };
}

function refuseLife(
  revoked: "hard" | "soft" | undefined,
  expires: number | undefined,
  since: number,
): Refusal | undefined {
  if (revoked !== undefined)
    return { code: "revoked-key", message: `its primary key is revoked (${revoked})` };
  if (expires === undefined || expires > since) return undefined;
  return { code: "expired-key", message: "its primary key has expired" };
}
