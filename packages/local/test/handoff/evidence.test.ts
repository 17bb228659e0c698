/** Whose word on downloads counts today. */
import { gatherHandoffs } from "@firstmile/local/handoff/evidence";
import { makeWorld, type Person, WORLD_NOW, type World } from "@firstmile/testing/world";
import { policyFiles } from "@firstmile/testing/world-policy";
import { publish, waiverOf } from "@firstmile/testing/world-statements";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { RoleName } from "@firstmile/trust/policy/names";
import { afterAll, beforeAll, expect, test } from "vitest";

const SHA256 = "5".repeat(64);

let world: World;
let alice: Person;
let bob: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob] = await Promise.all([world.person("alice"), world.person("bob", "openpgp-ed25519")]);
});
afterAll(() => world[Symbol.asyncDispose]());

test.each<[string, string | undefined, readonly string[] | undefined]>([
  ["a key that is good", undefined, ["bob"]],
  ["one that was retired", `retired = { after = "${"0".repeat(39)}1" }`, undefined],
  ["one that is compromised", 'compromised = { reason = "stolen" }', undefined],
])("a waiver by %s", async (_, life, by) => {
  const repository = await world.repository("waived");
  const introduction = await repository.commit({ by: alice, files: { a: "1\n" } });
  const content = { kind: "content", sha256: SHA256, id: undefined, path: undefined } as const;
  await publish(repository, waiverOf({ targets: [content] }), bob);
  const loaded = loadPolicy(
    await policyFiles({
      people: [alice, bob],
      roles: { packager: [bob] },
      sources: { pkgs: { introduction } },
      ...(life === undefined ? {} : { life: new Map([[bob, life]]) }),
    }),
  );
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.defects));
  const places = [{ kind: "ref", repository: repository.dir } as const];
  const { waivers } = await gatherHandoffs(loaded.policy, places, WORLD_NOW);
  expect(waivers.ofContent("packager" as RoleName, SHA256).holds?.by).toEqual(by);
});
