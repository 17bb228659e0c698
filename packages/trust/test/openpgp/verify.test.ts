/** One attack a test on a signature: its algorithm, its form, whose it says it is. */
import { encodeArmor } from "@firstmile/formats/openpgp/armor";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { describe, expect, test } from "vitest";
import { openPgpKeys } from "../../src/openpgp/keys.ts";
import { verifyOpenPgp } from "../../src/openpgp/verify.ts";
import { alice, code, mallory, message, verify } from "./alice.ts";
import {
  type ForgedAlgorithm,
  forgeCertificate,
  forgeKey,
  forgeSignature,
  issuerFingerprint,
  issuerKeyId,
  MADE,
  mpi,
  NOW,
  notation,
  packet,
  signatureExpiry,
  subpacket,
  unframe,
} from "./forge.ts";

describe("algorithms", () => {
  const kinds: ForgedAlgorithm[] = ["ed25519-legacy", "ed25519", "rsa2048", "P-256", "P-384", "P-521"];
  test.each(kinds)("%s signs, as primary key and as subkey", (kind) => {
    const primary = forgeKey(kind);
    const subkey = forgeKey(kind);
    const certificate = forgeCertificate({ primary, subkeys: [{ key: subkey }] });
    for (const key of [primary, subkey]) {
      expect(verify(forgeSignature(key, message), [certificate])).toEqual({
        valid: true,
        key: primary.fingerprint,
        signingKey: key.fingerprint,
        validUntil: undefined,
      });
      const other = verify(forgeSignature(key, message), [certificate], NOW, Buffer.from("other"));
      expect(other).toMatchObject({ valid: false, code: "bad-signature", key: primary.fingerprint });
    }
  });

  test.each(["ed25519-legacy", "P-256", "P-521", "rsa2048"] as const)(
    "%s: numbers that lost leading zero bytes verify, and with them kept as well",
    (kind) => {
      const key = forgeKey(kind);
      const certificate = forgeCertificate({ primary: key });
      const short = shortNumber(key, kind);
      expect(verify(short, [certificate])).toMatchObject({ valid: true });
    },
  );

  test("a number with its leading zero bytes kept, as GnuPG 2.3 writes it", () => {
    const key = forgeKey("ed25519-legacy");
    const body = unframe(shortNumber(key, "ed25519-legacy"));
    const numbers = body.length - body.indexOf(numbersOf(body));
    const padded = Buffer.concat([
      body.subarray(0, body.length - numbers),
      ...readNumbers(numbersOf(body)).map(zeroKept),
    ]);
    expect(padded.length).toBeGreaterThan(body.length);
    expect(verify(packet(2, padded), [forgeCertificate({ primary: key })])).toMatchObject({ valid: true });
  });

  test("a number with more bits than it announces is malformed", () => {
    const body = Buffer.from(unframe(forgeSignature(alice, message)));
    const numbers = numbersOf(body);
    numbers.writeUInt16BE(numbers.readUInt16BE(0) - 1);
    expect(code({ bytes: packet(2, body) })).toBe("malformed-signature");
  });

  test("RSA below 2048 bits is a weak key", () => {
    const weak = forgeKey("rsa1024");
    const outcome = verify(forgeSignature(weak, message), [forgeCertificate({ primary: weak })]);
    expect(outcome).toMatchObject({ valid: false, code: "weak-key" });
  });

  test("a signature naming another algorithm than its key's is bad", () => {
    const body = Buffer.from(unframe(forgeSignature(alice, message)));
    body[2] = 19;
    expect(code({ bytes: packet(2, body) })).toBe("bad-signature");
  });
});

/** The two numbers at the end of a signature by a legacy Ed25519 key, whose subpackets are those of `forgeSignature`. */
function numbersOf(body: Buffer): Buffer {
  const hashed = body.readUInt16BE(4);
  const unhashed = body.readUInt16BE(6 + hashed);
  return body.subarray(6 + hashed + 2 + unhashed + 2);
}

function readNumbers(bytes: Buffer): Buffer[] {
  if (bytes.length === 0) return [];
  const size = 2 + ((bytes.readUInt16BE(0) + 7) >> 3);
  return [bytes.subarray(2, size), ...readNumbers(bytes.subarray(size))];
}

function zeroKept(number: Buffer): Buffer {
  if (number.length === 32) return mpi(number);
  return Buffer.concat([Buffer.of(1, 0), Buffer.alloc(32 - number.length), number]);
}

function shortNumber(key: typeof alice, kind: ForgedAlgorithm): Buffer {
  const full = { "ed25519-legacy": 32, "P-256": 32, "P-521": 66, rsa2048: 256 }[kind as string]!;
  for (let i = 0; ; i++) {
    const made = forgeSignature(key, message, { created: MADE + i });
    if (readNumbers(numbersOf(unframe(made))).some((number) => number.length < full)) return made;
  }
}

