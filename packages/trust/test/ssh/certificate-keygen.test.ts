/** Certificates side by side with `ssh-keygen -Y verify` and `cert-authority` lines. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseSshPublicKey } from "@firstmile/formats/ssh/public-key";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readVectors } from "../../../../testing/src/vectors.ts";
import { sshKeys } from "../../src/ssh/keys.ts";
import { verifySshsig } from "../../src/ssh/verify.ts";
import { type CertificateSpec, certificate, ed25519, publicLine, rsa, sshsig } from "./forge.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "firstmile-ssh-certificate-"));
  for (const name of ["ca", "otherca"]) generate(name, ["-t", "ed25519"]);
  generate("rsaca", ["-t", "rsa", "-b", "2048"]);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const message = Buffer.from("what was signed\n");
/** 2027-01-15, as `-O verify-time` takes it. */
const [NOW, NOW_TEXT] = [1_800_000_000, "20270115080000Z"];

const at = (name: string) => join(dir, name);
const line = (name: string) => readFileSync(at(`${name}.pub`), "utf8");

function generate(name: string, type: readonly string[]): void {
  execFileSync("ssh-keygen", ["-q", ...type, "-N", "", "-f", at(name)]);
}

/** A signature by a fresh key that an authority certifies with these flags of ssh-keygen. */
function certified(
  flags: readonly string[],
  { ca = "ca", type = ["-t", "ed25519"], namespace = "git" } = {},
): Buffer {
  const name = `user${counter++}`;
  generate(name, type);
  execFileSync("ssh-keygen", ["-q", "-s", at(ca), "-I", "id", ...flags, at(`${name}.pub`)], {
    stdio: "pipe",
  });
  // Given the certificate's name, ssh-keygen finds the private key beside it.
  copyFileSync(at(name), at(`${name}-cert`));
  const args = ["-Y", "sign", "-f", at(`${name}-cert.pub`), "-n", namespace];
  return execFileSync("ssh-keygen", args, { input: message, stdio: "pipe" });
}
let counter = 0;

function sshKeygenAccepts(
  signature: Uint8Array,
  allowed: string,
  text: Uint8Array = message,
  identity = "alice",
): boolean {
  writeFileSync(at("allowed"), allowed);
  writeFileSync(at("signature"), signature);
  const asked = ["-f", at("allowed"), "-I", identity, "-n", "git", "-s", at("signature")];
  try {
    const args = ["-Y", "verify", "-O", `verify-time=${NOW_TEXT}`, ...asked];
    execFileSync("ssh-keygen", args, { input: text, stdio: "pipe", env: { ...process.env, TZ: "UTC" } });
    return true;
  } catch {
    return false;
  }
}

function weAccept(signature: Uint8Array, ca: string, text: Uint8Array = message, name = "alice"): boolean {
  const keys = sshKeys([], [{ key: parseSshPublicKey(ca), certifiedAs: [name] }]);
  return verifySshsig(signature, text, "git", keys, NOW).valid;
}

function both(signature: Uint8Array, ca = line("ca"), text?: Uint8Array): [boolean, boolean] {
  return [weAccept(signature, ca, text), sshKeygenAccepts(signature, `alice cert-authority ${ca}`, text)];
}

const TYPES = [
  ["ed25519", []],
  ["rsa", ["-b", "2048"]],
  ["ecdsa", ["-b", "256"]],
  ["ecdsa", ["-b", "384"]],
  ["ecdsa", ["-b", "521"]],
] as const;
const ALICE = ["-n", "alice", "-V", "20260101:20280101"] as const;

test.each(TYPES)(
  "what ssh-keygen certifies and signs with %s %j, both take, for what it says only",
  (type, size) => {
    const signature = certified(ALICE, { type: ["-t", type, ...size] });
    expect(both(signature)).toEqual([true, true]);
    expect(both(signature, line("ca"), Buffer.from("what was not\n"))).toEqual([false, false]);
    expect(both(signature, line("otherca"))).toEqual([false, false]);
  },
);

