import { latin1 } from "@firstmile/formats/bytes/text";
import { type ArgumentRule, refusedArguments } from "@firstmile/trust/policy/arguments";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { describe, expect, test } from "vitest";
import { readVectors } from "../../../../testing/src/vectors.ts";

const { blocks } = readVectors("policy").find(({ file }) => file === "policy/upstream-valid.txt")!;
const files = new Map([...blocks].filter(([name]) => name !== "defects"));
const text = latin1(files.get("firstmile.toml")!);

/** What the first source of a policy with these lines says, or the defects. */
function loaded(line: string, table = "") {
  const at = text.indexOf("\n", text.indexOf("[source."));
  const changed = `${text.slice(0, at + 1)}${line}\n${text.slice(at + 1)}\n${table}`;
  const result = loadPolicy(new Map([...files, ["firstmile.toml", Buffer.from(changed, "latin1")]]));
  return result.ok ? [...result.policy.sources.values()][0]!.arguments : result.defects;
}

describe("arguments of a source", () => {
  test("are none unless it says so", () => {
    expect(loaded("")).toEqual({ kind: "none" });
    expect(loaded('arguments = "none"')).toEqual({ kind: "none" });
    expect(loaded('arguments = "any"')).toEqual({ kind: "any" });
    expect(loaded('arguments = { system = ["x86_64-linux"], v = ["1.*"] }')).toMatchObject({
      kind: "listed",
    });
  });

  test.each([
    'arguments = "all"',
    "arguments = true",
    'arguments = ["a"]',
    "arguments = { v = [] }",
    'arguments = { v = "1" }',
    "arguments = { v = [1] }",
    'arguments = { v = ["*a*"] }',
    'arguments = { "a b" = ["1"] }',
    'arguments = { v = ["a\\nb"] }',
    `arguments = { v = ["${"a".repeat(201)}"] }`,
  ])("%s is a defect, with what to write", (line) => {
    const defects = loaded(line);
    expect(defects).toMatchObject([{ code: "bad-value" }]);
  });
});

describe("a given argument", () => {
  const listed = (...patterns: string[]): ArgumentRule => ({
    kind: "listed",
    patterns: new Map([["v", patterns]]),
  });
  test.each<[ArgumentRule, string, boolean]>([
    [{ kind: "none" }, "1", false],
    [{ kind: "any" }, "x > $out; id", true],
    [listed("1.0"), "1.0", true],
    [listed("1.0"), "1x0", false],
    [listed("1.0"), "1.0\n", false],
    [listed("1.*"), "1.2.3-rc1", true],
    [listed("1.*"), "1.", true],
    [listed("1.*"), "1.2; id", false],
    [listed("1.*"), "1.$(id)", false],
    [listed("1.*"), "1.2/../x", false],
    [listed("1.*"), "2.1.0", false],
    [listed("a*a"), "a", false],
    [listed("a*a"), "aa", true],
    [listed("*"), "", true],
    [listed("*"), "x y", false],
    [listed("x y"), "x y", true],
    [listed("a", "b"), "b", true],
  ])("under %j: %j", (rule, value, isAllowed) => {
    expect(refusedArguments(rule, { v: value }).length === 0).toBe(isAllowed);
  });

  test("needs a line of its own name, and all of them must pass", () => {
    expect(refusedArguments(listed("1"), { v: "1", w: "1" })).toEqual(["w"]);
    expect(refusedArguments(listed("1"), { toString: "1" })).toEqual(["toString"]);
  });
});
