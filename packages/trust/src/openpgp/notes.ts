/**
 * What is said of the people's certificates in every verdict, whether or not it was remembered: that the owner's newest
 * word on a key does not hold, so that an older one counts.
 */
import { type Signature, SignatureType } from "@firstmile/formats/openpgp/signature";
import type { Policy } from "../policy/policy.ts";
import { loadCertificate } from "./certificate-state.ts";
import { gradedHash } from "./hash-algorithm.ts";
import { mergeCertificates } from "./merge.ts";
import { mayBeFrom, saysOnlyKnown } from "./self-signature.ts";

/** Most notes told of one policy. */
const MAX_NOTES = 20;

/** One sentence each, naming the person and the key. */
export function certificateNotes({ principals }: Pick<Policy, "principals">): string[] {
  const notes: string[] = [];
  for (const { name, keys } of principals.values()) {
    const own = keys.flatMap((key) => (key.kind === "openpgp" ? [key.certificate] : []));
    for (const certificate of mergeCertificates(own)) {
      if (!mayPassOver(certificate) || notes.length >= MAX_NOTES) continue;
      const { primary, subkeys } = loadCertificate(certificate);
      for (const { note } of [primary, ...subkeys]) if (note !== undefined) notes.push(`${name}: ${note}`);
    }
  }
  return notes.slice(0, MAX_NOTES);
}

type Certificate = Parameters<typeof loadCertificate>[0];

/** Without the mathematics, which nearly no certificate needs for this. */
function mayPassOver({ primary, signatures, userIds, subkeys }: Certificate): boolean {
  const self = [signatures, ...userIds.map((one) => one.signatures)];
  const newest = (all: readonly Signature[]) => Math.max(-1, ...all.map(({ created }) => created));
  const isLast = (list: readonly Signature[], grades: readonly string[]) => {
    const own = list.filter(({ issuer, type }) => mayBeFrom(issuer, primary) && !REVOCATIONS.has(type));
    const [good, flawed] = [true, false].map((wanted) => own.filter((one) => isGood(one, grades) === wanted));
    return flawed!.length > 0 && newest(flawed!) >= newest(good!);
  };
  return (
    self.some((list) => isLast(list, ["strong", "sha1"])) ||
    subkeys.some((subkey) => isLast(subkey.signatures, ["strong"]))
  );
}

const REVOCATIONS: ReadonlySet<number> = new Set([
  SignatureType.keyRevocation,
  SignatureType.subkeyRevocation,
  SignatureType.certificationRevocation,
]);

function isGood(one: Signature, grades: readonly string[]): boolean {
  const grade = gradedHash(one.hashAlgorithm)?.grade;
  return one.version !== 3 && saysOnlyKnown(one) && grade !== undefined && grades.includes(grade);
}
