/** The form of vectors/history: what a reader must refuse, and that stock Git reads a tree's section. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHistoryVector, renderHistoryVector } from "@firstmile/testing/history-vector";
import { gitEnv } from "@firstmile/testing/world-repository";
import { describe, expect, test } from "vitest";

const DIR = join(import.meta.dirname, "../../../vectors/history");
const read = (name: string) => readFileSync(join(DIR, `${name}.txt`), "utf8");
const UNSIGNED = read("unsigned");

describe("a reader refuses", () => {
  test.each<[string, (text: string) => string, string]>([
    ["an unknown header", (text) => text.replace("now:", "surprise: 1\nnow:"), "unknown header"],
    ["a header without a value", (text) => text.replace(/^now: .*/m, "now: "), "unknown header"],
    ["a header twice", (text) => text.replace(/^now: .*\n/m, "$&$&"), "header twice"],
    [
      "headers in another order",
      (text) => text.replace(/^(mode: .*\n)(now: .*\n)/m, "$2$1"),
      "not written as",
    ],
    ["an unknown need", (text) => text.replace("needs: openpgp", "needs: luck"), "unknown need"],
    ["an unknown question", (text) => text.replace("question: source", "question: who"), "unknown question"],
    ["a code without a commit", (text) => text.replace(/^code: .*/m, "code: unsigned"), "not a code"],
    ["an unknown section", (text) => text.replace("--- refs (text)", "--- tips (text)"), "unknown section"],
    ["a section twice", (text) => text.replace(/^--- refs \(text\)\n.*\n/m, "$&$&"), "section twice"],
    ["an object that is another", (text) => text.replace("\nhello\n", "\nhallo\n"), "hashes to not its id"],
    [
      "a planted object that is itself",
      (text) => text.replace("--- object/blob", "--- planted/blob"),
      "hashes to",
    ],
    [
      "an expectation at odds with its codes",
      (text) => text.replace("expect: denied", "expect: allowed"),
      "not written as",
    ],
  ])("%s", (_, spoil, problem) => {
    const spoilt = spoil(UNSIGNED);
    expect(spoilt).not.toBe(UNSIGNED);
    expect(() => parseHistoryVector(spoilt)).toThrow(problem);
  });

  test("an object that is there and said to be absent", () => {
    const text = read("missing-commit");
    const there = /--- object\/commit\/([0-9a-f]+)/.exec(text)![1]!;
    expect(() => parseHistoryVector(text.replace(/^absent: .*/m, `absent: ${there}`))).toThrow(
      "said to be absent",
    );
  });
});

test("reading and writing every file gives the same bytes", () => {
  const files = readdirSync(DIR).filter((name) => name.endsWith(".txt"));
  for (const file of files) {
    const text = readFileSync(join(DIR, file), "utf8");
    expect(renderHistoryVector(parseHistoryVector(text)), file).toBe(text);
  }
  expect(files.length).toBeGreaterThan(90);
});

test("git mktree makes the named tree of a tree's section, and git hash-object the named blob", () => {
  const dir = mkdtempSync(join(tmpdir(), "vector-"));
  try {
    const git = (args: string[], input = "") =>
      execFileSync("git", ["-C", dir, ...args], { env: gitEnv(), input })
        .toString()
        .trim();
    git(["init", "-q", "--bare"]);
    const sections = UNSIGNED.split(/^(?=--- )/m).flatMap((section) => {
      const [, kind, id, content] = /^--- object\/(tree|blob)\/(\w+) \(\w+\)\n([\s\S]*)$/.exec(section) ?? [];
      return kind && id ? [{ kind, id, content: content! }] : [];
    });
    for (const { kind, id, content } of sections) {
      const made =
        kind === "tree"
          ? git(["mktree", "--missing"], content)
          : git(["hash-object", "-w", "--stdin", "-t", "blob"], content);
      expect(made).toBe(id);
    }
    expect(sections.filter(({ kind }) => kind === "tree").length).toBeGreaterThan(1);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
