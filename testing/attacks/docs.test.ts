/** docs/attacks.md lists the tests, all of them, by number and name; and every list is run. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { NOT_PROMISED } from "./not-promised.ts";
import { renderTable } from "./table.ts";
import { THEMES } from "./themes.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const ATTACKS = THEMES.flatMap(({ attacks }) => attacks);

test("numbers go from 1 on without a gap, and names are told apart", () => {
  const numbers = ATTACKS.map(({ number }) => number).sort((a, b) => a - b);
  expect(numbers).toEqual(ATTACKS.map((_, i) => i + 1));
  expect(new Set(ATTACKS.map(({ name }) => name)).size).toBe(ATTACKS.length);
  expect(ATTACKS.length).toBeGreaterThan(300);
});

test("the page is what the lists say", async () => {
  await expect(renderTable()).toMatchFileSnapshot(join(ROOT, "docs/attacks.md"));
});

test("every list is run by a test file, and every test file runs a list", () => {
  const files = readdirSync(import.meta.dirname).filter((name) => /(?<!docs)\.test\.ts$/.test(name));
  const text = (name: string) => readFileSync(join(import.meta.dirname, name), "utf8");
  for (const name of files) expect(text(name)).toMatch(/^runTheme\(\w+\);$/m);
  expect(files.length).toBe(THEMES.length);
});

test("every list has a control, and what is not promised is named in the threat model", () => {
  for (const { title, controls } of THEMES) expect([title, controls.length > 0]).toEqual([title, true]);
  const model = readFileSync(join(ROOT, "THREAT-MODEL.md"), "utf8");
  for (const { named } of NOT_PROMISED) expect(model).toContain(named);
});
