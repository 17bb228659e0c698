/** Several places serve one trust repository: what each of them can do to a machine, and what not. */
import { readFileSync, renameSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { addTrust, type Followed, updateTrust } from "@firstmile/local/trust-repository/follow";
import {
  type Machine,
  makeWorld,
  type Person,
  type PolicySpec,
  WORLD_NOW,
  type World,
} from "@firstmile/testing/world";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import type { Fingerprint } from "@firstmile/trust/signature/outcome";
import { firstRefusal, type Reason } from "@firstmile/trust/verdict/verdict";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { git, mirrorOf, rulesWith } from "./served.ts";

let world: World;
let alice: Person;
let bob: Person;
let mallory: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, mallory] = await Promise.all([
    world.person("alice"),
    world.person("bob"),
    world.person("mallory"),
  ]);
});
afterAll(() => world[Symbol.asyncDispose]());

/** Both of alice and bob. */
function rules(name = "world"): PolicySpec {
  return { name, people: [alice, bob], roles: { root: { any: 2, of: [alice, bob] } } };
}

const byBoth = (
  repository: WorldRepository,
  name: string,
  more: { parents?: CommitId[]; branch?: string } = {},
) => world.rules(repository, { by: alice, cosigners: [bob], policy: rules(name), ...more });

interface Story {
  readonly repository: WorldRepository;
  readonly introduction: CommitId;
  readonly machine: Machine;
  readonly mirror: { readonly dir: string };
}

/** A repository and one mirror of it, both pinned. */
async function story(format: "sha1" | "sha256" = "sha1"): Promise<Story> {
  const repository = await world.repository("trust", format);
  const introduction = await byBoth(repository, "first");
  const mirror = await mirrorOf(world, repository);
  const machine = world.machine();
  const { verdict } = await add(machine, introduction, [repository.dir, mirror.dir]);
  expect(verdict).toMatchObject({ allowed: true });
  return { repository, introduction, machine, mirror };
}

function add(
  machine: Machine,
  commit: CommitId,
  [url, ...mirrors]: readonly string[],
  limits = {},
): Promise<Followed> {
  const signedBy = [alice, bob].map((person) => person.fingerprint as Fingerprint);
  return addTrust(machine.stateDir, url!, { commit, signedBy }, WORLD_NOW, { mirrors, limits });
}

const pinOf = (machine: Machine) =>
  JSON.parse(readFileSync(join(machine.stateDir, "trust/pin.json"), "utf8"));

/** All findings of a tree. */
function all(reasons: readonly Reason[]): Reason[] {
  return reasons.flatMap((reason) => [reason, ...all(reason.because ?? [])]);
}

async function follows({ machine }: Story, head: CommitId, ...told: string[]): Promise<Reason[]> {
  const { verdict } = await machine.update();
  expect(verdict).toMatchObject({ allowed: true });
  expect(pinOf(machine).followed).toBe(head);
  const faults = all(verdict.reasons).filter(({ ok, code }) => !ok && code.startsWith("mirror-"));
  expect(faults.map(({ code }) => code)).toEqual(told);
  return faults;
}

async function refuses({ machine }: Story, code: string): Promise<readonly Reason[]> {
  const before = pinOf(machine);
  const { verdict } = await machine.update();
  expect(verdict.allowed).toBe(false);
  expect(firstRefusal(verdict.reasons)?.code).toBe(code);
  expect(pinOf(machine)).toEqual(before);
  return verdict.reasons;
}

describe.each(["sha1", "sha256"] as const)("%s", (format) => {
  test("both serve the newest", async () => {
    const here = await story(format);
    const next = await byBoth(here.repository, "newer");
    rmSync(here.mirror.dir, { recursive: true });
    renameSync((await mirrorOf(world, here.repository)).dir, here.mirror.dir);
    await follows(here, next);
  });

  test("mirror-behind: an old state beside the newest, and how far behind it is", async () => {
    const here = await story(format);
    await byBoth(here.repository, "newer");
    const newest = await byBoth(here.repository, "newest");
    const [fault] = await follows(here, newest, "mirror-behind");
    expect(fault!.message).toBe(
      `${here.mirror.dir} serves ${here.introduction.slice(0, 12)}, 2 commits behind`,
    );
  });

  test("equivocation: two heads, each signed by root, with where they were seen and who signed them", async () => {
    const here = await story(format);
    const ours = await byBoth(here.repository, "for you");
    const theirs = await byBoth(here.repository, "for others", {
      parents: [here.introduction],
      branch: "side",
    });
    await git(
      here.mirror.dir,
      "fetch",
      "-q",
      here.repository.dir,
      "+refs/heads/side:refs/heads/main",
      "+refs/notes/*:refs/notes/*",
    );
    const reasons = await refuses(here, "equivocation");
    const equivocation = reasons.find(({ code }) => code === "equivocation")!;
    const shown = all(equivocation.because!).map(({ message }) => message);
    expect(shown).toContain(`${ours.slice(0, 12)} is served by ${here.repository.dir}`);
    expect(shown).toContain(`${theirs.slice(0, 12)} is served by ${here.mirror.dir}`);
    for (const head of equivocation.because!) {
      const signers = all(head.because!).map(({ message }) => message);
      expect(signers.some((message) => message.includes(alice.fingerprint))).toBe(true);
      expect(signers.some((message) => message.includes(bob.fingerprint))).toBe(true);
    }
  });
});

