/** Reason codes are a closed list that people can look up: one line each in docs/codes.md. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const UNIONS = [
  "packages/trust/src/verdict/codes.ts",
  "packages/trust/src/signature/outcome.ts",
  "packages/trust/src/statement/refusal.ts",
];

function codes(): string[] {
  const members = UNIONS.flatMap((path) => [
    ...readFileSync(join(ROOT, path), "utf8").matchAll(/"([a-z-]+)"/g),
  ]);
  return [...new Set(members.map((match) => match[1]!))].sort();
}

test("each code has one line in docs/codes.md, and no other has", () => {
  const rows = [...readFileSync(join(ROOT, "docs/codes.md"), "utf8").matchAll(/^\| `([a-z-]+)` \|/gm)];
  expect(codes().length).toBeGreaterThan(40);
  expect(rows.map((match) => match[1]!).sort()).toEqual(codes());
});
