import { parseCommit } from "@firstmile/formats/git/commit";
import { afterAll, describe, expect, test } from "vitest";
import { SigstoreWorld } from "../../../../testing/src/world-sigstore.ts";
import type { SignatureCode } from "../../src/signature/outcome.ts";
import { sigstoreFingerprint, sigstoreKeys } from "../../src/sigstore/keys.ts";
import { verifySigstore } from "../../src/sigstore/verify.ts";
import { cases } from "./attacks.ts";
import { ALICE, type Case, ISSUER, MESSAGE } from "./case.ts";

const world = new SigstoreWorld();
const entry = { file: "keys/root.json", trustedRoot: world.trustedRoot, identity: ALICE, issuer: ISSUER };

function outcomeOf(one: Case) {
  const { trustedRoot = entry.trustedRoot, identity = ALICE, issuer = ISSUER } = one;
  const keys = sigstoreKeys([{ ...entry, trustedRoot, identity, issuer }]);
  return verifySigstore(one.signature, one.message ?? MESSAGE, keys, one.now ?? world.now + 10);
}

describe("each attack ends in its code", () => {
  const seen = new Set<string>();
  test.each(cases(world).map((one) => [one.name, one] as const))("%s", (_, one) => {
    const outcome = outcomeOf(one);
    const code = outcome.valid ? "valid" : outcome.code;
    seen.add(code);
    expect([one.about, code]).toEqual([one.about, one.expect]);
  });

  afterAll(() => {
    const all: readonly (SignatureCode | "valid")[] = [
      "bad-signature",
      "expired-key",
      "malformed-signature",
      "not-a-signing-key",
      "not-logged",
      "several-signatures",
      "unknown-key",
      "unsigned",
      "unsupported-signature",
      "valid",
      "weak-key",
      "weak-signature",
    ];
    expect([...seen].sort()).toEqual(all);
  });
});

test("a name of a kind that is never listed is said to be that", () => {
  const one = cases(world).find(({ name }) => name === "other-name")!;
  const outcome = outcomeOf(one);
  expect(outcome.valid ? "" : outcome.message).toContain("no e-mail address and no URI");
});

test("without an entry in it, a signature says how the next one gets one", () => {
  const signature = world.sign(world.certify({ identity: ALICE }), MESSAGE, { entries: () => [] });
  const outcome = verifySigstore(signature, MESSAGE, sigstoreKeys([entry]), world.now);
  expect(outcome.valid ? "" : outcome.message).toContain("git config gitsign.rekorMode offline");
});

test("a commit that carries it is signed by alice, and another with the same signature is not", () => {
  const signature = world.sign(world.certify({ identity: ALICE }), UNSIGNED);
  const verdict = (unsigned: Buffer) => {
    const commit = parseCommit(signedCommit(unsigned, signature));
    return verifySigstore(commit.gpgsig!, commit.signedPayload(), sigstoreKeys([entry]), world.now);
  };
  expect(verdict(UNSIGNED)).toMatchObject({ valid: true, key: sigstoreFingerprint(entry) });
  const other = Buffer.from(UNSIGNED.toString().replace("first", "other"));
  expect(verdict(other)).toMatchObject({ valid: false, code: "bad-signature" });
});

const WHO = "A <a@example.org> 1750000000 +0000";
const UNSIGNED = Buffer.from(`tree ${"4b".repeat(20)}\nauthor ${WHO}\ncommitter ${WHO}\n\nfirst\n`);

/** As Git puts a signature in: behind the committer, each further line moved in by a space. */
function signedCommit(unsigned: Buffer, signature: Buffer): Buffer {
  const folded = signature.toString().trimEnd().replaceAll("\n", "\n ");
  return Buffer.from(unsigned.toString().replace("\n\n", `\ngpgsig ${folded}\n\n`));
}

describe("whose a valid signature is", () => {
  const leaf = world.certify({ identity: ALICE });
  const signature = world.sign(leaf, MESSAGE);
  const other = { ...entry, file: "keys/other.json", trustedRoot: new SigstoreWorld(world.now).trustedRoot };
  const verify = (...entries: readonly (typeof entry)[]) =>
    verifySigstore(signature, MESSAGE, sigstoreKeys(entries), world.now);

  test("the listed identity's, with the issuer, the name and the root in its fingerprint", () => {
    const outcome = verify(entry);
    expect(outcome).toMatchObject({ valid: true, validUntil: undefined, key: sigstoreFingerprint(entry) });
    expect(outcome.key).toMatch(/^sigstore:https:\/\/accounts\.example alice@example\.org [0-9a-f]{12}$/);
    expect(outcome.valid && outcome.signingKey).toMatch(/^[0-9a-f]{64}$/);
  });

  test("credited to the root that vouches, in whichever order the roots are listed", () => {
    const key = sigstoreFingerprint(entry);
    expect(key).not.toBe(sigstoreFingerprint(other));
    expect(verify(entry, other)).toMatchObject({ valid: true, key });
    expect(verify(other, entry)).toMatchObject({ valid: true, key });
  });

  test("nobody's where only another root is listed: the refusal names which", () => {
    const outcome = verify(other);
    expect(outcome).toMatchObject({ code: "unknown-key", key: sigstoreFingerprint(other) });
    expect(outcome.valid ? "" : outcome.message).toContain("keys/other.json");
  });

  test("nobody's where nobody is listed", () => {
    expect(verify()).toMatchObject({ valid: false, code: "unknown-key" });
  });

  test("listing one identity twice is listing it once", () => {
    const [known] = [...sigstoreKeys([entry, { ...entry, file: "keys/copy.json" }]).values()];
    expect(known).toHaveLength(1);
  });
});

test("no two pairs of issuer and identity have one fingerprint", () => {
  const of = (issuer: string, identity: string) => sigstoreFingerprint({ ...entry, issuer, identity });
  const pairs = [of("a b", "c"), of("a", "b c"), of("a%20b", "c"), of("a", "b%20c")];
  expect(new Set(pairs).size).toBe(4);
});
