/**
 * A private Sigstore for tests: an authority with an intermediate in the manner of Fulcio, a log of certificates, a
 * log of signatures, and the signatures that gitsign would make with them. Every step can be told to do it wrong.
 */
import { generateKeyPairSync, hash, type KeyObject, sign } from "node:crypto";
import {
  type CertificateBody,
  der,
  ECDSA_SHA256,
  extension,
  integer,
  keyId,
  name,
  newSerial,
  octets,
  oid,
  sequence,
  setOf,
  signCertificate,
  tbsCertificate,
  text,
  utcTime,
} from "./world-sigstore-der.ts";
import { LogKey, SignatureLog, type WrittenEntry, writeEntry } from "./world-sigstore-log.ts";

const TEN_YEARS = 315_360_000;
const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
const SCT_LIST = "1.3.6.1.4.1.11129.2.4.2";
const LOG_ENTRY = "1.3.6.1.4.1.57264.3.1";
const DATA = oid("1.2.840.113549.1.7.1");
const SHA256 = sequence(oid("2.16.840.1.101.3.4.2.1"));

/** Whom a certificate is for. What is not given is as Fulcio does it. */
export interface CertificateRequest {
  readonly identity: string;
  readonly issuer?: string;
  /** The issuer in the extension of certificates before 2023, where it is another. */
  readonly oldIssuer?: string;
  /** General names, instead of the one that `identity` makes. */
  readonly names?: readonly Uint8Array[];
  readonly purpose?: string;
  readonly keyUsage?: readonly number[];
  /** More extensions. */
  readonly more?: readonly Uint8Array[];
  readonly keys?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  /** Whose log saw it; "none" for a certificate that was never shown to any. */
  readonly seenBy?: LogKey | "none";
}

/** A certificate with its key, as gitsign holds them for as long as it signs. */
export interface Leaf {
  readonly certificate: Buffer;
  readonly serial: Buffer;
  readonly issuer: Buffer;
  readonly privateKey: KeyObject;
}

/** How to sign. What is not given is as gitsign's offline mode does it. */
export interface Signing {
  /** Seconds after the certificate's issue at which the log takes the entry in. */
  readonly after?: number;
  /** Log entries beside the signature, from the right one. */
  readonly entries?: (entry: WrittenEntry) => readonly WrittenEntry[];
  readonly digestAlgorithm?: Uint8Array;
  readonly signatureAlgorithm?: Uint8Array;
  readonly signers?: (signer: Buffer) => readonly Uint8Array[];
  readonly certificates?: (own: Buffer) => readonly Uint8Array[];
  /** Parts of encapContentInfo behind the type. */
  readonly content?: readonly Uint8Array[];
  /** More signed and more unsigned attributes. */
  readonly attributes?: readonly Uint8Array[];
  readonly unsigned?: readonly Uint8Array[];
  /** Signed attributes against the order of DER. */
  readonly unsorted?: boolean;
  /** What the log is told, instead of the digest of what was signed. */
  readonly logged?: (body: Buffer) => Buffer;
}

export const email = (address: string): Buffer => text(0x81, address);
export const uri = (address: string): Buffer => text(0x86, address);

export class SigstoreWorld {
  /** When its certificates are issued, Unix seconds. */
  readonly now: number;
  readonly log = new SignatureLog();
  readonly certificateLog = new LogKey();
  readonly #intermediateKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  readonly #root: Buffer;
  readonly #intermediate: Buffer;
  readonly #intermediateName = name("example", "intermediate");

  constructor(now = 1_750_000_000) {
    this.now = now;
    const root = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const rootName = name("example", "root");
    const authority = (keys: { publicKey: KeyObject }, subject: Buffer, issuer: Buffer): CertificateBody => ({
      issuer,
      subject,
      notBefore: now - TEN_YEARS,
      notAfter: now + TEN_YEARS,
      key: keys.publicKey,
      extensions: [
        extension("2.5.29.15", der(0x03, Buffer.from([1, 0x06])), true),
        extension("2.5.29.19", sequence(der(0x01, Buffer.from([0xff]))), true),
        extension("2.5.29.14", octets(keyId(keys.publicKey))),
        extension("2.5.29.35", sequence(der(0x80, keyId(root.publicKey)))),
      ],
    });
    const issue = (body: CertificateBody) =>
      signCertificate(tbsCertificate(body, newSerial()), root.privateKey);
    this.#root = issue(authority(root, rootName, rootName));
    this.#intermediate = issue(authority(this.#intermediateKeys, this.#intermediateName, rootName));
  }