describe("form", () => {
  test("armored and binary are read alike", () => {
    const made = forgeSignature(alice, message);
    expect(code({ bytes: made })).toBe("valid");
    expect(code({ bytes: Buffer.from(encodeArmor(made, "SIGNATURE")) })).toBe("valid");
  });

  test("the message may come in parts", () => {
    const keys = openPgpKeys(parseCertificates(forgeCertificate({ primary: alice })));
    const made = forgeSignature(alice, message);
    const parts = [message.subarray(0, 7), Buffer.alloc(0), message.subarray(7)];
    expect(verifyOpenPgp(made, parts, keys, NOW)).toMatchObject({ valid: true });
  });

  test("two signatures are refused, in one block or two, even twice the same", () => {
    const made = forgeSignature(alice, message);
    const armored = Buffer.from(encodeArmor(made, "SIGNATURE"));
    expect(code({ bytes: Buffer.concat([made, made]) })).toBe("several-signatures");
    expect(code({ bytes: Buffer.concat([armored, armored]) })).toBe("several-signatures");
  });

  test("nothing, rubbish, and other packets are malformed", () => {
    expect(code({ bytes: Buffer.alloc(0) })).toBe("malformed-signature");
    expect(code({ bytes: Buffer.from("-----BEGIN PGP SIGNATURE-----") })).toBe("malformed-signature");
    expect(code({ bytes: forgeCertificate({ primary: alice }) })).toBe("malformed-signature");
  });

  test("a signature cut off anywhere is malformed", () => {
    const made = forgeSignature(alice, message);
    for (let end = 0; end < made.length; end++) {
      expect(code({ bytes: made.subarray(0, end) })).toBe("malformed-signature");
    }
  });

  test.each([
    [0x01, "text"],
    [0x02, "standalone"],
    [0x10, "certification"],
    [0x40, "timestamp"],
  ])("type 0x%s (%s) is unsupported", (type) => {
    expect(code({ options: { type } })).toBe("unsupported-signature");
  });

  test.each([2, 3, 5])("version %i is unsupported", (version) => {
    const v3 = Buffer.concat([
      Buffer.of(version, 5, 0, 0, 0, 0, 1),
      alice.keyId,
      Buffer.of(22, 8, 0, 0),
      mpi(Buffer.of(1)),
      mpi(Buffer.of(1)),
    ]);
    expect(code({ bytes: packet(2, v3) })).toBe("unsupported-signature");
  });

  test.each(["md5", "sha1", "ripemd160"])("%s is weak", (hash) => {
    expect(code({ options: { hash } })).toBe("weak-signature");
  });

  test("a hash that does not exist is unsupported", () => {
    const body = Buffer.from(unframe(forgeSignature(alice, message)));
    body[3] = 99;
    expect(code({ bytes: packet(2, body) })).toBe("unsupported-signature");
  });

  test("a critical subpacket that is not understood is refused, one that is not critical is passed over", () => {
    expect(code({ options: { hashed: [subpacket(100, Buffer.of(1), true)] } })).toBe("unsupported-signature");
    expect(code({ options: { hashed: [subpacket(100, Buffer.of(1))] } })).toBe("valid");
    expect(code({ options: { hashed: [subpacket(35, Buffer.of(4), true)] } })).toBe("unsupported-signature");
  });

  test("a critical notation is refused, one that is not critical is passed over", () => {
    expect(code({ options: { hashed: [notation("scope@example.org", "docs", true)] } })).toBe(
      "unsupported-signature",
    );
    expect(code({ options: { hashed: [notation("scope@example.org", "docs", false)] } })).toBe("valid");
  });

  test("the creation time must be hashed, and stated once", () => {
    const time = subpacket(2, Buffer.of(0, 0, 0, 1));
    expect(code({ options: { hashed: [time] } })).toBe("malformed-signature");
    expect(code({ options: { hashed: [signatureExpiry(1), signatureExpiry(0)] } })).toBe(
      "malformed-signature",
    );
  });
});

describe("issuer", () => {
  test("the hashed fingerprint wins over an unhashed key ID that names another", () => {
    expect(code({ options: { issuer: [issuerFingerprint(alice)], unhashed: [issuerKeyId(mallory)] } })).toBe(
      "valid",
    );
    expect(code({ options: { issuer: [issuerFingerprint(mallory)], unhashed: [issuerKeyId(alice)] } })).toBe(
      "unknown-key",
    );
  });

  test("a key ID alone finds the key, hashed or not", () => {
    expect(code({ options: { issuer: [issuerKeyId(alice)] } })).toBe("valid");
    expect(code({ options: { issuer: [], unhashed: [issuerKeyId(alice)] } })).toBe("valid");
  });

  test("a hint that points to another key at hand finds only a bad signature", () => {
    const certificates = [forgeCertificate({ primary: alice }), forgeCertificate({ primary: mallory })];
    const made = forgeSignature(alice, message, { issuer: [], unhashed: [issuerKeyId(mallory)] });
    expect(verify(made, certificates)).toMatchObject({ code: "bad-signature", key: mallory.fingerprint });
  });

  test("no issuer, or one that is not at hand, is an unknown key", () => {
    expect(code({ options: { issuer: [] } })).toBe("unknown-key");
    expect(code({ key: mallory })).toBe("unknown-key");
  });
});
