/**
 * Several copies of one certificate as one. Against: an old copy without a revocation, listed beside the newer one
 * that has it; every statement of every copy counts.
 */

import { encodeHex } from "@firstmile/formats/bytes/text";
import type { OpenPgpCertificate, Subkey, UserId } from "@firstmile/formats/openpgp/certificate";
import type { Signature } from "@firstmile/formats/openpgp/signature";

/** One certificate for each primary key, with the loose revocations of all inputs that name it. */
export function mergeCertificates(certificates: Iterable<OpenPgpCertificate>): OpenPgpCertificate[] {
  const all = [...certificates];
  const loose = new Set(all.flatMap(({ looseRevocations }) => looseRevocations));
  const copies = Map.groupBy(all, ({ fingerprint }) => fingerprint);
  return [...copies.values()].map((same) =>
    withLoose(same.length === 1 ? same[0]! : mergeCopies(same), loose),
  );
}

function withLoose(certificate: OpenPgpCertificate, loose: ReadonlySet<Signature>): OpenPgpCertificate {
  const looseRevocations = [...loose].filter(
    ({ issuer }) => issuer.kind !== "none" && issuer.keyId === certificate.primary.keyId,
  );
  return { ...certificate, looseRevocations };
}

function mergeCopies(copies: readonly OpenPgpCertificate[]): OpenPgpCertificate {
  return {
    ...copies[0]!,
    signatures: mergeSignatures(copies),
    userIds: mergeUserIds(copies.flatMap(({ userIds }) => userIds)),
    subkeys: mergeSubkeys(copies.flatMap(({ subkeys }) => subkeys)),
  };
}

function mergeUserIds(userIds: readonly UserId[]): UserId[] {
  const same = Map.groupBy(userIds, ({ kind, bytes }) => `${kind} ${encodeHex(bytes)}`);
  return [...same.values()].map((copies) => ({ ...copies[0]!, signatures: mergeSignatures(copies) }));
}

function mergeSubkeys(subkeys: readonly Subkey[]): Subkey[] {
  const same = Map.groupBy(subkeys, ({ key }) => key.fingerprint);
  return [...same.values()].map((copies) => ({ ...copies[0]!, signatures: mergeSignatures(copies) }));
}

function mergeSignatures(copies: readonly { readonly signatures: readonly Signature[] }[]): Signature[] {
  return copies.flatMap(({ signatures }) => signatures);
}
