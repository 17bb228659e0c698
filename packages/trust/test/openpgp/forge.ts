/**
 * A writer of OpenPGP keys, certificates and signatures for tests, the broken and hostile ones included: whatever a
 * well-behaved tool refuses to make. Its well-formed output is checked against gpg in gpg.test.ts.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";

export type ForgedAlgorithm =
  | "ed25519-legacy"
  | "ed25519"
  | "rsa2048"
  | "rsa1024"
  | "P-256"
  | "P-384"
  | "P-521";

export interface ForgedKey {
  readonly algorithm: number;
  readonly body: Buffer;
  readonly created: number;
  readonly fingerprint: string;
  readonly keyId: Buffer;
  sign(hash: string, data: Buffer): Buffer;
}

export const DAY = 86_400;
/** 2024-01-01: when forged keys and their self-signatures are made unless told otherwise. */
export const MADE = 1_704_067_200;
/** 2024-06-01: when tests look at them unless told otherwise. */
export const NOW = 1_717_200_000;

const HASH_IDS: Readonly<Record<string, number>> = {
  md5: 1,
  sha1: 2,
  ripemd160: 3,
  sha256: 8,
  sha384: 9,
  sha512: 10,
  sha224: 11,
};

const OIDS = {
  "P-256": "2a8648ce3d030107",
  "P-384": "2b81040022",
  "P-521": "2b81040023",
  ed25519: "2b06010401da470f01",
} as const;

/** A new key; with a `seed` of 32 bytes an Ed25519 key is the same each time. */
export function forgeKey(
  kind: ForgedAlgorithm,
  { created = MADE, seed }: { created?: number; seed?: Buffer } = {},
) {
  const pair = secretKey(kind, seed);
  const { algorithm, material } = publicMaterial(kind, createPublicKey(pair));
  const body = Buffer.concat([Buffer.of(4), u32(created), Buffer.of(algorithm), material]);
  const fingerprint = createHash("sha1").update(keyFrame(body)).digest();
  const key: ForgedKey = {
    algorithm,
    body,
    created,
    fingerprint: fingerprint.toString("hex").toUpperCase(),
    keyId: fingerprint.subarray(-8),
    sign: (hash, data) => signatureMaterial(kind, pair, hash, data),
  };
  return key;
}

function secretKey(kind: ForgedAlgorithm, seed: Buffer | undefined): KeyObject {
  if (kind.startsWith("ed25519")) {
    if (!seed) return generateKeyPairSync("ed25519").privateKey;
    const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
    return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  }
  if (kind.startsWith("rsa"))
    return generateKeyPairSync("rsa", { modulusLength: Number(kind.slice(3)) }).privateKey;
  return generateKeyPairSync("ec", { namedCurve: kind }).privateKey;
}

function publicMaterial(kind: ForgedAlgorithm, key: KeyObject): { algorithm: number; material: Buffer } {
  const jwk = key.export({ format: "jwk" });
  const part = (name: "n" | "e" | "x" | "y") => Buffer.from(jwk[name] ?? "", "base64url");
  if (kind === "ed25519") return { algorithm: 27, material: part("x") };
  if (kind === "ed25519-legacy") {
    return { algorithm: 22, material: Buffer.concat([oid(OIDS.ed25519), mpi(Buffer.of(0x40), part("x"))]) };
  }
  if (kind === "rsa1024" || kind === "rsa2048") {
    return { algorithm: 1, material: Buffer.concat([mpi(part("n")), mpi(part("e"))]) };
  }
  return {
    algorithm: 19,
    material: Buffer.concat([oid(OIDS[kind]), mpi(Buffer.of(4), part("x"), part("y"))]),
  };
}

function signatureMaterial(kind: ForgedAlgorithm, key: KeyObject, hash: string, data: Buffer): Buffer {
  if (kind.startsWith("rsa")) return mpi(sign(hash, data, key));
  const isEdDsa = kind.startsWith("ed25519");
  const made = isEdDsa
    ? sign(null, createHash(hash).update(data).digest(), key)
    : sign(hash, data, { key, dsaEncoding: "ieee-p1363" });
  if (kind === "ed25519") return made;
  const half = made.length / 2;
  return Buffer.concat([mpi(made.subarray(0, half)), mpi(made.subarray(half))]);
}

export interface SignatureOptions {
  readonly type?: number;
  readonly hash?: string;
  readonly created?: number;
  /** More hashed subpackets, after the creation time and the issuer's fingerprint. */
  readonly hashed?: readonly Buffer[];
  /** After the issuer's key ID, without which GnuPG finds no key. */
  readonly unhashed?: readonly Buffer[];
  /** Hashed, instead of the signer's own fingerprint there and key ID in the unhashed area. */
  readonly issuer?: readonly Buffer[];
}

/** A signature packet by `key` over `data`. */
export function forgeSignature(key: ForgedKey, data: Buffer, options: SignatureOptions = {}): Buffer {
  const hash = options.hash ?? "sha512";
  const hashed = Buffer.concat([
    subpacket(2, u32(options.created ?? MADE)),
    ...(options.issuer ?? [issuerFingerprint(key)]),
    ...(options.hashed ?? []),
  ]);
  const head = Buffer.concat([
    Buffer.of(4, options.type ?? 0, key.algorithm, HASH_IDS[hash] ?? 0),
    u16(hashed.length),
    hashed,
  ]);
  const signed = Buffer.concat([data, head, Buffer.of(4, 0xff), u32(head.length)]);
  const left = createHash(hash).update(signed).digest().subarray(0, 2);
  const hint = options.issuer === undefined ? [issuerKeyId(key)] : [];
  const unhashed = Buffer.concat([...hint, ...(options.unhashed ?? [])]);
  return packet(2, Buffer.concat([head, u16(unhashed.length), unhashed, left, key.sign(hash, signed)]));
}

