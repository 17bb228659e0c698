/**
 * Certificates made to keep their reader busy. Each ends within seconds, with the accepted part or a refusal; the
 * limits are stated here beside what provokes them. Times are for two slow cores under load, several times what an idle
 * machine takes.
 */
import { randomBytes } from "node:crypto";
import { FormatError } from "@firstmile/formats/bytes/error";
import { type OpenPgpCertificate, parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { describe, expect, test } from "vitest";
import { certificationsAt } from "../../src/openpgp/certification.ts";
import { certifiersAt } from "../../src/openpgp/certifier.ts";
import { openPgpKeys } from "../../src/openpgp/keys.ts";
import { mergeCertificates } from "../../src/openpgp/merge.ts";
import { verifyOpenPgp } from "../../src/openpgp/verify.ts";
import { alice, laptop, mallory, message } from "./alice.ts";
import { certify, forgeCandidate } from "./certify.ts";
import {
  forgeCertificate,
  forgeKey,
  forgeSignature,
  issuerFingerprint,
  keyFlags,
  keyFrame,
  MADE,
  mpi,
  NOW,
  packet,
  subpacket,
} from "./forge.ts";

const SECONDS = 1_000;

/** What `work` gives, which must be there within so many milliseconds. */
function within<T>(limit: number, work: () => T): T {
  const start = performance.now();
  const value = work();
  expect(performance.now() - start).toBeLessThan(limit);
  return value;
}

function field(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (error instanceof FormatError) return error.field;
    throw error;
  }
  return "none";
}

const times = (count: number, one: Buffer) => Buffer.concat(Array.from({ length: count }, () => one));

function outcome(certificates: readonly OpenPgpCertificate[], key = alice): string {
  const verdict = verifyOpenPgp(forgeSignature(key, message), message, openPgpKeys(certificates), NOW);
  return verdict.valid ? "valid" : verdict.code;
}

/** A primary key that nobody holds, made without making a key pair. */
function strayKey(): Buffer {
  const point = mpi(Buffer.of(0x40), randomBytes(32));
  const curve = Buffer.from("092b06010401da470f01", "hex");
  const created = Buffer.alloc(4);
  created.writeUInt32BE(MADE);
  return packet(6, Buffer.concat([Buffer.of(4), created, Buffer.of(22), curve, point]));
}

describe("50,000 keys", () => {
  const master = forgeKey("ed25519-legacy");
  const name = "Alice <alice@example.org>";
  const hers = forgeCandidate({
    key: alice,
    userIds: [{ text: name, others: [certify(master, alice, name)] }],
    subkeys: [{ key: laptop }],
  });
  const userId = packet(13, Buffer.from("Nobody <nobody@example.org>"));
  const ring = (...signatures: Buffer[]) =>
    Buffer.concat([
      ...Array.from({ length: 49_999 }, () => Buffer.concat([strayKey(), userId, ...signatures])),
      hers,
    ]);
  const certifiers = certifiersAt(
    parseCertificates(forgeCandidate({ key: master, userIds: [{ text: "Master" }] })),
    NOW,
  );

  test("are parsed, searched for the one that is certified, and looked up", () => {
    const bytes = ring(forgeSignature(mallory, message, { type: 0x13 }));
    const certificates = within(20 * SECONDS, () => parseCertificates(bytes));
    expect(certificates).toHaveLength(50_000);
    const found = within(10 * SECONDS, () =>
      certificationsAt(mergeCertificates(certificates), certifiers, NOW),
    );
    expect(found?.map(({ certificate }) => certificate.fingerprint)).toEqual([alice.fingerprint]);
    expect(within(10 * SECONDS, () => outcome(certificates))).toBe("valid");
    expect(within(10 * SECONDS, () => outcome(certificates, laptop))).toBe("valid");
    expect(within(10 * SECONDS, () => outcome(certificates, mallory))).toBe("unknown-key");
  });

  test("each with a false certification: the search ends at its limit, and nobody is certified", () => {
    const imitation = forgeSignature(mallory, message, { type: 0x13, issuer: [issuerFingerprint(master)] });
    const certificates = within(20 * SECONDS, () => parseCertificates(ring(imitation)));
    const search = () => certificationsAt(mergeCertificates(certificates), certifiers, NOW);
    expect(within(20 * SECONDS, search)).toBeUndefined();
  });

  test("that share 50,000 revocations of nobody: each is looked at once", () => {
    const revocation = forgeSignature(mallory, message, { type: 0x20 });
    const bytes = Buffer.concat([
      times(50_000, revocation),
      ...Array.from({ length: 49_999 }, strayKey),
      hers,
    ]);
    const certificates = within(20 * SECONDS, () => parseCertificates(bytes));
    expect(within(10 * SECONDS, () => outcome(certificates))).toBe("valid");
  });

  test("more than 500,000 packets, or more than 64 MiB, are refused", () => {
    expect(
      field(() => within(10 * SECONDS, () => parseCertificates(times(500_001, Buffer.of(0xca, 0))))),
    ).toBe("packet");
    const big = Buffer.alloc(64 * 1024 * 1024 + 1, 0xff);
    expect(field(() => within(10 * SECONDS, () => parseCertificates(big)))).toBe("input");
  });
});

