import { FormatError } from "@firstmile/formats/bytes/error";
import { latin1 } from "@firstmile/formats/bytes/text";
import { renderDerivation } from "@firstmile/formats/nix/derivation";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { fetchCalls } from "@firstmile/formats/nix/expression-pins";
import { parseFlakeLock } from "@firstmile/formats/nix/flake-lock";
import { narChunks } from "@firstmile/formats/nix/nar";
import { parseNar } from "@firstmile/formats/nix/nar-parse";
import { fingerprint, parseNarInfo, renderNarInfo } from "@firstmile/formats/nix/narinfo";
import { parseNivLock } from "@firstmile/formats/nix/niv-lock";
import { parseNpinsLock } from "@firstmile/formats/nix/npins-lock";
import { describe, expect, test } from "vitest";
import { readVectors, type Vector } from "../../../../testing/src/vectors.ts";

/** The field that the reader names in its refusal, or `valid`. */
function outcome(read: () => unknown): string {
  try {
    read();
    return "valid";
  } catch (error) {
    if (error instanceof FormatError) return error.field;
    throw error;
  }
}

function runAll(area: string, block: string, read: (bytes: Uint8Array, vector: Vector) => void) {
  describe(area, () => {
    const vectors = readVectors(`nix/${area}`);
    test("has valid and invalid cases", () => {
      expect(new Set(vectors.map((v) => v.expect === "valid")).size).toBe(2);
    });
    test.each(vectors.map((v) => [v.file, v] as const))("%s", (_, vector) => {
      expect(outcome(() => read(vector.blocks.get(block)!, vector))).toBe(vector.expect);
    });
  });
}

runAll("narinfo", "narinfo", (bytes, vector) => {
  const info = parseNarInfo(bytes);
  expect(`${fingerprint(info)}\n`).toBe(Buffer.from(vector.blocks.get("fingerprint")!).toString());
  expect(parseNarInfo(renderNarInfo(info))).toEqual(info);
});
runAll("derivation", "derivation", (bytes) => {
  expect(Buffer.from(renderDerivation(parseDerivation(bytes)))).toEqual(Buffer.from(bytes));
});
runAll("nar", "nar", (bytes) => {
  expect(Buffer.concat([...narChunks(parseNar(bytes))])).toEqual(Buffer.from(bytes));
});
runAll("flake-lock", "lock", (bytes) => {
  expect(parseFlakeLock(bytes).nodes.size).toBeGreaterThan(0);
});
runAll("npins", "sources", (bytes) => {
  expect(parseNpinsLock(bytes).version).toBeLessThanOrEqual(8);
});
runAll("niv", "sources", (bytes) => {
  for (const pin of parseNivLock(bytes).pins.values()) expect(pin.name).not.toBe("");
});
runAll("expression", "expression", (bytes) => {
  for (const call of fetchCalls(latin1(bytes))) expect(call.place).toMatch(/^\d+:\d+$/);
});
