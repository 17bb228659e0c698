/** What of a refused signature may still be told: that only the life of its key speaks against it. */
import { describe, expect, test } from "vitest";
import { alice, laptop, mallory, message, verify } from "./alice.ts";
import {
  DAY,
  type ForgedCertificate,
  forgeCertificate,
  forgeKey,
  forgeSignature,
  keyExpiry,
  MADE,
  NOW,
  revocationReason,
  type SignatureOptions,
  signatureExpiry,
  subpacket,
} from "./forge.ts";

const past = { hashed: [keyExpiry(30 * DAY)] };
const soft = { hashed: [revocationReason(3)], created: NOW - DAY };
const superseded = { hashed: [revocationReason(1)], created: NOW - DAY };
const hard = { hashed: [revocationReason(2)], created: NOW - DAY };
const mute = { hashed: [], created: NOW - DAY };
const desktop = forgeKey("ed25519-legacy");

interface Case {
  readonly key?: typeof alice;
  readonly certificate: Partial<ForgedCertificate>;
  readonly signature?: SignatureOptions;
  readonly over?: Buffer;
}

function outcome({ key = alice, certificate, signature, over = message }: Case) {
  return verify(forgeSignature(key, over, signature), [forgeCertificate({ primary: alice, ...certificate })]);
}

const bySubkey = (subkey: object, certificate: Partial<ForgedCertificate> = {}): Case => ({
  key: laptop,
  certificate: { ...certificate, subkeys: [{ key: laptop, ...subkey }] },
});

describe("lapsed: the signature it would have been, without an end", () => {
  test.each<[string, string, Case]>([
    ["an expired primary key", "expired-key", { certificate: { self: past } }],
    ["an expired primary key, a subkey", "expired-key", bySubkey({}, { self: past })],
    ["an expired subkey", "expired-key", bySubkey({ options: past })],
    ["a binding past its end", "expired-key", bySubkey({ options: { hashed: [signatureExpiry(DAY)] } })],
    [
      "a self-signature past its end",
      "expired-key",
      { certificate: { self: { hashed: [signatureExpiry(DAY)] } } },
    ],
    [
      "a back signature past its end",
      "expired-key",
      bySubkey({ back: { options: { hashed: [signatureExpiry(DAY)] } } }),
    ],
    [
      "a signature past its end",
      "expired-signature",
      { certificate: {}, signature: { hashed: [signatureExpiry(DAY)] } },
    ],
    ["a primary key that was retired", "revoked-key", { certificate: { revocations: [soft] } }],
    ["a primary key that was superseded", "revoked-key", { certificate: { revocations: [superseded] } }],
    ["a primary key that was retired, a subkey", "revoked-key", bySubkey({}, { revocations: [soft] })],
    ["a subkey that was retired", "revoked-key", bySubkey({ revocations: [soft] })],
    [
      "a subkey that was superseded by another",
      "revoked-key",
      {
        key: laptop,
        certificate: { subkeys: [{ key: laptop, revocations: [superseded] }, { key: desktop }] },
      },
    ],
    ["retired and expired", "revoked-key", { certificate: { self: past, revocations: [soft] } }],
    [
      "claiming a time after its key's end",
      "expired-key",
      { certificate: { self: past }, signature: { created: NOW } },
    ],
  ])("%s", (_, code, one) => {
    const key = one.key ?? alice;
    expect(outcome(one)).toMatchObject({ valid: false, code, key: alice.fingerprint });
    expect(outcome(one)).toHaveProperty("lapsed", {
      valid: true,
      key: alice.fingerprint,
      signingKey: key.fingerprint,
      validUntil: undefined,
    });
  });
});

describe("not lapsed", () => {
  test.each<[string, string, Case]>([
    ["a compromised primary key", "revoked-key", { certificate: { revocations: [hard] } }],
    ["revoked without a reason", "revoked-key", { certificate: { revocations: [mute] } }],
    [
      "revoked for a reason of no known code",
      "revoked-key",
      { certificate: { revocations: [{ hashed: [revocationReason(99)] }] } },
    ],
    ["a compromised primary key, a subkey", "revoked-key", bySubkey({}, { revocations: [hard] })],
    ["a compromised subkey", "revoked-key", bySubkey({ revocations: [hard] })],
    ["compromised and expired", "revoked-key", { certificate: { self: past, revocations: [hard] } }],
    ["retired first, compromised later", "revoked-key", { certificate: { revocations: [soft, hard] } }],
    [
      "a retired primary key, a compromised subkey",
      "revoked-key",
      bySubkey({ revocations: [hard] }, { revocations: [soft] }),
    ],
    [
      "a bad signature by an expired key",
      "bad-signature",
      { certificate: { self: past }, over: Buffer.from("other") },
    ],
    [
      "a weak hash by an expired key",
      "weak-signature",
      { certificate: { self: past }, signature: { hash: "sha1" } },
    ],
    [
      "older than its expired key",
      "bad-signature",
      { certificate: { self: past }, signature: { created: MADE - 1 } },
    ],
    ["not a signing key, expired", "not-a-signing-key", { certificate: { flags: 1, self: past } }],
    ["not a signing key, retired", "revoked-key", { certificate: { flags: 1, revocations: [soft] } }],
    [
      "an expired subkey that never signed back",
      "not-a-signing-key",
      bySubkey({ back: null, options: past }),
    ],
    ["a retired subkey that never signed back", "revoked-key", bySubkey({ back: null, revocations: [soft] })],
    [
      "an unknown restriction, expired",
      "unsupported-signature",
      { certificate: { self: past }, signature: { hashed: [subpacket(100, Buffer.of(1), true)] } },
    ],
    [
      "an expired key's text signature",
      "unsupported-signature",
      { certificate: { self: past }, signature: { type: 1 } },
    ],
    ["somebody else's", "unknown-key", { key: mallory, certificate: { self: past } }],
  ])("%s", (_, code, one) => {
    const refused = outcome(one);
    expect(refused).toMatchObject({ valid: false, code });
    expect(refused).not.toHaveProperty("lapsed");
  });

  test("a valid signature says nothing of the kind", () => {
    expect(outcome({ certificate: {} })).toEqual({
      valid: true,
      key: alice.fingerprint,
      signingKey: alice.fingerprint,
      validUntil: undefined,
    });
  });
});

test("another's certificate that lists the key does not hide that the signature lapsed", () => {
  const hers = forgeCertificate({ primary: alice, subkeys: [{ key: laptop, options: past }] });
  const his = forgeCertificate({ primary: mallory, subkeys: [{ key: laptop, back: { over: alice } }] });
  const made = forgeSignature(laptop, message);
  for (const certificates of [
    [hers, his],
    [his, hers],
  ]) {
    expect(verify(made, certificates)).toMatchObject({
      code: "expired-key",
      lapsed: { key: alice.fingerprint },
    });
  }
});