test("equivocation: the other history is older than what is followed already", async () => {
  const here = await story();
  const ours = await byBoth(here.repository, "ours");
  await follows(here, ours, "mirror-behind");
  await byBoth(here.repository, "side", { parents: [here.introduction], branch: "side" });
  await git(
    here.mirror.dir,
    "fetch",
    "-q",
    here.repository.dir,
    "+refs/heads/side:refs/heads/main",
    "+refs/notes/*:refs/notes/*",
  );
  await refuses(here, "equivocation");
});

test("it ends when one history takes in the other", async () => {
  const here = await story();
  const ours = await byBoth(here.repository, "ours");
  const side = await byBoth(here.repository, "side", { parents: [here.introduction], branch: "side" });
  await git(
    here.mirror.dir,
    "fetch",
    "-q",
    here.repository.dir,
    "+refs/heads/side:refs/heads/main",
    "+refs/notes/*:refs/notes/*",
  );
  await refuses(here, "equivocation");
  await follows(here, await byBoth(here.repository, "both", { parents: [ours, side] }), "mirror-behind");
});

describe("mirror-unauthentic: a mirror alone blocks nobody", () => {
  test.each<[string, (here: Story) => Promise<unknown>]>([
    [
      "on top of the newest",
      (here) => world.rules(here.repository, { by: mallory, policy: rules("mine"), branch: "evil" }),
    ],
    [
      "signed by too few",
      (here) =>
        world.rules(here.repository, {
          by: alice,
          policy: rules("mine"),
          branch: "evil",
          parents: [here.introduction],
        }),
    ],
    [
      "another introduction",
      (here) =>
        world.rules(here.repository, {
          by: mallory,
          policy: { people: [mallory] },
          branch: "evil",
          parents: [],
        }),
    ],
  ])("%s", async (_, forge) => {
    const here = await story();
    const newest = await byBoth(here.repository, "newer");
    await forge(here);
    await git(here.mirror.dir, "fetch", "-q", here.repository.dir, "+refs/heads/evil:refs/heads/main");
    const [fault] = await follows(here, newest, "mirror-unauthentic");
    expect(fault!.message).toContain(here.mirror.dir);
  });
});

describe("mirror-unreachable", () => {
  test("one is gone", async () => {
    const here = await story();
    const newest = await byBoth(here.repository, "newer");
    rmSync(here.mirror.dir, { recursive: true });
    await follows(here, newest, "mirror-unreachable");
  });

  test("the first is gone", async () => {
    const here = await story();
    const newest = await byBoth(here.repository, "newer");
    renameSync((await mirrorOf(world, here.repository)).dir, `${here.mirror.dir}.new`);
    rmSync(here.mirror.dir, { recursive: true });
    renameSync(`${here.mirror.dir}.new`, here.mirror.dir);
    rmSync(here.repository.dir, { recursive: true });
    await follows(here, newest, "mirror-unreachable");
  });

  test("all are gone: what was followed stays", async () => {
    const here = await story();
    const before = pinOf(here.machine);
    rmSync(here.repository.dir, { recursive: true });
    rmSync(here.mirror.dir, { recursive: true });
    await expect(here.machine.update()).rejects.toThrow("cannot be fetched");
    expect(pinOf(here.machine)).toEqual(before);
    expect((await here.machine.current())!.reasons.every(({ ok }) => ok)).toBe(true);
  });

  test("the one that answers serves an old state, and the other is gone: rollback", async () => {
    const here = await story();
    await follows(here, await byBoth(here.repository, "newer"), "mirror-behind");
    rmSync(here.repository.dir, { recursive: true });
    await refuses(here, "rollback");
  });
});

