/** Where a path in a written tree leads. Against: an answer that tells what exists beside the tree. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pathOnDisk } from "../../src/admission/path-on-disk.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "path-"));
  mkdirSync(join(dir, "tree/a/b"), { recursive: true });
  writeFileSync(join(dir, "tree/a/b/f"), "");
  writeFileSync(join(dir, "there"), "");
  const links = { up: "../..", there: "../there", absent: "../absent", abs: "/etc", in: "a/b", self: "self" };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(dir, "tree", name));
  symlinkSync("../b/f", join(dir, "tree/a/b/round"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test.each([
  [".", "inside"],
  ["a/b/f", "inside"],
  ["in/f", "inside"],
  ["in/../b/f", "inside"],
  ["a/b/round", "inside"],
  ["a/nothing", "missing"],
  ["a/b/f/below", "missing"],
  // The same answer whether or not something is there.
  ["there", "outside"],
  ["absent", "outside"],
  ["abs/passwd", "outside"],
  ["abs/nothing-of-this-name", "outside"],
  ["up/tree/a", "outside"],
  ["../tree/a", "outside"],
  ["self", "outside"],
])("%s is %s", (path, where) => {
  expect(pathOnDisk(join(dir, "tree"), path)).toBe(where);
});
