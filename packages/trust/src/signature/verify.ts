/** One signature over one message, of whichever kind it is, by the keys at hand. */
import { latin1 } from "@firstmile/formats/bytes/text";
import { SIGNED_MESSAGE_BEGIN } from "@firstmile/formats/cms/armor";
import { type OpenPgpKeys, verifyOpenPgp } from "../openpgp/verify.ts";
import { type SigstoreKeys, verifySigstore } from "../sigstore/verify.ts";
import { type SshKeys, verifySshsig } from "../ssh/verify.ts";
import type { SignatureOutcome } from "./outcome.ts";

/** All keys of a policy, by kind. Whose they are is not asked here. */
export interface KeyRing {
  readonly openpgp: OpenPgpKeys;
  readonly ssh: SshKeys;
  readonly sigstore: SigstoreKeys;
}

/** The namespace that Git signs in, for commits and tags (PROTOCOL.sshsig, git-config `gpg.format`). */
const GIT_NAMESPACE = "git";

/**
 * Checks an armored signature as Git writes it into a commit, over the bytes it claims to sign. `now` in Unix
 * seconds decides the life of keys; dates inside signatures are the signer's own words. Never throws.
 */
export function verifySignature(
  signature: Uint8Array,
  message: Uint8Array,
  keys: KeyRing,
  now: number,
): SignatureOutcome {
  const opening = latin1(signature.subarray(0, 40));
  if (opening.startsWith("-----BEGIN SSH SIGNATURE-----")) {
    return verifySshsig(signature, message, GIT_NAMESPACE, keys.ssh, now);
  }
  if (
    opening.startsWith("-----BEGIN PGP SIGNATURE-----") ||
    opening.startsWith("-----BEGIN PGP MESSAGE-----")
  ) {
    return verifyOpenPgp(signature, message, keys.openpgp, now);
  }
  if (opening.startsWith(SIGNED_MESSAGE_BEGIN)) {
    return verifySigstore(signature, message, keys.sigstore, now);
  }
  return { valid: false, code: "unsupported-signature", message: "is signed in a format that is not known" };
}
