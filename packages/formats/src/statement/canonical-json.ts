/**
 * Canonical JSON (JCS, RFC 8785): one text for each value.
 *
 * Claims: what parses renders to the very bytes it was read from, so a signed text cannot be spelt in a second way
 * and two readers cannot differ about which member counts. Leaves out: whole numbers beyond 2^53, which I-JSON
 * (RFC 7493) lets no reader rely on and which are refused on reading.
 */
import { FormatError, type FormatName } from "../bytes/error.ts";
import type { JsonObject, JsonValue } from "../nix/json.ts";

/** Throws `FormatError` naming `format` where `text` is not the one text for the value that was read from it. */
export function requireCanonicalJson(value: JsonValue, text: string, format: FormatName): void {
  if (renderCanonicalJson(value, format) === text) return;
  throw new FormatError(format, "JSON", 0, "is not in its canonical form (RFC 8785)");
}

/** RFC 8785 section 3.2. Throws `FormatError` on half of a surrogate pair and on numbers that JSON has not. */
export function renderCanonicalJson(value: JsonValue, format: FormatName): string {
  if (isList(value)) return `[${value.map((item) => renderCanonicalJson(item, format)).join(",")}]`;
  if (typeof value === "object" && value !== null) return renderObject(value, format);
  if (typeof value === "string" && !value.isWellFormed()) {
    throw new FormatError(format, "string", 0, "has half of a surrogate pair");
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new FormatError(format, "number", 0, "is not finite");
  }
  // Sections 3.2.2.2 and 3.2.2.3 take strings and numbers over from ECMAScript.
  return JSON.stringify(value);
}

/** Section 3.2.3: by UTF-16 code units, which is what sorting strings does here. */
function renderObject(object: JsonObject, format: FormatName): string {
  const members = Object.keys(object)
    .sort()
    .map((key) => `${renderCanonicalJson(key, format)}:${renderCanonicalJson(object[key]!, format)}`);
  return `{${members.join(",")}}`;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
