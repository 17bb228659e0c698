/** No text of another person moves the cursor, turns the reading direction, or begins a line of the log. */
import { expect, test } from "vitest";
import { harmless, harmlessLine } from "../../src/cli/terminal.ts";

const CONTROLS = Array.from({ length: 0x2100 }, (_, code) => String.fromCodePoint(code)).filter((char) =>
  /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(char),
);

test("a line has no control character, line end or bidirectional mark, and says which there was", () => {
  expect(CONTROLS.length).toBeGreaterThan(70);
  for (const char of CONTROLS) {
    const code = char.codePointAt(0)!.toString(16);
    const shown = harmlessLine(`a${char}b`);
    expect([code, shown]).toEqual([code, expect.stringMatching(/^a\\(?:x[0-9a-f]{2}|u\{[0-9a-f]{3,4}\})b$/)]);
    expect(shown).toContain(code);
  }
});

test("text of several lines keeps its tabs and line feeds, and no other control character", () => {
  for (const char of CONTROLS) expect(harmless(char) === char).toBe("\t\n".includes(char));
});

test("words of every script stay, and a long line is cut", () => {
  const words = "Grüße, 你好, שלום, 👩‍💻";
  expect(harmlessLine(words)).toBe(words);
  expect(harmlessLine("x".repeat(1 << 20))).toHaveLength(2001);
});
