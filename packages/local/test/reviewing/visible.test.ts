import { visible } from "@firstmile/local/reviewing/visible";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

describe("visible", () => {
  test.each<[string, string | number[], string]>([
    ["plain text and tabs", "a\tb ~", "a\tb ~"],
    ["letters of any script", "žluť 漢字", "žluť 漢字"],
    ["what moves the cursor", "\x1b[2J\x07\r", "\\x1b[2J\\x07\\x0d"],
    ["control characters beyond ASCII", "\u0085\u009b2J", "\\x85\\x9b2J"],
    ["what reorders (Trojan Source)", "\u202e\u2066\u061c", "\\u{202e}\\u{2066}\\u{61c}"],
    [
      "what is nothing to see",
      "\u200b\u2060\ufeff\u3164\u00ad",
      "\\u{200b}\\u{2060}\\u{feff}\\u{3164}\\u{ad}",
    ],
    ["tags", "\u{e0041}", "\\u{e0041}"],
    ["line separators", "\u2028", "\\u{2028}"],
    ["no UTF-8", [0x63, 0xe9, 0x1b], "c\\xe9\\x1b"],
    ["half a character", [0xe2, 0x80], "\\xe2\\x80"],
  ])("%s", (_, bytes, text) => {
    expect(visible(Buffer.from(bytes as string))).toBe(text);
  });

  test("no bytes give a character that is not seen", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string({ unit: "binary" }).map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(visible(bytes).replaceAll("\t", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        },
      ),
    );
  });
});
