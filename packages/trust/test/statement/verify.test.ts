/** Signed statements by real keys, and what an attacker does to them: one test each. */

import { type DsseSignature, preAuthEncoding, renderEnvelope } from "@firstmile/formats/dsse/envelope";
import { parseCommitId } from "@firstmile/formats/git/object-id";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import { parseSshPublicKey } from "@firstmile/formats/ssh/public-key";
import {
  renderStatement,
  STATEMENT_PAYLOAD_TYPE,
  type Statement,
} from "@firstmile/formats/statement/statement";
import { BEGINNING, DAY, makeWorld, type Person, WORLD_NOW, type World } from "@firstmile/testing/world";
import { sigstoreKeys } from "@firstmile/trust/sigstore/keys";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { ed25519Signer } from "../../src/crypto/signing.ts";
import { openPgpKeys } from "../../src/openpgp/keys.ts";
import type { NixKey } from "../../src/policy/policy.ts";
import { sshKeys } from "../../src/ssh/keys.ts";
import { nixFingerprint, nixKeys } from "../../src/statement/nix-keys.ts";
import { STATEMENT_NAMESPACE, type StatementKeys } from "../../src/statement/signature.ts";
import { verifyStatement } from "../../src/statement/verify.ts";

const COMMIT = parseCommitId("a1b2c3d4e5f60718293a4b5c6d7e8f9001122334");
const COSIGN: Statement = { kind: "cosign", commit: COMMIT, narHash: undefined };
const PAYLOAD = renderStatement(COSIGN);
const PAE = preAuthEncoding(STATEMENT_PAYLOAD_TYPE, PAYLOAD);
const NAMESPACE = { namespace: STATEMENT_NAMESPACE };

const ci = ed25519Signer(Buffer.alloc(32, 7));
const CI: NixKey = { kind: "nix", name: "ci-1", key: ci.publicKey };

let world: World;
let alice: Person;
let bob: Person;
let carol: Person;
let dora: Person;
let mallory: Person;
let keys: StatementKeys;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, carol, dora, mallory] = await Promise.all([
    world.person("alice"),
    world.person("bob", "openpgp-ed25519", { expires: "200d" }),
    world.person("carol", "ssh-ecdsa"),
    world.person("dora", "fido"),
    world.person("mallory"),
  ]);
  keys = await keysOf([alice, bob, carol, dora], [CI]);
});
afterAll(() => world[Symbol.asyncDispose]());

async function keysOf(people: readonly Person[], nix: readonly NixKey[] = []): Promise<StatementKeys> {
  const files = await Promise.all(people.map((person) => person.publicKey()));
  const isSsh = (i: number) => people[i]!.keyFile.endsWith(".pub");
  const ssh = files.filter((_, i) => isSsh(i)).map((file) => parseSshPublicKey(file.toString()));
  return {
    sigstore: sigstoreKeys([]),
    ssh: sshKeys(ssh.map((key) => ({ key, touch: key.type.startsWith("sk-"), pin: false }))),
    openpgp: openPgpKeys(files.filter((_, i) => !isSsh(i)).flatMap((file) => parseCertificates(file))),
    nix: nixKeys(nix),
  };
}

const signature = (sig: Uint8Array, keyid?: string): DsseSignature => ({ keyid, sig });
const enveloped = (
  signatures: readonly DsseSignature[],
  payload = PAYLOAD,
  payloadType = STATEMENT_PAYLOAD_TYPE,
) => renderEnvelope({ payloadType, payload, signatures });

function verified(bytes: Uint8Array, now = WORLD_NOW, by = keys) {
  const result = verifyStatement(bytes, by, now);
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
  return result;
}

/** What each signature over the statement comes to: the key, or the code. */
function outcomes(signatures: readonly DsseSignature[], now = WORLD_NOW, by = keys): string[] {
  return verified(enveloped(signatures), now, by).outcomes.map((outcome) =>
    outcome.valid ? outcome.key : outcome.code,
  );
}

function refusal(bytes: Uint8Array): string {
  const result = verifyStatement(bytes, keys, WORLD_NOW);
  return result.ok ? "accepted" : result.code;
}

describe("counts", () => {
  test("SSH, OpenPGP armored, FIDO and a builder's raw signature, on one envelope", async () => {
    const signatures = [
      signature(await alice.sign(PAE, NAMESPACE)),
      signature(await bob.sign(PAE)),
      signature(await carol.sign(PAE, NAMESPACE)),
      signature(await dora.sign(PAE, NAMESPACE)),
      signature(ci.sign(PAE), "nix:ci-1"),
    ];
    const fingerprints = [alice, bob, carol, dora].map(({ fingerprint }) => fingerprint);
    expect(outcomes(signatures)).toEqual([...fingerprints, nixFingerprint(CI)]);
    const { statement, digest } = verified(enveloped(signatures));
    expect(statement).toEqual(COSIGN);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
  });
  test("OpenPGP without armor", async () => {
    const lines = (await bob.sign(PAE)).toString("latin1").split("\n");
    const body = lines.slice(lines.indexOf("") + 1).filter((line) => /^[^=-]/.test(line));
    expect(outcomes([signature(Buffer.from(body.join(""), "base64"))])).toEqual([bob.fingerprint]);
  });
  test("whatever the hint says", async () => {
    const sig = await alice.sign(PAE, NAMESPACE);
    expect(outcomes([signature(sig, "mallory"), signature(sig, "nix:ci-1")])).toEqual([alice.fingerprint]);
  });
});

