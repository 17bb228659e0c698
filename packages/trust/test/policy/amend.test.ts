/** Lines put into a policy's text: where they belong, and nothing else changed. */
import fc from "fast-check";
import { getStaticTOMLValue, parseTOML } from "toml-eslint-parser";
import { expect, test } from "vitest";
import { amendPolicy } from "../../src/policy/amend.ts";

const TEXT = `# ours
format = 1
evidence = [
  "https://example.org/a.git", # the team's
]

[role] # who
root = { any = 1, of = ["alice"] }
reviewer = { any = 1, of = [
  "bob",
] } # reads
# the source

[source.nixpkgs]
urls = ["https://example.org/nixpkgs"]
note = """
[role]
"""
[[source.nixpkgs.rule]]
paths = ["**"]
`;

function amended(text: string, into: [string[], string][], ...behind: string[][]): string {
  const result = amendPolicy(text, { into: into.map(([table, line]) => ({ table, line })), behind });
  if (!result.ok) throw new Error(result.missing.join());
  return result.text;
}

test("behind a table's last entry, whatever lines that takes", () => {
  const text = amended(
    TEXT,
    [
      [["role"], "x = 1"],
      [["source", "nixpkgs"], "channel = 2"],
    ],
    ["[import.a]", "y = 3"],
  );
  const lines = TEXT.split("\n");
  const at = lines.indexOf("] } # reads") + 1;
  const source = lines.indexOf("[[source.nixpkgs.rule]]");
  const expected = [
    ...lines.slice(0, at),
    "x = 1",
    ...lines.slice(at, source),
    "channel = 2",
    ...lines.slice(source, -1),
    "",
    "[import.a]",
    "y = 3",
    "",
  ];
  expect(text.split("\n")).toEqual(expected);
});

test("into a table that is empty, and in a file without a last line feed", () => {
  expect(amended("[role]\n[other]\na = 1", [[["role"], "x = 1"]])).toBe("[role]\nx = 1\n[other]\na = 1\n");
});

test("with the line ends that the file has", () => {
  expect(amended("[role]\r\na = 1\r\n", [[["role"], "x = 1"]], ["[b]"])).toBe(
    "[role]\r\na = 1\r\nx = 1\r\n\r\n[b]\r\n",
  );
});

test("nothing where a table is written in another way", () => {
  const result = amendPolicy("role = { root = 1 }\n[[source.x]]\na = 1\n", {
    into: [
      { table: ["role"], line: "x = 1" },
      { table: ["source", "x"], line: "x = 1" },
    ],
    behind: [],
  });
  expect(result).toEqual({ ok: false, missing: [["role"], ["source", "x"]] });
});

test("of any text what was there says the same, and the line is in its table", () => {
  const value = fc.constantFrom("1", '"a"', '"""\n[role]\n"""', "[\n1, # [role]\n2 ]", "{ b = 1 }");
  const comment = fc.constantFrom("", " # x", "\n# [role]", "\n");
  const table = fc.array(fc.tuple(value, comment), { maxLength: 4 });
  const tables = fc.uniqueArray(fc.tuple(fc.constantFrom("a", "role", "c", "e"), table), {
    minLength: 1,
    selector: ([name]) => name,
  });
  fc.assert(
    fc.property(tables, fc.nat(), (all, choice) => {
      const text = all
        .map(([name, body]) => `[${name}]\n${body.map(([v, c], k) => `k${k} = ${v}${c}\n`).join("")}`)
        .join("");
      const [target] = all[choice % all.length]!;
      const result = amended(text, [[[target], "fresh = 7"]]);
      expect(result.replace("fresh = 7\n", "")).toBe(text);
      const before = parsed(text);
      expect(parsed(result)).toEqual({ ...before, [target]: { ...before[target], fresh: 7 } });
    }),
  );
});

function parsed(text: string) {
  return getStaticTOMLValue(parseTOML(text, { tomlVersion: "1.0" })) as Record<string, object>;
}
