/** A machine follows what its rules import, each by itself: authenticated, forward only, and never more than named. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  importDirectory,
  importsGeneration,
  loadImports,
  updateImports,
  withImports,
} from "@firstmile/local/trust-repository/imports";
import { readPin } from "@firstmile/local/trust-repository/pin";
import { DAY, WORLD_NOW } from "@firstmile/testing/world";
import type { ImportName } from "@firstmile/trust/policy/names";
import type { IntroductionCommit, Policy } from "@firstmile/trust/policy/policy";
import { identitiesOf } from "@firstmile/trust/signature/identities";
import { firstRefusal } from "@firstmile/trust/verdict/verdict";
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

/** The update is refused, and what was had is had still. */
async function refuses(stateDir: string, policy: Policy, code: string, now = WORLD_NOW): Promise<void> {
  const before = readPin(importDirectory(stateDir, ACME))?.followed;
  const [update] = await updateImports(stateDir, policy, now);
  expect(update!.verdict.allowed).toBe(false);
  expect(firstRefusal(update!.verdict.reasons)?.code).toBe(code);
  expect(readPin(importDirectory(stateDir, ACME))?.followed).toBe(before);
}

test("acme's packagers may write here, and nobody else of acme", async () => {
  const { stateDir, policy } = await story({ people: [carol, dave, mallory] });
  expect(await mayWrite(stateDir, policy, dave)).toBe(true);
  expect(await mayWrite(stateDir, policy, carol)).toBe(true);
  expect(await mayWrite(stateDir, policy, mallory)).toBe(false);
  expect(await mayWrite(stateDir, policy, alice)).toBe(true);
  // Threads that check signatures are handed the policy as it is.
  const resolved = await withImports(stateDir, policy, WORLD_NOW);
  expect(identitiesOf(structuredClone(resolved)).ownerOf).toEqual(identitiesOf(resolved).ownerOf);
});

test("whoever leaves acme's role leaves this one", async () => {
  const { repository, stateDir, policy } = await story();
  const generation = importsGeneration(stateDir);
  await world.rules(repository, {
    by: carol,
    policy: acmeRules({ roles: { root: [carol], packager: [carol] } }),
  });
  const [update] = await updateImports(stateDir, policy, WORLD_NOW);
  expect(update).toMatchObject({ commits: 1, verdict: { allowed: true } });
  expect(await mayWrite(stateDir, policy, dave)).toBe(false);
  expect(importsGeneration(stateDir)).not.toBe(generation);
});

test("nothing is had before the first update, or without the network", async () => {
  const imported = await acme();
  const policy = await rules(importOf(imported));
  const { stateDir } = world.machine();
  const none = await loadImports(stateDir, policy, WORLD_NOW);
  expect(none.get(ACME)).toMatchObject({ ok: false, reason: { code: "no-policy" } });
  expect(await mayWrite(stateDir, policy, dave)).toBe(false);
  expect(await mayWrite(stateDir, policy, alice)).toBe(true);
  await updateImports(stateDir, policy, WORLD_NOW);
  rmSync(imported.repository.dir, { recursive: true });
  expect(await mayWrite(stateDir, policy, dave)).toBe(true);
  await refuses(stateDir, policy, "source-unavailable");
  expect(await mayWrite(stateDir, policy, dave)).toBe(true);
});

describe("an attack on an import moves nothing", () => {
  test("an older state is served", async () => {
    const { repository, introduction, stateDir, policy } = await story();
    await world.rules(repository, {
      by: carol,
      policy: acmeRules({ roles: { root: [carol], packager: [carol] } }),
    });
    await updateImports(stateDir, policy, WORLD_NOW);
    repository.move("main", introduction);
    await refuses(stateDir, policy, "rollback");
    expect(await mayWrite(stateDir, policy, dave)).toBe(false);
  });

  test("another history is served, signed by its root alike", async () => {
    const { repository, introduction, stateDir, policy } = await story();
    await world.rules(repository, { by: carol, policy: acmeRules({ name: "for you" }) });
    await updateImports(stateDir, policy, WORLD_NOW);
    await world.rules(repository, {
      by: carol,
      parents: [introduction],
      policy: acmeRules({ name: "others" }),
    });
    await refuses(stateDir, policy, "rollback");
  });

  test("a state that its root did not sign", async () => {
    const { repository, stateDir, policy } = await story();
    await world.rules(repository, {
      by: mallory,
      policy: acmeRules({ people: [carol, mallory], roles: { packager: [mallory] } }),
    });
    await refuses(stateDir, policy, "unknown-key");
    expect(await mayWrite(stateDir, policy, mallory)).toBe(false);
    expect(await mayWrite(stateDir, policy, dave)).toBe(true);
  });

  test("an introduction that is not there", async () => {
    const { repository } = await story();
    const elsewhere = "1".repeat(40) as CommitId;
    const policy = await rules(importOf({ repository, introduction: elsewhere }));
    await refuses(world.fresh("machine"), policy, "introduction-not-vouched");
  });

  test("an introduction that others signed", async () => {
    const repository = await world.repository("acme");
    const introduction = await world.rules(repository, {
      by: mallory,
      policy: acmeRules({ people: [mallory, carol], roles: {} }),
    });
    const policy = await rules(importOf({ repository, introduction }));
    const { stateDir } = world.machine();
    await refuses(stateDir, policy, "introduction-not-vouched");
    expect(await mayWrite(stateDir, policy, mallory)).toBe(false);
  });

  test("one import's failure is nobody else's", async () => {
    const good = await acme();
    const policy = await rules(
      importOf(good, { name: "lost" as ImportName, urls: [`file://${world.fresh("nothing")}`] }),
      importOf(good),
    );
    const { stateDir } = world.machine();
    const updates = await updateImports(stateDir, policy, WORLD_NOW);
    expect(updates.map(({ name, verdict }) => [name, verdict.allowed])).toEqual([
      ["lost", false],
      ["acme", true],
    ]);
    expect(await mayWrite(stateDir, policy, dave)).toBe(true);
  });
});