describe("does not count", () => {
  test("a signature made for Git", async () => {
    expect(outcomes([signature(await alice.sign(PAE))])).toEqual(["bad-signature"]);
  });
  test("a signature made for a co-signature in notes", async () => {
    const over = Buffer.from(`${COMMIT}\n`);
    const made = [
      signature(await alice.sign(over, { namespace: "firstmile-cosign" })),
      signature(await alice.sign(PAE, { namespace: "firstmile-cosign" })),
      signature(await bob.sign(over)),
    ];
    expect(outcomes(made)).toEqual(["bad-signature", "bad-signature", "bad-signature"]);
  });
  test("a signature over the payload and not its encoding", async () => {
    const made = [
      signature(await alice.sign(PAYLOAD, NAMESPACE)),
      signature(await bob.sign(PAYLOAD)),
      signature(ci.sign(PAYLOAD), "nix:ci-1"),
    ];
    expect(outcomes(made)).toEqual(["bad-signature", "bad-signature", "bad-signature"]);
  });
  test("a signature over the same bytes as another type", async () => {
    const other = preAuthEncoding("application/json", PAYLOAD);
    const made = [signature(await alice.sign(other, NAMESPACE)), signature(await bob.sign(other))];
    expect(outcomes(made)).toEqual(["bad-signature", "bad-signature"]);
  });
  test("a signature over another statement", async () => {
    const reject = renderStatement({ ...COSIGN, commit: parseCommitId("f".repeat(40)) });
    const over = preAuthEncoding(STATEMENT_PAYLOAD_TYPE, reject);
    expect(outcomes([signature(await alice.sign(over, NAMESPACE))])).toEqual(["bad-signature"]);
  });
  test("a signature by nobody's key", async () => {
    expect(outcomes([signature(await mallory.sign(PAE, NAMESPACE))])).toEqual(["unknown-key"]);
  });
  test("an expired key, whose signature says it is older", async () => {
    const made = [signature(await bob.sign(PAE))];
    expect(outcomes(made, BEGINNING + 201 * DAY)).toEqual(["expired-key"]);
  });
  test("a token that nobody touched", async () => {
    expect(outcomes([signature(await dora.sign(PAE, { ...NAMESPACE, flags: 0 }))])).toEqual([
      "touch-missing",
    ]);
  });
  test("two OpenPGP signatures as one", async () => {
    const [first, second] = [await bob.sign(PAE), await bob.sign(PAYLOAD)];
    expect(outcomes([signature(Buffer.concat([first, second]))])).toEqual(["several-signatures"]);
  });
  test("bytes that are no signature", () => {
    const made = ["hello", "\xff\xff", "-----BEGIN SSH SIGNATURE-----\n", "-----BEGIN PGP MESSAGE-----\n"];
    expect(outcomes(made.map((text) => signature(Buffer.from(text, "latin1"))))).toEqual([
      "unsupported-signature",
      "malformed-signature",
      "malformed-signature",
      "malformed-signature",
    ]);
  });
  test("a raw signature without a name, or under a name that is not listed", () => {
    const sig = ed25519Below80(ci.sign);
    expect(outcomes([signature(sig.sig)], WORLD_NOW)).toEqual(["unsupported-signature"]);
    expect(outcomes([signature(ci.sign(PAE), "nix:ci-2")])).toEqual(["unknown-key"]);
    expect(outcomes([signature(ci.sign(PAE), "nix:ci-1")], WORLD_NOW, { ...keys, nix: nixKeys([]) })).toEqual(
      ["unknown-key"],
    );
  });
  test("a raw signature by another key under a builder's name", () => {
    const other = ed25519Signer(Buffer.alloc(32, 8));
    expect(outcomes([signature(other.sign(PAE), "nix:ci-1")])).toEqual(["bad-signature"]);
  });
  test("a builder's signature of a narinfo", () => {
    const fingerprint = Buffer.from("1;/nix/store/7h7qgvs4kgzsn8a6rb273saxyqh4jxlz-a;sha256:0;1;");
    expect(outcomes([signature(ci.sign(fingerprint), "nix:ci-1")])).toEqual(["bad-signature"]);
  });
  test("a raw signature cut short", () => {
    expect(outcomes([signature(ci.sign(PAE).subarray(0, 63), "nix:ci-1")])).toEqual(["malformed-signature"]);
  });
  test("a builder's key that fits many messages", () => {
    const weak: NixKey = { kind: "nix", name: "ci-1", key: new Uint8Array(32) };
    const by = { ...keys, nix: nixKeys([weak]) };
    expect(outcomes([signature(Buffer.alloc(64), "nix:ci-1")], WORLD_NOW, by)).toEqual(["weak-key"]);
  });
});