describe("both agree", () => {
  const cases: [string, boolean, readonly string[], Parameters<typeof certified>[1]?][] = [
    ["an RSA authority with SHA-512", true, [...ALICE, "-t", "rsa-sha2-512"], { ca: "rsaca" }],
    ["several names", true, ["-n", "root,alice"]],
    ["another name", false, ["-n", "mallory"]],
    ["a name that begins alike", false, ["-n", "alice2"]],
    ["no name", false, []],
    ["a host's certificate", false, ["-h", "-n", "alice"]],
    ["expired", false, ["-n", "alice", "-V", "20200101:20210101"]],
    ["before its time", false, ["-n", "alice", "-V", "20400101:20410101"]],
    ["without an end", true, ["-n", "alice", "-V", "always:forever"]],
    ["signed for another purpose", false, ALICE, { namespace: "file" }],
  ];
  test.each(cases)("%s", (_, expected, flags, options) => {
    const signature = certified(flags, options);
    expect(both(signature, line(options?.ca ?? "ca"))).toEqual([expected, expected]);
  });

  test("a certified key whose plain key is listed: the certificate decides", () => {
    const signature = certified(ALICE);
    const own = line(`user${counter - 1}`);
    const keys = sshKeys([{ key: parseSshPublicKey(own), touch: false, pin: false }]);
    expect(verifySshsig(signature, message, "git", keys, NOW).valid).toBe(false);
    expect(sshKeygenAccepts(signature, `alice ${own}`)).toBe(false);
  });

  test("a line of allowed_signers that is for another namespace or time", () => {
    const signature = certified(ALICE);
    const options = (more: string) =>
      sshKeygenAccepts(signature, `alice cert-authority,${more} ${line("ca")}`);
    expect([options('namespaces="git"'), options('namespaces="file"')]).toEqual([true, false]);
    expect([options('valid-after="20260101"'), options('valid-before="20260101"')]).toEqual([true, false]);
  });
});

/** Forged ones, since ssh-keygen writes none of them. */
describe("both refuse", () => {
  const [ca, alice] = [ed25519(), ed25519()];
  const forged = (spec: Partial<CertificateSpec>) =>
    sshsig(alice, certificate({ authority: ca, key: alice, principals: ["alice"], ...spec }), message);

  test("nothing of what this file forges rightly", () => {
    expect(both(forged({}), publicLine(ca))).toEqual([true, true]);
  });

  const middle = certificate({ authority: ca, key: alice, principals: ["alice"] });
  test.each<[string, Partial<CertificateSpec>]>([
    ["a certificate as authority", { authority: alice, signatureKey: middle }],
    ["another authority's signature", { authority: ed25519(), signatureKey: ca.blob }],
    [
      "a name changed behind the authority's back",
      {
        principals: ["malic"],
        tamper: (signed) => Buffer.from(signed.toString("latin1").replace("malic", "alice"), "latin1"),
      },
    ],
    ["an unknown type of holder", { type: 3 }],
  ])("%s", (_, spec) => {
    expect(both(forged(spec), publicLine(ca))).toEqual([false, false]);
  });
});

/** Each of these is a decision of ours, told in certificate.ts. Should ssh-keygen follow, this test says so. */
describe("we alone refuse", () => {
  test.each([
    ["an unknown restriction", ["-O", "critical:not-for-signing@example.org=x"]],
    ["a certificate for one command", ["-O", "force-command=/bin/true"]],
    ["a certificate for logins from one network", ["-O", "source-address=10.0.0.0/8"]],
    ["verify-required where the key cannot verify anybody", ["-O", "verify-required"]],
  ])("%s", (_, flags) => {
    expect(both(certified([...ALICE, ...flags]))).toEqual([false, true]);
  });

  test("an authority's signature over SHA-1", () => {
    const [ca, alice] = [rsa("ssh-rsa"), ed25519()];
    const signature = sshsig(
      alice,
      certificate({ authority: ca, key: alice, principals: ["alice"] }),
      message,
    );
    expect(both(signature, publicLine(ca))).toEqual([false, true]);
  });
});

test.each(["certificate-sk-untouched", "certificate-sk-unverified"])(
  "%s: we alone ask what a FIDO key says of its touch and its PIN",
  (name) => {
    const { header, blocks } = readVectors("ssh").find(({ file }) => file === `ssh/${name}.txt`)!;
    const allowed = `${header.get("certified-as")} cert-authority ${Buffer.from(blocks.get("authority")!)}`;
    expect(sshKeygenAccepts(blocks.get("signature")!, allowed, blocks.get("message")!)).toBe(true);
  },
);

test("whatever we take among the vectors, ssh-keygen takes", () => {
  const vectors = readVectors("ssh").filter((v) => v.expect === "valid" && v.blocks.has("authority"));
  expect(vectors.length).toBeGreaterThan(12);
  for (const { file, header, blocks } of vectors) {
    const allowed = `${header.get("certified-as")} cert-authority ${Buffer.from(blocks.get("authority")!)}`;
    const taken = sshKeygenAccepts(blocks.get("signature")!, allowed, blocks.get("message")!);
    expect([file, taken]).toEqual([file, true]);
  }
});
