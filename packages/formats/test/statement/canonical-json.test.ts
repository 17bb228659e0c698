/** RFC 8785: its own examples, and what must hold for every value. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { FormatError } from "../../src/bytes/error.ts";
import { decodeJsonText } from "../../src/dsse/json-text.ts";
import { type JsonValue, parseStrictJson } from "../../src/nix/json.ts";
import { renderCanonicalJson, requireCanonicalJson } from "../../src/statement/canonical-json.ts";
import { parsePath, spellPath } from "../../src/statement/path.ts";

const render = (value: JsonValue) => renderCanonicalJson(value, "flake.lock");
const parse = (bytes: string | Uint8Array) => {
  const text = decodeJsonText(Buffer.from(bytes as string), "flake.lock", 1 << 20);
  const value = parseStrictJson(text, "flake.lock");
  requireCanonicalJson(value, text, "flake.lock");
  return value;
};

describe("the RFC's examples", () => {
  test("section 3.2.2: literals, numbers and strings", () => {
    const input = `{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
      "literals": [null, true, false]
    }`;
    const canonical =
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}';
    expect(render(JSON.parse(input) as JsonValue)).toBe(canonical);
  });
  test("section 3.2.3: members by UTF-16 code units", () => {
    const members = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    };
    const order = Object.keys(JSON.parse(render(members)) as object).map((key) => members[key as "1"]);
    const text = render(members);
    const places = Object.values(members).toSorted((a, b) => text.indexOf(a) - text.indexOf(b));
    expect(order.length).toBe(7);
    expect(places).toEqual([
      "Carriage Return",
      "One",
      "Control",
      "Latin Small Letter O With Diaeresis",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh",
    ]);
  });
  // Appendix B, by the bits of the double.
  test.each([
    ["0000000000000000", "0"],
    ["8000000000000000", "0"],
    ["0000000000000001", "5e-324"],
    ["8000000000000001", "-5e-324"],
    ["7fefffffffffffff", "1.7976931348623157e+308"],
    ["ffefffffffffffff", "-1.7976931348623157e+308"],
    ["4340000000000000", "9007199254740992"],
    ["c340000000000000", "-9007199254740992"],
    ["4430000000000000", "295147905179352830000"],
    ["44b52d02c7e14af5", "9.999999999999997e+22"],
    ["44b52d02c7e14af6", "1e+23"],
    ["44b52d02c7e14af7", "1.0000000000000001e+23"],
    ["444b1ae4d6e2ef4e", "999999999999999700000"],
    ["444b1ae4d6e2ef4f", "999999999999999900000"],
    ["444b1ae4d6e2ef50", "1e+21"],
    ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
    ["3eb0c6f7a0b5ed8d", "0.000001"],
    ["41b3de4355555553", "333333333.3333332"],
    ["41b3de4355555554", "333333333.33333325"],
    ["41b3de4355555555", "333333333.3333333"],
    ["41b3de4355555556", "333333333.3333334"],
    ["41b3de4355555557", "333333333.33333343"],
    ["becbf647612f3696", "-0.0000033333333333333333"],
    ["43143ff3c1cb0959", "1424953923781206.2"],
  ])("appendix B: %s", (bits, text) => {
    expect(render(Buffer.from(bits, "hex").readDoubleBE())).toBe(text);
  });
  test.each(["7fffffffffffffff", "7ff0000000000000"])("appendix B: %s is no number of JSON", (bits) => {
    expect(() => render(Buffer.from(bits, "hex").readDoubleBE())).toThrow(FormatError);
  });
});

describe("reading", () => {
  test.each([
    '{ "a":1}',
    '{"a":1}\n',
    '{"b":1,"a":2}',
    '{"a":1,"a":1}',
    '{"a":1.0}',
    '{"a":1e2}',
    '{"a":-0}',
    '{"a":"\\u0061"}',
    '{"a":"\\/"}',
    '{"a":"\\u000A"}',
    '{"a":9007199254740993}',
    '{"a":1e400}',
    '"\\ud800"',
    "",
    "[1,]",
    "[".repeat(100_000),
  ])("refuses %j", (text) => {
    expect(() => parse(text)).toThrow(FormatError);
  });
  test("strings that cannot be written are refused on writing", () => {
    expect(() => render("\ud800")).toThrow(FormatError);
    expect(() => render({ "\udfff": 1 })).toThrow(FormatError);
  });
});

describe("for every value", () => {
  const value = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<JsonValue>;
  const unsafe = (v: JsonValue): boolean =>
    typeof v === "number"
      ? Number.isInteger(v) && !Number.isSafeInteger(v)
      : typeof v === "object" &&
        v !== null &&
        (Object.keys(v).includes("__proto__") || Object.values(v).some(unsafe));
  test("the canonical text reads as itself, and means the same", () => {
    fc.assert(
      fc.property(value, (given) => {
        fc.pre(!unsafe(given));
        const text = render(given);
        expect(render(parse(text))).toBe(text);
        expect(render(JSON.parse(text) as JsonValue)).toBe(text);
        expect(render(JSON.parse(JSON.stringify(given)) as JsonValue)).toBe(text);
      }),
    );
  });
});

describe("paths", () => {
  test("every byte string that is a path has one spelling and comes back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), (bytes) => {
        const path = Buffer.from(bytes)
          .toString("latin1")
          .replace(/[\0/.]/g, "x");
        const spelling = spellPath(path);
        expect(parsePath(spelling)).toBe(path);
        expect(spelling).not.toMatch(/\p{Cc}(?<![\u0080-\u009f])/u);
      }),
      { numRuns: 2000 },
    );
  });
  test("a spelling that reads is the one that is written", () => {
    const text = fc.string({
      unit: fc.constantFrom("%", "4", "1", "C", "3", "c", "F", "é", "a", "/", "\ud800"),
      maxLength: 8,
    });
    fc.assert(
      fc.property(text, (spelling) => {
        let path: string;
        try {
          path = parsePath(spelling);
        } catch (error) {
          if (error instanceof FormatError) return;
          throw error;
        }
        expect(spellPath(path)).toBe(spelling);
      }),
      { numRuns: 3000 },
    );
  });
  test.each([
    ["caf\xe9", "caf%E9"],
    ["caf\xc3\xa9", "café"],
    ["\xe2\x82A", "%E2%82A"],
    ["\xed\xa0\x80", "%ED%A0%80"],
    ["\xc0\xaf", "%C0%AF"],
    ["\xf4\x90\x80\x80", "%F4%90%80%80"],
    ["\xef\xbb\xbfa", "\ufeffa"],
    ["100%41\x7f", "100%2541%7F"],
  ])("%j is spelt %j", (path, spelling) => {
    expect(spellPath(path)).toBe(spelling);
    expect(parsePath(spelling)).toBe(path);
  });
  test("fuzz", () => {
    fuzz("path", [Buffer.from("a%FF/é%25"), Buffer.from("pkgs/🙂.nix")], (bytes) => {
      const spelling = Buffer.from(bytes).toString("utf8");
      if (spellPath(parsePath(spelling)) !== spelling) throw new Error("has two spellings");
    });
  });
});

test("fuzz", () => {
  const seeds = ['{"a":[1,2.5,"é\\n"],"b":null}', '[true,false,{"":{}}]', '"\\u001f"', "-1.5e-7"].map(
    (text) => Buffer.from(text),
  );
  fuzz("canonical json", seeds, (bytes) => {
    if (render(parse(bytes)) !== Buffer.from(bytes).toString()) throw new Error("has two texts");
  });
});
