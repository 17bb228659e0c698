/** Attacks on the way in which a machine follows a trust repository. A refusal changes nothing on the machine. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
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

let world: World;
let alice: Person;
let bob: Person;
let carol: Person;
let mallory: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, carol, mallory] = await Promise.all([
    world.person("alice"),
    world.person("bob", "openpgp-ed25519"),
    world.person("carol"),
    world.person("mallory"),
  ]);
});
afterAll(() => world[Symbol.asyncDispose]());

/** Two of alice, bob and carol. */
function rules(more: Partial<PolicySpec> = {}): PolicySpec {
  return { people: [alice, bob, carol], roles: { root: { any: 2, of: [alice, bob, carol] } }, ...more };
}

/** A repository with an introduction by alice and bob, and a machine that follows it. */
async function story(policy = rules()) {
  const repository = await world.repository("trust");
  const introduction = await world.rules(repository, { by: alice, cosigners: [bob], policy });
  const machine = world.machine();
  const added = await machine.add(repository, { commit: introduction, signedBy: [alice, bob] });
  expect(added.verdict).toMatchObject({ allowed: true });
  return { repository, introduction, machine };
}

async function refuses(machine: Machine, code: string, now = WORLD_NOW): Promise<void> {
  const before = await pinOf(machine);
  const { verdict } = await machine.update(now);
  expect(verdict.allowed).toBe(false);
  expect(firstRefusal(verdict.reasons)?.code).toBe(code);
  expect(await pinOf(machine)).toEqual(before);
}

async function pinOf(machine: Machine): Promise<unknown> {
  return JSON.parse(readFileSync(join(machine.stateDir, "trust/pin.json"), "utf8"));
}

async function follows(machine: Machine, commit: CommitId, now = WORLD_NOW): Promise<void> {
  const { verdict } = await machine.update(now);
  expect(verdict).toMatchObject({ allowed: true });
  expect((await machine.current(now))!.pin.followed).toBe(commit);
}

test("two roots sign, the machine follows", async () => {
  const { repository, machine } = await story();
  const next = await world.rules(repository, {
    by: carol,
    cosigners: [alice],
    policy: rules({ name: "newer" }),
  });
  await follows(machine, next);
  expect((await machine.current())!.policy.name).toBe("newer");
});

describe("rollback", () => {
  test("an older state is served", async () => {
    const { repository, introduction, machine } = await story();
    const next = await world.rules(repository, {
      by: alice,
      cosigners: [bob],
      policy: rules({ name: "newer" }),
    });
    await follows(machine, next);
    repository.move("main", introduction);
    await refuses(machine, "rollback");
    expect((await machine.current())!.policy.name).toBe("newer");
  });

  test("another history is served, signed by root alike", async () => {
    const { repository, introduction, machine } = await story();
    const next = await world.rules(repository, {
      by: alice,
      cosigners: [bob],
      policy: rules({ name: "for you" }),
    });
    await follows(machine, next);
    await world.rules(repository, {
      by: alice,
      cosigners: [bob],
      parents: [introduction],
      policy: rules({ name: "for others" }),
    });
    await refuses(machine, "rollback");
  });

  test("an unrelated repository is served", async () => {
    const { repository, machine } = await story();
    await world.rules(repository, {
      by: alice,
      cosigners: [bob],
      parents: [],
      policy: rules({ name: "other" }),
    });
    await refuses(machine, "rollback");
  });

  test("the two histories are merged: each side was authentic, and so is the merge", async () => {
    const { repository, introduction, machine } = await story();
    const ours = await world.rules(repository, {
      by: alice,
      cosigners: [bob],
      policy: rules({ name: "ours" }),
    });
    await follows(machine, ours);
    const side = await world.rules(repository, {
      by: bob,
      cosigners: [carol],
      branch: "side",
      parents: [introduction],
      policy: rules({ name: "side" }),
    });
    const merge = await world.rules(repository, {
      by: alice,
      cosigners: [bob],
      parents: [ours, side],
      policy: rules({ name: "both" }),
    });
    await follows(machine, merge);
  });
});

