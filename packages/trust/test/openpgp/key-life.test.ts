/** One attack a test on the keys behind a signature: expiry, revocation, and what binds a subkey. */
import { encodeArmor } from "@firstmile/formats/openpgp/armor";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { describe, expect, test } from "vitest";
import { loadCertificate } from "../../src/openpgp/certificate-state.ts";
import { certificateNotes } from "../../src/openpgp/notes.ts";
import type { Policy, Principal } from "../../src/policy/policy.ts";
import { alice, code, laptop, mallory, message, verify } from "./alice.ts";
import {
  DAY,
  type ForgedSubkey,
  forgeCertificate,
  forgeSignature,
  issuerFingerprint,
  keyExpiry,
  keyFlags,
  keyFrame,
  MADE,
  NOW,
  packet,
  revocationReason,
  type SignatureOptions,
  signatureExpiry,
  subpacket,
} from "./forge.ts";

/** RFC 9580 appendix A.3. */
const RFC_9580_A3 =
  "xioGY4d/4xsAAAAg+U2nu0jWCmHlZ3BqZYfQMxmZu52JGggkLq2EVD34laPCsQYfGwoAAABCBYJjh3/jAwsJBwUVCg4IDAIWAAKbAwIeCSIh" +
  "BssYbE8GCaaX5NUt+mxyKwwfHifBilZwj2Ul7Ce62azJBScJAgcCAAAAAK0oIBA+LX0ifsDm185Ecds2v8lwgyU2kCcUmKfvBXbAf6rhRYWz" +
  "uQOwEn7E/aLwIwRaLsdry0+VcallHhSu4RN6HWaEQsiPlR4zxP/TP7mhfVEe7XWPxtnMUMtf15OyA51YBM4qBmOHf+MZAAAAIIaTJINn+eUB" +
  "Xbki+PSAld2nhJh/LVmFsS+60WyvXkQ1wpsGGBsKAAAALAWCY4d/4wKbDCIhBssYbE8GCaaX5NUt+mxyKwwfHifBilZwj2Ul7Ce62azJAAAA" +
  "AAQBIKbpGG2dWTX8j+VjFM21J0hqWlEg+bdiojWnKfA5AQpWUWtnNwDEM0g12vYxoWM8Y81W+bHBw805I8kWVkXU6vFOi+HWvv/ira7ofJu1" +
  "6NnoUkhclkUrk0mXubZvyl4GBg==";

/** What every verdict would say of a person with these certificates. */
function notes(certificates: readonly Buffer[]): string[] {
  const keys = certificates.flatMap((bytes) =>
    parseCertificates(bytes).map((certificate) => ({ kind: "openpgp", file: "", certificate, life: [] })),
  );
  const alone = { name: "alice", keys } as unknown as Principal;
  return certificateNotes({ principals: new Map([[alone.name, alone]]) as Policy["principals"] });
}

