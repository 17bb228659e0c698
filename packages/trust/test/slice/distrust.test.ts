/** A word of one warden against content, a path of the store or a key: it always wins. */
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import type { DistrustStatement } from "@firstmile/formats/statement/distrust";
import { describe, expect, test } from "vitest";
import { Standing } from "../../src/history/standing.ts";
import type { PrincipalName, RoleName } from "../../src/policy/names.ts";
import type { Key, KeyEvent, Policy, Principal } from "../../src/policy/policy.ts";
import { identitiesOf } from "../../src/signature/identities.ts";
import type { Fingerprint, SignatureOutcome } from "../../src/signature/outcome.ts";
import { Distrust } from "../../src/slice/distrust.ts";
import { certifiedFingerprint, sshFingerprint } from "../../src/ssh/keys.ts";
import { nixFingerprint } from "../../src/statement/nix-keys.ts";
import { compromised, groupOf, nix, retired, ssh } from "../imports/policies.ts";
import { forgeCertificate, forgeKey } from "../openpgp/forge.ts";
import { content, keyOf, POLICY, signed, valid } from "./slices.ts";

const A = content("a");
const STORE = "0c2l9ihfp6mzf5qzfvsmh5s1zm8d8jr5-hello";

function against(more: Partial<DistrustStatement>): DistrustStatement {
  return { kind: "distrust", targets: [], keys: [], because: "it is bad", ...more };
}

const ANYWHERE = against({ targets: [{ kind: "content", sha256: A.sha256, id: A.id, path: undefined }] });
const AT_PATH = against({ targets: [{ kind: "content", sha256: A.sha256, id: undefined, path: "a.nix" }] });

describe("is heard", () => {
  test("from one of the role, whatever its threshold", () => {
    const statement = signed(ANYWHERE, "carol");
    const objection = { by: ["carol"], because: "it is bad", statement: statement.digest };
    expect(new Distrust(POLICY, [statement]).ofContent(A.sha256, "x")).toEqual(objection);
  });

  test("from one of an inner group in which nobody is enough alone", () => {
    const group = groupOf({ any: 1, of: ["alice", { any: 2, of: ["carol", "dave"] }] });
    const policy = { ...POLICY, roles: new Map([["warden" as RoleName, group]]) };
    expect(new Distrust(policy, [signed(ANYWHERE, "dave")]).ofContent(A.sha256, "x")?.by).toEqual(["dave"]);
  });

  test("with the names of wardens alone", () => {
    const statement = signed(ANYWHERE, "mallory", "dave", "carol");
    expect(new Distrust(POLICY, [statement]).ofContent(A.sha256, "x")?.by).toEqual(["carol", "dave"]);
  });

  test("not from anybody else", () => {
    const distrust = new Distrust(POLICY, [signed(ANYWHERE, "alice", "mallory"), signed(ANYWHERE)]);
    expect([distrust.isEmpty, distrust.ofContent(A.sha256, "x")]).toEqual([true, undefined]);
  });

  test("not where the rules have no such role", () => {
    const policy = { ...POLICY, roles: new Map() };
    expect(new Distrust(policy, [signed(ANYWHERE, "carol")]).isEmpty).toBe(true);
  });

  const withKeys = (...outcomes: readonly SignatureOutcome[]) => ({ ...signed(ANYWHERE), outcomes });
  const carols = valid(keyOf("carol")) as SignatureOutcome & { valid: true };

  test("not by a signature that does not hold", () => {
    const broken = withKeys({ valid: false, code: "bad-signature", message: "", key: keyOf("carol") });
    expect(new Distrust(POLICY, [broken]).isEmpty).toBe(true);
  });

  test("by a key that has expired since", () => {
    const lapsed = withKeys({ valid: false, code: "expired-key", message: "", lapsed: carols });
    expect(new Distrust(POLICY, [lapsed]).isEmpty).toBe(false);
  });

  test.each([
    ["by a key that was retired", retired("0".repeat(40)), false],
    ["by one that is compromised, in doubt", compromised(), true],
  ])("%s", (_, event, inDoubt) => {
    const policy = withLife(POLICY, "carol", event);
    const objection = new Distrust(policy, [signed(ANYWHERE, "carol")]).ofContent(A.sha256, "x");
    expect([objection?.by, objection?.doubt !== undefined]).toEqual([["carol"], inDoubt]);
  });

  test("and only where it is one", () => {
    const waiver = {
      kind: "waiver",
      targets: ANYWHERE.targets,
      paths: [],
      source: undefined,
      until: 0,
      because: "x",
    } as const;
    expect(new Distrust(POLICY, [signed(waiver, "carol")]).isEmpty).toBe(true);
  });
});

describe("content", () => {
  const distrust = new Distrust(POLICY, [signed(AT_PATH, "carol"), signed(ANYWHERE, "dave")]);
  test.each([
    ["at its path", "a.nix", ["carol"]],
    ["at another, by whoever meant them all", "b.nix", ["dave"]],
    ["at none, such as a download", undefined, ["dave"]],
  ])("%s", (_, path, by) => {
    expect(distrust.ofContent(A.sha256, path)?.by).toEqual(by);
  });

  test("at another path is not meant where one is named", () => {
    const narrow = new Distrust(POLICY, [signed(AT_PATH, "carol")]);
    expect([narrow.ofContent(A.sha256, "b.nix"), narrow.ofContent(A.sha256, undefined)]).toEqual([
      undefined,
      undefined,
    ]);
  });

  test("of another digest is not meant, whatever its Git id", () => {
    expect(distrust.ofContent(content("b").sha256, "a.nix")).toBe(undefined);
    expect([...distrust.ids]).toEqual([A.id]);
    expect([...distrust.contents()]).toEqual([A.sha256]);
  });
});