describe("root-not-met", () => {
  test("one of two signed", async () => {
    const { repository, machine } = await story();
    await world.rules(repository, { by: alice, policy: rules({ name: "mine" }) });
    await refuses(machine, "root-not-met");
  });

  test("one of two signed twice", async () => {
    const { repository, machine } = await story();
    await world.rules(repository, { by: alice, cosigners: [alice], policy: rules({ name: "mine" }) });
    await refuses(machine, "root-not-met");
  });

  test("a co-signature by somebody who is no root", async () => {
    const policy = rules({ people: [alice, bob, carol, mallory] });
    const { repository, machine } = await story(policy);
    await world.rules(repository, { by: alice, cosigners: [mallory], policy });
    await refuses(machine, "root-not-met");
  });

  test("new roots that only the new roots signed", async () => {
    const { repository, machine } = await story();
    const coup = rules({ people: [alice, mallory], roles: { root: { any: 2, of: [alice, mallory] } } });
    await world.rules(repository, { by: alice, cosigners: [mallory], policy: coup });
    await refuses(machine, "unknown-key");
  });

  test("a root that shrinks itself to one, signed by one", async () => {
    const { repository, machine } = await story();
    await world.rules(repository, { by: alice, policy: rules({ roles: { root: [alice] } }) });
    await world.rules(repository, { by: alice, policy: rules({ roles: { root: [alice] }, name: "alone" }) });
    await refuses(machine, "root-not-met");
  });

  test("a merge that only one side's root signed", async () => {
    const { repository, introduction, machine } = await story();
    const alone = { roles: { root: { any: 1, of: [carol] } } };
    const main = await world.rules(repository, {
      by: alice,
      cosigners: [bob],
      policy: rules({ name: "main" }),
    });
    const side = await world.rules(repository, {
      by: alice,
      cosigners: [bob],
      branch: "side",
      parents: [introduction],
      policy: rules(alone),
    });
    await world.rules(repository, { by: carol, parents: [side, main], policy: rules(alone) });
    await refuses(machine, "root-not-met");
  });
});

test("a root removes another one, together with a third", async () => {
  const { repository, machine } = await story();
  const without = rules({ people: [alice, carol], roles: { root: { any: 2, of: [alice, carol] } } });
  const removed = await world.rules(repository, { by: alice, cosigners: [carol], policy: without });
  await follows(machine, removed);
  await world.rules(repository, { by: bob, cosigners: [alice], policy: rules() });
  await refuses(machine, "unknown-key");
});

test("policy-expired: until somebody renews it", async () => {
  const { repository, machine } = await story(rules({ expires: WORLD_NOW + DAY }));
  await refuses(machine, "policy-expired", WORLD_NOW + DAY);
  const current = await machine.current(WORLD_NOW + DAY);
  expect(current!.reasons.find((reason) => !reason.ok)?.code).toBe("policy-expired");
  const renewed = await world.rules(repository, {
    by: alice,
    cosigners: [bob],
    policy: rules({ expires: WORLD_NOW + 9 * DAY }),
  });
  await follows(machine, renewed, WORLD_NOW + 2 * DAY);
});

test("clock-behind: set back to revive an expired policy", async () => {
  const { machine } = await story(rules({ expires: WORLD_NOW + 20 * DAY }));
  await machine.update(WORLD_NOW + 10 * DAY);
  await refuses(machine, "clock-behind", WORLD_NOW + 5 * DAY);
  const current = await machine.current(WORLD_NOW + 5 * DAY);
  expect(current!.reasons.find((reason) => !reason.ok)?.code).toBe("clock-behind");
});

test("policy-invalid: a defect in the middle is not passed over", async () => {
  const { repository, machine } = await story();
  await world.rules(repository, { by: alice, cosigners: [bob], policy: rules({ more: "surprise = 1" }) });
  await world.rules(repository, { by: alice, cosigners: [bob], policy: rules({ name: "mended" }) });
  await refuses(machine, "policy-invalid");
});

test("policy-invalid: a link in keys/ is no key, whatever it points at", async () => {
  const { repository, machine } = await story();
  await world.rules(repository, {
    by: alice,
    cosigners: [bob],
    policy: rules(),
    files: { "keys/alice.pub": { mode: 0o120000, content: "../../alice.pub" } },
  });
  await refuses(machine, "policy-invalid");
});

test("policy-invalid: rules that are a link", async () => {
  const { repository, machine } = await story();
  const files = { "firstmile.toml": { mode: 0o120000, content: "/etc/firstmile.toml" } };
  await world.rules(repository, { by: alice, cosigners: [bob], policy: rules(), files });
  await refuses(machine, "policy-invalid");
});

test("the repository is gone: what was followed stays", async () => {
  const { repository, machine } = await story();
  const before = await pinOf(machine);
  renameSync(repository.dir, `${repository.dir}.gone`);
  await expect(machine.update()).rejects.toThrow("cannot be fetched");
  expect(await pinOf(machine)).toEqual(before);
  expect((await machine.current())!.reasons.every((reason) => reason.ok)).toBe(true);
});

