import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { readVectors } from "../../../../testing/src/vectors.ts";
import { FormatError } from "../../src/bytes/error.ts";
import { isSshCertificate, parseSshCertificate } from "../../src/ssh/certificate.ts";
import { parseSshPublicKeyBlob } from "../../src/ssh/public-key.ts";
import { parseSshsig } from "../../src/ssh/sshsig.ts";
import { UnsupportedSshError } from "../../src/ssh/unsupported.ts";
import { writeString } from "../../src/ssh/wire.ts";

const string = (text: string | Uint8Array) => writeString(Buffer.from(text));
const uint32 = (value: number) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);
const uint64 = (value: number) => Buffer.concat([uint32(0), uint32(value)]);
const pack = (...parts: (string | Uint8Array)[]) => string(Buffer.concat(parts.map(string)));

const KEY = Buffer.alloc(32, 9);
const AUTHORITY = Buffer.concat([string("ssh-ed25519"), string(Buffer.alloc(32, 8))]);
const SIGNATURE = Buffer.concat([string("ssh-ed25519"), string(Buffer.alloc(64, 1))]);

/** The fields of PROTOCOL.certkeys, "ED25519 certificate", each of which a test can replace. */
const FIELDS = {
  type: string("ssh-ed25519-cert-v01@openssh.com"),
  nonce: string("nonce"),
  key: string(KEY),
  serial: uint64(7),
  kind: uint32(1),
  keyId: string("id"),
  principals: pack("alice", "bob"),
  after: uint64(10),
  before: uint64(20),
  critical: pack("a@x", "1", "b@x", "2"),
  extensions: pack("permit-pty", ""),
  reserved: string(""),
  authority: string(AUTHORITY),
  signature: string(SIGNATURE),
};
const blob = (changes: Partial<Record<keyof typeof FIELDS, Uint8Array>> = {}) =>
  Buffer.concat(Object.values({ ...FIELDS, ...changes }));

const many = (count: number) => pack(...Array.from({ length: count }, () => "x"));

describe("one certificate", () => {
  test("every field is where PROTOCOL.certkeys has it", () => {
    const read = parseSshCertificate(blob());
    expect(read).toMatchObject({
      serial: 7n,
      kind: "user",
      keyId: Buffer.from("id"),
      principals: ["alice", "bob"],
      validAfter: 10n,
      validBefore: 20n,
      authority: { type: "ssh-ed25519", blob: AUTHORITY },
      signature: { kind: "ed25519" },
    });
    expect([...read.criticalOptions.keys()]).toEqual(["a@x", "b@x"]);
    expect([...read.extensions.keys()]).toEqual(["permit-pty"]);
    expect(Buffer.from(read.signed)).toEqual(blob().subarray(0, -FIELDS.signature.length));
  });

  test("the certified key is the one that its holder has without a certificate", () => {
    const plain = Buffer.concat([string("ssh-ed25519"), string(KEY)]);
    expect(parseSshCertificate(blob()).key).toEqual(parseSshPublicKeyBlob(plain));
    expect([isSshCertificate(blob()), isSshCertificate(plain)]).toEqual([true, false]);
  });

  test("names may be none, and as many as OpenSSH reads", () => {
    expect(parseSshCertificate(blob({ principals: pack() })).principals).toEqual([]);
    expect(parseSshCertificate(blob({ principals: many(256) })).principals).toHaveLength(256);
  });

  test.each<[string, Parameters<typeof blob>[0]]>([
    ["a byte behind it", { signature: Buffer.concat([FIELDS.signature, Buffer.from([0])]) }],
    ["a short key", { key: string("short") }],
    ["too many names", { principals: many(257) }],
    ["a name cut short", { principals: string(uint32(5)) }],
    ["an empty name", { principals: pack("") }],
    ["a name that is no UTF-8", { principals: pack(Buffer.from([0xff])) }],
    ["a name with a control character", { principals: pack("a\u001b[2J") }],
    ["a name that begins with a byte order mark", { principals: pack("\ufeffalice") }],
    ["options out of order", { critical: pack("b", "", "a", "") }],
    ["an option twice", { extensions: pack("a", "", "a", "") }],
    ["an option without its data", { critical: pack("a") }],
    ["an authority cut short", { authority: string(AUTHORITY.subarray(0, -1)) }],
    ["a signature cut short", { signature: string(SIGNATURE.subarray(0, -1)) }],
    ["more bytes than any needs", { keyId: string("x".repeat(30_000)) }],
  ])("refuses %s", (_, changes) => {
    expect(() => parseSshCertificate(blob(changes))).toThrow(FormatError);
    expect(() => parseSshCertificate(blob(changes))).not.toThrow(UnsupportedSshError);
  });

  test.each<[string, Parameters<typeof blob>[0]]>([
    ["a DSA certificate", { type: string("ssh-dss-cert-v01@openssh.com") }],
    ["a type that is only spoken", { type: string("rsa-sha2-512-cert-v01@openssh.com") }],
    ["a holder of an unknown type", { kind: uint32(0) }],
    ["something reserved", { reserved: string("x") }],
    ["a certificate as authority", { authority: string(blob()) }],
    ["another algorithm than the authority's", { signature: pack("ssh-rsa", Buffer.alloc(64)) }],
  ])("does not know %s", (_, changes) => {
    expect(() => parseSshCertificate(blob(changes))).toThrow(UnsupportedSshError);
  });
});

test("no bytes crash the reader", () => {
  const certified = readVectors("ssh").filter((v) => v.expect === "valid" && v.blocks.has("authority"));
  expect(certified.length).toBeGreaterThan(12);
  const signatures = certified.map(({ blocks }) => blocks.get("signature")!);
  fuzz("parseSshsig with certificates", signatures, parseSshsig);
  fuzz("parseSshCertificate", [blob(), blob({ principals: many(3) })], parseSshCertificate);
});
