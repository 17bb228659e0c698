/** Keys that a warden speaks against: whose word is left, and who can be silenced by whom. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { fixedOutputPath, type StorePath } from "@firstmile/formats/nix/store-path";
import type { DistrustStatement } from "@firstmile/formats/statement/distrust";
import { parseStatement, renderStatement } from "@firstmile/formats/statement/statement";
import { describe, expect, test } from "vitest";
import { NOTHING_OLD, Standing } from "../../src/history/standing.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { identitiesOf } from "../../src/signature/identities.ts";
import type { Fingerprint, SignatureOutcome } from "../../src/signature/outcome.ts";
import { Distrust, fingerprintsOf } from "../../src/slice/distrust.ts";
import { nixFingerprint } from "../../src/statement/nix-keys.ts";
import { compromised, nix, policy, retired, ssh } from "../imports/policies.ts";
import { content, keyOf, NAMES, POLICY, signed, valid } from "./slices.ts";

const COMMIT = "1".repeat(40) as CommitId;

function against(more: Partial<DistrustStatement>): DistrustStatement {
  const statement = { kind: "distrust", targets: [], keys: [], because: "it is bad", ...more } as const;
  // What the format refuses would be tested in vain.
  parseStatement(renderStatement(statement));
  return statement;
}

function weighed(rules: Policy, outcome: SignatureOutcome): SignatureOutcome {
  return new Standing(identitiesOf(rules), NOTHING_OLD).weigh(outcome, COMMIT);
}

function withLife(name: string, life: NonNullable<Parameters<typeof ssh>[1]>["life"] & object): Policy {
  const people = NAMES.map((one) => [one, [ssh(one, one === name ? { life } : {})]] as const);
  const roles = { warden: { any: 2, of: ["carol", "dave"] } };
  return policy("test", { people: Object.fromEntries(people), roles });
}

describe("a distrusted key", () => {
  const words = signed(against({ keys: [keyOf("bob")], because: "his token is gone" }), "carol");
  const rules = new Distrust(POLICY, [words]).applied(POLICY);

  test("counts nowhere, with who said so and why", () => {
    expect(weighed(rules, valid(keyOf("bob")))).toMatchObject({
      valid: false,
      code: "distrusted",
      message: expect.stringContaining("which carol distrusts: his token is gone"),
    });
    expect(weighed(rules, valid(keyOf("alice"))).valid).toBe(true);
  });

  test("does not count as a part of another key either", () => {
    const subkey = "SHA256:part" as Fingerprint;
    const parts = new Distrust(POLICY, [signed(against({ keys: [subkey] }), "carol")]).applied(POLICY);
    expect(weighed(parts, valid(keyOf("bob"), subkey))).toMatchObject({ code: "distrusted" });
    expect(weighed(parts, valid(keyOf("bob"))).valid).toBe(true);
  });

  test("makes these other rules, told once however often they are told", () => {
    expect(rules.digest).not.toBe(POLICY.digest);
    expect(new Distrust(rules, [words]).applied(rules)).toBe(rules);
    expect(new Distrust(POLICY, []).applied(POLICY)).toBe(POLICY);
  });

  test("of a builder is gone, under its other name too", () => {
    const builders = policy("b", {
      people: { carol: [ssh("carol")], hydra: [nix("hydra"), nix("hydra", "hydra-2"), nix("other")] },
      roles: { warden: { any: 1, of: ["carol"] } },
    });
    const words = signed(against({ keys: [nixFingerprint(nix("hydra"))] }), "carol");
    const left = new Distrust(builders, [words]).applied(builders);
    expect([...left.principals.values()].at(-1)!.keys).toEqual([nix("other")]);
  });
});

test("an authority that is distrusted certifies nobody", () => {
  const { file, life, key } = ssh("ca");
  const authority = { kind: "ssh-authority", file, life, key, certifiedAs: ["bob", "bob@host"] } as const;
  const rules = policy("ca", {
    people: { carol: [ssh("carol")], bob: [authority] },
    roles: { warden: { any: 1, of: ["carol"] } },
  });
  const [name, other] = fingerprintsOf(rules.principals.get("bob" as never)!) as [Fingerprint, Fingerprint];
  const plain = name.slice(0, name.indexOf(" "));
  const left = new Distrust(rules, [signed(against({ keys: [plain] }), "carol")]).applied(rules);
  for (const one of [name, other]) expect(weighed(left, valid(one))).toMatchObject({ code: "distrusted" });
  const half = new Distrust(rules, [signed(against({ keys: [name] }), "carol")]).applied(rules);
  expect(weighed(half, valid(other)).valid).toBe(true);
});

describe("who is heard", () => {
  const bad = content("bad");
  const words = (by: "carol" | "bob") =>
    signed(against({ targets: [{ kind: "content", sha256: bad.sha256, id: bad.id, path: undefined }] }), by);
  const isHeard = (rules: Policy, statement = words("carol")) =>
    new Distrust(rules, [statement]).ofContent(bad.sha256, "a") !== undefined;
  const lapsed: SignatureOutcome = {
    valid: false,
    code: "expired-key",
    message: "has expired",
    lapsed: { valid: true, key: keyOf("carol"), signingKey: keyOf("carol"), validUntil: undefined },
  };

  test("one warden, and nobody else", () => {
    expect(isHeard(POLICY)).toBe(true);
    expect(isHeard(POLICY, words("bob"))).toBe(false);
  });

  test("also when the key that said it has expired or was retired since", () => {
    expect(isHeard(POLICY, { ...words("carol"), outcomes: [lapsed] })).toBe(true);
    expect(isHeard(withLife("carol", [retired("2".repeat(40))]))).toBe(true);
  });

  test("with a key that root calls compromised, in doubt", () => {
    const expired = { ...words("carol"), outcomes: [lapsed] };
    for (const statement of [words("carol"), expired]) {
      const distrust = new Distrust(withLife("carol", [compromised()]), [statement]);
      const doubt = `root calls ${keyOf("carol")} compromised: stolen`;
      expect(distrust.ofContent(bad.sha256, "a")).toMatchObject({ by: ["carol"], doubt });
    }
  });

  test("wardens cannot silence each other", () => {
    const mutual = [
      signed(against({ keys: [keyOf("dave")] }), "carol"),
      signed(against({ keys: [keyOf("carol")] }), "dave"),
    ];
    const rules = new Distrust(POLICY, mutual).applied(POLICY);
    expect(isHeard(rules)).toBe(true);
    for (const name of ["carol", "dave"] as const)
      expect(weighed(rules, valid(keyOf(name)))).toMatchObject({ code: "distrusted" });
  });
});

describe("contents in a store", () => {
  const bad = content("tarball");
  const hash = { algorithm: "sha256", digest: Buffer.from(bad.sha256, "hex") } as const;
  const path = (method: "flat" | "nar", name: string) => fixedOutputPath(method, hash, name);
  const target = { kind: "content", sha256: bad.sha256, id: undefined, path: undefined } as const;
  const distrust = new Distrust(POLICY, [signed(against({ targets: [target] }), "carol")]);

  test.each(["flat", "nar"] as const)("are found by the path that their hash gives: %s", (method) => {
    for (const name of ["xz-5.6.1.tar.gz", "source"])
      for (const _again of [1, 2]) expect(distrust.ofFixedPath(path(method, name))?.by).toEqual(["carol"]);
  });

  test("others are not", () => {
    const other = fixedOutputPath("flat", { ...hash, digest: Buffer.alloc(32) }, "xz-5.6.1.tar.gz");
    expect(distrust.ofFixedPath(other)).toBeUndefined();
    expect(distrust.ofFixedPath("/nix/store/00000000000000000000000000000000-x" as StorePath)).toBe(
      undefined,
    );
  });

  test("at one path of a source are no downloads", () => {
    const there = { ...target, path: "a/b" };
    const narrow = new Distrust(POLICY, [signed(against({ targets: [there] }), "carol")]);
    expect(narrow.ofFixedPath(path("flat", "a"))).toBeUndefined();
  });

  test("whose Git id nobody gave in this format have to be hashed to be found", () => {
    expect(distrust.isFoundById(40)).toBe(false);
    const known = new Distrust(POLICY, [signed(against({ targets: [{ ...target, id: bad.id }] }), "carol")]);
    expect([known.isFoundById(40), known.isFoundById(64)]).toEqual([true, false]);
    expect(new Distrust(POLICY, []).isFoundById(40)).toBe(true);
  });
});
