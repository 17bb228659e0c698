/**
 * CMS SignedData (RFC 5652 section 5) as gitsign writes it: detached, DER, with signed attributes.
 *
 * Claims: what is returned stands in the bytes, and nothing else does. Against: a signature that carries its own
 * content beside the commit, revocation lists and certificates of unknown kinds that other readers act upon, and
 * attributes given twice.
 * Leaves out: whether anything in it is true, and the signing time, which is the signer's own word.
 */
import {
  contextConstructed,
  type DerElement,
  DerReader,
  readInteger,
  readOid,
  readPlainAlgorithm,
  readSmallInteger,
  Tag,
} from "./der.ts";
import { CMS } from "./format-names.ts";

export interface SignedData {
  /** DER, each of them; at most `MAX_MEMBERS`. */
  readonly certificates: readonly Uint8Array[];
  readonly signers: readonly SignerInfo[];
}

export interface SignerInfo {
  readonly issuer: Uint8Array;
  readonly serialNumber: Uint8Array;
  /** Object identifiers in dotted form. */
  readonly digestAlgorithm: string;
  readonly signatureAlgorithm: string;
  readonly signature: Uint8Array;
  /** What the signature covers: the signed attributes as a SET, tag and length included (section 5.4). */
  readonly signedBytes: Uint8Array;
  /** The digest of the content, as the signed attributes give it. */
  readonly messageDigest: Uint8Array;
  readonly unsigned: readonly Attribute[];
}

export interface Attribute {
  readonly type: string;
  /** Each value's DER. */
  readonly values: readonly Uint8Array[];
}

const SIGNED_DATA = "1.2.840.113549.1.7.2";
const DATA = "1.2.840.113549.1.7.1";
const CONTENT_TYPE = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST = "1.2.840.113549.1.9.4";

/** Most certificates, signers, attributes or values of one attribute. */
const MAX_MEMBERS = 16;

/** Throws `FormatError`. */
export function parseSignedData(der: Uint8Array): SignedData {
  const outer = DerReader.over(der, CMS);
  const info = outer.open(Tag.sequence, "ContentInfo");
  outer.end("ContentInfo");
  if (readOid(info, "contentType") !== SIGNED_DATA) info.fail("contentType", "is not signed-data");
  const content = info.open(contextConstructed(0), "content");
  info.end("ContentInfo");
  const data = content.open(Tag.sequence, "SignedData");
  content.end("content");
  return readSignedData(data);
}

function readSignedData(data: DerReader): SignedData {
  const version = readSmallInteger(data, "version");
  if (version !== 1 && version !== 3) data.fail("version", "is neither 1 nor 3");
  const digests = members(data.open(Tag.set, "digestAlgorithms"), "digestAlgorithms", readPlainAlgorithm);
  readDetached(data.open(Tag.sequence, "encapContentInfo"));
  const certificates = readCertificates(data.open(contextConstructed(0), "certificates"));
  const signers = members(data.open(Tag.set, "signerInfos"), "signerInfos", readSigner);
  data.end("SignedData");
  const unnamed = signers.find(({ digestAlgorithm }) => !digests.includes(digestAlgorithm));
  if (unnamed) data.fail("digestAlgorithms", "do not name the one that a signer used");
  return { certificates, signers };
}

/** Content inside would be a second message beside the commit, for a reader that prefers it. */
function readDetached(content: DerReader): void {
  if (readOid(content, "eContentType") !== DATA) content.fail("eContentType", "is not data");
  content.end("eContent of a detached signature");
}

function readCertificates(set: DerReader): Uint8Array[] {
  return members(set, "certificates", (one) => one.element(Tag.sequence, "certificate").bytes);
}

function readSigner(set: DerReader): SignerInfo {
  const signer = set.open(Tag.sequence, "SignerInfo");
  if (readSmallInteger(signer, "SignerInfo version") !== 1) {
    signer.fail("SignerInfo version", "is not 1, for a signer named by issuer and serial number");
  }
  const sid = signer.open(Tag.sequence, "issuerAndSerialNumber");
  const issuer = sid.element(Tag.sequence, "issuer").bytes;
  const serialNumber = readInteger(sid, "serialNumber");
  sid.end("issuerAndSerialNumber");
  const digestAlgorithm = readPlainAlgorithm(signer, "digestAlgorithm");
  const signed = readSigned(signer.element(contextConstructed(0), "signedAttrs"));
  const signatureAlgorithm = readPlainAlgorithm(signer, "signatureAlgorithm");
  const signature = signer.element(Tag.octetString, "signature").inside.bytes;
  const unsigned = signer.optional(contextConstructed(1), "unsignedAttrs");
  signer.end("SignerInfo");
  const attributes = unsigned ? readAttributes(unsigned, "unsignedAttrs") : [];
  return {
    issuer,
    serialNumber,
    digestAlgorithm,
    signatureAlgorithm,
    signature,
    ...signed,
    unsigned: attributes,
  };
}

function readSigned(element: DerElement): Pick<SignerInfo, "signedBytes" | "messageDigest"> {
  const attributes = readAttributes(element, "signedAttrs");
  const type = DerReader.over(onlyValue(attributes, CONTENT_TYPE, element), CMS);
  if (readOid(type, "content-type") !== DATA) type.fail("content-type", "is not data");
  const digest = DerReader.over(onlyValue(attributes, MESSAGE_DIGEST, element), CMS);
  const messageDigest = digest.element(Tag.octetString, "message-digest").inside.bytes;
  const signedBytes = Uint8Array.from(element.bytes);
  signedBytes[0] = Tag.set;
  return { signedBytes, messageDigest };
}

/** Section 11: each of these is there exactly once, with exactly one value. */
function onlyValue(attributes: readonly Attribute[], type: string, { inside }: DerElement): Uint8Array {
  const values = attributes.filter((attribute) => attribute.type === type).flatMap(({ values }) => values);
  if (values.length !== 1) inside.fail("signedAttrs", `have ${values.length} values of ${type}, not one`);
  return values[0]!;
}

function readAttributes({ inside }: DerElement, field: string): Attribute[] {
  const reader = new DerReader(inside);
  const attributes = members(reader, field, (set) => {
    const element = set.element(Tag.sequence, field);
    return { der: element.bytes, attribute: readAttribute(new DerReader(element.inside), field) };
  });
  // A SET OF in another order is another message to whoever sorts before verifying (X.690 section 11.6).
  const sorted = attributes.every(
    ({ der }, i) => i === 0 || Buffer.compare(attributes[i - 1]!.der, der) <= 0,
  );
  if (!sorted) reader.fail(field, "are not in the order of DER");
  return attributes.map(({ attribute }) => attribute);
}

function readAttribute(reader: DerReader, field: string): Attribute {
  const type = readOid(reader, field);
  const values = members(reader.open(Tag.set, field), field, (set) => set.any(field).bytes);
  reader.end(field);
  return { type, values };
}

/** One or more. */
function members<T>(set: DerReader, field: string, read: (set: DerReader, field: string) => T): T[] {
  const out: T[] = [];
  while (!set.done) {
    if (out.length === MAX_MEMBERS) set.fail(field, `are more than ${MAX_MEMBERS}`);
    out.push(read(set, field));
  }
  if (out.length === 0) set.fail(field, "are none");
  return out;
}

/** The value of an attribute that is an OCTET STRING. Throws `FormatError`. */
export function attributeOctets(value: Uint8Array, field: string): Uint8Array {
  const reader = DerReader.over(value, CMS);
  const octets = reader.element(Tag.octetString, field).inside.bytes;
  reader.end(field);
  return octets;
}
