/** One way to be certified, or not, a test: what a certifier's word needs in order to count. */
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { MAX_USER_ID, userIdAddress, userIdText } from "@firstmile/formats/openpgp/user-id";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { readVectors } from "../../../../testing/src/vectors.ts";
import { loadCertificate } from "../../src/openpgp/certificate-state.ts";
import { certificationsAt, MAX_CHECKS, MAX_CHECKS_OF_ONE } from "../../src/openpgp/certification.ts";
import { certifiersAt } from "../../src/openpgp/certifier.ts";
import { mergeCertificates } from "../../src/openpgp/merge.ts";
import { standingAt } from "../../src/openpgp/standing.ts";
import { certify, type ForgedCandidate, type ForgedUserId, forgeCandidate } from "./certify.ts";
import {
  DAY,
  forgeKey,
  issuerFingerprint,
  issuerKeyId,
  keyExpiry,
  keyFrame,
  MADE,
  NOW,
  notation,
  packet,
  revocationReason,
  type SignatureOptions,
  signatureExpiry,
  subpacket,
} from "./forge.ts";

const seeded = (byte: number) => forgeKey("ed25519-legacy", { seed: Buffer.alloc(32, byte) });
const alice = seeded(1);
const master = seeded(4);
const mallory = seeded(3);
const NAME = "Alice <alice@example.org>";
const masters = (options: Partial<ForgedCandidate> = {}) =>
  forgeCandidate({ key: master, userIds: [{ text: "Master" }], ...options });

interface Case {
  readonly candidate: Buffer;
  readonly certifiers?: readonly Buffer[];
  readonly now?: number;
  readonly text?: string;
}

/** `certified`, or why the certifier's word or the candidate's own does not suffice; `silent` where nothing is said. */
function verdict({ candidate, certifiers = [masters()], now = NOW, text = NAME }: Case): string {
  const ring = certifiersAt(
    certifiers.flatMap((one) => parseCertificates(one)),
    now,
  );
  const found = certificationsAt(mergeCertificates(parseCertificates(candidate)), ring, now);
  if (found === undefined) return "exhausted";
  const one = found[0];
  if (one?.flooded) return "flooded";
  const said = one?.userIds.find(({ userId }) => userIdText(userId.bytes) === text);
  const certification = said?.certifications[0];
  if (one === undefined || said === undefined || certification === undefined) return "silent";
  if (!certification.counts) return certification.code;
  const standing = standingAt(loadCertificate(one.certificate), said.userId, now);
  return standing.stands ? "certified" : standing.code;
}

const by = (options: SignatureOptions = {}, key = master) => certify(key, alice, NAME, options);
const candidate = (...others: Buffer[]) => forgeCandidate({ key: alice, userIds: [{ text: NAME, others }] });
const revocation = (options: SignatureOptions = {}) => by({ type: 0x30, created: MADE + DAY, ...options });

describe("what counts", () => {
  test.each([0x10, 0x12, 0x13])("a certification of type 0x%s", (type) => {
    expect(verdict({ candidate: candidate(by({ type })) })).toBe("certified");
  });

  test("one that is not exportable, one with a trust depth, one found by key ID alone", () => {
    expect(verdict({ candidate: candidate(by({ hashed: [subpacket(4, Buffer.of(0))] })) })).toBe("certified");
    expect(verdict({ candidate: candidate(by({ hashed: [subpacket(5, Buffer.of(1, 120))] })) })).toBe(
      "certified",
    );
    expect(verdict({ candidate: candidate(by({ issuer: [issuerKeyId(master)] })) })).toBe("certified");
  });

  test("one made anew after it was taken back", () => {
    const again = by({ created: MADE + 2 * DAY });
    expect(verdict({ candidate: candidate(by(), revocation(), again) })).toBe("certified");
    expect(verdict({ candidate: candidate(again, revocation(), by()) })).toBe("certified");
  });

  test("one by a certifier whose key has no flags at all, or only the one for certifying", () => {
    const options = {
      userIds: [{ text: "Master", self: null, others: [certify(master, master, "Master")] }],
    };
    expect(verdict({ candidate: candidate(by()), certifiers: [masters(options)] })).toBe("certified");
    expect(verdict({ candidate: candidate(by()), certifiers: [masters({ flags: 1 })] })).toBe("certified");
  });

  test.each([0x10, 0x12, 0x13])("class %i, also below a persona certification that is newer", (type) => {
    expect(verdict({ candidate: candidate(by({ type })) })).toBe("certified");
    const newer = by({ type: 0x11, created: MADE + DAY });
    expect(verdict({ candidate: candidate(by({ type }), newer) })).toBe("certified");
  });

  test("its own end and everybody's expiry are told", () => {
    const end = [signatureExpiry(200 * DAY)];
    const ring = certifiersAt(parseCertificates(masters()), NOW);
    const found = certificationsAt(parseCertificates(candidate(by({ hashed: end }))), ring, NOW);
    expect(found?.[0]?.userIds[0]?.certifications).toEqual([
      { by: master.fingerprint, counts: true, expires: MADE + 200 * DAY },
    ]);
  });
});