describe("one signature", () => {
  const body = (version: 4 | 6, hashed: Buffer) => {
    const length = Buffer.alloc(version === 4 ? 2 : 4);
    length.writeUIntBE(hashed.length, 0, length.length);
    const empty = Buffer.alloc(length.length + 2);
    return Buffer.concat([Buffer.of(version, 0x13, 22, 8), length, hashed, empty]);
  };

  test("with 100,000 subpackets, or as many as version 4 has room for: refused at the 501st", () => {
    const start = forgeCertificate({ primary: alice });
    const created = subpacket(2, Buffer.alloc(4));
    const small = subpacket(100, Buffer.alloc(0));
    for (const [version, count] of [
      [6, 100_000],
      [4, 32_000],
      [4, 500],
    ] as const) {
      const made = packet(2, body(version, Buffer.concat([created, times(count, small)])));
      const parse = () => parseCertificates(Buffer.concat([start, made]));
      expect(field(() => within(2 * SECONDS, parse))).toBe("subpacket");
    }
    const fitting = forgeSignature(mallory, message, { hashed: Array.from({ length: 490 }, () => small) });
    expect(field(() => parseCertificates(Buffer.concat([start, fitting])))).toBe("none");
  });

  test("with signatures embedded in signatures: only the outermost level is read", () => {
    let inner = forgeSignature(laptop, message, { type: 0x19 });
    for (let depth = 0; depth < 8; depth++) {
      const framed = inner.subarray(inner[1]! < 192 ? 2 : inner[1]! < 255 ? 3 : 6);
      inner = forgeSignature(laptop, message, {
        type: 0x19,
        unhashed: [subpacket(32, framed), subpacket(32, framed)],
      });
    }
    const bytes = Buffer.concat([forgeCertificate({ primary: alice }), inner]);
    const [certificate] = within(2 * SECONDS, () => parseCertificates(bytes));
    const [, flood] = certificate!.userIds[0]!.signatures;
    expect(flood?.embedded).toMatchObject([{ embedded: [] }, { embedded: [] }]);
  });
});

