/**
 * A signature of gitsign in the form in which Sigstore's own verifier takes it.
 *
 * What the key signed, and what the log holds the digest of, are the signed attributes of the CMS; the commit is
 * bound to them by its digest inside. gitsign leaves the log's entry out of the signature, since it follows from
 * what stands there: it is made again here, so an entry about another signature, or by another certificate, can
 * never fit.
 */
import { encodeBase64, encodeHex, encodeUtf8 } from "@firstmile/formats/bytes/text";
import type { InclusionProof, LogEntry } from "@firstmile/formats/cms/log-entry";
import type { SignerInfo } from "@firstmile/formats/cms/signed-data";
import type { EnvelopeContent, MessageContent, SigstoreBundle } from "@firstmile/formats/sigstore/bundle";
import type { toSignedEntity } from "@sigstore/verify";
import { digest } from "../crypto/hash.ts";

/** The kind of entry that gitsign asks a log for: a signature over a digest. */
export const ENTRY_KIND = { kind: "hashedrekord", version: "0.0.1" } as const;

/**
 * The entry as the log holds it: canonical JSON (RFC 8785), the members of each object in the order of their names.
 * `certificate` is DER.
 */
export function logEntryBody(signer: SignerInfo, certificate: Uint8Array): Uint8Array {
  return signatureEntryBody(digest("sha256", signer.signedBytes), signer.signature, certificate);
}

/** The same for a signature over anything, by its SHA-256. */
export function signatureEntryBody(
  sha256: Uint8Array,
  made: Uint8Array,
  certificate: Uint8Array,
): Uint8Array {
  const hash = { algorithm: "sha256", value: encodeHex(sha256) };
  const publicKey = { content: encodeBase64(encodeUtf8(pem(certificate))) };
  const signature = { content: encodeBase64(made), publicKey };
  const { kind, version } = ENTRY_KIND;
  return encodeUtf8(JSON.stringify({ apiVersion: version, kind, spec: { data: { hash }, signature } }));
}

function pem(certificate: Uint8Array): string {
  const lines = encodeBase64(certificate).match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** What the library takes: the protobuf message dev.sigstore.bundle.v1.Bundle. */
export type Bundle = Parameters<typeof toSignedEntity>[0];

export function sigstoreBundle(signer: SignerInfo, certificate: Uint8Array, entry: LoggedEntry): Bundle {
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    content: {
      $case: "messageSignature",
      messageSignature: {
        messageDigest: { algorithm: SHA2_256, digest: buffer(digest("sha256", signer.signedBytes)) },
        signature: buffer(signer.signature),
      },
    },
    verificationMaterial: {
      content: { $case: "certificate", certificate: { rawBytes: buffer(certificate) } },
      tlogEntries: [tlogEntry(entry, logEntryBody(signer, certificate))],
      timestampVerificationData: undefined,
    },
  };
}

/** A bundle beside a released file, as the library takes it. */
export function releaseBundle({ certificate, content }: SigstoreBundle, entry: LoggedEntry): Bundle {
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    content: content.kind === "message" ? messageContent(content) : envelopeContent(content),
    verificationMaterial: {
      content: { $case: "certificate", certificate: { rawBytes: buffer(certificate) } },
      tlogEntries: [tlogEntry(entry, entry.body)],
      timestampVerificationData: undefined,
    },
  };
}

function messageContent({ sha256, signature }: MessageContent): Bundle["content"] {
  const messageDigest = { algorithm: SHA2_256, digest: buffer(sha256) };
  return { $case: "messageSignature", messageSignature: { messageDigest, signature: buffer(signature) } };
}

function envelopeContent({
  envelope: { payloadType, payload, signatures },
}: EnvelopeContent): Bundle["content"] {
  const listed = signatures.map(({ sig, keyid = "" }) => ({ sig: buffer(sig), keyid }));
  return {
    $case: "dsseEnvelope",
    dsseEnvelope: { payloadType, payload: buffer(payload), signatures: listed },
  };
}

/** An entry with both of the log's words: its promise, which has the time, and its proof. */
export type LoggedEntry = LogEntry & { readonly promise: Uint8Array; readonly proof: InclusionProof };

/** dev.sigstore.common.v1.HashAlgorithm. */
const SHA2_256 = 1;

function tlogEntry(entry: LoggedEntry, body: Uint8Array) {
  const { logIndex, rootHash, treeSize, hashes, checkpoint } = entry.proof;
  return {
    logIndex: String(entry.logIndex),
    logId: { keyId: buffer(entry.logId) },
    kindVersion: { kind: entry.kind, version: entry.version },
    integratedTime: String(entry.integratedTime),
    inclusionPromise: { signedEntryTimestamp: buffer(entry.promise) },
    inclusionProof: {
      logIndex: String(logIndex),
      rootHash: buffer(rootHash),
      treeSize: String(treeSize),
      hashes: hashes.map(buffer),
      checkpoint: { envelope: checkpoint },
    },
    canonicalizedBody: buffer(body),
  };
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