test("a mirror without co-signatures hides those of the others from nobody", async () => {
  const here = await story();
  const next = await byBoth(here.repository, "newer");
  await git(here.mirror.dir, "fetch", "-q", here.repository.dir, "+refs/heads/main:refs/heads/main");
  await git(here.mirror.dir, "update-ref", "-d", "refs/notes/signatures");
  await follows(here, next);
});

test("the rules may name more mirrors, which are asked from then on", async () => {
  const repository = await world.repository("trust");
  const second = `${world.fresh("second")}.git`;
  const top = `mirrors = ["file://${second}"]`;
  const introduction = await rulesWith(world, repository, {
    by: alice,
    cosigners: [bob],
    policy: rules(),
    top,
  });
  renameSync((await mirrorOf(world, repository)).dir, second);
  const machine = world.machine();
  await add(machine, introduction, [repository.dir]);
  const newest = await rulesWith(world, repository, {
    by: alice,
    cosigners: [bob],
    policy: rules("newer"),
    top,
  });
  await git(
    second,
    "fetch",
    "-q",
    repository.dir,
    "+refs/heads/main:refs/heads/main",
    "+refs/notes/*:refs/notes/*",
  );
  repository.move("main", introduction);
  const { verdict } = await machine.update();
  expect(verdict.allowed).toBe(true);
  expect(pinOf(machine).followed).toBe(newest);
});

describe("trust add", () => {
  test("equivocation: nothing is pinned", async () => {
    const repository = await world.repository("trust");
    const introduction = await byBoth(repository, "first");
    await byBoth(repository, "ours");
    const side = await byBoth(repository, "side", { parents: [introduction], branch: "side" });
    const mirror = await mirrorOf(world, repository, side);
    const machine = world.machine();
    const { verdict } = await add(machine, introduction, [repository.dir, mirror.dir]);
    expect(firstRefusal(verdict.reasons)?.code).toBe("equivocation");
    expect(await machine.current()).toBeUndefined();
  });

  test.each([
    ["--upload-pack=touch /tmp/x"],
    ["ext::sh -c 'exit 0'"],
    ["fd::7"],
    ["http::http://localhost/"],
    ["https://example.org/\nx"],
    [""],
  ])("%j is no URL", async (url) => {
    const here = await story();
    await expect(add(world.machine(), here.introduction, [url])).rejects.toThrow("is no URL");
    const machine = world.machine();
    const { verdict } = await add(machine, here.introduction, [here.repository.dir, url]);
    expect(verdict.allowed).toBe(true);
    expect(all(verdict.reasons).map(({ code }) => code)).toContain("mirror-unreachable");
  });
});

describe("limits", () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    // Takes whatever comes and never answers.
    server = createServer((socket) => socket.on("error", () => {}).resume());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `git://127.0.0.1:${(server.address() as { port: number }).port}/trust`;
  });
  afterAll(() => {
    server.close();
  });

  test("a server that never ends is told as silent, and the other is followed", async () => {
    const here = await story();
    const machine = world.machine();
    const began = performance.now();
    const { verdict } = await add(machine, here.introduction, [here.repository.dir, url], {
      timeoutMs: 1500,
    });
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(verdict.allowed).toBe(true);
    const silent = all(verdict.reasons).find(({ code }) => code === "mirror-unreachable")!;
    expect(silent.message).toContain("did not end within 1.5 s");
  });

  test("alone, it ends the update", async () => {
    const here = await story();
    await expect(add(world.machine(), here.introduction, [url], { timeoutMs: 1500 })).rejects.toThrow(
      "did not end",
    );
  });

  test("a mirror that sends more than is allowed", async () => {
    const here = await story();
    const next = await byBoth(here.repository, "newer");
    const noise = Buffer.alloc(6 << 20);
    for (let i = 0, x = 1; i < noise.length; i++) noise[i] = x = (x * 48271) % 2147483647;
    const big = await here.repository.commit({ by: mallory, files: { noise }, branch: "big" });
    const flood = await mirrorOf(world, here.repository, big);
    const machine = world.machine();
    const { verdict } = await add(machine, here.introduction, [here.repository.dir, flood.dir], {
      maxBytes: 1 << 20,
    });
    expect(verdict).toMatchObject({ allowed: true });
    expect(pinOf(machine).followed).toBe(next);
    const silent = all(verdict.reasons).find(({ code }) => code === "mirror-unreachable")!;
    expect(silent.message).toContain("more than the 1.0 MiB");
  });
});

test("updateTrust without a pin names what to do", async () => {
  const { verdict } = await updateTrust(world.fresh("nobody"), WORLD_NOW);
  expect(firstRefusal(verdict.reasons)?.code).toBe("no-policy");
});
