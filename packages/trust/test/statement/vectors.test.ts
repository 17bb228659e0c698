import { latin1 } from "@firstmile/formats/bytes/text";
import { parseNixPublicKey } from "@firstmile/formats/nix/key";
import { parseSshPublicKey } from "@firstmile/formats/ssh/public-key";
import { expect, test } from "vitest";
import { readVectors, type Vector } from "../../../../testing/src/vectors.ts";
import { openPgpKeys } from "../../src/openpgp/keys.ts";
import { sigstoreKeys } from "../../src/sigstore/keys.ts";
import { sshFingerprint, sshKeys } from "../../src/ssh/keys.ts";
import { nixFingerprint, nixKeys } from "../../src/statement/nix-keys.ts";
import { verifyStatement } from "../../src/statement/verify.ts";

const vectors = readVectors("statement/signed");

function verdictOf({ blocks }: Vector): string {
  const lines = latin1(blocks.get("keys") ?? new Uint8Array())
    .split("\n")
    .filter(Boolean);
  const ssh = lines.filter((line) => line.startsWith("ssh-"));
  const nix = lines
    .filter((line) => line.startsWith("nix:"))
    .map((line) => ({ kind: "nix" as const, ...parseNixPublicKey(line.slice(4)) }));
  const names = new Map<string, string>([
    ...ssh.map((line) => [sshFingerprint(parseSshPublicKey(line)), line.split(" ")[2]!] as const),
    ...nix.map((key) => [nixFingerprint(key), key.name] as const),
  ]);
  const keys = {
    sigstore: sigstoreKeys([]),
    ssh: sshKeys(ssh.map((line) => ({ key: parseSshPublicKey(line), touch: false, pin: false }))),
    openpgp: openPgpKeys([]),
    nix: nixKeys(nix),
  };
  const result = verifyStatement(blocks.get("envelope")!, keys, 0);
  if (!result.ok) return result.code;
  return result.outcomes.map((outcome) => (outcome.valid ? names.get(outcome.key) : outcome.code)).join(" ");
}

test.each(vectors.map((vector) => [vector.file, vector] as const))("%s", (_, vector) => {
  expect(verdictOf(vector)).toBe(vector.expect);
});

test("are there", () => expect(vectors.length).toBeGreaterThan(15));
