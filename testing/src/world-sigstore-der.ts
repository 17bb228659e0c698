/** Writes DER, protobuf and X.509 for a Sigstore of tests: whatever it is told, right or wrong. */
import { hash, type KeyObject, randomBytes, sign } from "node:crypto";

export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), derLength(content.length), content]);
}

function derLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = length < 0x100 ? [length] : [length >> 8, length & 0xff];
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
/** Members in the order of DER. */
export const setOf = (...parts: readonly Uint8Array[]): Buffer =>
  der(0x31, ...[...parts].sort(Buffer.compare));
export const octets = (bytes: Uint8Array): Buffer => der(0x04, bytes);
export const integer = (n: number): Buffer => der(0x02, Buffer.from([n]));
export const text = (tag: number, value: string): Buffer => der(tag, Buffer.from(value, "latin1"));

export function oid(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split(".").map(Number);
  return der(0x06, ...[first! * 40 + second!, ...rest].map((arc) => base128(arc)));
}

function base128(n: number): Buffer {
  const groups = [n % 128];
  for (let rest = Math.floor(n / 128); rest > 0; rest = Math.floor(rest / 128))
    groups.unshift(0x80 | (rest % 128));
  return Buffer.from(groups);
}

export function utcTime(seconds: number): Buffer {
  return text(0x17, `${new Date(seconds * 1000).toISOString().replace(/\D/g, "").slice(2, 14)}Z`);
}

/** A field of a protobuf message: a number, or bytes. */
export function field(number: number, value: number | Uint8Array | string): Buffer {
  if (typeof value === "number") return Buffer.concat([varint(number * 8), varint(value)]);
  const bytes = Buffer.from(value as Uint8Array);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function varint(n: number): Buffer {
  const bytes: number[] = [];
  let rest = n;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push(0x80 | (rest % 0x80));
  return Buffer.from([...bytes, rest]);
}

export function name(...parts: readonly string[]): Buffer {
  return sequence(...parts.map((part) => setOf(sequence(oid("2.5.4.3"), text(0x0c, part)))));
}

export function extension(id: string, value: Uint8Array, critical = false): Buffer {
  const flag = critical ? [der(0x01, Buffer.from([0xff]))] : [];
  return sequence(oid(id), ...flag, octets(value));
}

export const ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));

export function spki(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "spki" });
}

/** Any 20 bytes that name a key. */
export function keyId(key: KeyObject): Buffer {
  return hash("sha256", spki(key), "buffer").subarray(0, 20);
}

export interface CertificateBody {
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly key: KeyObject;
  readonly extensions: readonly Uint8Array[];
}

/** A TBSCertificate, but for what `extensions` leaves out. */
export function tbsCertificate(body: CertificateBody, serial: Uint8Array): Buffer {
  return sequence(
    der(0xa0, integer(2)),
    der(0x02, serial),
    ECDSA_SHA256,
    body.issuer,
    sequence(utcTime(body.notBefore), utcTime(body.notAfter)),
    body.subject,
    spki(body.key),
    der(0xa3, sequence(...body.extensions)),
  );
}

export function newSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = 0x40 | (serial[0]! & 0x3f);
  return serial;
}

export function signCertificate(tbs: Uint8Array, issuerKey: KeyObject): Buffer {
  return sequence(tbs, ECDSA_SHA256, der(0x03, Buffer.from([0]), sign("sha256", tbs, issuerKey)));
}
