import { FormatError } from "@firstmile/formats/bytes/error";
import { renderDerivation } from "@firstmile/formats/nix/derivation";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { parseFlakeLock } from "@firstmile/formats/nix/flake-lock";
import { narChunks } from "@firstmile/formats/nix/nar";
import { parseNar } from "@firstmile/formats/nix/nar-parse";
import { fingerprint, parseNarInfo, renderNarInfo } from "@firstmile/formats/nix/narinfo";
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
