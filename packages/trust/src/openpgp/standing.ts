/** Whether a certificate and one of its user IDs stand by their owner's own word at a time. */
import type { UserId } from "@firstmile/formats/openpgp/certificate";
import { type CertificateState, earliest, signatureExpiry } from "./certificate-state.ts";

export type StandingCode =
  | "revoked-key"
  | "unusable-key"
  | "expired-key"
  | "revoked-user-id"
  | "unclaimed-user-id"
  | "expired-user-id";

export type Standing =
  | { readonly stands: true; readonly until: number | undefined }
  | { readonly stands: false; readonly code: StandingCode };

/**
 * `userId` is one of the certificate's that `state` was loaded from.
 *
 * @param since Unix seconds: what ended later than this still stands
 */
export function standingAt(state: CertificateState, userId: UserId, since: number): Standing {
  const said = state.userIds.find((one) => one.userId === userId);
  const end = earliest(signatureExpiry(said?.self), signatureExpiry(said?.weaker));
  const code =
    keyCode(state, since) ?? said?.refusal ?? (said === undefined ? "unclaimed-user-id" : undefined);
  if (code !== undefined) return { stands: false, code };
  if (end !== undefined && end <= since) return { stands: false, code: "expired-user-id" };
  return { stands: true, until: earliest(state.primary.expires, end) };
}

function keyCode({ primary, primaryRefusal }: CertificateState, since: number): StandingCode | undefined {
  if (primary.revoked !== undefined) return "revoked-key";
  if (primaryRefusal !== undefined) return "unusable-key";
  return primary.expires !== undefined && primary.expires <= since ? "expired-key" : undefined;
}
