/** Where this lexer takes something for a string or a comment, Nix does too. */
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { FormatError } from "../../src/bytes/error.ts";
import { encodeUtf8 } from "../../src/bytes/text.ts";
import { nixTokens } from "../../src/nix/tokens.ts";

function kinds(text: string): string[] {
  return nixTokens(encodeUtf8(text)).map(({ kind, text: own }) => `${kind} ${own}`);
}

function problemOf(text: string): string {
  try {
    nixTokens(encodeUtf8(text));
    return "taken";
  } catch (error) {
    if (error instanceof FormatError) return error.message;
    throw error;
  }
}

describe("tokens", () => {
  test("are words, signs, plain strings, and pieces of others", () => {
    expect(kinds(`{ a-b' = "x"; # "no"\n c = "\${d}y"; /* "no" */ e = ''"''; }`)).toEqual([
      "sign {",
      "word a-b'",
      "sign =",
      'string "x"',
      "sign ;",
      "word c",
      "sign =",
      'text "',
      "sign ${",
      "word d",
      "sign }",
      'text y"',
      "sign ;",
      "word e",
      "sign =",
      "text ''",
      "text \"''",
      "sign ;",
      "sign }",
    ]);
  });

  test("know what is open around them", () => {
    const tokens = nixTokens(encodeUtf8(`let a = { b = [ "x" ]; }; in "y"`));
    const scopesOf = (text: string) =>
      tokens.find((one) => one.text === text)!.scopes.map(({ kind }) => kind);
    expect(scopesOf('"x"')).toEqual(["let", "{", "["]);
    expect(scopesOf('"y"')).toEqual([]);
  });

  test.each([
    [`"$\${x}"`, ['text "', 'text $${x}"']],
    [`"\\\${x}"`, ['text "', 'text \\${x}"']],
    [`"$"`, ['text "', 'text $"']],
    [`''''\${x}''`, ["text ''", "text ''${x}''"]],
    [`''a'''b''`, ["text ''", "text a'''b''"]],
    [`''\\n''\\t''`, ["text ''", "text \\n''\\t''"]],
    [`''$$''`, ["text ''", "text $$''"]],
    [`''$''`, ["text ''", "text $''"]],
    [`''x'\${y}''`, ["text ''", "text x'", "sign ${", "word y", "sign }", "text ''"]],
  ])("of %s are as Nix has them", (text, expected) => {
    expect(kinds(text)).toEqual(expected);
  });

  test.each([
    ["a:b", "URL"],
    ["https://example.org/x", "URL"],
    ["./a/*b*/ c", "inside a word"],
    ["./a#b", "inside a word"],
    ["./a'' x ''", "two single quotes"],
    ["1.0e5'' x ''", "two single quotes"],
    ["{ ]", "do not match"],
    ["{", "ends inside"],
    ['"x', "does not end"],
    ["''x", "does not end"],
    ['"${"', "ends inside"],
    ["/* x", "does not end"],
    ["# a\rb", "carriage return"],
    ["a\u00e9", "no place outside"],
    ["a\rb", "no place outside"],
    ["}", "do not match"],
    ["in", "do not match"],
  ])("%j is refused", (text, problem) => {
    expect(problemOf(text)).toContain(problem);
  });

  test("a long nest is refused before it costs anything", () => {
    expect(problemOf("[".repeat(100_000))).toContain("too deep");
  });
});

/** Which of these plain strings Nix itself sees as strings in the expression. */
function seenByNix(text: string): readonly string[] | undefined {
  const parsed = spawnSync("nix-instantiate", ["--parse", "-"], { input: text, encoding: "utf8" });
  return parsed.status === 0 ? (parsed.stdout.match(/"mark\d+"/g) ?? []) : undefined;
}

const hasNix = spawnSync("nix-instantiate", ["--version"]).status === 0;

describe.skipIf(!hasNix)("beside Nix", () => {
  const piece = fc.constantFrom(
    ..."' '' ''' ''\\ ''$ $ $$ ${ } { \" \\\" \\ # /* */ \n ; = a b' ./a 1 1.5e3 1a ( ) [ ] . - + : , //".split(
      " ",
    ),
    " ",
    "\n",
    "MARK",
    "MARK",
    "a = ",
    '"a"',
  );

  test("the same strings are strings, in whatever both take", () => {
    let compared = 0;
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 14 }), (pieces) => {
        let marks = 0;
        const inner = pieces.map((one) => (one === "MARK" ? ` "mark${marks++}" ` : one)).join("");
        for (const text of [`[ ${inner} ]`, `{ x = "\${ ${inner} }"; }`, `{ ${inner} }`]) {
          if (problemOf(text) !== "taken") continue;
          const nix = seenByNix(text);
          if (nix === undefined) continue;
          const ours = nixTokens(encodeUtf8(text)).filter(
            ({ kind, text: own }) => kind === "string" && own.startsWith('"mark'),
          );
          compared++;
          expect([...nix].sort()).toEqual(ours.map((token) => token.text).sort());
        }
      }),
      { numRuns: 150 },
    );
    expect(compared).toBeGreaterThan(5);
  });
});

test("fuzz", () => {
  const seeds = [
    `{ version = "1.0"; src = fetchurl { url = "a-\${version}"; hash = "sha256-"; }; }`,
    `''a ''\${b} \${c}''`,
  ];
  fuzz("nix tokens", seeds.map(encodeUtf8), (bytes) => {
    let at = 0;
    for (const { start, end } of nixTokens(bytes)) {
      if (start < at || end <= start) throw new Error("tokens overlap");
      at = end;
    }
  });
  expect(kinds(seeds[0]!)).toContain('string "1.0"');
});
