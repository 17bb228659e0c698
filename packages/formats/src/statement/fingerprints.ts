/** Fingerprints in a statement, spelled as Firstmile prints them. */
import type { JsonMembers } from "../dsse/json-members.ts";

const MAX_KEYS = 100;
/** Printable ASCII: OpenPGP in hex, `SHA256:BASE64`, `nix:NAME:BASE64`, `sigstore:…`. */
const FINGERPRINT = /^[!-~][ -~]{0,510}[!-~]$/;

/** The optional member `keys`: sorted, each once. Empty where it is absent. */
export function readKeys(predicate: JsonMembers): readonly string[] {
  const keys = predicate.optionalStrings("keys", MAX_KEYS);
  if (keys.some((key) => !FINGERPRINT.test(key)))
    predicate.fail("keys", "has an item that is not a fingerprint");
  if (keys.some((key, i) => i > 0 && keys[i - 1]! >= key))
    predicate.fail("keys", "are not sorted, each once");
  return keys;
}
