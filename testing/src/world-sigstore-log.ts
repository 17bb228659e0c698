/** The logs of a Sigstore of tests: one of signatures, in the manner of Rekor, one of certificates. */
import { generateKeyPairSync, hash, type KeyObject, sign } from "node:crypto";
import { field, spki } from "./world-sigstore-der.ts";

const sha256 = (...parts: readonly Uint8Array[]): Buffer => hash("sha256", Buffer.concat(parts), "buffer");

/** A key whose SHA-256 names a log (RFC 6962 section 3.2). */
export class LogKey {
  readonly #private: KeyObject;
  readonly public: KeyObject;
  readonly id: Buffer;

  constructor() {
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#private = pair.privateKey;
    this.public = pair.publicKey;
    this.id = sha256(spki(pair.publicKey));
  }

  sign(bytes: Uint8Array): Buffer {
    return sign("sha256", bytes, this.#private);
  }

  /** As trusted_root.json lists a log. */
  listed(baseUrl: string, start: number) {
    return {
      baseUrl,
      hashAlgorithm: "SHA2_256",
      publicKey: {
        rawBytes: spki(this.public).toString("base64"),
        keyDetails: "PKIX_ECDSA_P256_SHA_256",
        validFor: { start: new Date(start * 1000).toISOString() },
      },
      logId: { keyId: this.id.toString("base64") },
    };
  }

  /** A SignedCertificateTimestamp (RFC 6962 section 3.2) for a certificate that is still without it. */
  timestamp(tbs: Uint8Array, issuer: KeyObject, seconds: number): Buffer {
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(seconds) * 1000n);
    const length = Buffer.from([tbs.length >> 16, (tbs.length >> 8) & 0xff, tbs.length & 0xff]);
    const entry = Buffer.concat([Buffer.from([0, 1]), sha256(spki(issuer)), length, tbs]);
    const signature = this.sign(Buffer.concat([Buffer.from([0, 0]), time, entry, Buffer.from([0, 0])]));
    const size = Buffer.from([4, 3, 0, signature.length]);
    return Buffer.concat([Buffer.from([0]), this.id, time, Buffer.from([0, 0]), size, signature]);
  }
}

/** An entry as the log gives it out; each part can be taken from another before it is written. */
export interface WrittenEntry {
  readonly logIndex: number;
  readonly logId: Uint8Array;
  readonly kind: string;
  readonly integratedTime: number;
  readonly promise: Uint8Array | undefined;
  readonly proof: Uint8Array | undefined;
  readonly body: Uint8Array | undefined;
}

/** `dev.sigstore.rekor.v1.TransparencyLogEntry`. */
export function writeEntry(entry: WrittenEntry): Buffer {
  return Buffer.concat([
    field(1, entry.logIndex),
    field(2, field(1, entry.logId)),
    field(3, Buffer.concat([field(1, entry.kind), field(2, "0.0.1")])),
    field(4, entry.integratedTime),
    ...(entry.promise ? [field(5, field(1, entry.promise))] : []),
    ...(entry.proof ? [field(6, entry.proof)] : []),
    ...(entry.body ? [field(7, entry.body)] : []),
  ]);
}

/** A log of signatures. It begins with a few entries of strangers, so that each proof has something to prove. */
export class SignatureLog {
  readonly key = new LogKey();
  readonly #leaves = [1, 2, 3, 4, 5].map((n) => sha256(Buffer.from([0, n])));

  append(body: Uint8Array, integratedTime: number): WrittenEntry {
    const logIndex = this.#leaves.push(sha256(Buffer.from([0]), body)) - 1;
    const promised = {
      body: Buffer.from(body).toString("base64"),
      integratedTime,
      logID: this.key.id.toString("hex"),
    };
    const promise = this.key.sign(Buffer.from(JSON.stringify({ ...promised, logIndex })));
    const proof = this.#proof(logIndex);
    return {
      logIndex,
      logId: this.key.id,
      kind: "hashedrekord",
      integratedTime,
      promise,
      proof,
      body: undefined,
    };
  }

  #proof(index: number): Buffer {
    const root = treeHash(this.#leaves);
    return Buffer.concat([
      field(1, index),
      field(2, root),
      field(3, this.#leaves.length),
      ...path(index, this.#leaves).map((hash) => field(4, hash)),
      field(5, field(1, this.#checkpoint(root))),
    ]);
  }

  #checkpoint(root: Buffer): string {
    const note = `log.example - 1\n${this.#leaves.length}\n${root.toString("base64")}\n`;
    const signature = Buffer.concat([this.key.id.subarray(0, 4), this.key.sign(Buffer.from(note))]);
    return `${note}\n\u2014 log.example ${signature.toString("base64")}\n`;
  }
}

/** RFC 6962 section 2.1. */
function treeHash(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 1) return leaves[0]!;
  const k = split(leaves.length);
  return sha256(Buffer.from([1]), treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
}

/** RFC 6962 section 2.1.1. */
function path(index: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...path(index, leaves.slice(0, k)), treeHash(leaves.slice(k))]
    : [...path(index - k, leaves.slice(k)), treeHash(leaves.slice(0, k))];
}

function split(n: number): number {
  return 2 ** Math.floor(Math.log2(n - 1));
}
