/**
 * Asks Sigstore's own verifier whether a pinned instance vouches for a signature.
 *
 * It checks the certificate's chain at the time that the log promises, a signed certificate timestamp, the log's
 * promise and its proof of inclusion, and the signature itself. Who the certificate names is not left to it: it
 * takes patterns, and looks at one name of several.
 */
import { type SignedEntity, toSignedEntity, VerificationError } from "@sigstore/verify";
import type { SignatureCode } from "../signature/outcome.ts";
import type { Bundle } from "./bundle.ts";
import type { SigstoreInstance } from "./trusted-root.ts";

/** Why a signature does not count: the second half of an outcome. */
export interface Doubt {
  readonly code: SignatureCode;
  readonly message: string;
}

/**
 * Undefined where there is none. Never throws. `signed` undefined: what was signed is not at hand, and the log's word
 * that it checked this signature over this digest stands for the check. An envelope brings what was signed itself.
 */
export function doubtOf(
  bundle: Bundle,
  signed: Uint8Array | undefined,
  instance: SigstoreInstance,
): Doubt | undefined {
  if (instance.kind === "unusable") return { code: "weak-key", message: instance.problem };
  try {
    const entity = toSignedEntity(bundle, signed && Buffer.from(signed));
    if (signed === undefined && bundle.content.$case === "messageSignature")
      entity.signature.verifySignature = () => true;
    if (!isReadWhole(entity, bundle)) return UNREAD;
    instance.verifier.verify(entity);
    return undefined;
  } catch (error) {
    // On hostile certificates the library also throws errors of its DER reader, of node:crypto and TypeErrors.
    return error instanceof VerificationError ? (DOUBTS[error.code] ?? UNREAD) : UNREAD;
  }
}

/** The library verifies a certificate as it writes it again: only where that is what stands there was it read. */
function isReadWhole({ key }: SignedEntity, { verificationMaterial: { content } }: Bundle): boolean {
  if (key.$case !== "certificate" || content.$case !== "certificate") return false;
  return key.certificate.root.toDER().equals(content.certificate.rawBytes);
}

const UNREAD: Doubt = {
  code: "malformed-signature",
  message: "has a certificate or log entry that cannot be read",
};
const NOT_IN_LOG: Doubt = {
  code: "bad-signature",
  message: "has a log entry that no log of the trusted root made about this signature",
};

const DOUBTS: Readonly<Partial<Record<VerificationError["code"], Doubt>>> = {
  CERTIFICATE_ERROR: {
    code: "unknown-key",
    message:
      "has a certificate that the trusted root's authority did not issue, or its logs did not see, at that time",
  },
  SIGNATURE_ERROR: { code: "bad-signature", message: "this signature was not made by the key that it names" },
  TLOG_ERROR: NOT_IN_LOG,
  TLOG_BODY_ERROR: NOT_IN_LOG,
  TLOG_INCLUSION_PROMISE_ERROR: NOT_IN_LOG,
  TLOG_INCLUSION_PROOF_ERROR: NOT_IN_LOG,
  TLOG_MISSING_INCLUSION_ERROR: NOT_IN_LOG,
  TIMESTAMP_ERROR: NOT_IN_LOG,
};
