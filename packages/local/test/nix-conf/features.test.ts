/** The table of experimental features against what Nix itself says that it has. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { FEATURES, sortedFeatures } from "../../src/nix-conf/features.ts";
import { runOk } from "../../src/process/run.ts";

const CHECKOUT = resolve(import.meta.dirname, "../../../..");
const tree = process.env.FIRSTMILE_SID_TREE ?? join(CHECKOUT, ".cache/sid");
const withoutSid = !existsSync(join(tree, ".sid-tree")) || process.getuid!() !== 0;

test.skipIf(withoutSid)("every feature of sid's Nix is in the table", async () => {
  const listed = await runOk(join(CHECKOUT, "scripts/sid-run"), [tree, "--", "nix", "__dump-xp-features"]);
  const names = Object.keys(JSON.parse(listed.toString()) as object);
  expect(names.length).toBeGreaterThan(15);
  expect(sortedFeatures(names).unknown).toEqual([]);
});

test("every feature of Nix 2.8 is in the table, which says why of each", () => {
  const old =
    "ca-derivations fetch-closure flakes impure-derivations nix-command no-url-literals recursive-nix";
  expect(sortedFeatures(old.split(" ")).unknown).toEqual([]);
  for (const [name, { why }] of FEATURES) expect([name, why.length > 10]).toEqual([name, true]);
});