test("past its own end it gives nothing, and everything else goes on", async () => {
  const { stateDir, policy } = await story({ expires: WORLD_NOW + DAY });
  expect(await mayWrite(stateDir, policy, dave, WORLD_NOW + DAY - 1)).toBe(true);
  expect(await mayWrite(stateDir, policy, dave, WORLD_NOW + DAY)).toBe(false);
  expect(await mayWrite(stateDir, policy, alice, WORLD_NOW + DAY)).toBe(true);
  const resolved = await withImports(stateDir, policy, WORLD_NOW + DAY);
  expect(resolved.findings.get("acme/packager")).toMatchObject([
    { code: "import-unavailable", because: [{ code: "policy-expired" }] },
  ]);
});

describe("when the rules change", () => {
  test("a pin for another introduction is void", async () => {
    const { repository, introduction, stateDir } = await story();
    const next = await world.rules(repository, { by: carol, policy: acmeRules({ name: "newer" }) });
    const moved = await rules(importOf({ repository, introduction: next }));
    expect((await loadImports(stateDir, moved, WORLD_NOW)).get(ACME)).toMatchObject({
      ok: false,
      reason: { code: "introduction-not-vouched" },
    });
    const other = await rules(
      importOf(
        { repository, introduction },
        {
          introduction: {
            commit: introduction as string as IntroductionCommit,
            signedBy: [dave.fingerprint],
          },
        },
      ),
    );
    expect((await loadImports(stateDir, other, WORLD_NOW)).get(ACME)!.ok).toBe(false);
    const [update] = await updateImports(stateDir, moved, WORLD_NOW);
    expect(update!.verdict.allowed).toBe(true);
    expect(readPin(importDirectory(stateDir, ACME))!.introduction.commit).toBe(next);
    expect(await mayWrite(stateDir, moved, dave)).toBe(true);
  });

  test("an import that is dropped is forgotten", async () => {
    const { stateDir } = await story();
    expect(existsSync(importDirectory(stateDir, ACME))).toBe(true);
    expect(await updateImports(stateDir, await rules(), WORLD_NOW)).toEqual([]);
    expect(existsSync(importDirectory(stateDir, ACME))).toBe(false);
  });

  test("a name that is no name makes no directory", async () => {
    const imported = await acme();
    const policy = await rules(importOf(imported, { name: "../../escape" as ImportName }));
    const { stateDir } = world.machine();
    expect(await updateImports(stateDir, policy, WORLD_NOW)).toEqual([]);
    expect(existsSync(join(stateDir, "..", "escape"))).toBe(false);
  });
});

describe("several URLs", () => {
  async function mirrored() {
    const first = await acme();
    const second = await world.repository("mirror");
    await second.git("fetch", "--quiet", first.repository.dir, "refs/heads/main:refs/heads/main");
    second.move("main", first.introduction);
    const urls = [`file://${second.dir}`, `file://${first.repository.dir}`];
    const policy = await rules(importOf(first, { urls }));
    const { stateDir } = world.machine();
    return { ...first, second, policy, stateDir };
  }

  test("the newest is followed, whichever serves it, and one that lags is no refusal", async () => {
    const { repository, policy, stateDir } = await mirrored();
    const next = await world.rules(repository, { by: carol, policy: acmeRules({ name: "newer" }) });
    for (let round = 0; round < 2; round++) {
      const [update] = await updateImports(stateDir, policy, WORLD_NOW);
      expect(update!.verdict).toMatchObject({ allowed: true, subject: { commit: next } });
    }
  });

  test("one that cannot be reached is passed over", async () => {
    const { second, policy, stateDir } = await mirrored();
    rmSync(second.dir, { recursive: true });
    const [update] = await updateImports(stateDir, policy, WORLD_NOW);
    expect(update!.verdict.allowed).toBe(true);
  });

  test("two histories are told, and the first that was followed stays", async () => {
    const { repository, introduction, second, policy, stateDir } = await mirrored();
    const ours = await world.rules(repository, { by: carol, policy: acmeRules({ name: "ours" }) });
    await updateImports(stateDir, policy, WORLD_NOW);
    const theirs = await world.rules(repository, {
      by: carol,
      branch: "fork",
      parents: [introduction],
      policy: acmeRules({ name: "theirs" }),
    });
    await second.git("fetch", "--quiet", repository.dir, "refs/heads/fork:refs/heads/fork");
    second.move("main", theirs);
    const [update] = await updateImports(stateDir, policy, WORLD_NOW);
    expect(update!.verdict.allowed).toBe(false);
    expect(firstRefusal(update!.verdict.reasons)?.code).toBe("equivocation");
    expect(readPin(importDirectory(stateDir, ACME))!.followed).toBe(ours);
  });
});
