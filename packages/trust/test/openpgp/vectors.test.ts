import { FormatError } from "@firstmile/formats/bytes/error";
import { decodeArmor } from "@firstmile/formats/openpgp/armor";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { readVectors, type Vector } from "../../../../testing/src/vectors.ts";
import { loadCertificate } from "../../src/openpgp/certificate-state.ts";
import { openPgpKeys } from "../../src/openpgp/keys.ts";
import { verifyOpenPgp } from "../../src/openpgp/verify.ts";

const vectors = readVectors("openpgp");

function block(vector: Vector, name: string): Uint8Array {
  const bytes = vector.blocks.get(name);
  if (bytes === undefined) throw new Error(`${vector.file}: no block ${name}`);
  return bytes;
}

function run(vector: Vector, signature = block(vector, "signature")) {
  const keys = openPgpKeys(parseCertificates(block(vector, "certificates")));
  return verifyOpenPgp(signature, block(vector, "message"), keys, Number(vector.header.get("now")));
}

describe("vectors", () => {
  test.each(vectors.map((vector) => [vector.file, vector] as const))("%s", (_, vector) => {
    const outcome = run(vector);
    expect(outcome.valid ? "valid" : outcome.code).toBe(vector.expect);
    if (outcome.valid) expect(outcome.key).toBe(vector.header.get("key"));
    const lapsed = !outcome.valid && outcome.lapsed !== undefined;
    expect(lapsed).toBe(vector.header.get("lapsed") === "yes");
  });
});

describe("fuzz", () => {
  const valid = vectors.filter(({ expect }) => expect === "valid");
  const rsa = vectors.find(({ file }) => file.endsWith("valid-rsa2048.txt"))!;

  test("verifyOpenPgp never throws, and no mutation of the signed part verifies", () => {
    const all = vectors.flatMap((vector) => parseCertificates(block(vector, "certificates")));
    const keys = openPgpKeys(all);
    const message = Buffer.from("a message that none of the seeds is over");
    const seeds = vectors.flatMap((vector) => [block(vector, "signature"), ...binary(vector, "signature")]);
    fuzz("verifyOpenPgp", seeds, (bytes) => {
      const outcome = never(() => verifyOpenPgp(bytes, message, keys, 1_717_200_000));
      expect(outcome.valid).toBe(false);
    });
  });

  test("a certificate that parses can be evaluated and asked", () => {
    const seeds = valid.flatMap((vector) => binary(vector, "certificates"));
    fuzz("loadCertificate", seeds, (bytes) => {
      const certificates = parseCertificates(bytes);
      never(() => certificates.map(loadCertificate));
      never(() =>
        verifyOpenPgp(block(rsa, "signature"), block(rsa, "message"), openPgpKeys(certificates), 0),
      );
    });
  });
});

/** The contents of a block's armor, where it has any. */
function binary(vector: Vector, name: "signature" | "certificates"): Uint8Array[] {
  try {
    const label = name === "signature" ? "SIGNATURE" : "PUBLIC KEY BLOCK";
    return [Buffer.concat(decodeArmor(block(vector, name), label, { surroundingText: true }))];
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}

/** Runs what must not throw at all: a FormatError, which the fuzzer would take for an answer, is a defect too. */
function never<T>(compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    throw new Error("threw", { cause: error });
  }
}
