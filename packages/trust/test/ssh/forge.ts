/** Certificates and signatures put together field by field, so that a test can also say what ssh-keygen never writes. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

const utf8 = (text: string) => Buffer.from(text, "utf8");

export function string(content: Uint8Array | string): Buffer {
  const bytes = typeof content === "string" ? utf8(content) : Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

export function uint32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
}

function uint64(value: bigint): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(value);
  return out;
}

function mpint(bytes: Buffer): Buffer {
  let start = 0;
  while (bytes[start] === 0) start++;
  const number = bytes.subarray(start);
  return string(number[0]! >= 0x80 ? Buffer.concat([Buffer.from([0]), number]) : number);
}

export interface ForgedKey {
  readonly type: string;
  /** What follows the type in the key's blob. */
  readonly fields: Buffer;
  readonly blob: Buffer;
  /** A signature as RFC 4253 section 6.6 encodes it. */
  sign(data: Buffer): Buffer;
}

function key(type: string, fields: Buffer, make: (data: Buffer) => Buffer): ForgedKey {
  return { type, fields, blob: Buffer.concat([string(type), fields]), sign: make };
}

export function ed25519(): ForgedKey {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return key("ssh-ed25519", string(ed25519Bytes(publicKey)), (data) =>
    Buffer.concat([string("ssh-ed25519"), string(sign(null, data, privateKey))]),
  );
}

function ed25519Bytes(publicKey: KeyObject): Buffer {
  return publicKey.export({ format: "der", type: "spki" }).subarray(-32);
}

export function ecdsa(curve: 256 | 384 | 521): ForgedKey {
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: { 256: "prime256v1", 384: "secp384r1", 521: "secp521r1" }[curve],
  });
  const size = Math.ceil(curve / 8);
  const point = publicKey.export({ format: "der", type: "spki" }).subarray(-2 * size - 1);
  const type = `ecdsa-sha2-nistp${curve}`;
  const hash = { 256: "sha256", 384: "sha384", 521: "sha512" }[curve];
  return key(type, Buffer.concat([string(`nistp${curve}`), string(point)]), (data) => {
    const raw = sign(hash, data, { key: privateKey, dsaEncoding: "ieee-p1363" });
    const numbers = Buffer.concat([mpint(raw.subarray(0, size)), mpint(raw.subarray(size))]);
    return Buffer.concat([string(type), string(numbers)]);
  });
}

export function rsa(
  algorithm: "ssh-rsa" | "rsa-sha2-256" | "rsa-sha2-512" = "rsa-sha2-512",
  bits = 2048,
): ForgedKey {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  const { n, e } = publicKey.export({ format: "jwk" });
  const number = (base64url: string) => mpint(Buffer.from(base64url, "base64url"));
  const hash = { "ssh-rsa": "sha1", "rsa-sha2-256": "sha256", "rsa-sha2-512": "sha512" }[algorithm];
  return key("ssh-rsa", Buffer.concat([number(e!), number(n!)]), (data) =>
    Buffer.concat([string(algorithm), string(sign(hash, data, privateKey))]),
  );
}

const APPLICATION = "ssh:";

/** A FIDO token in software: `flags` as it would set them, 1 touched, 4 PIN given. */
export function skEd25519(flags: number): ForgedKey {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const type = "sk-ssh-ed25519@openssh.com";
  const fields = Buffer.concat([string(ed25519Bytes(publicKey)), string(APPLICATION)]);
  return key(type, fields, (data) => {
    const said = Buffer.concat([Buffer.from([flags]), uint32(7)]);
    const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
    const signed = Buffer.concat([sha256(utf8(APPLICATION)), said, sha256(data)]);
    return Buffer.concat([string(type), string(sign(null, signed, privateKey)), said]);
  });
}

export interface CertificateSpec {
  readonly authority: ForgedKey;
  readonly key: ForgedKey;
  readonly principals: readonly string[];
  readonly type?: number;
  readonly after?: bigint;
  readonly before?: bigint;
  readonly critical?: readonly (readonly [string, Uint8Array | string])[];
  readonly extensions?: readonly (readonly [string, Uint8Array | string])[];
  readonly reserved?: string;
  /** In place of the authority's own blob. */
  readonly signatureKey?: Buffer;
  /** Changes what the authority has signed, behind its back. */
  readonly tamper?: (signed: Buffer) => Buffer;
}

export const FOR_EVER = 2n ** 64n - 1n;

export function certificate(spec: CertificateSpec): Buffer {
  const { key, authority, principals, critical = [], extensions = [] } = spec;
  const options = (all: readonly (readonly [string, Uint8Array | string])[]) =>
    string(Buffer.concat(all.flatMap(([name, data]) => [string(name), string(data)])));
  const signed = Buffer.concat([
    string(`${key.type.replace("@openssh.com", "")}-cert-v01@openssh.com`),
    string(Buffer.alloc(32, 7)),
    key.fields,
    uint64(42n),
    uint32(spec.type ?? 1),
    string("a certificate"),
    string(Buffer.concat(principals.map(string))),
    uint64(spec.after ?? 0n),
    uint64(spec.before ?? FOR_EVER),
    options(critical),
    options(extensions),
    string(spec.reserved ?? ""),
    string(spec.signatureKey ?? authority.blob),
  ]);
  const signature = authority.sign(signed);
  return Buffer.concat([spec.tamper?.(signed) ?? signed, string(signature)]);
}

/** An armored signature whose public key is `blob`: a certificate, or the key's own. */
export function sshsig(by: ForgedKey, blob: Buffer, message: Uint8Array, namespace = "git"): Buffer {
  const hashed = createHash("sha512").update(message).digest();
  const [name, reserved, hash] = [string(namespace), string(""), string("sha512")];
  const signature = by.sign(Buffer.concat([utf8("SSHSIG"), name, reserved, hash, string(hashed)]));
  const whole = [utf8("SSHSIG"), uint32(1), string(blob), name, reserved, hash, string(signature)];
  const lines = Buffer.concat(whole)
    .toString("base64")
    .match(/.{1,70}/g)!
    .join("\n");
  return utf8(`-----BEGIN SSH SIGNATURE-----\n${lines}\n-----END SSH SIGNATURE-----\n`);
}

/** The key as a line of a `.pub` file. */
export function publicLine({ type, blob }: ForgedKey): string {
  return `${type} ${blob.toString("base64")} forged\n`;
}
