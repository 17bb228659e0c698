/** Of which kind a signature file is: its own first bytes say. Whether it is one at all is found when it is checked. */
import { latin1 } from "@firstmile/formats/bytes/text";
import type { AuthorSignatureKind } from "@firstmile/formats/statement/handoff";

export function signatureKind(bytes: Uint8Array): AuthorSignatureKind | undefined {
  const text = latin1(bytes.subarray(0, 4096));
  if (text.startsWith("-----BEGIN PGP SIGNATURE-----") || (bytes[0] ?? 0) >= 0x80) return "openpgp";
  if (text.startsWith("-----BEGIN SSH SIGNATURE-----")) return "ssh";
  if (text.startsWith("untrusted comment: "))
    return text.includes("\ntrusted comment: ") ? "minisign" : "signify";
  return /^\s*\{/.test(text) ? "sigstore" : undefined;
}
