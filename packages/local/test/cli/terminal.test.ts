/** No text of another person moves the cursor, turns the reading direction, or begins a line of the log. */
import { harmlessLines, visibleJson } from "@firstmile/formats/bytes/visible";
import { expect, test } from "vitest";
import { harmless, harmlessLine, Terminal } from "../../src/cli/terminal.ts";

const CONTROLS = Array.from({ length: 0x2100 }, (_, code) => String.fromCodePoint(code)).filter((char) =>
  /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(char),
);

test("a line has no control character, line end or bidirectional mark, and says which there was", () => {
  expect(CONTROLS.length).toBeGreaterThan(70);
  for (const char of CONTROLS) {
    const code = char.codePointAt(0)!.toString(16);
    const shown = harmlessLine(`a${char}b`);
    expect([code, shown]).toEqual([code, expect.stringMatching(/^a\\(?:x[0-9a-f]{2}|u\{[0-9a-f]{2,4}\})b$/)]);
    expect(shown).toContain(code);
  }
});

test("text of several lines keeps its tabs and line feeds, and no other control character", () => {
  for (const char of CONTROLS) expect(harmlessLines(char) === char).toBe("\t\n".includes(char));
});

test("a message is one line, however long it is", () => {
  for (const char of CONTROLS) expect(harmless(char)).not.toBe(char);
});

test("JSON has nothing unseen, and says the same", () => {
  const value = { [`a${CONTROLS.join("")}`]: ["\u{e0041}\u00a0 \u{1f469}", "ü\n"] };
  const text = visibleJson(JSON.stringify(value, undefined, 2));
  expect(JSON.parse(text)).toEqual(value);
  expect(text).not.toMatch(/(?![ \n])[\p{C}\p{Z}]/u);
  expect(text).toContain('"ü\\n"');
});

test("nothing that is printed moves the cursor, or has colours that are not ours", () => {
  const written: string[] = [];
  const out = { write: (text: string) => written.push(text), isTTY: true };
  const terminal = new Terminal(out, out, { TERM: "xterm" });
  terminal.print(`${terminal.style("red", "no")} \x1b[8mhidden\x1b[2K\u202e`);
  terminal.say("\x1b]0;title\x07");
  expect(written.join("")).toBe("\x1b[31mno\x1b[39m \\x1b[8mhidden\\x1b[2K\\u{202e}\n\\x1b]0;title\\x07\n");
});

test("words of every script stay, and a long line is cut", () => {
  const words = "Grüße, 你好, שלום, 👩‍💻";
  expect(harmlessLine(words)).toBe(words);
  expect(harmlessLine("x".repeat(1 << 20))).toHaveLength(2001);
});