describe("what does not", () => {
  test.each<[string, string, Buffer[]]>([
    ["nothing said", "silent", []],
    ["by somebody who is no certifier", "silent", [by({}, mallory)]],
    ["by nobody in particular", "silent", [by({ issuer: [] })]],
    [
      "by somebody else in the certifier's name",
      "bad-certification",
      [by({ issuer: [issuerFingerprint(master)] }, mallory)],
    ],
    ["of another user ID", "bad-certification", [certify(master, alice, "Mallory")]],
    ["of another key", "bad-certification", [certify(master, mallory, NAME)]],
    ["older than the certifier's key", "bad-certification", [by({ created: MADE - 1 })]],
    ["over SHA-1", "weak-certification", [by({ hash: "sha1" })]],
    ["over RIPEMD-160", "weak-certification", [by({ hash: "ripemd160" })]],
    [
      "with an unknown critical part",
      "unsupported-certification",
      [by({ hashed: [subpacket(100, Buffer.of(1), true)] })],
    ],
    [
      "with a critical regular expression",
      "unsupported-certification",
      [by({ hashed: [subpacket(6, Buffer.from("x\0"), true)] })],
    ],
    [
      "with a critical notation",
      "unsupported-certification",
      [by({ hashed: [notation("a@example.org", "b", true)] })],
    ],
    ["past its end", "expired-certification", [by({ hashed: [signatureExpiry(DAY)] })]],
    [
      "past its end, with an endless older one",
      "expired-certification",
      [by(), by({ created: MADE + DAY, hashed: [signatureExpiry(DAY)] })],
    ],
    ["dated in the future", "future-certification", [by({ created: NOW + 1 })]],
    ["taken back", "revoked-certification", [by(), revocation()]],
    ["taken back, the other way round", "revoked-certification", [revocation(), by()]],
    ["taken back over SHA-1", "revoked-certification", [by(), revocation({ hash: "sha1" })]],
    [
      "taken back, for a time only",
      "revoked-certification",
      [by(), revocation({ hashed: [signatureExpiry(1)] })],
    ],
    [
      "taken back with an unknown critical part",
      "revoked-certification",
      [by(), revocation({ hashed: [subpacket(100, Buffer.of(1), true)] })],
    ],
    ["taken back in the same second", "revoked-certification", [revocation({ created: MADE }), by()]],
    [
      "irrevocable, and taken back",
      "revoked-certification",
      [by({ hashed: [subpacket(7, Buffer.of(0))] }), revocation()],
    ],
    ["only by a key-binding signature", "silent", [by({ type: 0x1f })]],
    ["a persona certification", "persona-certification", [by({ type: 0x11 })]],
    ["taken back over MD5", "revoked-certification", [by(), revocation({ hash: "md5" })]],
    [
      "past the end of a newer one over SHA-1",
      "expired-certification",
      [by(), by({ created: MADE + DAY, hash: "sha1", hashed: [signatureExpiry(DAY)] })],
    ],
  ])("%s: %s", (_, code, others) => {
    expect(verdict({ candidate: candidate(...others) })).toBe(code);
  });

  test("SHA-1 from before 2019 does not count either, when GnuPG still takes it", () => {
    const made = { created: 1_400_000_000 };
    const [old, certified] = [forgeKey("rsa2048", made), forgeKey("rsa2048", made)];
    const verdictOver = (hash: string) => {
      const others = [certify(old, certified, NAME, { ...made, hash })];
      const candidate = forgeCandidate({ key: certified, userIds: [{ text: NAME, self: made, others }] });
      return verdict({
        candidate,
        certifiers: [forgeCandidate({ key: old, userIds: [{ text: "M", self: made }] })],
      });
    };
    expect(verdictOver("sha256")).toBe("certified");
    expect(verdictOver("sha1")).toBe("weak-certification");
  });

  test("a revocation by somebody else takes nothing back", () => {
    const forged = by({ type: 0x30, created: NOW - 1, issuer: [issuerFingerprint(master)] }, mallory);
    expect(verdict({ candidate: candidate(by(), forged, by({ type: 0x30 }, mallory)) })).toBe("certified");
  });

  test("version 3: a certification does not count, a revocation does", () => {
    const v3 = (type: number) => {
      const said = Buffer.from([type, ...Buffer.from("66000000", "hex")]);
      const over = Buffer.concat([keyFrame(alice.body), Buffer.from(NAME), said]);
      const body = [Buffer.of(3, 5), said, master.keyId, Buffer.of(22, 8, 0, 0), master.sign("sha256", over)];
      return packet(2, Buffer.concat(body));
    };
    expect(verdict({ candidate: candidate(v3(0x10)) })).toBe("unsupported-certification");
    expect(verdict({ candidate: candidate(by(), v3(0x30)) })).toBe("revoked-certification");
  });

  test("its own: a certifier does not certify their own key", () => {
    expect(verdict({ candidate: masters(), text: "Master" })).toBe("silent");
  });

  test("a photograph names nobody, nor does a user ID longer than any tool reads", () => {
    const long = "x".repeat(MAX_USER_ID + 1);
    const certified = forgeCandidate({
      key: alice,
      userIds: [{ text: long, others: [certify(master, alice, long)] }],
    });
    expect(verdict({ candidate: certified, text: long.slice(0, MAX_USER_ID) })).toBe("silent");
    const fitting = "x".repeat(MAX_USER_ID);
    const short = forgeCandidate({
      key: alice,
      userIds: [{ text: fitting, others: [certify(master, alice, fitting)] }],
    });
    expect(verdict({ candidate: short, text: fitting })).toBe("certified");
  });
});

