/** Ed25519 signers of both kinds that Git knows, the same in every run, signing in this process. */
import { createHash } from "node:crypto";
import { sshSigner } from "@firstmile/testing/ssh-signer";
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
  return names.map((name) => (kind === "ssh" ? sshSigner(name, seedOf(name)) : openPgpSigner(name)));
}

function seedOf(name: string): Buffer {
  return createHash("sha256").update(`firstmile bench ${name}`).digest();
}

function openPgpSigner(name: string): Signer {
  const key: ForgedKey = forgeKey("ed25519-legacy", { seed: seedOf(name) });
  return {
    name,
    fingerprint: key.fingerprint,
    publicKey: openPgpArmor("PGP PUBLIC KEY BLOCK", forgeCertificate({ primary: key })),
    sign: (payload) => openPgpArmor("PGP SIGNATURE", forgeSignature(key, payload)),
  };
}

function openPgpArmor(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g)!;
  const check = `=${crc24(bytes).toString("base64")}`;
  return [`-----BEGIN ${label}-----`, "", ...lines, check, `-----END ${label}-----`, ""].join("\n");
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