export interface ForgedSubkey {
  readonly key: ForgedKey;
  /** Who signs the binding; the primary key unless told otherwise. */
  readonly binder?: ForgedKey;
  /** Who signs the back signature, and over which primary key; `null` for none. */
  readonly back?: {
    readonly by?: ForgedKey;
    readonly over?: ForgedKey;
    readonly options?: SignatureOptions;
  } | null;
  readonly flags?: number;
  readonly options?: SignatureOptions;
  readonly revocations?: readonly SignatureOptions[];
}

export interface ForgedCertificate {
  readonly primary: ForgedKey;
  readonly flags?: number;
  readonly self?: SignatureOptions;
  readonly revocations?: readonly SignatureOptions[];
  readonly subkeys?: readonly ForgedSubkey[];
}

/** A binary certificate with one user ID. */
export function forgeCertificate({
  primary,
  flags = 3,
  self,
  revocations,
  subkeys,
}: ForgedCertificate): Buffer {
  const userId = Buffer.from("Alice <alice@example.org>");
  const over = Buffer.concat([keyFrame(primary.body), Buffer.of(0xb4), u32(userId.length), userId]);
  return Buffer.concat([
    packet(6, primary.body),
    ...(revocations ?? []).map((one) =>
      forgeSignature(primary, keyFrame(primary.body), { type: 0x20, ...one }),
    ),
    packet(13, userId),
    forgeSignature(primary, over, {
      type: 0x13,
      ...self,
      hashed: [keyFlags(flags), ...(self?.hashed ?? [])],
    }),
    ...(subkeys ?? []).map((subkey) => forgeSubkey(primary, subkey)),
  ]);
}

function forgeSubkey(primary: ForgedKey, subkey: ForgedSubkey): Buffer {
  const { key, binder = primary, back = {}, flags = 2, options = {}, revocations = [] } = subkey;
  const over = Buffer.concat([keyFrame(primary.body), keyFrame(key.body)]);
  return Buffer.concat([
    packet(14, key.body),
    ...revocations.map((one) => forgeSignature(primary, over, { type: 0x28, ...one })),
    forgeSignature(binder, over, {
      type: 0x18,
      ...options,
      hashed: [keyFlags(flags), ...(options.hashed ?? [])],
      unhashed: back === null ? [] : [subpacket(32, backSignature(primary, key, back))],
    }),
  ]);
}

function backSignature(primary: ForgedKey, key: ForgedKey, back: NonNullable<ForgedSubkey["back"]>): Buffer {
  const over = Buffer.concat([keyFrame((back.over ?? primary).body), keyFrame(key.body)]);
  const made = forgeSignature(back.by ?? key, over, { type: 0x19, ...back.options });
  return unframe(made);
}

/** A key as signatures cover it (RFC 9580 section 5.5.4). */
export function keyFrame(body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x99), u16(body.length), body]);
}

/** New framing, lengths of one, two or five octets as they fit. */
export function packet(tag: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0xc0 | tag), length(body.length), body]);
}

/** The body of a packet that `packet` made. */
export function unframe(made: Buffer): Buffer {
  const first = made[1]!;
  return made.subarray(first < 192 ? 2 : first < 255 ? 3 : 6);
}

export function subpacket(type: number, body: Buffer, critical = false): Buffer {
  return Buffer.concat([length(body.length + 1), Buffer.of(type | (critical ? 0x80 : 0)), body]);
}

export function keyFlags(flags: number): Buffer {
  return subpacket(27, Buffer.of(flags));
}

export function keyExpiry(seconds: number): Buffer {
  return subpacket(9, u32(seconds));
}

export function signatureExpiry(seconds: number): Buffer {
  return subpacket(3, u32(seconds));
}

export function revocationReason(code: number): Buffer {
  return subpacket(29, Buffer.of(code));
}

export function issuerFingerprint(key: ForgedKey): Buffer {
  return subpacket(33, Buffer.concat([Buffer.of(4), Buffer.from(key.fingerprint, "hex")]));
}

export function issuerKeyId(key: ForgedKey): Buffer {
  return subpacket(16, key.keyId);
}

export function notation(name: string, value: string, critical: boolean): Buffer {
  const body = Buffer.concat([
    Buffer.of(0x80, 0, 0, 0),
    u16(name.length),
    u16(value.length),
    Buffer.from(name + value),
  ]);
  return subpacket(20, body, critical);
}

/** Without leading zero bytes, as RFC 9580 section 3.2 writes numbers. */
export function mpi(...parts: readonly Buffer[]): Buffer {
  const all = Buffer.concat(parts);
  const first = all.findIndex((byte) => byte !== 0);
  const number = first < 0 ? Buffer.alloc(0) : all.subarray(first);
  const bits = number.length === 0 ? 0 : number.length * 8 - (Math.clz32(number[0]!) - 24);
  return Buffer.concat([u16(bits), number]);
}

function oid(hex: string): Buffer {
  return Buffer.concat([Buffer.of(hex.length / 2), Buffer.from(hex, "hex")]);
}

function length(n: number): Buffer {
  if (n < 192) return Buffer.of(n);
  if (n < 8384) return Buffer.of(((n - 192) >> 8) + 192, (n - 192) & 0xff);
  return Buffer.concat([Buffer.of(0xff), u32(n)]);
}

function u16(n: number): Buffer {
  return Buffer.of(n >> 8, n & 0xff);
}

function u32(n: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
}
