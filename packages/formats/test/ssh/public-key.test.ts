import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { readVectors } from "../../../../testing/src/vectors.ts";
import { FormatError } from "../../src/bytes/error.ts";
import { parseSshPublicKey, parseSshPublicKeyBlob } from "../../src/ssh/public-key.ts";
import { parseSshsig, sshsigSignedData } from "../../src/ssh/sshsig.ts";
import { UnsupportedSshError } from "../../src/ssh/unsupported.ts";
import { writeString } from "../../src/ssh/wire.ts";

const valid = readVectors("ssh").filter(({ expect: claim }) => claim === "valid");
const lines = [
  ...new Set(valid.flatMap(({ blocks }) => blocks.get("key") ?? []).map((b) => Buffer.from(b).toString())),
];
const ed25519 = lines.find((line) => line.startsWith("ssh-ed25519"))!;
const [, base64] = ed25519.split(" ");

const string = (text: string) => writeString(Buffer.from(text));
const blob = (...parts: Uint8Array[]) => Buffer.concat(parts);

describe("one line", () => {
  test("all seven types are read, with or without a comment or a newline", () => {
    expect(new Set(lines.map((line) => parseSshPublicKey(line).type)).size).toBe(7);
    for (const line of [`ssh-ed25519 ${base64}`, `ssh-ed25519 ${base64}\n`, `ssh-ed25519 ${base64} a b\n`]) {
      expect(Buffer.from(parseSshPublicKey(line).blob).toString("base64")).toBe(base64);
    }
  });

  test.each([
    ["options in front", `no-touch-required ssh-ed25519 ${base64}`],
    ["two lines", `ssh-ed25519 ${base64}\nssh-ed25519 ${base64}\n`],
    ["two spaces", `ssh-ed25519  ${base64}`],
    ["a type that is not the key's", `ssh-rsa ${base64}`],
    ["stray base64", `ssh-ed25519 ${base64}=`],
    ["no key", "ssh-ed25519 "],
    ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\n"],
    ["a line without an end", `ssh-ed25519 ${base64} ${"x".repeat(20_000)}`],
  ])("refuses %s", (_, line) => {
    expect(() => parseSshPublicKey(line)).toThrow(FormatError);
  });
});

describe("blobs", () => {
  test.each(["ssh-dss", "ssh-ed25519-cert-v01@openssh.com", "ssh-ed448", "ssh-mldsa44-ed25519@openssh.com"])(
    "%s is refused by name",
    (type) => {
      const read = () => parseSshPublicKeyBlob(blob(string(type), string("x")));
      expect(read).toThrow(UnsupportedSshError);
      expect(read).toThrow(type);
    },
  );

  const number = (...bytes: number[]) => writeString(Uint8Array.from(bytes));
  test.each([
    ["a byte behind the key", blob(Buffer.from(base64!, "base64"), Buffer.from([0]))],
    ["a short Ed25519 key", blob(string("ssh-ed25519"), string("short"))],
    ["a needless zero in e", blob(string("ssh-rsa"), number(0, 3), number(0x7f))],
    ["a negative n", blob(string("ssh-rsa"), number(3), number(0x80))],
    ["an e of zero", blob(string("ssh-rsa"), number(), number(0x7f))],
    ["the wrong curve", blob(string("ecdsa-sha2-nistp256"), string("nistp384"), number(4))],
    [
      "a compressed point",
      blob(string("ecdsa-sha2-nistp256"), string("nistp256"), number(2, ...Array(32).fill(1))),
    ],
    ["no application", blob(string("sk-ssh-ed25519@openssh.com"), string("x".repeat(32)), string(""))],
    ["a length past the end", Buffer.from("ffffffff", "hex")],
    ["more than any key needs", blob(string("ssh-rsa"), number(3), writeString(Buffer.alloc(9000, 0x7f)))],
  ])("refuses %s", (_, bytes) => {
    expect(() => parseSshPublicKeyBlob(bytes)).toThrow(FormatError);
  });
});

test("signed data is laid out as PROTOCOL.sshsig section 3 says", () => {
  const data = sshsigSignedData("git", "sha256", Uint8Array.from([1, 2]));
  expect(Buffer.from(data).toString("latin1")).toBe(
    "SSHSIG\0\0\0\x03git\0\0\0\0\0\0\0\x06sha256\0\0\0\x02\x01\x02",
  );
});

test("no bytes crash the readers", () => {
  fuzz(
    "parseSshPublicKey",
    lines.map((line) => Buffer.from(line)),
    (bytes) => parseSshPublicKey(Buffer.from(bytes).toString("latin1")),
  );
  fuzz(
    "parseSshPublicKeyBlob",
    lines.map((line) => parseSshPublicKey(line).blob),
    parseSshPublicKeyBlob,
  );
  fuzz(
    "parseSshsig",
    valid.map(({ blocks }) => blocks.get("signature")!),
    parseSshsig,
  );
});