describe("the certifier's key", () => {
  test.each<[string, Partial<ForgedCandidate>]>([
    ["revoked", { revocations: [{ hashed: [revocationReason(2)] }] }],
    ["retired", { revocations: [{ hashed: [revocationReason(3)], created: NOW - DAY }] }],
    ["expired", { userIds: [{ text: "Master", self: { hashed: [keyExpiry(30 * DAY)] } }] }],
    ["not marked for certifying", { flags: 2 }],
    ["without self-signature", { userIds: [{ text: "Master", self: null }] }],
  ])("%s: its word does not count, whenever it was given", (_, options) => {
    expect(verdict({ candidate: candidate(by()), certifiers: [masters(options)] })).toBe("silent");
    expect(verdict({ candidate: candidate(by()), certifiers: [masters()] })).toBe("certified");
  });

  test("an old copy without the revocation does not help", () => {
    const revoked = masters({ revocations: [{}] });
    for (const certifiers of [
      [masters(), revoked],
      [revoked, masters()],
    ]) {
      expect(verdict({ candidate: candidate(by()), certifiers })).toBe("silent");
    }
  });

  test("a signing subkey of the certifier certifies nobody", () => {
    const subkey = seeded(5);
    const certifiers = [masters({ subkeys: [{ key: subkey, flags: 3 }] })];
    expect(verdict({ candidate: candidate(by({}, subkey)), certifiers })).toBe("silent");
  });
});

describe("the candidate", () => {
  const own = (options: Partial<ForgedCandidate>, userId: Partial<ForgedUserId> = {}) =>
    verdict({
      candidate: forgeCandidate({
        key: alice,
        userIds: [{ text: NAME, others: [by()], ...userId }],
        ...options,
      }),
    });

  test("revoked, expired, or without a word of its own", () => {
    expect(own({ revocations: [{ hashed: [revocationReason(3)] }] })).toBe("revoked-key");
    expect(own({}, { self: { hashed: [keyExpiry(DAY)] } })).toBe("expired-key");
    expect(own({}, { self: null })).toBe("unusable-key");
  });

  test("a user ID that its owner never claimed, took back, or claimed for a time", () => {
    const other = { text: "Alice", self: { created: MADE + 2 } };
    const two = (userId: ForgedUserId) =>
      verdict({ candidate: forgeCandidate({ key: alice, userIds: [other, userId] }) });
    const taken = certify(alice, alice, NAME, { type: 0x30, created: MADE + DAY });
    expect(two({ text: NAME, others: [by()] })).toBe("certified");
    expect(two({ text: NAME, self: null, others: [by()] })).toBe("unclaimed-user-id");
    expect(two({ text: NAME, others: [by(), taken] })).toBe("revoked-user-id");
    expect(two({ text: NAME, self: { hashed: [signatureExpiry(DAY)] }, others: [by()] })).toBe(
      "expired-user-id",
    );
  });

  test("certifications of different user IDs do not add up", () => {
    const [one, two] = [seeded(6), seeded(7)];
    const certifiers = [one, two].map((key) => forgeCandidate({ key, userIds: [{ text: "M" }] }));
    const ring = certifiersAt(
      certifiers.flatMap((bytes) => parseCertificates(bytes)),
      NOW,
    );
    const userIds = [
      { text: NAME, others: [certify(one, alice, NAME)] },
      { text: "Alice", others: [certify(two, alice, "Alice")] },
    ];
    const found = certificationsAt(parseCertificates(forgeCandidate({ key: alice, userIds })), ring, NOW);
    expect(found?.[0]?.userIds.map(({ certifications }) => certifications.map(({ by }) => by))).toEqual([
      [one.fingerprint],
      [two.fingerprint],
    ]);
  });
});

