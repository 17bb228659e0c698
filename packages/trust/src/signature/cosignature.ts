/**
 * Signatures by others over a commit's id, as git-signatures keeps them in notes: an OpenPGP signature or an SSHSIG
 * over the id's lower-case hex digits and one line break. They can never be taken for a commit's
 * own signature, whose message is a commit object.
 */
import { encodeUtf8, latin1 } from "@firstmile/formats/bytes/text";
import { verifyOpenPgp } from "../openpgp/verify.ts";
import { verifySshsig } from "../ssh/verify.ts";
import type { SignatureOutcome } from "./outcome.ts";
import type { KeyRing } from "./verify.ts";

/** SSHSIG namespace of co-signatures: one signed for Git commits is none, and the other way round. */
export const COSIGN_NAMESPACE = "firstmile-cosign";

/** What is signed for a commit: its id in hex and a line break. */
export function cosignedText(commit: string): Uint8Array {
  return encodeUtf8(`${commit}\n`);
}

/** Checks one co-signature: armored, or binary OpenPGP. Never throws. */
export function verifyCosignature(
  signature: Uint8Array,
  commit: string,
  keys: KeyRing,
  now: number,
): SignatureOutcome {
  if (latin1(signature.subarray(0, 40)).startsWith("-----BEGIN SSH SIGNATURE-----")) {
    return verifySshsig(signature, cosignedText(commit), COSIGN_NAMESPACE, keys.ssh, now);
  }
  return verifyOpenPgp(signature, cosignedText(commit), keys.openpgp, now);
}