  /** Both authorities, DER. */
  get authorities(): readonly Buffer[] {
    return [this.#intermediate, this.#root];
  }

  /** As an object, to be changed and written. */
  get trust() {
    const start = this.now - TEN_YEARS;
    const certificates = this.authorities.map((bytes) => ({ rawBytes: bytes.toString("base64") }));
    const authority = {
      uri: "https://ca.example",
      certChain: { certificates },
      validFor: { start: new Date(start * 1000).toISOString() },
    };
    return {
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      tlogs: [this.log.key.listed("https://log.example", start)],
      certificateAuthorities: [authority],
      ctlogs: [this.certificateLog.listed("https://ct.example", start)],
      timestampAuthorities: [],
    };
  }

  get trustedRoot(): Buffer {
    return Buffer.from(JSON.stringify(this.trust));
  }

  certify(request: CertificateRequest): Leaf {
    const { publicKey, privateKey } = request.keys ?? generateKeyPairSync("ec", { namedCurve: "P-256" });
    const serial = newSerial();
    const issuer = this.#intermediateName;
    const { notBefore, notAfter } = { notBefore: this.now, notAfter: this.now + 600 };
    const extensions = this.#extensions(request, publicKey);
    const body = { issuer, subject: sequence(), notBefore, notAfter, key: publicKey, extensions };
    const seen = this.#seen(request.seenBy ?? this.certificateLog, tbsCertificate(body, serial));
    const tbs = tbsCertificate({ ...body, extensions: [...extensions, ...seen] }, serial);
    return {
      certificate: signCertificate(tbs, this.#intermediateKeys.privateKey),
      serial,
      issuer,
      privateKey,
    };
  }

  #extensions(request: CertificateRequest, key: KeyObject): Buffer[] {
    const { identity, issuer = "https://accounts.example", purpose = CODE_SIGNING } = request;
    const names = request.names ?? [identity.includes("://") ? uri(identity) : email(identity)];
    return [
      extension("2.5.29.15", der(0x03, Buffer.from(request.keyUsage ?? [7, 0x80])), true),
      extension("2.5.29.37", sequence(oid(purpose))),
      extension("2.5.29.14", octets(keyId(key))),
      extension("2.5.29.35", sequence(der(0x80, keyId(this.#intermediateKeys.publicKey)))),
      extension("2.5.29.17", sequence(...names), true),
      extension("1.3.6.1.4.1.57264.1.1", Buffer.from(request.oldIssuer ?? issuer, "latin1")),
      extension("1.3.6.1.4.1.57264.1.8", text(0x0c, issuer)),
      ...((request.more ?? []) as Buffer[]),
    ];
  }

  #seen(by: LogKey | "none", tbs: Buffer): Buffer[] {
    if (by === "none") return [];
    const one = by.timestamp(tbs, this.#intermediateKeys.publicKey, this.now);
    const size = (n: number) => Buffer.from([n >> 8, n & 0xff]);
    const list = Buffer.concat([size(one.length + 2), size(one.length), one]);
    return [extension(SCT_LIST, octets(list))];
  }

  /** A signature as gitsign writes it into a commit. */
  sign(leaf: Leaf, message: Uint8Array, how: Signing = {}): Buffer {
    return armor(this.signDer(leaf, message, how));
  }

  signDer(leaf: Leaf, message: Uint8Array, how: Signing = {}): Buffer {
    const { digestAlgorithm = SHA256, signatureAlgorithm = ECDSA_SHA256, attributes = [] } = how;
    const hashed = digestAlgorithm === SHA256 ? "sha256" : "sha1";
    const members = [
      attribute("1.2.840.113549.1.9.3", DATA),
      attribute("1.2.840.113549.1.9.4", octets(hash(hashed, message, "buffer"))),
      attribute("1.2.840.113549.1.9.5", utcTime(this.now)),
      ...attributes,
    ];
    const signed = how.unsorted ? der(0x31, ...members.sort(Buffer.compare).reverse()) : setOf(...members);
    const signature = sign(hashed, signed, leaf.privateKey);
    const body = Buffer.from(rekorBody(signed, signature, leaf.certificate));
    const entry = this.log.append(how.logged?.(body) ?? body, this.now + (how.after ?? 2));
    const entries = how.entries?.(entry) ?? [entry];
    const logged = entries.map((one) => attribute(LOG_ENTRY, octets(writeEntry(one))));
    const unsigned = [...logged, ...(how.unsigned ?? [])];
    const signer = sequence(
      integer(1),
      sequence(leaf.issuer, der(0x02, leaf.serial)),
      digestAlgorithm,
      der(0xa0, signed.subarray(signed.length - contentLength(signed))),
      signatureAlgorithm,
      octets(signature),
      ...(unsigned.length > 0 ? [der(0xa1, ...unsigned.sort(Buffer.compare))] : []),
    );
    const data = sequence(
      integer(1),
      setOf(digestAlgorithm),
      sequence(DATA, ...(how.content ?? [])),
      der(0xa0, ...(how.certificates?.(leaf.certificate) ?? [leaf.certificate])),
      der(0x31, ...(how.signers?.(signer) ?? [signer])),
    );
    return sequence(oid("1.2.840.113549.1.7.2"), der(0xa0, data));
  }
}

export function attribute(type: string, ...values: readonly Uint8Array[]): Buffer {
  return sequence(oid(type), setOf(...values));
}

/** Of an element with its length in one to three bytes. */
function contentLength(element: Buffer): number {
  const first = element[1]!;
  return element.length - (first < 0x80 ? 2 : 2 + (first & 0x7f));
}

/** What gitsign tells the log: the digest of the signed attributes, the signature, the certificate as PEM. */
export function rekorBody(signed: Uint8Array, signature: Uint8Array, certificate: Uint8Array): string {
  const pem = `-----BEGIN CERTIFICATE-----\n${lines(certificate)}\n-----END CERTIFICATE-----\n`;
  const content = Buffer.from(pem).toString("base64");
  const value = hash("sha256", signed, "hex");
  return `{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":"sha256","value":"${value}"}},"signature":{"content":"${Buffer.from(signature).toString("base64")}","publicKey":{"content":"${content}"}}}}`;
}

export function armor(cms: Uint8Array): Buffer {
  return Buffer.from(`-----BEGIN SIGNED MESSAGE-----\n${lines(cms)}\n-----END SIGNED MESSAGE-----\n`);
}

function lines(bytes: Uint8Array): string {
  const parts = Buffer.from(bytes)
    .toString("base64")
    .match(/.{1,64}/g);
  return (parts ?? []).join("\n");
}
