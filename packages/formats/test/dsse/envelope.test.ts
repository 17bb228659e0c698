import { createPublicKey, verify } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { readVectors } from "../../../../testing/src/vectors.ts";
import { FormatError } from "../../src/bytes/error.ts";
import {
  type DsseEnvelope,
  MAX_ENVELOPE,
  parseEnvelope,
  preAuthEncoding,
  renderEnvelope,
} from "../../src/dsse/envelope.ts";

const vectors = readVectors("dsse");
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const fieldOf = (bytes: Uint8Array): string => {
  try {
    parseEnvelope(bytes);
    return "valid";
  } catch (error) {
    if (error instanceof FormatError) return error.field;
    throw error;
  }
};

describe("vectors", () => {
  test.each(vectors.map((vector) => [vector.file, vector] as const))("%s", (_, { expect: claim, blocks }) => {
    expect(fieldOf(blocks.get("envelope")!)).toBe(claim);
    if (claim !== "valid") return;
    const { payloadType, payload } = parseEnvelope(blocks.get("envelope")!);
    expect(Buffer.from(preAuthEncoding(payloadType, payload))).toEqual(blocks.get("pae"));
  });
  test("are there", () => expect(vectors.length).toBeGreaterThan(30));
});

test("the specification's own signature is over this encoding", () => {
  const number = (text: string) => Buffer.from(BigInt(text).toString(16).padStart(64, "0"), "hex");
  const jwk = {
    kty: "EC",
    crv: "P-256",
    x: number("46950820868899156662930047687818585632848591499744589407958293238635476079160").toString(
      "base64url",
    ),
    y: number("5640078356564379163099075877009565129882514886557779369047442380624545832820").toString(
      "base64url",
    ),
  };
  const key = createPublicKey({ key: jwk, format: "jwk" });
  const hello = vectors.find(({ file }) => file === "dsse/hello-world.txt")!;
  const { payloadType, payload, signatures } = parseEnvelope(hello.blocks.get("envelope")!);
  const check = (message: Uint8Array) =>
    verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signatures[0]!.sig);
  expect(check(preAuthEncoding(payloadType, payload))).toBe(true);
  expect(check(payload)).toBe(false);
});

const printable = fc.string({ unit: fc.constantFrom(..."abcXYZ019+/:.;=-_ "), maxLength: 40 });
const envelope: fc.Arbitrary<DsseEnvelope> = fc.record({
  payloadType: printable.map((text) => `a${text}z`),
  payload: fc.uint8Array({ maxLength: 60 }),
  signatures: fc.array(
    fc.record({
      keyid: fc.option(
        printable.map((text) => `k${text}d`),
        { nil: undefined },
      ),
      sig: fc.uint8Array({ minLength: 1, maxLength: 60 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

describe("for every envelope", () => {
  test("what is written is read again, and written the same", () => {
    fc.assert(
      fc.property(envelope, (value) => {
        const written = renderEnvelope(value);
        const read = parseEnvelope(written);
        expect(Buffer.from(renderEnvelope(read))).toEqual(Buffer.from(written));
        expect(Buffer.from(read.payload)).toEqual(Buffer.from(value.payload));
        expect(read.signatures.map(({ keyid }) => keyid)).toEqual(value.signatures.map(({ keyid }) => keyid));
      }),
    );
  });
  test("no two of type and payload have one encoding", () => {
    const pair = fc.tuple(printable, fc.uint8Array({ maxLength: 20 }));
    fc.assert(
      fc.property(pair, pair, ([typeA, a], [typeB, b]) => {
        const same = typeA === typeB && Buffer.compare(a, b) === 0;
        expect(Buffer.compare(preAuthEncoding(typeA, a), preAuthEncoding(typeB, b)) === 0).toBe(same);
      }),
    );
    // A space more in the type is not a byte more in the payload.
    expect(Buffer.from(preAuthEncoding("a 1", Buffer.from("b")))).not.toEqual(
      Buffer.from(preAuthEncoding("a", Buffer.from("1 b"))),
    );
  });
});

describe("limits", () => {
  const base = { payloadType: "a", signatures: [{ sig: "AAAA" }] };
  test("on the whole", () => {
    const payload = (length: number) => Buffer.alloc(length).toString("base64");
    expect(fieldOf(json({ ...base, payload: payload(700_000) }))).toBe("valid");
    expect(fieldOf(json({ ...base, payload: payload(800_000) }))).toBe("input");
    expect(fieldOf(Buffer.alloc(MAX_ENVELOPE + 1, 0x20))).toBe("input");
  });
  test("on one signature", () => {
    const sig = (length: number) => Buffer.alloc(length, 1).toString("base64");
    const signed = (length: number) => json({ ...base, payload: "", signatures: [{ sig: sig(length) }] });
    expect(fieldOf(signed(65_536))).toBe("valid");
    expect(fieldOf(signed(65_537))).toBe("signatures[0].sig");
  });
  test("hostile envelopes of a megabyte take no more than a moment", () => {
    const start = performance.now();
    for (const text of ["[", '{"a":', '{"payload":"', "{\n", '{"signatures":[{},'].map((piece) =>
      piece.repeat(MAX_ENVELOPE / piece.length),
    )) {
      expect(fieldOf(Buffer.from(text))).not.toBe("valid");
    }
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});

test("fuzz", () => {
  const seeds = vectors
    .filter(({ expect: claim }) => claim === "valid")
    .map((v) => v.blocks.get("envelope")!);
  fuzz("dsse", seeds, (bytes) => parseEnvelope(renderEnvelope(parseEnvelope(bytes))));
});