describe("one certificate", () => {
  const certificate = forgeCertificate({ primary: alice, subkeys: [{ key: laptop }] });
  const primary = packet(6, alice.body);
  const tail = certificate.subarray(primary.length);

  test("with 100,000 certifications by strangers, as on key servers: all passed over", () => {
    const poison = forgeSignature(mallory, message, { type: 0x13 });
    const plain = forgeCertificate({ primary: alice });
    const bytes = Buffer.concat([plain, times(100_000, poison)]);
    const parsed = within(20 * SECONDS, () => parseCertificates(bytes));
    expect(parsed[0]?.userIds[0]?.signatures).toHaveLength(100_001);
    expect(within(5 * SECONDS, () => outcome(parsed))).toBe("valid");
  });

  test("with 100,000 imitations of its owner's own: not worked off, and the certificate does not count", () => {
    const flooded = (created: number) => {
      const issuer = [issuerFingerprint(alice)];
      const imitation = forgeSignature(mallory, message, { type: 0x13, issuer, created });
      const bytes = Buffer.concat([forgeCertificate({ primary: alice }), times(100_000, imitation)]);
      return within(20 * SECONDS, () => parseCertificates(bytes));
    };
    const newer = flooded(NOW);
    expect(within(5 * SECONDS, () => outcome(newer))).toBe("not-a-signing-key");
    // Older ones than the owner's newest word need not be looked at.
    const older = flooded(MADE - 1);
    expect(within(5 * SECONDS, () => outcome(older))).toBe("valid");
  });

  test("that names thousands of revokers, beside 100,000 revocations by others", () => {
    const revoker = (byte: number) =>
      subpacket(12, Buffer.concat([Buffer.of(0x80, 22), Buffer.alloc(20, byte)]));
    const naming = Array.from({ length: 40 }, (_, i) =>
      forgeSignature(alice, keyFrame(alice.body), {
        type: 0x1f,
        hashed: [keyFlags(3), ...Array.from({ length: 480 }, (_, j) => revoker((i + j) % 251))],
      }),
    );
    const foreign = forgeSignature(mallory, keyFrame(alice.body), { type: 0x20 });
    const bytes = Buffer.concat([primary, ...naming, times(100_000, foreign), tail]);
    const parsed = within(20 * SECONDS, () => parseCertificates(bytes));
    expect(within(5 * SECONDS, () => outcome(parsed))).toBe("valid");
  });

  test.each([
    ["60 MiB", 60],
    ["2 MiB, after 100 others of a few bytes", 2],
  ])("with a user ID of %s under a thousand imitations of its owner's word: does not count", (_, size) => {
    const long = packet(13, Buffer.alloc(size * 1024 * 1024, 0x41));
    const short = packet(13, Buffer.from("A"));
    const imitation = forgeSignature(mallory, message, { type: 0x13, issuer: [issuerFingerprint(alice)] });
    const bytes = Buffer.concat([certificate, times(100, short), long, times(1_000, imitation)]);
    const parsed = within(10 * SECONDS, () => parseCertificates(bytes));
    expect(within(5 * SECONDS, () => outcome(parsed))).toBe("not-a-signing-key");
  });

  test("with one photograph of 200 kB certified five times: counts", () => {
    const photo = Buffer.alloc(200_000, 7);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(photo.length);
    const over = Buffer.concat([keyFrame(alice.body), Buffer.of(0xd1), length, photo]);
    const own = Array.from({ length: 5 }, (_, i) =>
      forgeSignature(alice, over, { type: 0x13, created: MADE + i, hashed: [keyFlags(3)] }),
    );
    const parsed = parseCertificates(Buffer.concat([certificate, packet(17, photo), ...own]));
    expect(outcome(parsed)).toBe("valid");
  });

  test("with 10,000 subkeys that nobody bound: they do not count, the others do", () => {
    const strays = Array.from({ length: 10_000 }, () => {
      const key = strayKey();
      return packet(14, key.subarray(2));
    });
    const parsed = within(10 * SECONDS, () => parseCertificates(Buffer.concat([certificate, ...strays])));
    expect(parsed[0]?.subkeys).toHaveLength(10_001);
    expect(within(10 * SECONDS, () => outcome(parsed, laptop))).toBe("valid");
  });

  test("with 10,000 subkeys under imitated bindings: does not count", () => {
    const binding = forgeSignature(mallory, message, { type: 0x18, issuer: [issuerFingerprint(alice)] });
    const strays = Array.from({ length: 10_000 }, () =>
      Buffer.concat([packet(14, strayKey().subarray(2)), binding]),
    );
    const parsed = within(10 * SECONDS, () => parseCertificates(Buffer.concat([certificate, ...strays])));
    expect(within(10 * SECONDS, () => outcome(parsed))).toBe("not-a-signing-key");
  });

  test("with one subkey 10,000 times: it is one", () => {
    const bytes = Buffer.concat([certificate, times(10_000, packet(14, laptop.body))]);
    const parsed = within(10 * SECONDS, () => parseCertificates(bytes));
    const keys = within(5 * SECONDS, () => openPgpKeys(parsed));
    expect(
      keys.candidates({ kind: "fingerprint", fingerprint: laptop.fingerprint as never, keyId: "" as never }),
    ).toHaveLength(1);
    expect(within(5 * SECONDS, () => outcome(parsed, laptop))).toBe("valid");
  });

  test("10,000 copies of it are one", () => {
    const parsed = within(20 * SECONDS, () =>
      parseCertificates(times(10_000, forgeCertificate({ primary: alice }))),
    );
    const merged = within(10 * SECONDS, () => mergeCertificates(parsed));
    expect(merged).toHaveLength(1);
    // Ten thousand copies of one statement are one statement.
    expect(within(10 * SECONDS, () => outcome(parsed))).toBe("valid");
  });
});
