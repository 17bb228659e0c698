/** What is tried with the certificate, the time, the log's entry and the CMS: attacks.ts collects it. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { attribute, email, type SigstoreWorld } from "../../../../testing/src/world-sigstore.ts";
import { der, extension, octets, oid, sequence } from "../../../../testing/src/world-sigstore-der.ts";
import type { WrittenEntry } from "../../../../testing/src/world-sigstore-log.ts";
import type { SignatureCode } from "../../src/signature/outcome.ts";
import { ALICE, type Case, type Make, MESSAGE } from "./case.ts";

export function certificates(world: SigstoreWorld, make: Make): Case[] {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const signing = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const bob = world.certify({ identity: "mallory@example.org" });
  const [intermediate = Buffer.of()] = world.authorities;
  const leaf = world.certify({ identity: ALICE });
  const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return [
    make("rsa", "unsupported-signature", "an RSA key", { request: { keys: rsa } }),
    make("p384", "unsupported-signature", "a curve that gitsign does not use", { request: { keys: p384 } }),
    make("ecdh-key", "unsupported-signature", "a key on the right curve, for another algorithm", {
      request: { keys: { ...signing, publicKey: agreementKey(signing.publicKey) } },
    }),
    make("server-certificate", "not-a-signing-key", "a certificate for TLS", {
      request: { purpose: "1.3.6.1.5.5.7.3.1" },
    }),
    make("key-agreement", "not-a-signing-key", "a key that may not sign", {
      request: { keyUsage: [3, 0x08] },
    }),
    make("certificate-authority", "not-a-signing-key", "a key that may sign certificates", {
      request: { more: [extension("2.5.29.19", sequence(der(0x01, Buffer.of(0xff))))] },
    }),
    make("certificate-signer", "not-a-signing-key", "a key that may sign, and sign certificates too", {
      request: { keyUsage: [2, 0x84] },
    }),
    make("default-spelled-out", "malformed-signature", "an extension that says that it is not critical", {
      request: { more: [sequence(oid("1.2.3.4"), der(0x01, Buffer.of(0)), octets(Buffer.of()))] },
    }),
    make("unknown-condition", "unsupported-signature", "a critical extension that nobody knows", {
      request: { more: [extension("1.2.3.4", octets(Buffer.of()), true)] },
    }),
    make("extension-twice", "malformed-signature", "one extension with two values", {
      request: { more: [extension("2.5.29.17", sequence(email("mallory@example.org")))] },
    }),
    make("two-certificates", "several-signatures", "a second certificate with another name", {
      certificates: (own) => [own, bob.certificate],
    }),
    make("with-intermediate", "several-signatures", "the authority's certificate beside it", {
      certificates: (own) => [own, intermediate],
    }),
    make("certificate-of-another", "malformed-signature", "alice's certificate under mallory's signature", {
      leaf: bob,
      certificates: () => [leaf.certificate],
    }),
    make("key-of-another", "bad-signature", "alice's certificate, and a key that is not hers", {
      leaf: { ...leaf, privateKey: stranger.privateKey },
    }),
  ];
}

/** The same point, said to be for ECDH (id-ecDH, RFC 5480 section 2.1.2). */
function agreementKey(key: KeyObject): KeyObject {
  const bits = key.export({ format: "der", type: "spki" }).subarray(-68);
  const info = sequence(sequence(oid("1.3.132.1.12"), oid("1.2.840.10045.3.1.7")), bits);
  return { export: () => info } as unknown as KeyObject;
}

export function times(world: SigstoreWorld, make: Make): Case[] {
  return [
    make("logged-late", "expired-key", "logged when the certificate was over", { after: 601 }),
    make("logged-early", "expired-key", "logged before the certificate began", { after: -1 }),
    make(
      "logged-in-the-future",
      "bad-signature",
      "the log is ahead of the verifier by more than ten minutes",
      {},
      { now: world.now - 1000 },
    ),
    make(
      "read-years-later",
      "valid",
      "the end of the certificate is not the end of what it signed",
      {},
      { now: world.now + 150_000_000 },
    ),
  ];
}

/** What the log says of another commit by alice. */
function elsewhere(world: SigstoreWorld): WrittenEntry {
  const seen: WrittenEntry[] = [];
  const entries = (entry: WrittenEntry) => {
    seen.push(entry);
    return seen;
  };
  world.sign(world.certify({ identity: ALICE }), Buffer.from("another commit"), { entries });
  return seen[0]!;
}

