/** Signing as a user signs commits, and what ssh-keygen and gpg say of it. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { FormatError } from "@firstmile/formats/bytes/error";
import { parseEnvelope, preAuthEncoding, renderEnvelope } from "@firstmile/formats/dsse/envelope";
import { parseCommitId } from "@firstmile/formats/git/object-id";
import { narHashOf } from "@firstmile/formats/nix/hash";
import {
  renderStatement,
  STATEMENT_PAYLOAD_TYPE,
  type Statement,
} from "@firstmile/formats/statement/statement";
import { run } from "@firstmile/local/process/run";
import { SigningError, type UserKey, userKey } from "@firstmile/local/signing/user-key";
import { addSignature, signStatement, statementIn } from "@firstmile/local/statements/sign";
import { makeWorld, type Person, WORLD_NOW, type World } from "@firstmile/testing/world";
import { policyFiles } from "@firstmile/testing/world-policy";
import { ed25519Signer } from "@firstmile/trust/crypto/signing";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { peopleBehind } from "@firstmile/trust/signature/identities";
import { statementIdentities } from "@firstmile/trust/statement/identities";
import { verifyStatement } from "@firstmile/trust/statement/verify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const STATEMENT: Statement = {
  kind: "cosign",
  commit: parseCommitId("a1b2c3d4e5f60718293a4b5c6d7e8f9001122334"),
  narHash: narHashOf(new Uint8Array(32)),
};

let world: World;
let alice: Person;
let bob: Person;
let carol: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, carol] = await Promise.all([
    world.person("alice"),
    world.person("bob", "openpgp-rsa"),
    world.person("carol", "ssh-ecdsa"),
  ]);
});
afterAll(() => world[Symbol.asyncDispose]());

/** As a user's own Git is configured. */
async function keyOf(person: Person): Promise<UserKey> {
  const { dir, git } = await repositoryOf(person.name);
  for (const [name, value] of Object.entries(person.gitConfig)) await git("config", name, value);
  return userKey(dir);
}

async function repositoryOf(name: string) {
  const repository = await world.repository(name);
  return { dir: repository.dir, git: (...args: string[]) => repository.git(...args) };
}

async function identities(more = "") {
  const loaded = loadPolicy(await policyFiles({ people: [alice, bob, carol], more }));
  if (!loaded.ok) throw new Error("the policy has a defect");
  return statementIdentities(loaded.policy);
}

async function signers(envelope: Uint8Array, more?: string): Promise<string[]> {
  const { keys, ownerOf } = await identities(more);
  // gpg signs with the date of today.
  const result = verifyStatement(envelope, keys, Math.max(WORLD_NOW, Math.floor(Date.now() / 1000)));
  if (!result.ok) throw new Error(result.code);
  expect(result.statement).toEqual(STATEMENT);
  return [...peopleBehind(result.outcomes, ownerOf)];
}

describe("an envelope", () => {
  test("by one, co-signed by others, counts for all of them", async () => {
    const first = await signStatement(await keyOf(alice), STATEMENT);
    expect(await signers(first)).toEqual(["alice"]);
    expect(statementIn(first)).toEqual(STATEMENT);
    const second = await addSignature(await keyOf(bob), first);
    const third = await addSignature(await keyOf(carol), second);
    expect(await signers(third)).toEqual(["alice", "bob", "carol"]);
    expect(parseEnvelope(third).signatures.length).toBe(3);
  });
  test("signed again by the same key is the same envelope", async () => {
    const key = await keyOf(alice);
    const first = await signStatement(key, STATEMENT);
    expect(Buffer.from(await addSignature(key, first))).toEqual(Buffer.from(first));
  });
});

test("a builder's raw signature counts for the principal that lists its key", async () => {
  const ci = ed25519Signer(Buffer.alloc(32, 9));
  const key = `nix:ci-1:${Buffer.from(ci.publicKey).toString("base64")}`;
  const more = `[principal.ci]\nkeys = [${JSON.stringify(key)}]`;
  const payload = renderStatement(STATEMENT);
  const sig = ci.sign(preAuthEncoding(STATEMENT_PAYLOAD_TYPE, payload));
  const envelope = renderEnvelope({
    payloadType: STATEMENT_PAYLOAD_TYPE,
    payload,
    signatures: [{ keyid: "nix:ci-1", sig }],
  });
  expect(await signers(await addSignature(await keyOf(alice), envelope), more)).toEqual(["ci", "alice"]);
  expect(await signers(envelope)).toEqual([]);
});

describe("the signer's own tools agree", () => {
  const parts = (envelope: Uint8Array) => {
    const { payloadType, payload, signatures } = parseEnvelope(envelope);
    const [message, signature] = [world.fresh("message"), world.fresh("signature")];
    writeFileSync(message, preAuthEncoding(payloadType, payload));
    writeFileSync(signature, signatures[0]!.sig);
    return { message, signature, payload };
  };
  test("ssh-keygen -Y verify", async () => {
    const { message, signature, payload } = parts(await signStatement(await keyOf(alice), STATEMENT));
    const allowed = world.fresh("allowed");
    writeFileSync(allowed, `alice ${await alice.publicKey()}`);
    const check = async (namespace: string, input: Uint8Array) => {
      const args = ["-Y", "verify", "-f", allowed, "-I", "alice", "-n", namespace, "-s", signature];
      return (await run("ssh-keygen", args, { input })).code;
    };
    expect(await check("firstmile-statement", readFileSync(message))).toBe(0);
    expect(await check("git", readFileSync(message))).not.toBe(0);
    expect(await check("firstmile-statement", payload)).not.toBe(0);
  });
  test("gpg --verify", async () => {
    const { message, signature, payload } = parts(await signStatement(await keyOf(bob), STATEMENT));
    const other = world.fresh("payload");
    writeFileSync(other, payload);
    const env = { PATH: process.env.PATH, LC_ALL: "C", GNUPGHOME: world.path("gnupg") };
    expect((await run("gpg", ["--verify", signature, message], { env })).code).toBe(0);
    expect((await run("gpg", ["--verify", signature, other], { env })).code).not.toBe(0);
  });
});

describe("is not signed", () => {
  const envelope = (payloadType: string, payload: string) =>
    renderEnvelope({
      payloadType,
      payload: Buffer.from(payload),
      signatures: [{ keyid: undefined, sig: Uint8Array.of(1) }],
    });
  test("what is no statement", async () => {
    const other = envelope("application/json", "{}");
    await expect(addSignature(await keyOf(alice), other)).rejects.toThrow(SigningError);
    expect(() => statementIn(other)).toThrow(SigningError);
  });
  test.each([
    ["no statement that is known", '{"_type":"https://in-toto.io/Statement/v1"}'],
    ["no canonical one", '{ "a": 1 }'],
  ])("%s", async (_, payload) => {
    const other = envelope(STATEMENT_PAYLOAD_TYPE, payload);
    await expect(addSignature(await keyOf(alice), other)).rejects.toThrow(FormatError);
  });
  test("a statement that nobody could read", async () => {
    const wrong: Statement = { kind: "head", commit: STATEMENT.commit, at: 0, source: "Not A Name" };
    await expect(signStatement(await keyOf(alice), wrong)).rejects.toThrow(FormatError);
  });
  test("with a key that is gone", async () => {
    const key = await keyOf(await world.person("zoe"));
    rmSync(world.path("zoe.key"));
    await expect(signStatement(key, STATEMENT)).rejects.toThrow(/ssh-keygen/);
  });
});
