/** A reader tells from the screen which bytes go and which come: at any width, in pieces, with colours and without. */
import { DiffPainter, type Paint } from "@firstmile/local/reviewing/diff-text";
import { Rows } from "@firstmile/local/reviewing/rows";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { looksLike, readBack } from "./screen.ts";

const NASTY = [
  ..."ab{}\\;→-+@>\"'xu0é漢Я👩שا",
  ..." \t\r\f\v\0\x1b\x7f\u0085\u00a0\u00ad\u1680\u2003\u2007\u200b\u200d\u2028\u202e\u2066\u2800\u3000\u3164\ufe0f\ufeff",
  ..."\u0301\u0338\u0e31\u093f\u0952\u0345ก\u0915\u1100\u1161각\u212b\u2126\ufffd\uffa0\u115f\u034f\u{1d159}\u{e0041}\u{13441}",
  ..."\ue000\u0378⇥↳",
  ...[
    "\\x20",
    "\\u{a0}",
    "\\x",
    "⇥   ",
    "↳",
    "\\x20{5}",
    "{5}",
    "e\u0301",
    "\u00e9",
    "  ",
    "\x1b[8m",
    "\x1b[2K",
  ],
  ..."@@ -1 +1 @@|\\ No newline at end of file|diff --git a/a b/a|+++ b/a|--- a/a".split("|"),
];
const character = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...NASTY).map((text) => Buffer.from(text)) },
  { weight: 2, arbitrary: fc.integer({ min: 0x20, max: 0x7e }).map((code) => Buffer.from([code])) },
  {
    weight: 1,
    arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }).map((text) => Buffer.from(text)),
  },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 3 }).map((bytes) => Buffer.from(bytes)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(" ", "\t", "\u00a0", "a", "漢", "\u0301"), fc.integer({ min: 1, max: 70 }))
      .map(([char, times]) => Buffer.from(char.repeat(times))),
  },
);
const content = fc
  .array(character, { maxLength: 60 })
  .map((parts) => Buffer.concat(parts).filter((byte) => byte !== 10))
  .map((bytes) => Buffer.from(bytes));
const lines = fc.array(
  fc.record({ sign: fc.constantFrom("-", "+", " "), content, endsFile: fc.constant(false) }),
  {
    minLength: 1,
    maxLength: 6,
  },
);
const columns = fc.integer({ min: 20, max: 200 });
const COLOURS = { bold: 1, red: 31, green: 32, cyan: 36 };
const colour: Paint = (style, text) => `\x1b[${COLOURS[style]}m${text}\x1b[0m`;
const plain: Paint = (_, text) => text;

interface Line {
  readonly sign: string;
  readonly content: Buffer;
}

/** As diff-text.ts cuts what Git says, but into smaller pieces. */
function painted(all: readonly Line[], width: number, paint: Paint, piece: number): string {
  const painter = new DiffPainter(paint, { whole: false, unnamed: false, columns: width });
  const head = ["diff --git a/a b/a", "--- a/a", "+++ b/a", `@@ -1,${all.length} +1,${all.length} @@`];
  const said = [
    ...head.map((line) => Buffer.from(line)),
    ...all.map(({ sign, content: bytes }) => Buffer.concat([Buffer.from(sign), bytes])),
  ];
  let text = "";
  for (const line of said) {
    let at = 0;
    for (; line.length - at > piece; at += piece)
      text += painter.piece({ bytes: line.subarray(at, at + piece), ends: false });
    text += painter.piece({ bytes: line.subarray(at), ends: true });
  }
  return text + painter.end();
}

describe("a change on the screen", () => {
  test("is read back byte by byte, whatever it holds", () => {
    fc.assert(
      fc.property(
        lines,
        columns,
        fc.boolean(),
        fc.integer({ min: 32, max: 300 }),
        (all, width, coloured, piece) => {
          const text = painted(all, width, coloured ? colour : plain, piece);
          const seen = readBack(looksLike(text, width));
          expect(seen).toEqual(all.map((line) => ({ ...line, content: line.content.toString("latin1") })));
        },
      ),
      { numRuns: 4000 },
    );
  });

  test("no row is wider than the screen, so that nothing cuts it off", () => {
    fc.assert(
      fc.property(lines, columns, (all, width) => {
        const text = painted(all, width, plain, 1 << 16);
        for (const row of text.split("\n")) expect(looksLike(row, 1e6)[0]!.length).toBeLessThan(width);
      }),
      { numRuns: 1000 },
    );
  });

  test("a line in pieces is spelled as it is at once", () => {
    fc.assert(
      fc.property(content, columns, fc.integer({ min: 1, max: 9 }), (bytes, width, piece) => {
        const rows = new Rows(width, false);
        const found: string[] = [];
        for (let at = 0; at < bytes.length; at += piece)
          found.push(...rows.feed(bytes.subarray(at, at + piece), false));
        expect([...found, ...rows.feed(Buffer.alloc(0), true)]).toEqual(
          new Rows(width, false).feed(bytes, true),
        );
      }),
      { numRuns: 1000 },
    );
  });
});