/** A signature whose first byte no OpenPGP packet can have. */
function ed25519Below80(sign: (message: Uint8Array) => Uint8Array): { sig: Uint8Array } {
  for (let i = 0; ; i++) {
    const sig = sign(Buffer.from(`${i}`));
    if (sig[0]! < 0x80 && sig[0] !== 0x2d) return { sig };
  }
}

describe("counts once", () => {
  test("one signature, listed thirty times", async () => {
    const sig = await alice.sign(PAE, NAMESPACE);
    const list = Array.from({ length: 30 }, (_, i) => signature(sig, `hint-${i}`));
    expect(outcomes(list)).toEqual([alice.fingerprint]);
  });
  test("one signature that does not hold, under several hints", async () => {
    const sig = await alice.sign(PAYLOAD, NAMESPACE);
    expect(outcomes([signature(sig), signature(sig, "a"), signature(sig, "b")])).toEqual(["bad-signature"]);
  });
  test("one key, which signs differently each time", async () => {
    const [first, second] = [await carol.sign(PAE, NAMESPACE), await carol.sign(PAE, NAMESPACE)];
    expect(first.equals(second)).toBe(false);
    expect(outcomes([signature(first), signature(second)])).toEqual([carol.fingerprint]);
  });
});

describe("is no statement", () => {
  const signed = async (payload: Uint8Array | string, type = STATEMENT_PAYLOAD_TYPE) => {
    const bytes = Buffer.from(payload as string);
    const sig = await alice.sign(preAuthEncoding(type, bytes), NAMESPACE);
    return enveloped([signature(sig)], bytes, type);
  };
  const text = Buffer.from(PAYLOAD).toString();

  test("what is signed well: the other tests of this kind fail for what they change", async () => {
    expect(refusal(await signed(text))).toBe("accepted");
  });
  test.each(["application/json", "application/vnd.in-toto+JSON", "application/vnd.in-toto+json; v=1"])(
    "a payload of type %s",
    async (type) => expect(refusal(await signed(text, type))).toBe("not-a-statement"),
  );
  test("a payload whose type was changed behind its signer's back", async () => {
    const sig = signature(await alice.sign(PAE, NAMESPACE));
    expect(refusal(enveloped([sig], PAYLOAD, "application/vnd.in-toto.bundle"))).toBe("not-a-statement");
  });
  test.each([
    ["in another spelling", text.replace("{", "{ ")],
    ["with a line feed behind", `${text}\n`],
    ["with a member twice", text.replace('"predicate":', '"predicate":{},"predicate":')],
    [
      "about two commits",
      text.replace('"subject":[', '"subject":[{"digest":{"gitCommit":"'.concat("b".repeat(40), '"}},')),
    ],
    ["with a member that is not known", text.replace('"predicate":{}', '"predicate":{"until":"x"}')],
    ["nested without end", "[".repeat(200_000)],
    ["of more than a statement may have", `"${"a".repeat(600_000)}"`],
  ])("a payload %s", async (_, payload) => {
    expect(refusal(await signed(payload))).toBe("malformed-statement");
  });
  test.each(["urn:firstmile:cosign:2", "urn:firstmile:build:1", "https://slsa.dev/provenance/v1"])(
    "a payload of type %s",
    async (type) => {
      expect(refusal(await signed(text.replace("urn:firstmile:cosign:1", type)))).toBe(
        "unknown-statement-type",
      );
    },
  );
  test("an envelope with two payloads", async () => {
    const json = Buffer.from(await signed(text)).toString();
    const twice = json.replace('{"payload":', '{"payload":"e30=","payload":');
    expect(refusal(Buffer.from(twice))).toBe("malformed-envelope");
  });
  test("an envelope without end, an empty one, and one that nobody signed", () => {
    expect(refusal(Buffer.alloc(2 << 20, 0x20))).toBe("malformed-envelope");
    expect(refusal(Buffer.alloc(0))).toBe("malformed-envelope");
    expect(refusal(enveloped([]))).toBe("malformed-envelope");
  });
});

test("no mutation throws, and what still counts says what was signed", async () => {
  const seeds = [
    enveloped([signature(await alice.sign(PAE, NAMESPACE)), signature(ci.sign(PAE), "nix:ci-1")]),
    enveloped([signature(await bob.sign(PAE))]),
  ];
  fuzz("verifyStatement", seeds, (bytes) => {
    const result = verifyStatement(bytes, keys, WORLD_NOW);
    if (!result.ok || !result.outcomes.some(({ valid }) => valid)) return;
    if (result.statement.kind !== "cosign" || result.statement.commit !== COMMIT) {
      throw new Error("a changed statement is signed");
    }
  });
});

test("thirty-two signatures are checked in a moment", async () => {
  const list = await Promise.all(
    Array.from({ length: 32 }, async (_, i) => signature(await carol.sign(Buffer.from(`${i}`), NAMESPACE))),
  );
  const start = performance.now();
  expect(outcomes(list)).toEqual(Array.from({ length: 32 }, () => "bad-signature"));
  expect(performance.now() - start).toBeLessThan(5_000);
});
