/**
 * User IDs (RFC 9580 section 5.11) as text. They are whatever their maker wrote: by convention `Name (comment)
 * <address>`, or an address alone. Nothing here says that the address is anybody's.
 */

import { isAddress } from "../git/address.ts";

/** GnuPG reads no longer ones. Hashing a longer one once for each signature on it would be its maker's attack. */
export const MAX_USER_ID = 2_048;

/** As UTF-8, whatever is not shown as U+FFFD and control characters as `?`, so that it can go to a terminal. */
export function userIdText(bytes: Uint8Array): string {
  return new TextDecoder()
    .decode(bytes.subarray(0, MAX_USER_ID))
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}

/**
 * The e-mail address of a user ID in lower case: what its last angle brackets hold where they end it, or all of it.
 * Undefined where that is no address, or the user ID is longer than `MAX_USER_ID`.
 */
export function userIdAddress(bytes: Uint8Array): string | undefined {
  if (bytes.length > MAX_USER_ID) return undefined;
  const text = new TextDecoder().decode(bytes).trim();
  const address = text.endsWith(">") ? text.slice(text.lastIndexOf("<") + 1, -1) : text;
  return isAddress(address) ? address.toLowerCase() : undefined;
}