describe("floods", () => {
  const imitation = by({ issuer: [issuerFingerprint(master)], created: NOW - 1 }, mallory);

  test("more imitations on one certificate than are looked at: it is left out, and not worked off", () => {
    const flooded = (size: number) => candidate(by(), ...Array.from({ length: size }, () => imitation));
    const start = performance.now();
    expect(verdict({ candidate: flooded(20_000) })).toBe("flooded");
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(verdict({ candidate: flooded(MAX_CHECKS_OF_ONE - 1) })).toBe("certified");
    expect(verdict({ candidate: flooded(MAX_CHECKS_OF_ONE) })).toBe("flooded");
  });

  test("more in one keyring than are looked at: nobody is certified", () => {
    const [one] = parseCertificates(candidate(...Array.from({ length: MAX_CHECKS_OF_ONE }, () => imitation)));
    const ring = certifiersAt(parseCertificates(masters()), NOW);
    const many = (size: number) => Array.from({ length: size / MAX_CHECKS_OF_ONE }, () => one!);
    const start = performance.now();
    expect(certificationsAt(many(MAX_CHECKS), ring, NOW)).toHaveLength(MAX_CHECKS / MAX_CHECKS_OF_ONE);
    expect(certificationsAt(many(50_000 * MAX_CHECKS_OF_ONE), ring, NOW)).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});

describe("user IDs", () => {
  test.each([
    ["Alice <Alice@Example.ORG>", "alice@example.org"],
    ["alice@example.org", "alice@example.org"],
    ["Mallory <alice@example.org> <mallory@example.org>", "mallory@example.org"],
    ["Alice (a <b> c) <alice@example.org> ", "alice@example.org"],
    ["Alice", undefined],
    ["Alice <alice>", undefined],
    ["Alice <a b@example.org>", undefined],
    ["Alice <a@b@example.org>", undefined],
    ["", undefined],
  ])("%s: %s", (text, address) => {
    expect(userIdAddress(Buffer.from(text))).toBe(address);
  });

  test("no text of a user ID moves a terminal's cursor", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(userIdText(bytes)).not.toMatch(/\p{Cc}/u);
      }),
    );
    expect(userIdText(Buffer.from("a\x1b[2Jb\u202e"))).toBe("a?[2Jb?");
  });
});

describe("vectors", () => {
  const vectors = readVectors("openpgp/certification");
  test.each(vectors.map((vector) => [vector.file, vector] as const))(
    "%s",
    (_, { blocks, header, expect: code }) => {
      const certifiers = [Buffer.from(blocks.get("certifiers")!)];
      const candidate = Buffer.from(blocks.get("candidate")!);
      expect(
        verdict({ candidate, certifiers, now: Number(header.get("now")), text: header.get("user-id")! }),
      ).toBe(code);
    },
  );
});

test("fuzz: whatever parses can be asked, and no mutation of an imitation is certified", () => {
  const imitation = by({ issuer: [issuerFingerprint(master)] }, mallory);
  const seeds = [
    candidate(imitation),
    candidate(imitation, by({ type: 0x30 }, mallory)),
    candidate(by({ issuer: [issuerFingerprint(master)], hash: "sha1" }, mallory)),
    Buffer.concat([masters(), candidate(imitation)]),
  ];
  const ring = certifiersAt(parseCertificates(masters()), NOW);
  fuzz("certificationsAt", seeds, (bytes) => {
    const parsed = parseCertificates(bytes);
    try {
      certifiersAt(parsed, NOW);
      const found = certificationsAt(mergeCertificates(parsed), ring, NOW)!;
      const all = found.flatMap(({ userIds }) => userIds.flatMap(({ certifications }) => certifications));
      expect(all.filter(({ counts }) => counts)).toEqual([]);
    } catch (error) {
      throw new Error("threw", { cause: error });
    }
  });
});