describe("life of keys", () => {
  test("key, subkey and signature expiry are told apart", () => {
    const day30 = [keyExpiry(30 * DAY)];
    const subkeys = [{ key: laptop }];
    const outcomes = [
      verify(forgeSignature(laptop, message), [
        forgeCertificate({ primary: alice, self: { hashed: day30 }, subkeys }),
      ]),
      verify(forgeSignature(laptop, message), [
        forgeCertificate({ primary: alice, subkeys: [{ key: laptop, options: { hashed: day30 } }] }),
      ]),
      verify(forgeSignature(alice, message, { hashed: [signatureExpiry(30 * DAY)] }), [
        forgeCertificate({ primary: alice }),
      ]),
    ];
    expect(outcomes).toMatchObject([
      { code: "expired-key", message: expect.stringContaining(`primary key ${alice.fingerprint}`) },
      { code: "expired-key", message: expect.stringContaining(`subkey ${laptop.fingerprint}`) },
      { code: "expired-signature" },
    ]);
  });

  test("validUntil is the earliest of all three, and its second is the first that no longer counts", () => {
    const until = ([primary, subkey, signature]: readonly [number, number, number], now = NOW) =>
      verify(
        forgeSignature(laptop, message, { hashed: [signatureExpiry(signature * DAY)] }),
        [
          forgeCertificate({
            primary: alice,
            self: { hashed: [keyExpiry(primary * DAY)] },
            subkeys: [{ key: laptop, options: { hashed: [keyExpiry(subkey * DAY)] } }],
          }),
        ],
        now,
      );
    for (const days of [
      [300, 400, 500],
      [400, 300, 500],
      [500, 400, 300],
    ] as const) {
      const end = MADE + 300 * DAY;
      expect(until(days)).toMatchObject({ valid: true, validUntil: end });
      expect(until(days, end - 1)).toMatchObject({ valid: true });
      expect(until(days, end)).toMatchObject({ valid: false });
    }
  });

  test("an expired key does not come back for a signature dated before its end", () => {
    const expired = { self: { hashed: [keyExpiry(30 * DAY)] } };
    expect(code({ options: { created: MADE + DAY } }, expired)).toBe("expired-key");
  });

  test("a signature older than its key is bad", () => {
    expect(code({ options: { created: MADE - 1 } })).toBe("bad-signature");
    expect(code({ options: { created: MADE } })).toBe("valid");
  });

  test.each([
    [undefined, "hard"],
    [0, "hard"],
    [2, "hard"],
    [99, "hard"],
    [1, "soft"],
    [3, "soft"],
  ])("revocation with reason %s is %s and refuses, of primary key and subkey", (reason, kind) => {
    const revocations = [
      { hashed: reason === undefined ? [] : [revocationReason(reason)], created: NOW - DAY },
    ];
    const primary = forgeCertificate({ primary: alice, revocations, subkeys: [{ key: laptop }] });
    const subkey = forgeCertificate({ primary: alice, subkeys: [{ key: laptop, revocations }] });
    const byAlice = forgeSignature(alice, message);
    const byLaptop = forgeSignature(laptop, message);
    const revoked = (key: typeof alice) => ({
      code: "revoked-key",
      message: expect.stringMatching(new RegExp(`${key.fingerprint} is revoked \\(${kind}`)),
    });
    expect(verify(byAlice, [primary])).toMatchObject(revoked(alice));
    expect(verify(byLaptop, [primary])).toMatchObject(revoked(alice));
    expect(verify(byLaptop, [subkey])).toMatchObject(revoked(laptop));
    expect(verify(byAlice, [subkey])).toMatchObject({ valid: true });
  });

  test("a revocation holds with SHA-1, with an expiry, with critical parts that are not understood", () => {
    for (const one of [
      { hash: "sha1" },
      { hashed: [signatureExpiry(1)] },
      { hashed: [subpacket(100, Buffer.of(1), true)] },
    ]) {
      expect(code({}, { revocations: [one] })).toBe("revoked-key");
    }
  });

  test("a revocation of version 3 holds", () => {
    const hashed = Buffer.concat([Buffer.of(0x20), Buffer.from("65920080", "hex")]);
    const numbers = alice.sign("sha256", Buffer.concat([keyFrame(alice.body), hashed]));
    const v3 = packet(
      2,
      Buffer.concat([Buffer.of(3, 5), hashed, alice.keyId, Buffer.of(22, 8, 0, 0), numbers]),
    );
    const certificate = forgeCertificate({ primary: alice });
    const afterPrimary = packet(6, alice.body).length;
    const revoked = Buffer.concat([
      certificate.subarray(0, afterPrimary),
      v3,
      certificate.subarray(afterPrimary),
    ]);
    expect(verify(forgeSignature(alice, message), [revoked])).toMatchObject({ code: "revoked-key" });
  });

  test("a revocation by somebody else revokes nothing, unless the key names them as its revoker", () => {
    const foreign = forgeSignature(mallory, keyFrame(alice.body), { type: 0x20 });
    const revoker = subpacket(
      12,
      Buffer.concat([Buffer.of(0x80, 22), Buffer.from(mallory.fingerprint, "hex")]),
    );
    const naming = forgeSignature(alice, keyFrame(alice.body), {
      type: 0x1f,
      hashed: [revoker, keyFlags(3)],
    });
    const start = packet(6, alice.body);
    const rest = forgeCertificate({ primary: alice }).subarray(start.length);
    const made = forgeSignature(alice, message);
    expect(verify(made, [Buffer.concat([start, foreign, rest])])).toMatchObject({ valid: true });
    expect(verify(made, [Buffer.concat([start, naming, rest])])).toMatchObject({ valid: true });
    expect(verify(made, [Buffer.concat([start, foreign, naming, rest])])).toMatchObject({
      code: "revoked-key",
    });
  });

  test("a revocation that came in a block of its own is heeded, whichever file it came with", () => {
    const loose = Buffer.from(
      encodeArmor(forgeSignature(alice, keyFrame(alice.body), { type: 0x20 }), "PUBLIC KEY BLOCK"),
    );
    const armored = (one: Buffer) => Buffer.from(encodeArmor(one, "PUBLIC KEY BLOCK"));
    const hers = armored(forgeCertificate({ primary: alice }));
    const his = armored(forgeCertificate({ primary: mallory }));
    const made = forgeSignature(alice, message);
    expect(verify(made, [Buffer.concat([hers, loose])])).toMatchObject({ code: "revoked-key" });
    expect(verify(made, [Buffer.concat([loose, hers])])).toMatchObject({ code: "revoked-key" });
    expect(verify(made, [hers, Buffer.concat([his, loose])])).toMatchObject({ code: "revoked-key" });
  });

  test("an old copy of a certificate does not bring back what the newer one revoked", () => {
    const old = forgeCertificate({ primary: alice, subkeys: [{ key: laptop }] });
    const revoked = forgeCertificate({ primary: alice, subkeys: [{ key: laptop, revocations: [{}] }] });
    const made = forgeSignature(laptop, message);
    expect(verify(made, [old])).toMatchObject({ valid: true });
    expect(verify(made, [old, revoked])).toMatchObject({ code: "revoked-key" });
    expect(verify(made, [revoked, old])).toMatchObject({ code: "revoked-key" });
  });

  test.each(["md5", "ripemd160"])("a revocation over %s is heard: of key, subkey and user ID", (hash) => {
    expect(code({}, { revocations: [{ hash }] })).toBe("revoked-key");
    const subkeys = [{ key: laptop, revocations: [{ hash }] }];
    expect(
      verify(forgeSignature(laptop, message), [forgeCertificate({ primary: alice, subkeys })]),
    ).toMatchObject({
      code: "revoked-key",
    });
  });

  describe("a newer binding that does not hold", () => {
    const bound = (more: Partial<ForgedSubkey> = {}) =>
      forgeCertificate({ primary: alice, subkeys: [{ key: laptop, ...more }] });
    const newer = (options: SignatureOptions) => ({ created: MADE + DAY, ...options });
    const made = forgeSignature(laptop, message);
    const unknown = [subpacket(100, Buffer.of(1), true)];

    test.each<[string, SignatureOptions, string]>([
      ["over SHA-1", { hash: "sha1" }, "rests on SHA1"],
      ["over MD5", { hash: "md5" }, "rests on MD5"],
      ["with a critical part that is not known", { hashed: unknown }, "critical part"],
    ])("%s takes away, gives nothing, and is told", (_, options, flaw) => {
      const noFlag = bound({ flags: 0x20, options: newer(options) });
      expect(verify(made, [bound()])).toMatchObject({ valid: true });
      for (const both of [
        [bound(), noFlag],
        [noFlag, bound()],
      ])
        expect(verify(made, both)).toMatchObject({
          code: "not-a-signing-key",
          message: expect.stringContaining(flaw),
        });
      const ends = newer({ ...options, hashed: [...(options.hashed ?? []), keyExpiry(30 * DAY)] });
      expect(verify(made, [bound(), bound({ options: ends })])).toMatchObject({ code: "expired-key" });
      const gives = bound({ options: newer(options) });
      expect(verify(made, [bound({ flags: 0x20 }), gives])).toMatchObject({ code: "not-a-signing-key" });
      expect(verify(made, [gives, bound()])).toMatchObject({ valid: true });
      expect(notes([bound(), gives])).toEqual([expect.stringContaining(flaw)]);
    });

    test("by another key, or older, says nothing", () => {
      const foreign = bound({
        flags: 0x20,
        binder: mallory,
        options: newer({ hash: "sha1", issuer: [issuerFingerprint(alice)] }),
      });
      expect(verify(made, [bound(), foreign])).toMatchObject({ valid: true });
      const old = bound({ flags: 0x20, options: { hash: "sha1" } });
      const good = bound({ options: newer({}) });
      expect(verify(made, [old, good])).toMatchObject({ valid: true });
      expect(notes([bound(), foreign])).toEqual([]);
      expect(notes([old, good])).toEqual([]);
    });
  });

  test("a newer self-signature over MD5 takes away, gives nothing, and is told", () => {
    const certified = forgeCertificate({ primary: alice });
    const weak = (hashed: readonly Buffer[], flags = 3) =>
      forgeCertificate({ primary: alice, flags, self: { created: MADE + DAY, hash: "md5", hashed } });
    const made = forgeSignature(alice, message);
    expect(verify(made, [certified, weak([keyExpiry(30 * DAY)])])).toMatchObject({ code: "expired-key" });
    expect(verify(made, [certified, weak([], 1)])).toMatchObject({ code: "not-a-signing-key" });
    expect(verify(made, [certified, weak([keyExpiry(900 * DAY)])])).toMatchObject({
      valid: true,
      validUntil: MADE + 900 * DAY,
    });
    expect(notes([certified, weak([])])).toEqual([expect.stringContaining("rests on MD5")]);
    expect(notes([certified])).toEqual([]);
  });

  test("the newest self-signature decides the expiry", () => {
    const short = forgeCertificate({ primary: alice, self: { hashed: [keyExpiry(30 * DAY)] } });
    const longer = forgeCertificate({
      primary: alice,
      self: { created: MADE + DAY, hashed: [keyExpiry(900 * DAY)] },
    });
    const made = forgeSignature(alice, message);
    expect(verify(made, [short])).toMatchObject({ code: "expired-key" });
    expect(verify(made, [short, longer])).toMatchObject({ valid: true, validUntil: MADE + 900 * DAY });
    expect(verify(made, [longer, short])).toMatchObject({ valid: true, validUntil: MADE + 900 * DAY });
  });
});

