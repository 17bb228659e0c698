/** What is remembered may save time and must never change a verdict. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  BEGINNING,
  DAY,
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
} from "@firstmile/testing/world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
let mallory: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, mallory] = await Promise.all([world.person("alice"), world.person("mallory")]);
});
afterAll(() => world[Symbol.asyncDispose]());

type Mode = "every-commit" | "first-parent" | "tip";

function rules(
  introduction: CommitId,
  people: readonly Person[] = [alice],
  authenticate: Mode = "every-commit",
) {
  return { people, sources: { pkgs: { introduction, authenticate } } } satisfies PolicySpec;
}

async function line(by: readonly (Person | undefined)[]) {
  const repository = await world.repository("cache");
  const commits: CommitId[] = [];
  for (const [i, who] of by.entries())
    commits.push(await repository.commit({ ...(who ? { by: who } : {}), files: { a: `${i}` } }));
  return { repository, commits };
}

function cacheFiles(dir: string): string[] {
  return readdirSync(join(dir, "authenticated")).map((name) => join(dir, "authenticated", name));
}

test("a second run looks at what is new alone", async () => {
  const { repository, commits } = await line([alice, alice, alice]);
  const cacheDir = world.fresh("state");
  const policy = rules(commits[0]!);
  expect(await world.verify({ repository, policy, cacheDir })).toMatchObject({ allowed: true, checked: 2 });
  expect(await world.verify({ repository, policy, cacheDir })).toMatchObject({ allowed: true, checked: 0 });
  const evil = await repository.commit({ files: { a: "x" } });
  const verdict = await world.verify({ repository, policy, cacheDir });
  expect(verdict.checked).toBe(1);
  expect(offences(verdict)).toEqual(expected([evil, "unsigned"]));
  const again = await world.verify({ repository, policy, cacheDir });
  expect(offences(again)).toEqual(expected([evil, "unsigned"]));
});

test("other rules do not profit from what was authenticated by these", async () => {
  const { repository, commits } = await line([alice, mallory, alice]);
  const cacheDir = world.fresh("state");
  const lax = rules(commits[0]!, [alice, mallory]);
  expect((await world.verify({ repository, policy: lax, cacheDir })).allowed).toBe(true);
  const strict = await world.verify({ repository, policy: rules(commits[0]!), cacheDir });
  expect(offences(strict)).toEqual(expected([commits[1]!, "unknown-key"]));
});

test("nor does a file of theirs, put where these rules look", async () => {
  const { repository, commits } = await line([alice, mallory, alice]);
  const cacheDir = world.fresh("state");
  await world.verify({ repository, policy: rules(commits[0]!, [alice, mallory]), cacheDir });
  const lax = cacheFiles(cacheDir)[0]!;
  // A denied run remembers its good part: the introduction's child is mallory's, so nothing. Make it write one.
  const strict = rules(commits[0]!);
  const good = await repository.commit({ by: alice, branch: "good", parents: [commits[0]!] });
  await world.verify({ repository, tip: good, policy: strict, cacheDir });
  const theirs = cacheFiles(cacheDir).find((file) => file !== lax)!;
  writeFileSync(theirs, readFileSync(lax));
  const verdict = await world.verify({ repository, tip: commits[2]!, policy: strict, cacheDir });
  expect(offences(verdict)).toEqual(expected([commits[1]!, "unknown-key"]));
});

describe("a damaged file counts as none", () => {
  test.each<[string, (file: Buffer, evil: Buffer) => Buffer]>([
    ["cut short", (file) => file.subarray(0, file.length - 1)],
    ["empty", () => Buffer.alloc(0)],
    ["longer", (file) => Buffer.concat([file, Buffer.of(0)])],
    ["another id in it", (file, evil) => Buffer.concat([file.subarray(0, -52), evil, file.subarray(-32)])],
    [
      "a header of its own",
      (file) => Buffer.from(file.toString("latin1").replace('"introduced":2', '"introduced":1'), "latin1"),
    ],
    ["no header", (file) => Buffer.from(`null\n${file.toString("latin1")}`, "latin1")],
  ])("%s", async (_, damage) => {
    const { repository, commits } = await line([alice, alice, alice]);
    const cacheDir = world.fresh("state");
    const policy = rules(commits[0]!);
    await world.verify({ repository, policy, cacheDir });
    const evil = await repository.commit({ by: mallory, files: { a: "evil" } });
    const [file] = cacheFiles(cacheDir);
    const damaged = damage(readFileSync(file!), Buffer.from(evil, "hex"));
    expect(damaged.equals(readFileSync(file!))).toBe(false);
    writeFileSync(file!, damaged);
    const verdict = await world.verify({ repository, policy, cacheDir });
    expect(verdict.checked).toBe(3);
    expect(offences(verdict)).toEqual(expected([evil, "unknown-key"]));
  });
});

describe("does not outlive a key", () => {
  const before = BEGINNING + 29 * DAY;
  const after = BEGINNING + 31 * DAY;
  const shortLived = () => world.person("carol", "openpgp-ed25519", { expires: "30d" });

  async function twice(repository: Awaited<ReturnType<typeof line>>["repository"], policy: PolicySpec) {
    const cacheDir = world.fresh("state");
    const first = await world.verify({ repository, policy, cacheDir, now: before });
    expect(first).toMatchObject({ allowed: true, denied: [], validUntil: BEGINNING + 30 * DAY });
    return offences(await world.verify({ repository, policy, cacheDir, now: after }));
  }

  test("that signed a commit", async () => {
    const carol = await shortLived();
    const { repository, commits } = await line([alice, carol, alice]);
    expect(await twice(repository, rules(commits[0]!, [alice, carol]))).toEqual(
      expected([commits[1]!, "expired-key"]),
    );
  });

  test("but for the one that signed the introduction, which is pinned by its id", async () => {
    const carol = await shortLived();
    const { repository, commits } = await line([carol, alice]);
    const policy = rules(commits[0]!, [alice, carol]);
    const verdict = await world.verify({ repository, policy, cacheDir: world.fresh("state"), now: after });
    expect(verdict).toMatchObject({ allowed: true, validUntil: undefined });
  });

  test("that co-signed", async () => {
    const carol = await shortLived();
    const { repository, commits } = await line([alice, alice]);
    await repository.cosign(commits[1]!, carol);
    const policy: PolicySpec = {
      people: [alice, carol],
      roles: { writer: { any: 2, of: [alice, carol] } },
      sources: { pkgs: { introduction: commits[0]!, signedBy: "root" } },
    };
    expect(await twice(repository, policy)).toEqual(expected([commits[1]!, "too-few-signers"]));
  });

  test("and tells so in a later run that adds commits of others", async () => {
    const carol = await shortLived();
    const { repository, commits } = await line([alice, carol]);
    const cacheDir = world.fresh("state");
    const policy = rules(commits[0]!, [alice, carol]);
    await world.verify({ repository, policy, cacheDir, now: before });
    await repository.commit({ by: alice });
    const later = await world.verify({ repository, policy, cacheDir, now: before });
    expect(later).toMatchObject({ allowed: true, checked: 1, validUntil: BEGINNING + 30 * DAY });
  });
});

describe.each<Mode>(["every-commit", "first-parent", "tip"])("%s: with and without it the same", (mode) => {
  test("for a branch off a side branch that was merged", async () => {
    const { repository, commits } = await line([alice, alice]);
    const [introduction, main] = commits as [CommitId, CommitId];
    const side = await repository.commit({
      by: alice,
      branch: "side",
      parents: [introduction],
      files: { b: "1" },
    });
    const merge = await repository.merge({ by: alice, parents: [main, side] });
    const off = await repository.commit({ by: alice, branch: "off", parents: [side], files: { b: "2" } });
    const cacheDir = world.fresh("state");
    const policy = rules(introduction, [alice], mode);
    expect((await world.verify({ repository, tip: merge, policy, cacheDir })).allowed).toBe(true);
    for (const dir of [undefined, cacheDir]) {
      const verdict = await world.verify({ repository, tip: off, policy, ...(dir ? { cacheDir: dir } : {}) });
      expect(verdict).toMatchObject({ allowed: true, denied: [] });
    }
  });

  test("for a branch off an older commit, unsigned at its tip", async () => {
    const { repository, commits } = await line([alice, alice, alice]);
    const cacheDir = world.fresh("state");
    const policy = rules(commits[0]!, [alice], mode);
    await world.verify({ repository, policy, cacheDir });
    const off = await repository.commit({ branch: "off", parents: [commits[1]!], files: { b: "2" } });
    for (const dir of [undefined, cacheDir]) {
      const verdict = await world.verify({ repository, tip: off, policy, ...(dir ? { cacheDir: dir } : {}) });
      expect(offences(verdict)).toEqual(expected([off, "unsigned"]));
    }
  });
});
