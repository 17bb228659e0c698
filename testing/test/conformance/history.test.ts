/** vectors/history against this project's own code: verdict, code and commit of each file. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseHistoryVector } from "@firstmile/testing/history-vector";
import { HISTORY_CASES } from "@firstmile/testing/history-vector-cases";
import { describe, expect, test } from "vitest";
import { answerTo } from "./asked.ts";

const DIR = join(import.meta.dirname, "../../../vectors/history");
const files = readdirSync(DIR).filter((name) => name !== "README.md");

test("every file has its case, and every case its file", () => {
  expect(files.sort()).toEqual(HISTORY_CASES.map(({ name }) => `${name}.txt`).sort());
});

test("no two cases have one name", () => {
  expect(new Set(HISTORY_CASES.map(({ name }) => name)).size).toBe(HISTORY_CASES.length);
});

describe.each(files)("%s", (file) => {
  const text = readFileSync(join(DIR, file), "utf8");

  test("comes to what it expects", async () => {
    const vector = parseHistoryVector(text);
    const answer = await answerTo(vector);
    expect(answer).toEqual({ allowed: vector.denied.length === 0, denied: vector.denied });
  });

  test("says what its case says", () => {
    const { group, claim, needs } = parseHistoryVector(text);
    const told = HISTORY_CASES.find(({ name }) => `${name}.txt` === file);
    expect({ group, claim, needs }).toEqual({ group: told?.group, claim: told?.claim, needs: told?.needs });
  });
});