describe("bindings", () => {
  const byLaptop = { key: laptop };

  test.each([
    ["without flags for it", { primary: { flags: 1 } }],
    ["whose self-signature is MD5", { primary: { self: { hash: "md5" } } }],
    [
      "whose self-signature has an unknown critical part",
      { primary: { self: { hashed: [subpacket(100, Buffer.of(1), true)] } } },
    ],
  ])("a primary key %s does not sign", (_, { primary }) => {
    expect(code({}, primary)).toBe("not-a-signing-key");
  });

  test("a primary key with a SHA-1 self-signature signs", () => {
    expect(code({}, { self: { hash: "sha1" } })).toBe("valid");
  });

  test("a primary key that only certifies has subkeys that sign", () => {
    expect(code(byLaptop, { flags: 1, subkeys: [{ key: laptop }] })).toBe("valid");
  });

  test("a certificate whose primary key has no self-signature has no subkeys that sign", () => {
    const certificate = { self: { hash: "md5" }, subkeys: [{ key: laptop }] };
    expect(code(byLaptop, certificate)).toBe("not-a-signing-key");
  });

  test.each([
    ["not marked for signing", { flags: 12 }],
    ["bound by somebody else", { binder: mallory, options: { issuer: [issuerFingerprint(alice)] } }],
    ["bound with SHA-1", { options: { hash: "sha1" } }],
    ["bound with an unknown critical part", { options: { hashed: [subpacket(100, Buffer.of(1), true)] } }],
    ["without back signature", { back: null }],
    ["with a back signature by another key", { back: { by: mallory } }],
    ["with a back signature by the primary key", { back: { by: alice } }],
    ["with a back signature over another primary key", { back: { over: mallory } }],
    ["with a back signature of another type", { back: { options: { type: 0x18 } } }],
    ["with a back signature resting on SHA-1", { back: { options: { hash: "sha1" } } }],
  ])("a subkey %s does not sign", (_, subkey) => {
    expect(code(byLaptop, { subkeys: [{ key: laptop, ...subkey }] })).toBe("not-a-signing-key");
  });

  test("the certificate of RFC 9580 appendix A.3 vouches for itself; its only subkey encrypts", () => {
    const [certificate] = parseCertificates(Buffer.from(RFC_9580_A3, "base64"));
    const state = loadCertificate(certificate!);
    expect(state).toMatchObject({
      fingerprint: "CB186C4F0609A697E4D52DFA6C722B0C1F1E27C18A56708F6525EC27BAD9ACC9",
      primaryRefusal: undefined,
      primary: { refusal: undefined, revoked: undefined, expires: undefined },
      subkeys: [{ refusal: { code: "not-a-signing-key" } }],
    });
  });

  test("another's signing subkey in one's own certificate gives no credit, and takes none away", () => {
    const hers = forgeCertificate({ primary: alice, subkeys: [{ key: laptop }] });
    const his = forgeCertificate({
      primary: mallory,
      subkeys: [{ key: laptop, back: { over: alice }, revocations: [{}] }],
    });
    const made = forgeSignature(laptop, message);
    expect(verify(made, [his])).toMatchObject({ valid: false });
    expect(verify(made, [hers, his])).toMatchObject({ valid: true, key: alice.fingerprint });
    expect(verify(made, [his, hers])).toMatchObject({ valid: true, key: alice.fingerprint });
  });

  test("a subkey cut out of one certificate and put behind another primary key does not sign", () => {
    const donor = forgeCertificate({ primary: alice, subkeys: [{ key: laptop }] });
    const graft = donor.subarray(forgeCertificate({ primary: alice }).length);
    const grafted = Buffer.concat([forgeCertificate({ primary: mallory }), graft]);
    expect(verify(forgeSignature(laptop, message), [donor])).toMatchObject({ valid: true });
    expect(verify(forgeSignature(laptop, message), [grafted])).toMatchObject({ code: "not-a-signing-key" });
  });

  test("a flood of imitated self-signatures refuses the certificate instead of being worked off", () => {
    const certificate = forgeCertificate({ primary: alice });
    const imitation = forgeSignature(mallory, message, {
      type: 0x13,
      issuer: [issuerFingerprint(alice)],
      created: NOW,
    });
    const flooded = Buffer.concat([certificate, ...Array.from({ length: 20_000 }, () => imitation)]);
    const start = performance.now();
    expect(verify(forgeSignature(alice, message), [flooded])).toMatchObject({ code: "not-a-signing-key" });
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});
