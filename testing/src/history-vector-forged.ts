/** People whose OpenPGP keys and signatures are put together byte by byte: what no well-behaved tool makes. */
import { createHash } from "node:crypto";
import { forgeCertificate, forgeKey, forgeSignature, MADE } from "../../packages/trust/test/openpgp/forge.ts";
import { armoredSignature } from "./history-vector-case.ts";
import { DAY, type Person } from "./world.ts";

/** A person whose OpenPGP key and signatures are put together byte by byte. */
export function forged(
  name: string,
  certificate: Parameters<typeof forgeCertificate>[0],
  options: Parameters<typeof forgeSignature>[2] = {},
  signing = certificate.primary,
): Person {
  const bytes = forgeCertificate(certificate);
  return {
    name,
    kind: "openpgp-ed25519",
    fingerprint: certificate.primary.fingerprint,
    keyFile: `keys/${name}.gpg`,
    publicKey: async () => bytes,
    sign: async (message) =>
      Buffer.from(
        armoredSignature(forgeSignature(signing, Buffer.from(message), { created: MADE + DAY, ...options })),
      ),
    gitConfig: {},
    revoke: () => Promise.reject(new Error("a forged key is not withdrawn")),
  };
}

/** Signs what an OpenPGP text signature is over: the text with CR LF for each line end (RFC 9580 section 5.2.1.2). */
export function textSigner(): Person {
  const person = forged("bob-text", { primary: forgeKey("ed25519-legacy") }, { type: 1 });
  const canonical = (text: Uint8Array) =>
    Buffer.from(Buffer.from(text).toString("latin1").replaceAll("\n", "\r\n"), "latin1");
  return { ...person, sign: (message) => person.sign(canonical(message)) };
}

/** Signs again and again, with another second each time, until the signature's first number has lost a byte. */
export function shortNumber(): Person {
  const key = forgeKey("ed25519-legacy");
  const certificate = { primary: key };
  const person = forged("bob-short", certificate);
  return {
    ...person,
    sign: async (message) => {
      for (let i = 0; i < 100_000; i++) {
        const made = forgeSignature(key, Buffer.from(message), { created: MADE + DAY + i });
        if (made.length < FULL_LENGTH) return Buffer.from(armoredSignature(made));
      }
      throw new Error("no short number came up");
    },
  };
}

/** Of a v4 signature by an Ed25519 key as `forgeSignature` frames it, with both numbers whole. */
const FULL_LENGTH = 2 + 4 + 2 + 6 + 23 + 2 + 10 + 2 + 34 + 34;

/** A low-order point as an OpenPGP key: any message has a signature under it that the bare equation accepts. */
export function lowOrder(): Person {
  const real = forgeKey("ed25519-legacy");
  const at = real.body.length - 32;
  const body = Buffer.concat([real.body.subarray(0, at), Buffer.alloc(32)]);
  return forged("bob-low-order", { primary: { ...forgeKeyFrom(real, body) } });
}

function forgeKeyFrom(real: ReturnType<typeof forgeKey>, body: Buffer): ReturnType<typeof forgeKey> {
  const framed = Buffer.concat([Buffer.from([0x99, body.length >> 8, body.length & 255]), body]);
  const fingerprint = sha1(framed);
  return {
    ...real,
    body,
    fingerprint: fingerprint.toString("hex").toUpperCase(),
    keyId: fingerprint.subarray(-8),
  };
}

function sha1(bytes: Buffer): Buffer {
  return createHash("sha1").update(bytes).digest();
}
