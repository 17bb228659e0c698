/** Side by side with OpenPGP.js: version 6 and Ed25519 (algorithm 27), which GnuPG 2.2 does not make. */
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { createMessage, enums, generateKey, readKey, reformatKey, revokeKey, sign } from "openpgp";
import { describe, expect, test } from "vitest";
import { openPgpKeys } from "../../src/openpgp/keys.ts";
import { verifyOpenPgp } from "../../src/openpgp/verify.ts";

const message = Buffer.from("what is signed\n");
const now = Math.floor(Date.now() / 1000);
const userIDs = [{ name: "Alice", email: "alice@example.org" }];

type KeyType = "curve25519" | "ecc" | "rsa";

async function make(type: KeyType, v6: boolean, subkeys = [{ sign: true }], date = new Date()) {
  const options = { type, userIDs, subkeys, date, config: { v6Keys: v6 }, format: "object" as const };
  const size = type === "rsa" ? { rsaBits: 2048 } : {};
  const curve = type === "ecc" ? { curve: "nistP256" as const } : {};
  return (await generateKey({ ...options, ...size, ...curve })).privateKey;
}

async function signed(signingKeys: Awaited<ReturnType<typeof make>>, armored: boolean): Promise<Buffer> {
  const options = { message: await createMessage({ binary: message }), signingKeys, detached: true as const };
  if (armored) return Buffer.from(await sign({ ...options, format: "armored" }));
  return Buffer.from((await sign({ ...options, format: "binary" })) as Uint8Array);
}

function verify(signature: Buffer, certificate: string, over: Buffer = message) {
  return verifyOpenPgp(signature, over, openPgpKeys(parseCertificates(Buffer.from(certificate))), now);
}

describe.each([
  ["curve25519", true],
  ["curve25519", false],
  ["ecc", true],
  ["ecc", false],
  ["rsa", true],
] as const)("%s, version 6: %s", (type, v6) => {
  test("primary key and subkey sign", async () => {
    for (const subkeys of [[], [{ sign: true }]]) {
      const key = await make(type, v6, subkeys);
      const certificate = key.toPublic().armor();
      const signingKey = (await key.getSigningKey()).getFingerprint().toUpperCase();
      for (const armored of [true, false]) {
        const made = await signed(key, armored);
        expect(verify(made, certificate)).toEqual({
          valid: true,
          key: key.getFingerprint().toUpperCase(),
          signingKey,
          validUntil: undefined,
        });
        expect(verify(made, certificate, Buffer.from("other"))).toMatchObject({ code: "bad-signature" });
      }
    }
  });

  test("an expired and a revoked key", async () => {
    const key = await make(type, v6, [], new Date(Date.now() - 100_000_000));
    const made = await signed(key, false);
    const { privateKey } = await reformatKey({
      privateKey: key,
      userIDs,
      keyExpirationTime: 3600,
      format: "object",
    });
    expect(verify(made, privateKey.toPublic().armor())).toMatchObject({ code: "expired-key" });
    const reasonForRevocation = { flag: enums.reasonForRevocation.keyRetired };
    const { publicKey } = await revokeKey({ key, reasonForRevocation });
    expect((await readKey({ armoredKey: publicKey })).revocationSignatures).toHaveLength(1);
    expect(verify(made, publicKey)).toMatchObject({
      code: "revoked-key",
      message: expect.stringContaining("soft"),
    });
  });
});
