/** The worked example of spec/statements.md, made again: whoever writes another implementation checks it by this. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { encodeBase64 } from "@firstmile/formats/bytes/text";
import { preAuthEncoding, renderEnvelope } from "@firstmile/formats/dsse/envelope";
import { hashObject } from "@firstmile/formats/git/object-id";
import { parseSshPublicKey } from "@firstmile/formats/ssh/public-key";
import { sshsigSignedData } from "@firstmile/formats/ssh/sshsig";
import { writeString } from "@firstmile/formats/ssh/wire";
import {
  renderStatement,
  STATEMENT_PAYLOAD_TYPE,
  type Statement,
} from "@firstmile/formats/statement/statement";
import { sigstoreKeys } from "@firstmile/trust/sigstore/keys";
import { describe, expect, test } from "vitest";
import { digest } from "../../src/crypto/hash.ts";
import { ed25519Signer } from "../../src/crypto/signing.ts";
import { openPgpKeys } from "../../src/openpgp/keys.ts";
import { sshKeys } from "../../src/ssh/keys.ts";
import { nixKeys } from "../../src/statement/nix-keys.ts";
import { STATEMENT_NAMESPACE } from "../../src/statement/signature.ts";
import { verifyStatement } from "../../src/statement/verify.ts";

const SPEC = readFileSync(resolve(import.meta.dirname, "../../../../spec/statements.md"), "utf8");

/** The code blocks of the spec's section "Example", in order. */
const blocks = [...SPEC.split("\n## Example\n")[1]!.matchAll(/^```\n(.*?)\n```$/gms)].map(
  (match) => match[1]!,
);

const content = Buffer.from("{ }: 2\n");
const before = hashObject("blob", Buffer.from("{ }: 1\n"), "sha1");
const review: Statement = {
  kind: "review",
  verdict: "approve",
  depth: "read",
  machine: false,
  note: undefined,
  source: "nixpkgs",
  changes: [
    {
      path: "pkgs/caf\xe9.nix",
      before: { id: before, mode: 0o100644 },
      after: {
        id: hashObject("blob", content, "sha1"),
        mode: 0o100644,
        sha256: Buffer.from(digest("sha256", content)).toString("hex"),
      },
    },
  ],
};

const signer = ed25519Signer(Buffer.alloc(32, 1));
const payload = renderStatement(review);
const message = preAuthEncoding(STATEMENT_PAYLOAD_TYPE, payload);
const text = (word: string) => writeString(Buffer.from(word));

function sshBlob(): Buffer {
  return Buffer.concat([text("ssh-ed25519"), writeString(signer.publicKey)]);
}

function sshSignature(): Buffer {
  const data = sshsigSignedData(STATEMENT_NAMESPACE, "sha512", digest("sha512", message));
  const made = Buffer.concat([text("ssh-ed25519"), writeString(signer.sign(data))]);
  const middle = [text(STATEMENT_NAMESPACE), text(""), text("sha512")];
  const whole = Buffer.concat([
    Buffer.from("SSHSIG\0\0\0\x01"),
    writeString(sshBlob()),
    ...middle,
    writeString(made),
  ]);
  const lines = whole.toString("base64").replace(/.{70}(?=.)/g, "$&\n");
  return Buffer.from(`-----BEGIN SSH SIGNATURE-----\n${lines}\n-----END SSH SIGNATURE-----\n`);
}

const envelope = Buffer.from(
  renderEnvelope({
    payloadType: STATEMENT_PAYLOAD_TYPE,
    payload,
    signatures: [
      { keyid: undefined, sig: sshSignature() },
      { keyid: "nix:example-1", sig: signer.sign(message) },
    ],
  }),
);
const sshLine = `ssh-ed25519 ${encodeBase64(sshBlob())}`;

describe("the example", () => {
  test.each(
    [
      ["the keys", `${sshLine}\nnix:example-1:${encodeBase64(signer.publicKey)}`],
      ["the statement", Buffer.from(payload).toString()],
      ["its digest", Buffer.from(digest("sha256", payload)).toString("hex")],
      [
        "what is signed, in hex up to the payload",
        Buffer.from(message.subarray(0, -payload.length)).toString("hex"),
      ],
      ["the first signature", sshSignature().toString().trimEnd()],
      ["the envelope", envelope.toString().trimEnd()],
      ["the name of its file", Buffer.from(digest("sha256", envelope)).toString("hex")],
    ].map(([what, made], i) => [what!, i, made!] as const),
  )("has %s", (_, i, made) => {
    expect(blocks[i]).toBe(made);
  });
  test("counts for both of its keys", () => {
    const keys = {
      sigstore: sigstoreKeys([]),
      ssh: sshKeys([{ key: parseSshPublicKey(sshLine), touch: false, pin: false }]),
      openpgp: openPgpKeys([]),
      nix: nixKeys([{ kind: "nix", name: "example-1", key: signer.publicKey }]),
    };
    const result = verifyStatement(Buffer.from(`${blocks[5]}\n`), keys, 0);
    expect(result).toMatchObject({ ok: true, statement: review, digest: blocks[2] });
    expect(result.ok && result.outcomes.map(({ valid }) => valid)).toEqual([true, true]);
  });
});
