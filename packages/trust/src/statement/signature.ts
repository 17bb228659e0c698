/**
 * One signature of a DSSE envelope, of whichever kind it is.
 *
 * Claims: valid means made over this pre-authentication encoding, for statements and nothing else. Against:
 * signatures lifted from commits, tags and co-signatures. SSHSIG tells them apart by its namespace. OpenPGP and raw
 * Ed25519 have none: there the encoding's own beginning does, since no commit, tag, commit id or narinfo opens with
 * `DSSEv1 `.
 */
import { latin1 } from "@firstmile/formats/bytes/text";
import type { DsseSignature } from "@firstmile/formats/dsse/envelope";
import { verifyOpenPgp } from "../openpgp/verify.ts";
import type { SignatureOutcome } from "../signature/outcome.ts";
import type { KeyRing } from "../signature/verify.ts";
import { verifySshsig } from "../ssh/verify.ts";
import { type NixKeys, verifyNix } from "./nix-keys.ts";

/** SSHSIG namespace of statements. */
export const STATEMENT_NAMESPACE = "firstmile-statement";

/** All keys that may sign statements. */
export interface StatementKeys extends KeyRing {
  /** Absent: no Nix key counts. */
  readonly nix?: NixKeys;
}

const NIX_KEYID = "nix:";
const NO_KEYS: NixKeys = new Map();

/**
 * Checks one signature over the pre-authentication encoding `message`. Its own bytes say what it is; `keyid`, which
 * nobody signed, only which Nix key to try. Never throws.
 */
export function verifyStatementSignature(
  { keyid, sig }: DsseSignature,
  message: Uint8Array,
  keys: StatementKeys,
  now: number,
): SignatureOutcome {
  const opening = latin1(sig.subarray(0, 40));
  if (opening.startsWith("-----BEGIN SSH SIGNATURE-----")) {
    return verifySshsig(sig, message, STATEMENT_NAMESPACE, keys.ssh, now);
  }
  if (opening.startsWith("-----BEGIN PGP ")) return verifyOpenPgp(sig, message, keys.openpgp, now);
  if (keyid?.startsWith(NIX_KEYID)) {
    return verifyNix(sig, message, keyid.slice(NIX_KEYID.length), keys.nix ?? NO_KEYS);
  }
  // Every OpenPGP packet opens with the highest bit set.
  if (sig[0]! >= 0x80) return verifyOpenPgp(sig, message, keys.openpgp, now);
  return { valid: false, code: "unsupported-signature", message: "is signed in a format that is not known" };
}
