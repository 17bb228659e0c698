/**
 * Sigstore bundles (dev.sigstore.bundle.v1.Bundle as JSON, versions 0.1 to 0.3): a signature over a file, or a DSSE
 * envelope, with its certificate and its entry in a transparency log.
 *
 * Claims: every member was read and each is there once; one certificate, one log entry, one signature. Against: a
 * bundle in which one reader looks at the first of two and another at the last. Leaves out: whether anybody vouches
 * for any of it; RFC 3161 timestamps, which are passed over; bundles that name a key in place of a certificate.
 */
import { FormatError } from "../bytes/error.ts";
import { decodeBase64 } from "../bytes/text.ts";
import type { LogEntry } from "../cms/log-entry.ts";
import type { DsseEnvelope } from "../dsse/envelope.ts";
import { JsonMembers } from "../dsse/json-members.ts";
import { decodeJsonText } from "../dsse/json-text.ts";
import { parseStrictJson } from "../nix/json.ts";

export interface SigstoreBundle {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly entry: LogEntry;
  readonly content: MessageContent | EnvelopeContent;
}

/** A signature over a file, which the bundle names by its SHA-256. */
export interface MessageContent {
  readonly kind: "message";
  readonly sha256: Uint8Array;
  readonly signature: Uint8Array;
}

export interface EnvelopeContent {
  readonly kind: "envelope";
  readonly envelope: DsseEnvelope;
}

const BUNDLE = "sigstore bundle";
/** Largest bundle, in bytes: a certificate, a proof, and an envelope of some kilobytes. */
const MAX_BUNDLE = 256 << 10;
const MEDIA_TYPES = [
  "application/vnd.dev.sigstore.bundle+json;version=0.1",
  "application/vnd.dev.sigstore.bundle+json;version=0.2",
  "application/vnd.dev.sigstore.bundle+json;version=0.3",
  "application/vnd.dev.sigstore.bundle.v0.3+json",
];
const MAX_HASHES = 64;

/** Throws `FormatError`. */
export function parseSigstoreBundle(bytes: Uint8Array): SigstoreBundle {
  const members = new JsonMembers(parseStrictJson(decodeJsonText(bytes, BUNDLE, MAX_BUNDLE), BUNDLE), BUNDLE);
  if (!MEDIA_TYPES.includes(members.string("mediaType")))
    members.fail("mediaType", "is not one that is known");
  const material = members.object("verificationMaterial");
  const certificate = readCertificate(material);
  const [entry] = material.objects("tlogEntries", 1);
  const logged = entry ? readEntry(entry) : material.fail("tlogEntries", "are none");
  material.take("timestampVerificationData");
  material.end();
  const read = { certificate, entry: logged, content: readContent(members) };
  members.end();
  return read;
}

function readCertificate(material: JsonMembers): Uint8Array {
  const one = material.optionalObject("certificate") ?? onlyOfChain(material);
  const certificate = bytesOf(one, "rawBytes");
  one.end();
  return certificate;
}

/** Version 0.1 has a chain, of which only the first counts: more would be for readers that look further. */
function onlyOfChain(material: JsonMembers): JsonMembers {
  const chain = material.object("x509CertificateChain");
  const [leaf] = chain.objects("certificates", 1);
  chain.end();
  return leaf ?? material.fail("x509CertificateChain", "holds no certificate");
}

function readEntry(entry: JsonMembers): LogEntry {
  const kindVersion = entry.object("kindVersion");
  const [kind, version] = [kindVersion.string("kind"), kindVersion.string("version")];
  kindVersion.end();
  const logId = entry.object("logId");
  const keyId = bytesOf(logId, "keyId");
  logId.end();
  const read = {
    logIndex: numberOf(entry, "logIndex"),
    logId: keyId,
    kind,
    version,
    integratedTime: numberOf(entry, "integratedTime"),
    promise: readPromise(entry),
    proof: readProof(entry),
    body: bytesOf(entry, "canonicalizedBody"),
  };
  entry.end();
  return read;
}

function readPromise(entry: JsonMembers): Uint8Array | undefined {
  const promise = entry.optionalObject("inclusionPromise");
  const signed = promise && bytesOf(promise, "signedEntryTimestamp");
  promise?.end();
  return signed;
}

function readProof(entry: JsonMembers): LogEntry["proof"] {
  const proof = entry.optionalObject("inclusionProof");
  if (!proof) return undefined;
  const note = proof.object("checkpoint");
  const checkpoint = note.string("envelope");
  note.end();
  const read = {
    logIndex: numberOf(proof, "logIndex"),
    rootHash: bytesOf(proof, "rootHash"),
    treeSize: numberOf(proof, "treeSize"),
    hashes: proof.optionalStrings("hashes", MAX_HASHES).map((text) => decoded(proof, "hashes", text)),
    checkpoint,
  };
  proof.end();
  return read;
}

function readContent(members: JsonMembers): MessageContent | EnvelopeContent {
  const message = members.optionalObject("messageSignature");
  if (!message) return readEnvelope(members.object("dsseEnvelope"));
  const digest = message.object("messageDigest");
  if (digest.string("algorithm") !== "SHA2_256") digest.fail("algorithm", "is not SHA2_256");
  const sha256 = bytesOf(digest, "digest");
  digest.end();
  const signature = bytesOf(message, "signature");
  message.end();
  return { kind: "message", sha256, signature };
}

function readEnvelope(members: JsonMembers): EnvelopeContent {
  const payloadType = members.string("payloadType");
  const payload = bytesOf(members, "payload");
  const [signature] = members.objects("signatures", 1);
  if (signature === undefined) members.fail("signatures", "are none");
  const keyid = signature.optionalString("keyid") || undefined;
  const sig = bytesOf(signature, "sig");
  signature.end();
  members.end();
  return { kind: "envelope", envelope: { payloadType, payload, signatures: [{ keyid, sig }] } };
}

/** protobuf writes 64-bit numbers as strings; some programs write them as numbers. */
function numberOf(members: JsonMembers, key: string): number {
  const value = members.take(key);
  const number = typeof value === "string" && /^(?:0|[1-9]\d{0,15})$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
  return members.fail(key, "is no whole number");
}

function bytesOf(members: JsonMembers, key: string): Uint8Array {
  const bytes = decoded(members, key, members.string(key));
  return bytes.length > 0 ? bytes : members.fail(key, "is empty");
}

function decoded(members: JsonMembers, key: string, text: string): Uint8Array {
  try {
    return decodeBase64(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return members.fail(key, "is not strict base64");
  }
}
