/** Sigstore bundles beside released files, by a private Sigstore that can be told to do each step wrong. */
import { hash, sign } from "node:crypto";
import { parseLogEntry } from "@firstmile/formats/cms/log-entry";
import { preAuthEncoding } from "@firstmile/formats/dsse/envelope";
import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { type CertificateRequest, rekorBody, SigstoreWorld } from "../../../../testing/src/world-sigstore.ts";
import { writeEntry } from "../../../../testing/src/world-sigstore-log.ts";
import { sigstoreKeys } from "../../src/sigstore/keys.ts";
import { type ReleasedContent, verifyReleased } from "../../src/sigstore/released.ts";

const world = new SigstoreWorld();
const ME = "https://example.org/hello/.github/workflows/release.yml@refs/heads/main";
const ISSUER = "https://accounts.example";
const FILE = Buffer.from("the source of hello\n");
const keys = sigstoreKeys([
  { file: "keys/root.json", trustedRoot: world.trustedRoot, identity: ME, issuer: ISSUER },
]);
const hex = (algorithm: string, bytes: Uint8Array) => hash(algorithm, bytes, "hex");
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

interface Making {
  readonly file?: Uint8Array;
  readonly request?: CertificateRequest;
  readonly after?: number;
  /** What the log is told. */
  readonly logged?: (body: string) => string;
  readonly subjects?: readonly object[];
}

function logged(body: string, kind: string, after: number) {
  const written = { ...world.log.append(Buffer.from(body), world.now + after), kind };
  const entry = parseLogEntry(writeEntry({ ...written, body: Buffer.from(body) }));
  const proof = entry.proof!;
  return {
    logIndex: String(entry.logIndex),
    logId: { keyId: base64(entry.logId) },
    kindVersion: { kind, version: "0.0.1" },
    integratedTime: String(entry.integratedTime),
    inclusionPromise: { signedEntryTimestamp: base64(entry.promise!) },
    inclusionProof: {
      logIndex: String(proof.logIndex),
      rootHash: base64(proof.rootHash),
      treeSize: String(proof.treeSize),
      hashes: proof.hashes.map(base64),
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: base64(Buffer.from(body)),
  };
}

/** As cosign sign-blob writes it. */
function messageBundle({ file = FILE, request = { identity: ME }, after = 2, logged: told }: Making = {}) {
  const leaf = world.certify(request);
  const signature = sign("sha256", file, leaf.privateKey);
  const body = rekorBody(file, signature, leaf.certificate);
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: {
      certificate: { rawBytes: base64(leaf.certificate) },
      tlogEntries: [logged(told?.(body) ?? body, "hashedrekord", after)],
    },
    messageSignature: {
      messageDigest: { algorithm: "SHA2_256", digest: base64(hash("sha256", file, "buffer")) },
      signature: base64(signature),
    },
  };
}

/** As npm publishes provenance. */
function provenance({ request = { identity: ME }, subjects }: Making = {}) {
  const leaf = world.certify(request);
  const subject = subjects ?? [{ name: "pkg:npm/hello@1.0", digest: { sha512: hex("sha512", FILE) } }];
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject,
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: { n: 1 },
  };
  const payload = Buffer.from(JSON.stringify(statement));
  const payloadType = "application/vnd.in-toto+json";
  const sig = sign("sha256", preAuthEncoding(payloadType, payload), leaf.privateKey);
  const pem = `-----BEGIN CERTIFICATE-----\n${base64(leaf.certificate)
    .match(/.{1,64}/g)!
    .join("\n")}\n-----END CERTIFICATE-----\n`;
  const body = JSON.stringify({
    apiVersion: "0.0.1",
    kind: "dsse",
    spec: {
      envelopeHash: { algorithm: "sha256", value: hex("sha256", Buffer.from("x")) },
      payloadHash: { algorithm: "sha256", value: hex("sha256", payload) },
      signatures: [{ signature: base64(sig), verifier: base64(Buffer.from(pem)) }],
    },
  });
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: {
      certificate: { rawBytes: base64(leaf.certificate) },
      tlogEntries: [logged(body, "dsse", 2)],
    },
    dsseEnvelope: { payload: base64(payload), payloadType, signatures: [{ sig: base64(sig) }] },
  };
}

function ask(bundle: unknown, content: ReleasedContent = { bytes: FILE }, now = world.now + 10) {
  const { outcome, over } = verifyReleased(Buffer.from(JSON.stringify(bundle)), content, keys, now);
  return outcome.valid ? `valid over ${over}` : outcome.code;
}

const SHA256 = { bytes: undefined, sha256: hex("sha256", FILE) };
const SHA512 = { bytes: undefined, sha512: hex("sha512", FILE) };