test("a refused state can be followed by a good one", async () => {
  const { repository, machine } = await story();
  const one = await world.rules(repository, { by: alice, policy: rules({ name: "one" }) });
  await refuses(machine, "root-not-met");
  await repository.cosign(one, carol);
  await follows(machine, one);
});

describe("trust add", () => {
  async function adds(signers: readonly Person[], pinned: readonly Person[], commit?: CommitId) {
    const repository = await world.repository("trust");
    const [by, ...cosigners] = signers;
    const introduction = await world.rules(repository, { ...(by ? { by } : {}), cosigners, policy: rules() });
    const machine = world.machine();
    const { verdict } = await machine.add(repository, { commit: commit ?? introduction, signedBy: pinned });
    if (!verdict.allowed) expect(await machine.current()).toBeUndefined();
    return verdict.allowed ? "allowed" : firstRefusal(verdict.reasons)?.code;
  }

  test.each<[string, () => Promise<unknown>]>([
    ["not signed", () => adds([], [alice])],
    ["signed by another than the one pinned", () => adds([bob], [alice])],
    ["signed by one of two that are pinned", () => adds([alice], [alice, bob])],
    ["signed by somebody who is not in its rules", () => adds([mallory], [mallory])],
  ])("introduction-not-vouched: %s", async (_, add) => {
    expect(await add()).toBe("introduction-not-vouched");
  });

  test("the signature may be a co-signature", async () => {
    expect(await adds([alice, bob], [bob])).toBe("allowed");
  });

  test("an introduction that is not there is no introduction", async () => {
    expect(await adds([alice], [alice], "1".repeat(40) as CommitId)).toBe("introduction-not-vouched");
  });

  test("not-a-descendant or worse: another history on the branch than the one introduced", async () => {
    const { repository, introduction } = await story();
    await world.rules(repository, {
      by: alice,
      cosigners: [bob],
      parents: [],
      policy: rules({ name: "other" }),
    });
    repository.move("kept", introduction);
    const machine = world.machine();
    const outcome = machine.add(repository, { commit: introduction, signedBy: [alice] });
    const verdict = await outcome.then(
      (followed) => followed.verdict.allowed,
      () => false,
    );
    expect(verdict).toBe(false);
    expect(await machine.current()).toBeUndefined();
  });

  test("a second introduction needs --replace", async () => {
    const { machine } = await story();
    const other = await story();
    const before = await pinOf(machine);
    const again = await machine.add(other.repository, { commit: other.introduction, signedBy: [alice] });
    expect(again.verdict.allowed).toBe(false);
    expect(await pinOf(machine)).toEqual(before);
    const replaced = await machine.add(
      other.repository,
      { commit: other.introduction, signedBy: [alice] },
      { replace: true },
    );
    expect(replaced.verdict.allowed).toBe(true);
    expect((await machine.current())!.pin.introduction.commit).toBe(other.introduction);
  });
});

describe("a pin file that was tampered with", () => {
  test.each<[string, (text: string) => string]>([
    ["not JSON", (text) => text.slice(0, -5)],
    ["an unknown field", (text) => text.replace("{", '{ "insecure": true,')],
    ["a short id", (text) => text.replace(/"followed": "[0-9a-f]{8}/, '"followed": "')],
    ["no signers", (text) => text.replace(/"signedBy": \[[^\]]*\]/, '"signedBy": []')],
    ["empty", () => ""],
  ])("%s", async (_, tamper) => {
    const { machine } = await story();
    const file = join(machine.stateDir, "trust/pin.json");
    const tampered = tamper(readFileSync(file, "utf8"));
    expect(tampered).not.toBe(readFileSync(file, "utf8"));
    writeFileSync(file, tampered);
    await expect(machine.current()).rejects.toThrow("cannot be read");
    await expect(machine.update()).rejects.toThrow("cannot be read");
  });

  test("followed set to a commit that this machine does not have", async () => {
    const { machine } = await story();
    const file = join(machine.stateDir, "trust/pin.json");
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace(/"followed": "[0-9a-f]*"/, `"followed": "${"1".repeat(40)}"`),
    );
    await expect(machine.current()).rejects.toThrow();
    await expect(machine.update()).rejects.toThrow();
  });
});

test("the machine's copy swapped for other bytes is found out", async () => {
  const { machine, introduction } = await story();
  const git = join(machine.stateDir, "trust/repository.git");
  const forged: WorldRepository = await world.repository("forged");
  const other = await world.rules(forged, { by: mallory, policy: { people: [mallory] } });
  rmSync(git, { recursive: true });
  renameSync(forged.dir, git);
  Object.assign(forged, { dir: git });
  forged.plant(introduction, "commit", await forged.content(other));
  await expect(machine.current()).rejects.toThrow("does not hash to its id");
});
