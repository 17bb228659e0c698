/**
 * An X.509 certificate (RFC 5280 section 4.1), read as far as it says for whom and for what it is.
 *
 * Claims: each extension stands in it once, and names are taken byte for byte. Against: a certificate with two names
 * of which each reader picks another, and names that become somebody's by dropping a byte or a high bit.
 * Leaves out: the issuer's signature and the chain.
 */
import { latin1 } from "../bytes/text.ts";
import {
  contextConstructed,
  contextPrimitive,
  type DerElement,
  DerReader,
  readBits,
  readBoolean,
  readInteger,
  readOid,
  readSmallInteger,
  readTime,
  Tag,
} from "./der.ts";
import { X509 } from "./format-names.ts";

export interface Certificate {
  readonly bytes: Uint8Array;
  readonly issuer: Uint8Array;
  readonly serialNumber: Uint8Array;
  /** Unix seconds, both included. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Object identifiers of the key's algorithm and, for keys on named curves, of the curve. */
  readonly keyAlgorithm: string;
  readonly curve: string | undefined;
  readonly extensions: ReadonlyMap<string, Extension>;
}

export interface Extension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** A general name of the kinds that are told apart here (RFC 5280 section 4.2.1.6). */
export interface AlternativeName {
  readonly kind: "email" | "uri" | "other";
  /** One character a byte; empty for the other kinds. */
  readonly text: string;
}

export const ExtensionId = {
  keyUsage: "2.5.29.15",
  subjectAlternativeName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
} as const;

/** Largest certificate in bytes: Fulcio's have one KiB, with all claims of a CI job four. */
const MAX_CERTIFICATE = 16 * 1024;
const MAX_EXTENSIONS = 64;

/** Throws `FormatError`. */
export function parseCertificate(der: Uint8Array): Certificate {
  const outer = DerReader.over(der, X509);
  if (der.length > MAX_CERTIFICATE) outer.fail("certificate", `is longer than ${MAX_CERTIFICATE} bytes`);
  const certificate = outer.open(Tag.sequence, "certificate");
  outer.end("certificate");
  const body = readBody(certificate.open(Tag.sequence, "tbsCertificate"));
  certificate.element(Tag.sequence, "signatureAlgorithm");
  readBits(certificate, "signatureValue");
  certificate.end("certificate");
  return { bytes: der, ...body };
}

function readBody(body: DerReader): Omit<Certificate, "bytes"> {
  const version = body.open(contextConstructed(0), "version");
  if (readSmallInteger(version, "version") !== 2) version.fail("version", "is not v3");
  version.end("version");
  const serialNumber = readInteger(body, "serialNumber");
  body.element(Tag.sequence, "signature");
  const issuer = body.element(Tag.sequence, "issuer").bytes;
  const validity = body.open(Tag.sequence, "validity");
  const notBefore = readTime(validity, "notBefore");
  const notAfter = readTime(validity, "notAfter");
  validity.end("validity");
  body.element(Tag.sequence, "subject");
  const key = readKeyAlgorithm(body.open(Tag.sequence, "subjectPublicKeyInfo"));
  const extensions = readExtensions(body.open(contextConstructed(3), "extensions"));
  body.end("tbsCertificate");
  return { issuer, serialNumber, notBefore, notAfter, ...key, extensions };
}

function readKeyAlgorithm(info: DerReader): Pick<Certificate, "keyAlgorithm" | "curve"> {
  const algorithm = info.open(Tag.sequence, "algorithm");
  const keyAlgorithm = readOid(algorithm, "algorithm");
  const curve = algorithm.ahead === Tag.oid ? readOid(algorithm, "curve") : undefined;
  readBits(info, "subjectPublicKey");
  info.end("subjectPublicKeyInfo");
  return { keyAlgorithm, curve };
}

function readExtensions(explicit: DerReader): Map<string, Extension> {
  const list = explicit.open(Tag.sequence, "extensions");
  explicit.end("extensions");
  const extensions = new Map<string, Extension>();
  while (!list.done) {
    if (extensions.size === MAX_EXTENSIONS) list.fail("extensions", `are more than ${MAX_EXTENSIONS}`);
    const one = list.open(Tag.sequence, "extension");
    const id = readOid(one, "extnID");
    // RFC 5280 section 4.2: not more than one instance. Of two, each reader would pick its own.
    if (extensions.has(id)) one.fail("extnID", `${id} stands in it twice`);
    const critical = readCritical(one.optional(Tag.boolean, "critical"));
    extensions.set(id, { critical, value: one.element(Tag.octetString, "extnValue").inside.bytes });
    one.end("extension");
  }
  return extensions;
}

/** DER leaves out a default: an explicit FALSE is another spelling of nothing (X.690 section 11.5). */
function readCritical(element: DerElement | undefined): boolean {
  if (element === undefined) return false;
  if (!readBoolean(element, "critical")) element.inside.fail("critical", "spells out its default");
  return true;
}

/** All subject alternative names, in order. None where there is no such extension. Throws `FormatError`. */
export function alternativeNames({ extensions }: Certificate): AlternativeName[] {
  const extension = extensions.get(ExtensionId.subjectAlternativeName);
  if (!extension) return [];
  const names = openWhole(extension.value, "subjectAltName");
  const out: AlternativeName[] = [];
  while (!names.done) {
    const { tag, inside } = names.any("GeneralName");
    const kind = tag === contextPrimitive(1) ? "email" : tag === contextPrimitive(6) ? "uri" : "other";
    out.push({ kind, text: kind === "other" ? "" : latin1(inside.bytes) });
  }
  return out;
}

/** Whether this certificate may stand for a signature of a message, and not for other certificates. */
export function mayOnlySign({ extensions }: Certificate, purpose: string): boolean {
  return maySign(extensions) && !isAuthority(extensions) && purposes(extensions).includes(purpose);
}

/** digitalSignature is the first bit of KeyUsage (RFC 5280 section 4.2.1.3), keyCertSign the sixth. */
function maySign(extensions: Certificate["extensions"]): boolean {
  const extension = extensions.get(ExtensionId.keyUsage);
  if (!extension) return false;
  const reader = DerReader.over(extension.value, X509);
  const bits = readBits(reader, "keyUsage")[0] ?? 0;
  reader.end("keyUsage");
  return (bits & 0x80) !== 0 && (bits & 0x04) === 0;
}

function isAuthority(extensions: Certificate["extensions"]): boolean {
  const extension = extensions.get(ExtensionId.basicConstraints);
  return extension !== undefined && !openWhole(extension.value, "basicConstraints").done;
}

function purposes(extensions: Certificate["extensions"]): string[] {
  const extension = extensions.get(ExtensionId.extendedKeyUsage);
  if (!extension) return [];
  const list = openWhole(extension.value, "extKeyUsage");
  const out: string[] = [];
  while (!list.done) out.push(readOid(list, "extKeyUsage"));
  return out;
}

/** An extension's value that is a UTF8String, one character a byte. Throws `FormatError`. */
export function utf8Extension(extension: Extension, field: string): string {
  const reader = DerReader.over(extension.value, X509);
  const text = latin1(reader.element(Tag.utf8String, field).inside.bytes);
  reader.end(field);
  return text;
}

function openWhole(value: Uint8Array, field: string): DerReader {
  const reader = DerReader.over(value, X509);
  const inside = reader.open(Tag.sequence, field);
  reader.end(field);
  return inside;
}
