import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { openPgpKeys } from "../../src/openpgp/keys.ts";
import { verifyOpenPgp } from "../../src/openpgp/verify.ts";
import {
  type ForgedCertificate,
  forgeCertificate,
  forgeKey,
  forgeSignature,
  NOW,
  type SignatureOptions,
} from "./forge.ts";

export const message = Buffer.from("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n");
export const alice = forgeKey("ed25519-legacy");
export const laptop = forgeKey("ed25519-legacy");
export const mallory = forgeKey("ed25519-legacy");

export function verify(
  signature: Buffer,
  certificates: readonly Buffer[],
  now = NOW,
  over: Buffer = message,
) {
  return verifyOpenPgp(
    signature,
    over,
    openPgpKeys(certificates.flatMap((one) => parseCertificates(one))),
    now,
  );
}

/** The code that Alice's signature gets, `valid` where it counts. */
export function code(
  {
    options = {},
    key = alice,
    now = NOW,
    bytes,
  }: { options?: SignatureOptions; key?: typeof alice; now?: number; bytes?: Buffer },
  certificate: Partial<ForgedCertificate> = {},
): string {
  const made = bytes ?? forgeSignature(key, message, options);
  const outcome = verify(made, [forgeCertificate({ primary: alice, ...certificate })], now);
  return outcome.valid ? "valid" : outcome.code;
}
