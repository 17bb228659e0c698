import { parseSshPublicKey, type SshPublicKey } from "@firstmile/formats/ssh/public-key";
import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { readVectors, type Vector } from "../../../../testing/src/vectors.ts";
import type { SignatureOutcome } from "../../src/signature/outcome.ts";
import { type SshKeys, sshFingerprint, sshKeys } from "../../src/ssh/keys.ts";
import { verifySshsig } from "../../src/ssh/verify.ts";

const NOW = 1_800_000_000;

function verifyVector({ header, blocks }: Vector): SignatureOutcome {
  const [signature, message, namespace] = [
    blocks.get("signature")!,
    blocks.get("message")!,
    header.get("namespace")!,
  ];
  return verifySshsig(
    signature,
    message,
    namespace,
    keysOf({ header, blocks }),
    Number(header.get("now") ?? NOW),
  );
}

function keysOf({ header, blocks }: Pick<Vector, "header" | "blocks">): SshKeys {
  const [plain, authority] = [lineIn(blocks.get("key")), lineIn(blocks.get("authority"))];
  const demands = { touch: header.get("touch") === "demanded", pin: header.get("pin") === "demanded" };
  const names = [header.get("certified-as"), header.get("also-certified-as")].filter(
    (name) => name !== undefined,
  );
  return sshKeys(
    plain ? [{ key: plain, ...demands }] : [],
    authority ? names.map((name) => ({ key: authority, certifiedAs: [name] })) : [],
  );
}

function lineIn(block: Uint8Array | undefined): SshPublicKey | undefined {
  return block && parseSshPublicKey(Buffer.from(block).toString());
}

const vectors = readVectors("ssh");
const named = (name: string) => vectors.find(({ file }) => file === `ssh/${name}.txt`)!;

describe("vectors", () => {
  test.each(vectors.map((vector) => [vector.file, vector] as const))("%s", (_, vector) => {
    const outcome = verifyVector(vector);
    expect(outcome.valid ? "valid" : outcome.code).toBe(vector.expect);
  });

  test("cover every code that an SSH signature can end in", () => {
    expect([...new Set(vectors.map(({ expect: claim }) => claim))].sort()).toEqual([
      "bad-signature",
      "expired-key",
      "malformed-signature",
      "not-a-signing-key",
      "pin-missing",
      "touch-missing",
      "unknown-key",
      "unsigned",
      "unsupported-signature",
      "valid",
      "weak-key",
      "weak-signature",
    ]);
  });
});

test("a valid outcome names the key and never expires", () => {
  const vector = named("ed25519-sha512");
  const key = sshFingerprint(parseSshPublicKey(Buffer.from(vector.blocks.get("key")!).toString()));
  expect(verifyVector(vector)).toEqual({ valid: true, key, signingKey: key, validUntil: undefined });
});

test("a wrong namespace is said by name", () => {
  const outcome = verifyVector(named("namespace-other"));
  expect(outcome.valid ? "" : outcome.message).toContain("`file`");
});

test("of two entries for one key the stricter demands count, in either order", () => {
  const { blocks } = named("sk-ed25519-untouched-allowed");
  const key = parseSshPublicKey(Buffer.from(blocks.get("key")!).toString());
  const strict = { key, touch: true, pin: false };
  const loose = { key, touch: false, pin: false };
  for (const entries of [
    [strict, loose],
    [loose, strict],
  ]) {
    const keys = sshKeys(entries);
    expect(keys.plain.size).toBe(1);
    const outcome = verifySshsig(blocks.get("signature")!, blocks.get("message")!, "git", keys, NOW);
    expect(outcome).toMatchObject({ valid: false, code: "touch-missing" });
  }
});

test("no mutation of a signature throws, and none but the armor's width is valid", () => {
  const signatures = vectors.filter((v) => v.expect === "valid").map((v) => v.blocks.get("signature")!);
  const { blocks } = named("ed25519-sha512");
  const certified = named("certificate-ed25519");
  const keys = {
    plain: keysOf({ header: new Map(), blocks }).plain,
    authorities: keysOf(certified).authorities,
  };
  const canonical = new Set(signatures.map(blobOf));
  let valid = 0;
  fuzz("verifySshsig", [...signatures, certified.blocks.get("signature")!], (bytes) => {
    const outcome = verifySshsig(bytes, blocks.get("message")!, "git", keys, NOW);
    if (outcome.valid && !canonical.has(blobOf(bytes))) throw new Error("a changed signature is valid");
    if (outcome.valid) valid++;
  });
  expect(valid).toBeGreaterThan(0);
});

function blobOf(armored: Uint8Array): string {
  return Buffer.from(armored).toString("latin1").split("\n").slice(1).join("");
}
