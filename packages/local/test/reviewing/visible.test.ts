import { visible } from "@firstmile/local/reviewing/visible";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

describe("visible", () => {
  test.each<[string, string | number[], string]>([
    ["plain text", "  a {b} ~", "  a {b} ~"],
    ["tabs between other characters", "\ta\tb", "⇥   a⇥   b"],
    ["the sign for a tab", "⇥   a", "\\u{21e5}   a"],
    ["blanks at the end", "a \\ \t ", "a \\\\x20\\x09\\x20"],
    ["blanks alone", "   ", "\\x20{3}"],
    ["forty blanks, and more", `a${" ".repeat(40)}b${" ".repeat(5000)}c`, `a${" ".repeat(40)}b\\x20{5000}c`],
    ["a brace behind a spelling", "\x01{2}\x01\x01", "\\x01\\x7b2}\\x01{2}"],
    ["what looks like a spelling", "\\x20 \\u{a0} \\n", "\\x5cx20 \\x5cu{a0} \\n"],
    ["letters of any script", "žluť 漢字", "žluť 漢字"],
    ["what moves the cursor", "\x1b[2J\x07\r", "\\x1b[2J\\x07\\x0d"],
    ["control characters beyond ASCII", "\u0085\u009b2J", "\\u{85}\\u{9b}2J"],
    ["spaces of other kinds", "a\u00a0\u2003\u3000\u1680b", "a\\u{a0}\\u{2003}\\u{3000}\\u{1680}b"],
    ["empty glyphs", "\u2800\u{1d159}\u{13441}", "\\u{2800}\\u{1d159}\\u{13441}"],
    ["private and unassigned", "\ue000\u0378\u{10ffff}", "\\u{e000}\\u{378}\\u{10ffff}"],
    ["two spellings of one letter", "\u00e9 e\u0301 \u212b", "\u00e9 e\\u{301} \\u{212b}"],
    ["a mark at the beginning", "\u0338= \u0e31", "\\u{338}= \\u{e31}"],
    ["marks on letters", "हि อา\u0e33\u0e31", "ह\\u{93f} อา\u0e33\\u{e31}"],
    ["letters from right to left", "a = \u05d0 ; \u0661", "a = \\u{5d0} ; \\u{661}"],
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
          expect(visible(bytes)).not.toMatch(/(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]| $/u);
        },
      ),
    );
  });
});
