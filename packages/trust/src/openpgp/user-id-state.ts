/** What a certificate's owner says of each of its user IDs: whether it is theirs still, and until when. */
import type { UserId } from "@firstmile/formats/openpgp/certificate";
import type { PublicKey } from "@firstmile/formats/openpgp/public-key";
import { type Signature, SignatureType } from "@firstmile/formats/openpgp/signature";
import type { SelfSignatures } from "./self-signature.ts";
import { userIdData } from "./signed-data.ts";

/** Signature types that say "this user ID is of that key" (RFC 9580 section 5.2.1.4 and following). */
export const CERTIFICATIONS: readonly number[] = [
  SignatureType.genericCertification,
  SignatureType.personaCertification,
  SignatureType.casualCertification,
  SignatureType.positiveCertification,
];

export interface UserIdState {
  readonly userId: UserId;
  /** The owner's newest word for it; undefined where it is not bound, or no more. */
  readonly self: Signature | undefined;
  /** A newer one that does not hold, where there is one. */
  readonly weaker?: Signature | undefined;
  /** Unclaimed: the key's owner never said that it is theirs. Of a flooded certificate nothing is known. */
  readonly refusal: "unclaimed-user-id" | "revoked-user-id" | undefined;
}

export function userIdState(primary: PublicKey, userId: UserId, own: SelfSignatures): UserIdState {
  const { signatures } = userId;
  const data = userIdData(primary, userId);
  const { holds: self, weaker } = own.told(signatures, CERTIFICATIONS, data, ["strong", "sha1"]);
  if (self === undefined) return { userId, self, refusal: "unclaimed-user-id" };
  const revoked = own.revocations(signatures, SignatureType.certificationRevocation, data);
  if (revoked.every(({ created }) => created < self.created))
    return { userId, self, weaker, refusal: undefined };
  return { userId, self: undefined, refusal: "revoked-user-id" };
}

/** The newest of what the owner said with any user ID that still stands. */
export function newestSelf(userIds: readonly UserIdState[]): Signature | undefined {
  return userIds
    .map(({ self }) => self)
    .filter((self) => self !== undefined)
    .sort((a, b) => b.created - a.created)[0];
}
