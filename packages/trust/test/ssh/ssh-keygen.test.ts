import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseSshPublicKey } from "@firstmile/formats/ssh/public-key";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readVectors } from "../../../../testing/src/vectors.ts";
import { type SshKeys, sshFingerprint, sshKeys } from "../../src/ssh/keys.ts";
import { verifySshsig } from "../../src/ssh/verify.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "firstmile-ssh-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const message = Buffer.from("what was signed\n");

/** What ssh-keygen says of a signature by the one key that it is given. */
function sshKeygenAccepts(
  publicKey: string,
  signature: Uint8Array,
  text: Uint8Array,
  namespace: string,
): boolean {
  const [allowed, file] = [join(dir, "allowed"), join(dir, "signature")];
  writeFileSync(allowed, `me ${publicKey}`);
  writeFileSync(file, signature);
  try {
    const args = ["-Y", "verify", "-f", allowed, "-I", "me", "-n", namespace, "-s", file];
    execFileSync("ssh-keygen", args, { input: text, stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

const TYPES = [
  ["ed25519", []],
  ["rsa", ["-b", "2048"]],
  ["rsa", ["-b", "3072"]],
  ["rsa", ["-b", "4096"]],
  ["ecdsa", ["-b", "256"]],
  ["ecdsa", ["-b", "384"]],
  ["ecdsa", ["-b", "521"]],
] as const;

describe.each(TYPES)("%s %j", (type, size) => {
  const file = () => join(dir, `${type}${size.join("")}`);
  let line: string;
  let keys: SshKeys;
  beforeAll(() => {
    execFileSync("ssh-keygen", ["-q", "-t", type, ...size, "-N", "", "-C", "a comment", "-f", file()]);
    line = readFileSync(`${file()}.pub`, "utf8");
    keys = sshKeys([{ key: parseSshPublicKey(line), touch: false, pin: false }]);
  });

  test("the fingerprint is ssh-keygen's", () => {
    const printed = execFileSync("ssh-keygen", ["-l", "-f", `${file()}.pub`]).toString();
    expect(printed).toContain(` ${sshFingerprint(parseSshPublicKey(line))} `);
  });

  test.each(["sha256", "sha512"])("what it signs with %s verifies, once, as it says itself", (hash) => {
    const args = ["-Y", "sign", "-f", file(), "-n", "git", "-O", `hashalg=${hash}`];
    const signature = execFileSync("ssh-keygen", args, { input: message, stdio: "pipe" });
    const cases = [
      { text: message, namespace: "git" },
      { text: Buffer.from("what was not\n"), namespace: "git" },
      { text: message, namespace: "file" },
    ];
    const ours = cases.map((c) => verifySshsig(signature, c.text, c.namespace, keys, 0).valid);
    const theirs = cases.map((c) => sshKeygenAccepts(line, signature, c.text, c.namespace));
    expect(ours).toEqual([true, false, false]);
    expect(theirs).toEqual(ours);
  });
});

test("whatever we take among the vectors, ssh-keygen takes", () => {
  const valid = readVectors("ssh").filter((v) => v.expect === "valid" && !v.blocks.has("authority"));
  expect(valid.length).toBeGreaterThan(12);
  for (const { file, header, blocks } of valid) {
    const accepted = sshKeygenAccepts(
      Buffer.from(blocks.get("key")!).toString(),
      blocks.get("signature")!,
      blocks.get("message")!,
      header.get("namespace")!,
    );
    expect([file, accepted]).toEqual([file, true]);
  }
});
