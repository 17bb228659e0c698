/** Signed heads of the trust repository: a mirror that shows an old state for ever is found out by their age. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  DAY,
  type Machine,
  makeWorld,
  type Person,
  type PolicySpec,
  WORLD_NOW,
  type World,
} from "@firstmile/testing/world";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import { firstRefusal } from "@firstmile/trust/verdict/verdict";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { git, headEnvelope, mirrorOf, rulesWith, say } from "./served.ts";

let world: World;
let alice: Person;
let bob: Person;
let mallory: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, mallory] = await Promise.all([
    world.person("alice"),
    world.person("bob", "openpgp-ed25519"),
    world.person("mallory"),
  ]);
});
afterAll(() => world[Symbol.asyncDispose]());

const WEEK = 'head = { signed_by = "root", max_age = "7d" }';
const rules = (any: number, name = "world"): PolicySpec => ({
  name,
  people: [alice, bob],
  roles: { root: { any, of: [alice, bob] } },
});

interface Story {
  readonly repository: WorldRepository;
  readonly introduction: CommitId;
  readonly machine: Machine;
}

/** Rules that ask for a signed head each week, and a machine that follows them by one said on the day before. */
async function story(any = 1): Promise<Story> {
  const repository = await world.repository("trust");
  const introduction = await next(repository, "first", any);
  await say(repository.dir, { commit: introduction, at: WORLD_NOW - DAY, by: [alice, bob] });
  const machine = world.machine();
  const { verdict } = await machine.add(repository, { commit: introduction, signedBy: [alice] });
  expect(verdict).toMatchObject({ allowed: true });
  return { repository, introduction, machine };
}

const next = (repository: WorldRepository, name: string, any = 1) =>
  rulesWith(world, repository, { by: alice, cosigners: [bob], policy: rules(any, name), top: WEEK });

async function codeAt({ machine }: Story, now: number): Promise<string> {
  const { verdict } = await machine.update(now);
  const current = await machine.current(now);
  const inForce = firstRefusal(current!.reasons)?.code ?? "in force";
  expect(inForce).toBe(verdict.allowed ? "in force" : firstRefusal(verdict.reasons)!.code);
  return inForce;
}

const followed = ({ machine }: Story) =>
  JSON.parse(readFileSync(join(machine.stateDir, "trust/pin.json"), "utf8")).followed;

test("fresh for a week, then stale-head, then fresh again by a new statement", async () => {
  const here = await story();
  expect(await codeAt(here, WORLD_NOW + 6 * DAY)).toBe("in force");
  expect((await here.machine.current(WORLD_NOW))!.freshness).toMatchObject({ until: WORLD_NOW + 6 * DAY });
  expect(await codeAt(here, WORLD_NOW + 6 * DAY + 1)).toBe("stale-head");
  await say(here.repository.dir, { commit: here.introduction, at: WORLD_NOW + 6 * DAY, by: [alice] });
  expect(await codeAt(here, WORLD_NOW + 6 * DAY + 1)).toBe("in force");
});

test("stale-head: a mirror frozen at an old state, whose statement has run out", async () => {
  const here = await story();
  const frozen = await mirrorOf(world, here.repository);
  const newest = await next(here.repository, "newer");
  await say(here.repository.dir, { commit: newest, at: WORLD_NOW + 5 * DAY, by: [alice] });
  const victim = world.machine();
  await victim.add(frozen, { commit: here.introduction, signedBy: [alice] });
  const { verdict } = await victim.update(WORLD_NOW + 7 * DAY);
  expect(firstRefusal(verdict.reasons)?.code).toBe("stale-head");
  expect(await codeAt(here, WORLD_NOW + 7 * DAY)).toBe("in force");
});

test("stale-head: it keeps the branch back, and somebody hands on the statement", async () => {
  const here = await story();
  const frozen = await mirrorOf(world, here.repository);
  const newest = await next(here.repository, "newer");
  const victim = world.machine();
  await victim.add(frozen, { commit: here.introduction, signedBy: [alice] });
  await say(frozen.dir, { commit: newest, at: WORLD_NOW + 7 * DAY, by: [alice] });
  const { verdict } = await victim.update(WORLD_NOW + 7 * DAY);
  expect(firstRefusal(verdict.reasons)?.message).toContain("not known here");
});