describe("a signature over a file", () => {
  test("holds over it, and by the log's word over its SHA-256 alone", () => {
    expect(ask(messageBundle())).toBe("valid over sha256");
    expect(ask(messageBundle(), SHA256)).toBe("valid over sha256");
  });

  test.each<[string, unknown, string]>([
    ["another file", messageBundle({ file: Buffer.from("other") }), "bad-signature"],
    ["another identity", messageBundle({ request: { identity: `${ME}x` } }), "unknown-key"],
    [
      "another issuer",
      messageBundle({ request: { identity: ME, issuer: "https://x.example" } }),
      "unknown-key",
    ],
    [
      "a certificate for another purpose",
      messageBundle({ request: { identity: ME, purpose: "1.3.6.1.5.5.7.3.1" } }),
      "not-a-signing-key",
    ],
    [
      "a certificate that no log saw",
      messageBundle({ request: { identity: ME, seenBy: "none" } }),
      "unknown-key",
    ],
    ["a certificate that had ended", messageBundle({ after: 601 }), "expired-key"],
    [
      "an entry about another signature",
      messageBundle({ logged: (body) => body.replace(/"content":"..../, '"content":"AAAA') }),
      "bad-signature",
    ],
  ])("refused: of %s", (_, bundle, code) => {
    expect(ask(bundle)).toBe(code);
  });

  test("refused: a signature of somebody else in a good bundle, with the file and without it", () => {
    const [good, other] = [messageBundle(), messageBundle({ file: Buffer.from("other") })];
    const { signature } = other.messageSignature;
    const mixed = { ...good, messageSignature: { ...good.messageSignature, signature } };
    expect(ask(mixed)).toBe("bad-signature");
    expect(ask(mixed, SHA256)).toBe("bad-signature");
  });

  test("refused: an entry that no log made, dated tomorrow, or without its proof", () => {
    const good = messageBundle();
    const withEntry = (change: object) => {
      const [entry] = good.verificationMaterial.tlogEntries;
      return {
        ...good,
        verificationMaterial: { ...good.verificationMaterial, tlogEntries: [{ ...entry, ...change }] },
      };
    };
    expect(ask(withEntry({ integratedTime: String(world.now + 3) }))).toBe("bad-signature");
    expect(ask(withEntry({ inclusionProof: undefined }))).toBe("unsupported-signature");
    expect(ask(withEntry({ inclusionPromise: undefined }))).toBe("unsupported-signature");
    expect(ask(good, { bytes: FILE }, world.now - 1000)).toBe("bad-signature");
    const [entry] = good.verificationMaterial.tlogEntries;
    const proof = { ...entry!.inclusionProof, hashes: [base64(Buffer.alloc(32))] };
    expect(ask(withEntry({ inclusionProof: proof }))).toBe("bad-signature");
  });

  test("refused: two of anything, a key in place of a certificate, members that are not known", () => {
    const good = messageBundle();
    const { verificationMaterial: material } = good;
    const [entry] = material.tlogEntries;
    for (const bundle of [
      { ...good, verificationMaterial: { ...material, tlogEntries: [entry, entry] } },
      { ...good, verificationMaterial: { ...material, tlogEntries: [] } },
      { ...good, verificationMaterial: { tlogEntries: material.tlogEntries, publicKey: { hint: "x" } } },
      { ...good, dsseEnvelope: provenance().dsseEnvelope },
      { ...good, mediaType: "application/json" },
      { ...good, more: 1 },
      {},
    ])
      expect(ask(bundle)).toBe("malformed-signature");
  });
});

describe("a statement that names a file", () => {
  test("holds for its one subject", () => {
    expect(ask(provenance())).toBe("valid over other");
    expect(ask(provenance(), SHA512)).toBe("valid over other");
    const bySha256 = { name: "x", digest: { sha256: hex("sha256", FILE) } };
    expect(ask(provenance({ subjects: [bySha256] }), SHA256)).toBe("valid over sha256");
  });

  test("refused: of another file, of two, of none, or by SHA-1", () => {
    const other = { name: "x", digest: { sha512: hex("sha512", Buffer.from("x")) } };
    const own = { name: "x", digest: { sha512: hex("sha512", FILE) } };
    expect(ask(provenance({ subjects: [other] }))).toBe("bad-signature");
    expect(ask(provenance({ subjects: [own, other] }))).toBe("malformed-signature");
    expect(ask(provenance({ subjects: [] }))).toBe("bad-signature");
    const sha1 = { name: "x", digest: { sha1: hex("sha1", FILE) } };
    expect(ask(provenance({ subjects: [sha1] }))).toBe("unsupported-signature");
    expect(ask(provenance(), SHA256)).toBe("bad-signature");
  });

  test("refused: with another payload under its signature", () => {
    const good = provenance();
    const payload = base64(
      Buffer.from(Buffer.from(good.dsseEnvelope.payload, "base64").toString().replace('"n":1', '"n":2')),
    );
    expect(ask({ ...good, dsseEnvelope: { ...good.dsseEnvelope, payload } })).toBe("bad-signature");
  });
});

test("fuzz", () => {
  const seeds = [messageBundle(), provenance()].map((bundle) => Buffer.from(JSON.stringify(bundle)));
  const other = Buffer.from("another file");
  fuzz("sigstore bundle", seeds, (bytes) => {
    // Whatever becomes of it, it never holds for what nobody signed.
    if (verifyReleased(bytes, { bytes: other }, keys, world.now + 10).outcome.valid) throw new Error("holds");
  });
  expect(ask(JSON.parse(String(seeds[0])))).toContain("valid");
});