export function entries(world: SigstoreWorld, make: Make): Case[] {
  const changed =
    (change: Partial<WrittenEntry>) =>
    (entry: WrittenEntry): WrittenEntry[] => [{ ...entry, ...change }];
  const another = elsewhere(world);
  const body = Buffer.from("{}");
  return [
    make("no-log-entry", "not-logged", "gitsign's online mode: the entry is only in the log", {
      entries: () => [],
    }),
    make("two-log-entries", "several-signatures", "the same entry twice", {
      entries: (entry) => [entry, entry],
    }),
    make("entry-of-another-signature", "bad-signature", "the entry of another commit of alice", {
      entries: () => [another],
    }),
    make("entry-of-another-body", "bad-signature", "an entry that spells out another signature", {
      entries: changed({ body }),
    }),
    make("body-spelled-out", "bad-signature", "a body that no log knows", { logged: () => body }),
    make("promise-of-another", "bad-signature", "the proof of this entry, the promise of another", {
      entries: changed({ promise: another.promise }),
    }),
    make("proof-of-another", "bad-signature", "the promise of this entry, the proof of another", {
      entries: changed({ proof: another.proof }),
    }),
    make("time-changed", "bad-signature", "another time within the certificate's than the log promised", {
      entries: changed({ integratedTime: world.now + 3 }),
    }),
    make("index-changed", "bad-signature", "another index than the log promised", {
      entries: changed({ logIndex: 1 }),
    }),
    make("log-of-another-name", "bad-signature", "the entry of a log of another name", {
      entries: changed({ logId: Buffer.alloc(32) }),
    }),
    make("no-promise", "unsupported-signature", "no word of the log on the time", {
      entries: changed({ promise: undefined }),
    }),
    make("no-proof", "unsupported-signature", "no proof that the log holds it", {
      entries: changed({ proof: undefined }),
    }),
    make("entry-of-another-kind", "unsupported-signature", "an entry of another kind", {
      entries: changed({ kind: "dsse" }),
    }),
  ];
}

export function messages(world: SigstoreWorld, make: Make): Case[] {
  const sha1 = sequence(oid("1.3.14.3.2.26"));
  const sha512 = sequence(oid("2.16.840.1.101.3.4.2.3"));
  const leaf = world.certify({ identity: ALICE });
  const cms = world.signDer(leaf, MESSAGE);
  const block = world.sign(leaf, MESSAGE).toString();
  const raw = (name: string, expect: SignatureCode, about: string, signature: Uint8Array): Case => ({
    name,
    expect,
    about,
    signature,
  });
  const wrapped = (bytes: Uint8Array) =>
    Buffer.from(
      `-----BEGIN SIGNED MESSAGE-----\n${Buffer.from(bytes).toString("base64")}\n-----END SIGNED MESSAGE-----\n`,
    );
  const digest = (bytes: Uint8Array) => attribute("1.2.840.113549.1.9.4", octets(bytes));
  return [
    make(
      "other-message",
      "bad-signature",
      "another commit than the one that was signed",
      {},
      { message: Buffer.from("tree\n") },
    ),
    make("two-signers", "several-signatures", "two SignerInfos", { signers: (signer) => [signer, signer] }),
    make("no-signer", "malformed-signature", "no SignerInfo", { signers: () => [] }),
    make("sha1", "weak-signature", "SHA-1 in the CMS", { digestAlgorithm: sha1 }),
    make("sha512", "unsupported-signature", "a digest that gitsign does not use", {
      digestAlgorithm: sha512,
    }),
    make("other-signature-algorithm", "unsupported-signature", "ECDSA with SHA-512 by name", {
      signatureAlgorithm: sequence(oid("1.2.840.10045.4.3.4")),
    }),
    make("content-inside", "malformed-signature", "a second message inside", {
      content: [der(0xa0, octets(Buffer.from("another")))],
    }),
    make("unsorted-attributes", "malformed-signature", "signed attributes that a reader of BER would sort", {
      unsorted: true,
    }),
    make("two-digests", "malformed-signature", "two digests among the signed attributes", {
      attributes: [digest(Buffer.alloc(32))],
    }),
    raw(
      "trailing-data",
      "malformed-signature",
      "bytes behind the CMS",
      wrapped(Buffer.concat([cms, Buffer.of(0)])),
    ),
    raw(
      "indefinite-length",
      "malformed-signature",
      "BER with an indefinite length",
      wrapped(Buffer.concat([Buffer.of(0x30, 0x80), cms.subarray(4), Buffer.of(0, 0)])),
    ),
    raw(
      "padded-length",
      "malformed-signature",
      "BER with a length in more bytes than it needs",
      wrapped(Buffer.concat([Buffer.of(0x30, 0x83, 0), cms.subarray(2)])),
    ),
    raw("two-blocks", "malformed-signature", "two blocks, one after the other", Buffer.from(block + block)),
    raw("text-before", "malformed-signature", "text before the block", Buffer.from(`x\n${block}`)),
    raw(
      "other-label",
      "malformed-signature",
      "PEM with another label",
      Buffer.from(block.replaceAll("SIGNED MESSAGE", "PKCS7")),
    ),
    raw(
      "other-header",
      "malformed-signature",
      "PEM whose two labels differ",
      Buffer.from(block.replace("BEGIN SIGNED MESSAGE", "BEGIN PKCS7")),
    ),
    raw(
      "uneven-lines",
      "malformed-signature",
      "lines of several widths",
      Buffer.from(block.replace(/\n(.{20})/, "\n$1\n")),
    ),
    raw("empty", "unsigned", "nothing at all", Buffer.of()),
    raw("flipped-bit", "bad-signature", "one bit of the signature's number", wrapped(flip(cms))),
  ];
}

/** Changes the last bit of the signature over the attributes, which stands before the unsigned ones. */
function flip(cms: Buffer): Buffer {
  const at = cms.indexOf(Buffer.from("060a2b0601040183bf300301", "hex"));
  const out = Buffer.from(cms);
  out[at - 9]! ^= 1;
  return out;
}
