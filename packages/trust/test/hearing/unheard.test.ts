/** Rules that listen to a person who cannot be heard are unusable, and a crowd silences no other. */
import type { DistrustStatement } from "@firstmile/formats/statement/distrust";
import { describe, expect, test } from "vitest";
import type { UnavailableImport } from "../../src/imports/imported.ts";
import { resolveImports } from "../../src/imports/resolve.ts";
import { identitiesOf } from "../../src/signature/identities.ts";
import { Distrust } from "../../src/slice/distrust.ts";
import type { VerifiedStatement } from "../../src/statement/verify.ts";
import { compromised, had, map, NOW, policy, ssh } from "../imports/policies.ts";

const SECURITY = { imports: { acme: { roles: ["security" as never] } } };
const here = policy("here", {
  people: { alice: [ssh("alice")], reader: [ssh("reader")] },
  roles: { warden: { any: 1, of: ["alice", "acme/security"] } },
  ...SECURITY,
});
const unconcerned = policy("here", { people: { alice: [ssh("alice")] }, ...SECURITY });
const acme = policy("acme", {
  people: { carol: [ssh("carol")], dave: [ssh("dave")] },
  roles: { security: { any: 1, of: ["dave"] } },
});

function gone(more: Partial<UnavailableImport> = {}): UnavailableImport {
  return {
    ok: false,
    reason: { ok: false, code: "policy-expired", message: "it ran out" },
    ...more,
  } as never;
}
const { ok: _, ...HELD } = had(acme);

/** A word by the key of this seed, as a signature over it comes out. */
function word(seed: string): VerifiedStatement {
  const statement: DistrustStatement = {
    kind: "distrust",
    targets: [],
    keys: ["A".repeat(40)],
    because: "x",
  };
  const owner = policy("x", { people: { x: [ssh(seed)] } });
  const [key] = [...identitiesOf(owner).ownerOf.keys()];
  const outcome = { valid: true, key: key!, signingKey: key!, validUntil: undefined } as const;
  return { ok: true, statement, digest: seed.padEnd(64, "0"), outcomes: [outcome] };
}

describe("an import that wardens come from", () => {
  test("was never fetched: the rules are unusable", () => {
    for (const imported of [map({}), map({ acme: gone() })])
      expect(resolveImports(here, imported, NOW).unusable).toMatchObject({ code: "policy-invalid" });
  });

  test("ran out: its wardens are heard from what was held, in no doubt", () => {
    const resolved = resolveImports(here, map({ acme: gone({ held: HELD }) }), NOW);
    expect(resolved.unusable).toBe(undefined);
    const objection = new Distrust(resolved, [word("dave")]).ofKey("A".repeat(40));
    expect(objection).toMatchObject({ by: ["acme/dave"], doubt: undefined });
  });

  test("was taken out of the rules: they are in doubt", () => {
    const former = here;
    const now = {
      ...policy("here", { people: { alice: [ssh("alice")] } }),
      past: { former: [former], imports: new Map() },
    };
    const resolved = resolveImports(now, map({ acme: gone({ held: HELD, isRemoved: true }) }), NOW);
    const objection = new Distrust(resolved, [word("dave")]).ofKey("A".repeat(40));
    expect(objection?.doubt).toBeDefined();
  });

  test("under the name of another repository is not listened to", () => {
    const other = policy("here", {
      people: { alice: [ssh("alice")] },
      imports: { acme: { introduction: { commit: "f".repeat(64) as never, signedBy: ["x"] } } },
    });
    const now = { ...other, past: { former: [here], imports: new Map() } };
    const resolved = resolveImports(now, map({ acme: had(acme) }), NOW);
    expect(new Distrust(resolved, [word("dave")]).isEmpty).toBe(true);
  });
});

describe("an import that no warden comes from", () => {
  test("was never fetched: only what rests on it is denied", () => {
    expect(resolveImports(unconcerned, map({}), NOW).unusable).toBe(undefined);
  });

  test("cannot be read: what it says of keys is not known, so the rules are unusable", () => {
    const broken = gone({ isUnreadable: true });
    expect(resolveImports(unconcerned, map({ acme: broken }), NOW).unusable).toMatchObject({
      code: "policy-invalid",
    });
    const deep = had(acme, { beta: broken });
    expect(resolveImports(unconcerned, map({ acme: deep }), NOW).unusable).toBeDefined();
  });

  test.each([
    ["gives nothing any more: compromised holds", gone, true],
    [
      "was taken out by root: its word on keys counts no more",
      (one: Partial<UnavailableImport>) => gone({ ...one, isRemoved: true }),
      false,
    ],
  ])("%s", (_, state, isLost) => {
    const warns = policy("acme", { people: { r: [ssh("reader", { life: [compromised()] })] } });
    const { ok: __, ...held } = had(warns);
    const resolved = resolveImports(here, map({ acme: state({ held }) }), NOW);
    const lives = [...identitiesOf(resolved).lives.values()].flat();
    expect(lives.some(({ kind }) => kind === "compromised")).toBe(isLost);
  });
});

test("a crowd from an import silences no own warden, and a stranger is not heard", () => {
  const crowd = Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`p${i}`, [ssh(`p${i}`)]]));
  const many = policy("acme", { people: crowd, roles: { security: { any: 1, of: Object.keys(crowd) } } });
  const resolved = resolveImports(here, map({ acme: had(many) }), NOW);
  expect([...resolved.findings.values()].flat().map(({ code }) => code)).toContain("import-too-complex");
  expect(new Distrust(resolved, [word("alice")]).ofKey("A".repeat(40))?.by).toEqual(["alice"]);
  expect(new Distrust(resolved, [word("p7")]).ofKey("A".repeat(40))?.by).toEqual(["acme/p7"]);
  expect(new Distrust(resolved, [word("mallory")]).isEmpty).toBe(true);
});
