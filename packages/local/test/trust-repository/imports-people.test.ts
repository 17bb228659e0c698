/** Who is whom in two repositories with real keys, and how far an import reaches into further ones. */

import { existsSync } from "node:fs";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { parseCertificates } from "@firstmile/formats/openpgp/certificate";
import {
  importDirectory,
  loadImports,
  updateImports,
  withImports,
} from "@firstmile/local/trust-repository/imports";
import { type Person, WORLD_NOW } from "@firstmile/testing/world";
import { policyFiles } from "@firstmile/testing/world-policy";
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import { resolveImports } from "@firstmile/trust/imports/resolve";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { ImportName, PrincipalName, RoleName } from "@firstmile/trust/policy/names";
import type { Policy } from "@firstmile/trust/policy/policy";
import { isMet } from "@firstmile/trust/policy/thresholds";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ACME,
  acme,
  acmeRules,
  alice,
  carol,
  dave,
  enterWorld,
  importOf,
  leaveWorld,
  mallory,
  mayWrite,
  rules,
  story,
  world,
} from "./imports-world.ts";

beforeAll(enterWorld);
afterAll(leaveWorld);

describe("one person in both", () => {
  async function carolInBoth(): Promise<{ stateDir: string; policy: Policy }> {
    const { stateDir, policy } = await story();
    const loaded = loadPolicy(await policyFiles({ people: [alice, carol] }));
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.defects));
    const members = [
      { kind: "principal", name: "carol" as PrincipalName } as const,
      { kind: "imported", from: ACME, role: "packager" as RoleName } as const,
    ];
    const roles = new Map([...loaded.policy.roles, ["pair" as RoleName, { any: 2, of: members }]]);
    return { stateDir, policy: { ...loaded.policy, roles, imports: policy.imports } };
  }

  test("has one vote, by the certificate that both list", async () => {
    const { stateDir, policy } = await carolInBoth();
    const resolved = await withImports(stateDir, policy, WORLD_NOW);
    const pair = resolved.roles.get("pair" as RoleName)!;
    expect([...resolved.principals.keys()]).toEqual(["alice", "carol", "acme/dave"]);
    expect(isMet(pair, new Set(["carol" as PrincipalName]), resolved)).toBe(false);
    expect(isMet(pair, new Set(["carol", "acme/dave"] as PrincipalName[]), resolved)).toBe(true);
  });

  test("loses here the key that they call compromised there", async () => {
    const { stateDir, policy } = await carolInBoth();
    const imported = await loadImports(stateDir, policy, WORLD_NOW);
    const theirs = imported.get(ACME)!;
    if (!theirs.ok) throw new Error(theirs.reason.message);
    const event = { kind: "compromised", key: carol.fingerprint, reason: "stolen" } as const;
    const principals = new Map(
      [...theirs.policy.principals].map(([name, principal]) => [
        name,
        {
          ...principal,
          keys: principal.keys.map((key) => (key.kind === "openpgp" ? { ...key, life: [event] } : key)),
        },
      ]),
    );
    const said = new Map([[ACME, { ...theirs, policy: { ...theirs.policy, principals } }]]);
    const { keys } = resolveImports(policy, said, WORLD_NOW).principals.get("carol" as PrincipalName)!;
    for (const key of keys)
      expect(key).toMatchObject({ life: [{ kind: "compromised", key: carol.fingerprint }] });
  });
});

describe("whoever is certified here", () => {
  /** Somebody's certificate is in a keyring of ours; acme lists it, alone or beside mallory's key. */
  async function certified(theirs: readonly Person[]): Promise<ResolvedPolicy> {
    const ours = loadPolicy(await policyFiles({ people: [alice] }));
    const acmes = loadPolicy(
      await policyFiles({ people: { x: theirs }, roles: { packager: { any: 1, of: ["x"] } } }),
    );
    if (!ours.ok || !acmes.ok) throw new Error("these rules load");
    const certificates = parseCertificates(await carol.publicKey());
    const by = ours.policy.roles.get("root" as RoleName)!;
    const arch = {
      any: 1,
      of: [{ kind: "certified", certified: { by, keyring: "keys/arch.gpg", certificates } } as const],
    };
    const spec = importOf({ repository: await world.repository("unused"), introduction: "11" as CommitId });
    const policy = {
      ...ours.policy,
      roles: new Map([...ours.policy.roles, ["arch" as RoleName, arch]]),
      imports: new Map([[ACME, spec]]),
    };
    const had = { ok: true, commit: "11" as CommitId, policy: acmes.policy, imported: new Map() } as const;
    return resolveImports(policy, new Map([[ACME, had]]), WORLD_NOW);
  }

  test("is given no key by an import", async () => {
    const resolved = await certified([carol, mallory]);
    expect([...resolved.principals.keys()]).toEqual(["alice"]);
    expect(resolved.findings.get("acme/packager")).toMatchObject([{ code: "import-contested" }]);
  });

  test("may be listed by it as they are", async () => {
    expect([...(await certified([carol])).principals.keys()]).toEqual(["alice", "acme/x"]);
  });
});

describe("what an import imports", () => {
  async function chain(transitive: boolean) {
    const beta = await acme({
      name: "beta",
      people: [carol, mallory],
      roles: { root: [carol], packager: [mallory] },
    });
    const repository = await world.repository("acme");
    const introduction = await world.rules(repository, {
      by: carol,
      policy: acmeRules({
        roles: { root: [carol], packager: ["dave", "beta/packager"] },
        more: [
          "[import.beta]",
          `urls = ["file://${beta.repository.dir}"]`,
          `introduction = { commit = "${beta.introduction}", signed_by = ["${carol.fingerprint}"] }`,
          'roles = ["packager"]',
        ].join("\n"),
      }),
    });
    const policy = await rules(importOf({ repository, introduction }, { transitive }));
    const { stateDir } = world.machine();
    const updates = await updateImports(stateDir, policy, WORLD_NOW);
    expect(updates[0]!.verdict).toMatchObject({ allowed: true });
    return { stateDir, policy, names: updates.map(({ name }) => name) };
  }

  test("is fetched, authenticated and counted where the rules say so", async () => {
    const { stateDir, policy, names } = await chain(true);
    expect(names).toEqual(["acme", "acme/beta"]);
    expect(await mayWrite(stateDir, policy, mallory)).toBe(true);
    expect(await mayWrite(stateDir, policy, dave)).toBe(true);
  });

  test("is not even fetched where they do not, and the role that rests on it is refused", async () => {
    const { stateDir, policy, names } = await chain(false);
    expect(names).toEqual(["acme"]);
    expect(await mayWrite(stateDir, policy, mallory)).toBe(false);
    const resolved = await withImports(stateDir, policy, WORLD_NOW);
    expect(resolved.findings.get("acme/packager")).toMatchObject([{ code: "import-not-transitive" }]);
  });

  test("is forgotten once it may not be used any more", async () => {
    const { stateDir, policy } = await chain(true);
    const inner = importDirectory(importDirectory(stateDir, ACME), "beta" as ImportName);
    expect(existsSync(inner)).toBe(true);
    const spec = policy.imports.get(ACME)!;
    await updateImports(
      stateDir,
      { ...policy, imports: new Map([[ACME, { ...spec, transitive: false }]]) },
      WORLD_NOW,
    );
    expect(existsSync(inner)).toBe(false);
  });
});
