/**
 * SSH signatures (OpenSSH's PROTOCOL.sshsig) by Ed25519 keys that are the same in every run, made in this process:
 * starting ssh-keygen costs a hundred times as much.
 */
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";

export interface SshSigner {
  readonly name: string;
  /** A line, as it stands in a key file. */
  readonly publicKey: string;
  /** As `ssh-keygen -l` prints it: `SHA256:…`. */
  readonly fingerprint: string;
  /** An armored signature: in Git's namespace unless told otherwise. */
  sign(payload: Uint8Array, namespace?: string): string;
}

/** `seed`: 32 bytes, the private key. */
export function sshSigner(name: string, seed: Uint8Array): SshSigner {
  const key = createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]),
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
    sign: (payload, namespace = "git") => {
      const claims = [text(namespace), text(""), text("sha512")];
      const hashed = text(createHash("sha512").update(payload).digest());
      const made = sign(null, Buffer.concat([Buffer.from("SSHSIG"), ...claims, hashed]), key);
      const signature = text(Buffer.concat([text("ssh-ed25519"), text(made)]));
      const packet = [Buffer.from("SSHSIG"), Buffer.of(0, 0, 0, 1), text(blob), ...claims, signature];
      return armor(Buffer.concat(packet));
    },
  };
}

/** An SSH string (RFC 4251 section 5). */
function text(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function armor(bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g)!;
  return ["-----BEGIN SSH SIGNATURE-----", ...lines, "-----END SSH SIGNATURE-----", ""].join("\n");
}
