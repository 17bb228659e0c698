/**
 * A key's numbers, whatever format they came in, as the blob of a plain SSH key. So a key that stands in an OpenPGP
 * certificate is found again where an SSH certificate or a warden names it by its SSH fingerprint.
 */
import { concatBytes, encodeUtf8 } from "../bytes/text.ts";
import type { EcdsaCurveName } from "../openpgp/algorithm.ts";
import { writeString } from "./wire.ts";

/** The numbers of a key that signs: RFC 8709, RFC 4253 section 6.6 and RFC 5656 section 3.1 each have a form for one. */
export type KeyNumbers =
  | { readonly kind: "rsa"; readonly n: Uint8Array; readonly e: Uint8Array }
  | { readonly kind: "ed25519"; readonly point: Uint8Array }
  | { readonly kind: "ecdsa"; readonly curve: EcdsaCurveName; readonly point: Uint8Array };

/** The blob whose SHA-256 `ssh-keygen -l` prints. Numbers are big-endian without leading zeros. */
export function sshBlobOf(key: KeyNumbers): Uint8Array {
  switch (key.kind) {
    case "ed25519":
      return joined("ssh-ed25519", key.point);
    case "rsa":
      return joined("ssh-rsa", positive(key.e), positive(key.n));
    case "ecdsa": {
      const curve = key.curve.replace("P-", "nistp");
      return joined(`ecdsa-sha2-${curve}`, encodeUtf8(curve), key.point);
    }
  }
}

function joined(type: string, ...fields: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...[encodeUtf8(type), ...fields].map(writeString));
}

/** An `mpint` is signed: a first bit of 1 needs a zero byte in front (RFC 4251 section 5). */
function positive(bytes: Uint8Array): Uint8Array {
  return bytes[0]! >= 0x80 ? concatBytes(Uint8Array.of(0), bytes) : bytes;
}
