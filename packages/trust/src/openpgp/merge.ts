/**
 * Several copies of one certificate as one. Against: an old copy without a revocation, listed beside the newer one
 * that has it; every statement of every copy counts. One key listed ten thousand times as a subkey of one certificate
 * is one subkey, or each signature by it would be checked as often.
 */

import { encodeHex } from "@firstmile/formats/bytes/text";
import type { OpenPgpCertificate, Subkey, UserId } from "@firstmile/formats/openpgp/certificate";
import type { KeyId } from "@firstmile/formats/openpgp/public-key";
import type { Signature } from "@firstmile/formats/openpgp/signature";

/** One certificate for each primary key, with the loose revocations of all inputs that name it. */
export function mergeCertificates(certificates: Iterable<OpenPgpCertificate>): OpenPgpCertificate[] {
  const all = [...certificates];
  const loose = looseByKey(all);
  const copies = Map.groupBy(all, ({ fingerprint }) => fingerprint);
  return [...copies.values()].map((same) => ({
    ...same[0]!,
    signatures: mergeSignatures(same),
    userIds: mergeUserIds(same.flatMap(({ userIds }) => userIds)),
    subkeys: mergeSubkeys(same.flatMap(({ subkeys }) => subkeys)),
    looseRevocations: loose.get(same[0]!.primary.keyId) ?? [],
  }));
}

/** The certificates of one input share one list: read once, not once for each of fifty thousand. */
function looseByKey(certificates: readonly OpenPgpCertificate[]): Map<KeyId, Signature[]> {
  const lists = new Set(certificates.map(({ looseRevocations }) => looseRevocations));
  const byKey = new Map<KeyId, Signature[]>();
  for (const signature of new Set([...lists].flat())) {
    if (signature.issuer.kind === "none") continue;
    const known = byKey.get(signature.issuer.keyId);
    if (known === undefined) byKey.set(signature.issuer.keyId, [signature]);
    else known.push(signature);
  }
  return byKey;
}

function mergeUserIds(userIds: readonly UserId[]): readonly UserId[] {
  const same = Map.groupBy(userIds, ({ kind, bytes }) => `${kind} ${encodeHex(bytes)}`);
  if (same.size === userIds.length) return userIds;
  return [...same.values()].map((copies) => ({ ...copies[0]!, signatures: mergeSignatures(copies) }));
}

function mergeSubkeys(subkeys: readonly Subkey[]): readonly Subkey[] {
  const same = Map.groupBy(subkeys, ({ key }) => key.fingerprint);
  if (same.size === subkeys.length) return subkeys;
  return [...same.values()].map((copies) => ({ ...copies[0]!, signatures: mergeSignatures(copies) }));
}

function mergeSignatures(
  copies: readonly { readonly signatures: readonly Signature[] }[],
): readonly Signature[] {
  return copies.length === 1 ? copies[0]!.signatures : copies.flatMap(({ signatures }) => signatures);
}
