/** A key's numbers give the blob that ssh-keygen wrote for it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KeyNumbers, sshBlobOf } from "@firstmile/formats/ssh/blob";
import { parseSshPublicKey, type SshPublicKey } from "@firstmile/formats/ssh/public-key";
import { afterAll, expect, test } from "vitest";

const dir = mkdtempSync(join(tmpdir(), "blob-"));
afterAll(() => rmSync(dir, { recursive: true }));

test.each([
  ["ed25519", "256"],
  ["rsa", "2048"],
  ["rsa", "2047"],
  ["ecdsa", "256"],
  ["ecdsa", "384"],
  ["ecdsa", "521"],
])("%s %s", (type, bits) => {
  const file = join(dir, `${type}${bits}`);
  execFileSync("ssh-keygen", ["-q", "-N", "", "-t", type, "-b", bits, "-f", file]);
  const key = parseSshPublicKey(readFileSync(`${file}.pub`, "utf8"));
  expect(Buffer.from(sshBlobOf(numbersOf(key))).toString("hex")).toBe(Buffer.from(key.blob).toString("hex"));
});

function numbersOf(key: SshPublicKey): KeyNumbers {
  if ("n" in key) return { kind: "rsa", n: key.n, e: key.e };
  if ("publicKey" in key) return { kind: "ed25519", point: key.publicKey };
  const curve = `P-${key.type.slice(-3)}` as "P-256";
  return { kind: "ecdsa", curve, point: key.point };
}
