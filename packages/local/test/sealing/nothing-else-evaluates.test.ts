/** Evaluating has one door. A module that names Nix's evaluator is one of these, or is to be looked at. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const SOURCES = resolve(import.meta.dirname, "../../src");
const NAMES = /"(?:nix-instantiate|nix-build|nix-shell|nix-env|eval)"/;

const KNOWN: Readonly<Record<string, string>> = {
  "admission/evaluate-file.ts": "hands the command to sealing/evaluate.ts",
  "admission/evaluate-flake.ts": "hands the command to sealing/evaluate.ts",
  "admission/nix-tools.ts": "asks three constants of Nix, by an expression of its own",
  "nix-conf/gather-nix.ts": "builds an expression of its own that the gate has to refuse, for doctor",
  "sealing/recipe.ts": "makes the names in the seal",
};

test("no other module evaluates", () => {
  const named = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && NAMES.test(readFileSync(join(SOURCES, file), "utf8")))
    // Command lines of the user: read here, and run by the user's own Nix once they were admitted.
    .filter((file) => !file.startsWith("asking/") && !file.startsWith("cli/commands/nix"));
  expect(named.sort()).toEqual(Object.keys(KNOWN).sort());
  for (const file of ["admission/evaluate-file.ts", "admission/evaluate-flake.ts"])
    expect(readFileSync(join(SOURCES, file), "utf8")).not.toMatch(/\b(?:nix|tools)\.(?:run|words)\(/);
});
