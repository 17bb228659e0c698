import { expect, test } from "vitest";
import { readVectors, type Vector } from "../../../../testing/src/vectors.ts";
import { sigstoreKeys } from "../../src/sigstore/keys.ts";
import { verifySigstore } from "../../src/sigstore/verify.ts";

const vectors = readVectors("sigstore");

function verifyVector({ header, blocks }: Vector, message = blocks.get("message")!) {
  const [identity, issuer] = [header.get("identity")!, header.get("issuer")!];
  const entry = { file: "root.json", trustedRoot: blocks.get("trusted-root")!, identity, issuer };
  return verifySigstore(blocks.get("signature")!, message, sigstoreKeys([entry]), Number(header.get("now")));
}

test.each(vectors.map((vector) => [vector.file, vector] as const))("%s", (_, vector) => {
  const outcome = verifyVector(vector);
  expect(outcome.valid ? "valid" : outcome.code).toBe(vector.expect);
});

test("there are real commits among them, each valid for its own bytes alone", () => {
  const real = vectors.filter(({ file, expect: claim }) => file.includes("public-good") && claim === "valid");
  expect(real).toHaveLength(2);
  for (const vector of real) {
    const changed = Buffer.concat([vector.blocks.get("message")!, Buffer.from("\n")]);
    expect(verifyVector(vector, changed)).toMatchObject({ valid: false, code: "bad-signature" });
  }
});
