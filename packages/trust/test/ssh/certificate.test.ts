/** What the vectors do not say of certificates: whose the outcome is, until when, and what lapses. */
import { parseSshPublicKeyBlob } from "@firstmile/formats/ssh/public-key";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { certifiedFingerprint, sshFingerprint, sshKeys } from "../../src/ssh/keys.ts";
import { verifySshsig } from "../../src/ssh/verify.ts";
import { type CertificateSpec, certificate, ed25519, FOR_EVER, sshsig } from "./forge.ts";

const NOW = 1_800_000_000;
const message = Buffer.from("what was signed\n");
const [authority, other, alice] = [ed25519(), ed25519(), ed25519()];
const publicKey = ({ blob }: typeof authority) => parseSshPublicKeyBlob(blob);
const fingerprint = (key: typeof authority) => sshFingerprint(publicKey(key));
const by = (...certifiedAs: string[]) => ({ key: publicKey(authority), certifiedAs });

function verify(spec: Partial<CertificateSpec>, entries: Parameters<typeof sshKeys>[1], now = NOW) {
  const blob = certificate({ authority, key: alice, principals: ["alice"], ...spec });
  return verifySshsig(sshsig(alice, blob, message), message, "git", sshKeys([], entries), now);
}

describe("a valid outcome", () => {
  test("names the authority and the name, and the key that signed", () => {
    const key = `${fingerprint(authority)} as alice`;
    expect(verify({}, [by("alice")])).toEqual({
      valid: true,
      key,
      signingKey: fingerprint(alice),
      validUntil: undefined,
    });
    expect(certifiedFingerprint(fingerprint(authority), "alice")).toBe(key);
  });

  test("lasts as long as the certificate", () => {
    const outcome = verify({ before: BigInt(NOW + 60) }, [by("alice")]);
    expect(outcome).toMatchObject({ valid: true, validUntil: NOW + 60 });
    expect(verify({ before: FOR_EVER - 1n }, [by("alice")])).toMatchObject({ validUntil: undefined });
  });

  test("goes by the entry whose name it is, and by that entry's first name where several are", () => {
    const entries = [by("bob"), by("alice@work", "alice")];
    expect(verify({}, entries)).toMatchObject({ key: `${fingerprint(authority)} as alice` });
    const both = verify({ principals: ["alice", "alice@work"] }, entries);
    expect(both).toMatchObject({ key: `${fingerprint(authority)} as alice@work` });
  });

  test("holds while valid after <= now < valid before, and at no other time", () => {
    const time = fc.integer({ min: 0, max: 100 });
    fc.assert(
      fc.property(time, time, time, (after, before, now) => {
        const outcome = verify({ after: BigInt(after), before: BigInt(before) }, [by("alice")], now);
        expect(outcome.valid).toBe(after <= now && now < before);
      }),
      { numRuns: 200, seed: 5 },
    );
    expect(verify({}, [by("alice")], Number.NaN).valid).toBe(false);
  });
});

describe("lapsed", () => {
  const would = {
    valid: true,
    key: `${fingerprint(authority)} as alice`,
    signingKey: fingerprint(alice),
    validUntil: undefined,
  };

  test.each([
    ["is what an expired signature would have been", { before: BigInt(NOW) }],
    ["is what one before its time will be", { after: BigInt(NOW + 1) }],
  ])("%s", (_, spec) => {
    expect(verify(spec, [by("alice")])).toMatchObject({ code: "expired-key", lapsed: would });
  });

  test("is nothing where more than the time speaks against it", () => {
    const before = BigInt(NOW);
    const faults: [Partial<CertificateSpec>, string][] = [
      [{ before, authority: other, signatureKey: authority.blob }, "bad-signature"],
      [{ before, principals: ["mallory"] }, "unknown-key"],
      [{ before, critical: [["verify-required", ""]] }, "pin-missing"],
      [{ before, type: 2 }, "not-a-signing-key"],
    ];
    for (const [spec, code] of faults) {
      const outcome = verify(spec, [by("alice")]);
      expect(outcome).toMatchObject({ valid: false, code });
      expect("lapsed" in outcome).toBe(false);
    }
  });
});

test("one name in two entries is two people's, so nobody's", () => {
  expect(verify({}, [by("alice"), by("alice")])).toMatchObject({ code: "unsupported-signature" });
});

test("an authority does not sign by itself", () => {
  const keys = sshKeys([], [by("alice")]);
  const outcome = verifySshsig(sshsig(authority, authority.blob, message), message, "git", keys, NOW);
  expect(outcome).toMatchObject({ valid: false, code: "unknown-key", key: fingerprint(authority) });
});

test("a key listed by itself certifies nobody", () => {
  const keys = sshKeys([{ key: publicKey(authority), touch: false, pin: false }]);
  const blob = certificate({ authority, key: alice, principals: ["alice"] });
  const outcome = verifySshsig(sshsig(alice, blob, message), message, "git", keys, NOW);
  expect(outcome).toMatchObject({ valid: false, code: "unknown-key" });
});

test("a certified key that is listed too still signs without its certificate", () => {
  const keys = sshKeys([{ key: publicKey(alice), touch: false, pin: false }], [by("alice")]);
  const plain = verifySshsig(sshsig(alice, alice.blob, message), message, "git", keys, NOW);
  expect(plain).toMatchObject({ valid: true, key: fingerprint(alice) });
});

test("no change to a certificate that its authority has signed leaves it valid", () => {
  const blob = certificate({ authority, key: alice, principals: ["alice"], before: BigInt(NOW + 60) });
  const keys = sshKeys([], [by("alice")]);
  const valid = (bytes: Buffer) =>
    verifySshsig(sshsig(alice, bytes, message), message, "git", keys, NOW).valid;
  expect(valid(blob)).toBe(true);
  for (let at = 0; at < blob.length; at++) {
    const changed = Buffer.from(blob);
    changed[at]! ^= 1 << (at % 8);
    expect([at, valid(changed)]).toEqual([at, false]);
  }
});

test("what a refusal repeats of a certificate is short", () => {
  const outcome = verify({ principals: Array.from({ length: 200 }, () => "x".repeat(60)) }, [by("alice")]);
  expect(outcome).toMatchObject({ code: "unknown-key" });
  expect(outcome.valid ? "" : outcome.message).toHaveLength(
    `its certificate names \`${"x".repeat(60)}\`, for whom authority ${fingerprint(authority)} does not speak`
      .length,
  );
});