test("a path of the store, whole or by its base name", () => {
  const distrust = new Distrust(POLICY, [
    signed(against({ targets: [{ kind: "store", baseName: STORE }] }), "dave"),
  ]);
  expect(distrust.ofStorePath(`/nix/store/${STORE}`)?.by).toEqual(["dave"]);
  expect(distrust.ofStorePath(STORE)?.by).toEqual(["dave"]);
  expect(distrust.ofStorePath(`/nix/store/${STORE}-2`)).toBe(undefined);
  expect([...distrust.storePaths()]).toEqual([STORE]);
});

describe("a key", () => {
  const distrustOfKeys = (...keys: readonly string[]) =>
    new Distrust(POLICY, [signed(against({ keys }), "carol")]);
  /** What a signature by this key comes to under the rules without the distrusted ones. */
  function code(policy: Policy, ...keys: readonly string[]) {
    const outcome = valid(...(keys as [Fingerprint, Fingerprint?]));
    const weighed = new Standing(identitiesOf(policy), () => false).weigh(outcome, "" as never);
    return weighed.valid ? "valid" : weighed.code;
  }

  test("counts for nobody, and all others as before", () => {
    const distrust = distrustOfKeys(keyOf("bob"));
    expect(distrust.ofKey(keyOf("bob"))?.by).toEqual(["carol"]);
    expect(distrust.ofKey(keyOf("alice"))).toBe(undefined);
    const applied = distrust.applied(POLICY);
    expect([code(applied, keyOf("bob")), code(applied, keyOf("alice"))]).toEqual(["distrusted", "valid"]);
    const others = (policy: Policy) => [...policy.principals].filter(([name]) => name !== "bob");
    expect(others(applied)).toEqual(others(POLICY));
  });

  test("changes the digest of the rules, and nothing where no key is meant", () => {
    const digests = [distrustOfKeys("A").applied(POLICY), distrustOfKeys("B").applied(POLICY), POLICY];
    expect(new Set(digests.map(({ digest }) => digest)).size).toBe(3);
    expect(distrustOfKeys("A").applied(POLICY).digest).toBe(distrustOfKeys("A").applied(POLICY).digest);
    expect(new Distrust(POLICY, [signed(ANYWHERE, "carol")]).applied(POLICY)).toBe(POLICY);
  });

  test("of a builder is gone", () => {
    const [one, other] = [nix("one"), nix("other")];
    const policy = withKeys("bob", [one, other]);
    const applied = distrustOfKeys(nixFingerprint(one)).applied(policy);
    expect(applied.principals.get("bob" as PrincipalName)!.keys).toEqual([other]);
  });

  describe("of OpenPGP", () => {
    const [primary, laptop] = [forgeKey("ed25519-legacy"), forgeKey("ed25519-legacy")];
    const bytes = forgeCertificate({ primary, subkeys: [{ key: laptop }] });
    const [certificate] = parseCertificates(bytes);
    const policy = withKeys("bob", [
      { kind: "openpgp", file: "bob.asc", certificate: certificate!, life: [] },
    ]);

    test.each([
      ["the primary key takes its subkeys with it", primary.fingerprint, "distrusted"],
      ["in whichever case it is spelt", primary.fingerprint.toLowerCase(), "distrusted"],
      ["a subkey goes alone", laptop.fingerprint, "valid"],
      ["another one changes nothing", "A".repeat(40), "valid"],
    ])("%s", (_, fingerprint, primaries) => {
      const applied = distrustOfKeys(fingerprint).applied(policy);
      expect(code(applied, primary.fingerprint, primary.fingerprint)).toBe(primaries);
      const laptops = fingerprint === "A".repeat(40) ? "valid" : "distrusted";
      expect(code(applied, primary.fingerprint, laptop.fingerprint)).toBe(laptops);
    });
  });

  describe("of an SSH authority", () => {
    const { key } = ssh("authority");
    const authority = sshFingerprint(key);
    const bob = certifiedFingerprint(authority, "bob");
    const laptop = sshFingerprint(ssh("laptop").key);
    const policy = withKeys("bob", [
      { kind: "ssh-authority", file: "ca.pub", key, certifiedAs: ["bob"], life: [] },
    ]);

    test.each([
      ["the authority itself", authority, "distrusted"],
      ["a name that it certifies", bob, "distrusted"],
      ["a key that it certifies", laptop, "distrusted"],
      ["another key", sshFingerprint(ssh("other").key), "valid"],
    ])("%s", (_, fingerprint, result) => {
      expect(code(distrustOfKeys(fingerprint).applied(policy), bob, laptop)).toBe(result);
    });
  });
});

function withLife(policy: Policy, name: string, event: KeyEvent): Policy {
  const { keys } = policy.principals.get(name as PrincipalName)!;
  return withKeys(
    name,
    keys.map((key) => ({ ...key, life: [event] }) as Key),
    policy,
  );
}

function withKeys(name: string, keys: readonly Key[], policy = POLICY): Policy {
  const person: Principal = { ...policy.principals.get(name as PrincipalName)!, keys };
  return { ...policy, principals: new Map([...policy.principals, [person.name, person]]) };
}