describe("stale-head: statements that count for nothing", () => {
  const LATER = WORLD_NOW + 8 * DAY;
  test.each<[string, number, (here: Story) => Promise<unknown>]>([
    [
      "by somebody without a role",
      1,
      ({ repository, introduction }) =>
        say(repository.dir, { commit: introduction, at: LATER, by: [mallory] }),
    ],
    [
      "by one of two",
      2,
      ({ repository, introduction }) => say(repository.dir, { commit: introduction, at: LATER, by: [alice] }),
    ],
    [
      "in the future",
      1,
      ({ repository, introduction }) =>
        say(repository.dir, { commit: introduction, at: LATER + DAY, by: [alice] }),
    ],
    [
      "too long ago",
      1,
      ({ repository, introduction }) =>
        say(repository.dir, { commit: introduction, at: LATER - 7 * DAY - 1, by: [alice] }),
    ],
    [
      "about a source",
      1,
      ({ repository, introduction }) =>
        say(repository.dir, { commit: introduction, at: LATER, by: [alice], source: "world" }),
    ],
    [
      "about a commit of another repository",
      1,
      async ({ repository }) => {
        const other = await world.repository("other");
        await say(repository.dir, { commit: await next(other, "other"), at: LATER, by: [alice] });
      },
    ],
    [
      "the old one again, in an envelope of another name",
      1,
      async ({ repository, introduction }) => {
        await say(repository.dir, { commit: introduction, at: WORLD_NOW - DAY, by: [alice] });
      },
    ],
  ])("%s", async (_, any, speak) => {
    const here = await story(any);
    await speak(here);
    expect(await codeAt(here, LATER)).toBe("stale-head");
    await say(here.repository.dir, { commit: here.introduction, at: LATER, by: [alice, bob] });
    expect(await codeAt(here, LATER)).toBe("in force");
  });

  test("with its time changed behind its signer's back", async () => {
    const here = await story();
    const old = await headEnvelope({ commit: here.introduction, at: WORLD_NOW - DAY, by: [alice] });
    const young = await headEnvelope({ commit: here.introduction, at: LATER, by: [mallory] });
    const [{ signatures }, forged] = [old, young].map((bytes) => JSON.parse(Buffer.from(bytes).toString()));
    const envelope = Buffer.from(JSON.stringify({ ...forged, signatures }));
    const { writeStatement } = await import("@firstmile/local/statements/write");
    await writeStatement({ kind: "ref", repository: here.repository.dir }, envelope);
    expect(await codeAt(here, LATER)).toBe("stale-head");
  });
});

test("two of two may say so in statements of their own", async () => {
  const here = await story(2);
  const now = WORLD_NOW + 9 * DAY;
  await say(here.repository.dir, { commit: here.introduction, at: now - DAY, by: [alice] });
  await say(here.repository.dir, { commit: here.introduction, at: now, by: [bob] });
  expect(await codeAt(here, now)).toBe("in force");
});

test("what is newer is followed though nobody said so lately, and decides nothing until somebody does", async () => {
  const here = await story();
  const newest = await next(here.repository, "newer");
  const now = WORLD_NOW + 9 * DAY;
  expect(await codeAt(here, now)).toBe("stale-head");
  expect(followed(here)).toBe(newest);
  await say(here.repository.dir, { commit: newest, at: now, by: [bob] });
  expect(await codeAt(here, now)).toBe("in force");
});

test("a mirror without statements takes those of the others from nobody", async () => {
  const here = await story();
  await git(here.repository.dir, "update-ref", "-d", "refs/firstmile/statements");
  expect(await codeAt(here, WORLD_NOW + DAY)).toBe("in force");
});

test("trust add: nothing is pinned where nobody said lately that it is the newest", async () => {
  const repository = await world.repository("trust");
  const introduction = await next(repository, "first");
  await say(repository.dir, { commit: introduction, at: WORLD_NOW - 8 * DAY, by: [alice] });
  const machine = world.machine();
  const { verdict } = await machine.add(repository, { commit: introduction, signedBy: [alice] });
  expect(firstRefusal(verdict.reasons)?.code).toBe("stale-head");
  expect(await machine.current()).toBeUndefined();
});

describe("the command line", () => {
  const asAlice = () => ({
    GIT_CONFIG_COUNT: "2",
    ...Object.fromEntries(
      Object.entries(alice.gitConfig).flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
    FIRSTMILE_STATE: world.path("by-hand"),
  });

  test("trust head signs one, trust add takes it, trust show and update say how old all of it is", async () => {
    const repository = await world.repository("trust");
    const introduction = await next(repository, "first");
    const pin = ["--introduction", introduction, "--signed-by", alice.fingerprint];
    const mirror = await mirrorOf(world, repository);
    const add = ["trust", "add", repository.dir, "--mirror", mirror.dir, ...pin];
    const stale = await world.firstmile(add, { env: asAlice() });
    expect(stale.stdout.toString()).toContain("stale-head");
    expect(stale.code).toBe(1);
    const signed = await world.firstmile(["trust", "head", repository.dir, "--json"], { env: asAlice() });
    expect(JSON.parse(signed.stdout.toString())).toMatchObject({ commit: introduction, source: null });
    expect((await world.firstmile(add, { env: asAlice() })).code).toBe(0);
    const shown = await world.firstmile(["trust", "show"], { env: asAlice() });
    expect(shown.stdout.toString()).toContain(`from ${repository.dir}, ${mirror.dir}`);
    expect(shown.stdout.toString()).toMatch(/said to be the newest on .*, 0 min ago; that runs out on /);
    const updated = await world.firstmile(["trust", "update"], { env: asAlice() });
    expect(updated.stdout.toString()).toMatch(/last reached .*, 0 min ago; the rules expire on 2090/);
    const json = JSON.parse(
      (await world.firstmile(["trust", "show", "--json"], { env: asAlice() })).stdout.toString(),
    );
    expect(json.mirrors).toEqual([mirror.dir]);
    expect(json.head.until - json.head.statedAt).toBe(7 * DAY);
  });

  test("trust head about a source whose name is none", async () => {
    const repository = await world.repository("trust");
    await next(repository, "first");
    const signed = await world.firstmile(["trust", "head", repository.dir, "--source", "No Name"], {
      env: asAlice(),
    });
    expect(signed.code).toBe(2);
  });
});
