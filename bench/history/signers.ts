/** Ed25519 signers of both kinds that Git knows, the same in every run, signing in this process. */
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import {
  type ForgedKey,
  forgeCertificate,
  forgeKey,
  forgeSignature,
} from "../../packages/trust/test/openpgp/forge.ts";

export type SignerKind = "ssh" | "openpgp";

export interface Signer {
  readonly name: string;
  /** As it stands in a key file: a line, or an armored certificate. */
  readonly publicKey: string;
  /** OpenPGP's in hex, or SSH's as `SHA256:…`. */
  readonly fingerprint: string;
  /** An armored signature over a commit. */
  sign(payload: Buffer): string;
}

/** As many people as there are names. */
export function signers(kind: SignerKind, names: readonly string[]): Signer[] {
  return names.map((name) => (kind === "ssh" ? sshSigner(name) : openPgpSigner(name)));
}

function seedOf(name: string): Buffer {
  return createHash("sha256").update(`firstmile bench ${name}`).digest();
}

function openPgpSigner(name: string): Signer {
  const key: ForgedKey = forgeKey("ed25519-legacy", { seed: seedOf(name) });
  return {
    name,
    fingerprint: key.fingerprint,
    publicKey: armor("PGP PUBLIC KEY BLOCK", forgeCertificate({ primary: key }), true),
    sign: (payload) => armor("PGP SIGNATURE", forgeSignature(key, payload), true),
  };
}

function sshSigner(name: string): Signer {
  const key = createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seedOf(name)]),
    format: "der",
    type: "pkcs8",
  });
  const point = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  const blob = Buffer.concat([text("ssh-ed25519"), text(point)]);
  const fingerprint = createHash("sha256").update(blob).digest("base64").replace(/=+$/, "");
  return {
    name,
    fingerprint: `SHA256:${fingerprint}`,
    publicKey: `ssh-ed25519 ${blob.toString("base64")} ${name}\n`,
    sign: (payload) => {
      const claims = [text("git"), text(""), text("sha512")];
      const hashed = text(createHash("sha512").update(payload).digest());
      const made = sign(null, Buffer.concat([Buffer.from("SSHSIG"), ...claims, hashed]), key);
      const signature = text(Buffer.concat([text("ssh-ed25519"), text(made)]));
      const packet = [Buffer.from("SSHSIG"), Buffer.of(0, 0, 0, 1), text(blob), ...claims, signature];
      return armor("SSH SIGNATURE", Buffer.concat(packet), false);
    },
  };
}

/** An SSH string (RFC 4251 section 5). */
function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function armor(label: string, bytes: Buffer, openPgp: boolean): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g)!;
  const head = openPgp ? [`-----BEGIN ${label}-----`, ""] : [`-----BEGIN ${label}-----`];
  const check = openPgp ? [`=${crc24(bytes).toString("base64")}`] : [];
  return [...head, ...lines, ...check, `-----END ${label}-----`, ""].join("\n");
}

/** RFC 9580 section 6.1.1. */
function crc24(bytes: Buffer): Buffer {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit++) {
      crc <<= 1;
      if (crc & 0x1000000) crc ^= 0x1864cfb;
    }
  }
  return Buffer.of((crc >> 16) & 0xff, (crc >> 8) & 0xff, crc & 0xff);
}
