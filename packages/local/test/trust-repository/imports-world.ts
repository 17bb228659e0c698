/** A machine by alice's rules, which import from carol's acme: for the tests on imports. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { updateImports, withImports } from "@firstmile/local/trust-repository/imports";
import { makeWorld, type Person, type PolicySpec, WORLD_NOW, type World } from "@firstmile/testing/world";
import { policyFiles } from "@firstmile/testing/world-policy";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { ImportName, PrincipalName, RoleName } from "@firstmile/trust/policy/names";
import type { Import, IntroductionCommit, Policy } from "@firstmile/trust/policy/policy";
import { isMet } from "@firstmile/trust/policy/thresholds";
import { identitiesOf } from "@firstmile/trust/signature/identities";
import { expect } from "vitest";

export let world: World;
export let alice: Person;
export let carol: Person;
export let dave: Person;
export let mallory: Person;
/** Makes the world and its people; `leaveWorld` takes it away. */
export async function enterWorld(): Promise<void> {
  world = await makeWorld();
  [alice, carol, dave, mallory] = await Promise.all([
    world.person("alice"),
    world.person("carol", "openpgp-ed25519"),
    world.person("dave"),
    world.person("mallory"),
  ]);
}

export function leaveWorld(): Promise<void> {
  return world[Symbol.asyncDispose]();
}

export const ACME = "acme" as ImportName;

export interface Imported {
  readonly repository: WorldRepository;
  readonly introduction: CommitId;
}

/** acme: carol is its root, carol and dave are its packagers. */
export async function acme(more: Partial<PolicySpec> = {}): Promise<Imported> {
  const repository = await world.repository("acme");
  const introduction = await world.rules(repository, { by: carol, policy: acmeRules(more) });
  return { repository, introduction };
}

export function acmeRules(more: Partial<PolicySpec> = {}): PolicySpec {
  return {
    name: "acme",
    people: [carol, dave],
    roles: { root: [carol], packager: { any: 1, of: [carol, dave] }, boss: [carol] },
    ...more,
  };
}

export function importOf({ repository, introduction }: Imported, more: Partial<Import> = {}): Import {
  return {
    name: ACME,
    urls: [`file://${repository.dir}`],
    introduction: { commit: introduction as string as IntroductionCommit, signedBy: [carol.fingerprint] },
    roles: ["packager" as RoleName],
    transitive: false,
    ...more,
  };
}

/** alice's rules: writers are alice and acme's packagers. */
export async function rules(...imports: readonly Import[]): Promise<Policy> {
  const loaded = loadPolicy(await policyFiles({ people: [alice], roles: { writer: [alice] } }));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.defects));
  const { policy } = loaded;
  const of = [
    { kind: "principal", name: "alice" as PrincipalName } as const,
    ...imports.map(({ name }) => ({ kind: "imported", from: name, role: "packager" as RoleName }) as const),
  ];
  return {
    ...policy,
    roles: new Map([...policy.roles, ["writer" as RoleName, { any: 1, of }]]),
    imports: new Map(imports.map((one) => [one.name, one])),
  };
}

/** Whether this person's key may write, by what the machine has. */
export async function mayWrite(
  stateDir: string,
  policy: Policy,
  who: Person,
  now = WORLD_NOW,
): Promise<boolean> {
  const resolved = await withImports(stateDir, policy, now);
  const owner = identitiesOf(resolved).ownerOf.get(who.fingerprint as never);
  const group = resolved.roles.get("writer" as RoleName)!;
  return owner !== undefined && isMet(group, new Set([owner]), resolved);
}

/** A machine that follows acme by alice's rules. */
export async function story(more: Partial<PolicySpec> = {}) {
  const imported = await acme(more);
  const policy = await rules(importOf(imported));
  const { stateDir } = world.machine();
  const [update] = await updateImports(stateDir, policy, WORLD_NOW);
  expect(update).toMatchObject({ name: "acme", verdict: { allowed: true } });
  return { ...imported, policy, stateDir };
}
