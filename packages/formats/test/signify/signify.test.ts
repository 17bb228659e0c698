import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { readVectors } from "../../../../testing/src/vectors.ts";
import { FormatError } from "../../src/bytes/error.ts";
import { latin1 } from "../../src/bytes/text.ts";
import { parseNumberedKey, renderNumberedKey } from "../../src/signify/key.ts";
import { namedFile, parseMinisign } from "../../src/signify/minisign.ts";
import { parseSignifySignature } from "../../src/signify/signature.ts";

/** Codes of outcomes, which are for whoever holds the key: in form these are sound. */
const OUTCOMES = ["valid", "bad-signature", "unknown-key", "malformed-signature"];
const FORMATS = [
  ["minisign", parseMinisign],
  ["signify", parseSignifySignature],
] as const;

describe.each(FORMATS)("%s", (format, parse) => {
  const vectors = readVectors(format);

  test.each(vectors)("$file", ({ blocks, expect: claim }) => {
    let field: string | undefined;
    try {
      parse(blocks.get("signature")!);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      expect(error.format).toBe(format);
      field = error.field;
    }
    expect(field).toBe(OUTCOMES.includes(claim) ? undefined : claim);
  });

  test("a key is written as it was read", () => {
    const line = latin1(vectors[0]!.blocks.get("key")!).split("\n")[1]!;
    expect(renderNumberedKey(parseNumberedKey(line, format))).toBe(line);
    for (const bad of [`${line} `, line.slice(1), `A${line.slice(1)}`, line.replace(/.$/, "="), ""])
      expect(() => parseNumberedKey(bad, format), bad).toThrow(FormatError);
  });

  test("fuzz", () => {
    fuzz(
      format,
      vectors.map(({ blocks }) => blocks.get("signature")!),
      (bytes) => void parse(bytes),
    );
  });
});

test("a trusted comment names a file where minisign put it", () => {
  expect(namedFile({ trustedComment: "timestamp:1\tfile:a.tar\thashed" })).toBe("a.tar");
  expect(namedFile({ trustedComment: "released by hand, file:a.tar" })).toBeUndefined();
});
