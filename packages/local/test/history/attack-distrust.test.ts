/** A warden's word against what permitted people signed: contents and keys, in histories. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { writeStatement } from "@firstmile/local/statements/write";
import {
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
  type WorldRepository,
} from "@firstmile/testing/world";
import type { HistoryVerdict } from "@firstmile/trust/history/authenticate";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  contentTarget,
  distrustOf,
  filesAt,
  publish,
  reviewOf,
  signedBy,
} from "../../../../testing/src/world-statements.ts";

let world: World;
let people: Record<"alice" | "bob" | "carol" | "mallory", Person>;
beforeAll(async () => {
  world = await makeWorld();
  const [alice, bob, carol, mallory] = await Promise.all(
    ["alice", "bob", "carol", "mallory"].map((name) => world.person(name)),
  );
  people = { alice: alice!, bob: bob!, carol: carol!, mallory: mallory! };
});
afterAll(() => world[Symbol.asyncDispose]());

/** Alice and bob write, carol is the warden, mallory only has a key. */
function rules(introduction: CommitId, more: Partial<PolicySpec> = {}): PolicySpec {
  const { alice, bob, carol, mallory } = people;
  return {
    people: [alice, bob, carol, mallory],
    roles: { root: [alice], writer: [alice, bob], warden: [carol] },
    sources: { pkgs: { introduction } },
    ...more,
  };
}

describe.each(["sha1", "sha256"] as const)("a content that is distrusted, in a %s repository", (format) => {
  let repository: WorldRepository;
  let introduction: CommitId;
  let bad: CommitId;
  beforeEach(async () => {
    repository = await world.repository("pkgs", format);
    introduction = await repository.commit({
      by: people.alice,
      files: { "a.nix": "good\n", "b/c.nix": "c\n" },
    });
    bad = await repository.commit({ by: people.alice, files: { "b/d.nix": "bad\n" } });
  });
  const ask = (tip = repository.tip(), cacheDir?: string): Promise<HistoryVerdict> =>
    world.verify({ repository, tip, policy: rules(introduction), ...(cacheDir ? { cacheDir } : {}) });

  test("is in no authentic commit, whoever signed it; before and after it they are as they were", async () => {
    await publish(
      repository,
      distrustOf({ targets: [await contentTarget(repository, bad, "b/d.nix")], because: "it phones home" }),
      people.carol,
    );
    const verdict = await ask();
    expect(offences(verdict)).toEqual(expected([bad, "distrusted"]));
    expect(verdict.denied[0]!.message).toBe("b/d.nix: carol distrusts it: it phones home");
    expect((await ask(introduction)).allowed).toBe(true);
    const mended = await repository.commit({ by: people.alice, files: { "b/d.nix": "better\n" } });
    expect((await ask(mended)).allowed).toBe(true);
  });

  test("is found wherever it lies, also where only its SHA-256 was given", async () => {
    const [file] = await filesAt(repository, bad, ["b/d.nix"]);
    const target = { kind: "content", sha256: file!.sha256, id: undefined, path: undefined } as const;
    await publish(repository, distrustOf({ targets: [target] }), people.carol);
    const moved = await repository.commit({
      by: people.alice,
      whole: true,
      files: { "elsewhere.nix": "bad\n" },
    });
    const verdict = await ask(moved);
    expect(verdict.denied.map(({ code, paths }) => [code, paths])).toEqual([
      ["distrusted", ["elsewhere.nix"]],
    ]);
  });

  test("at one path is no objection at another", async () => {
    await publish(
      repository,
      distrustOf({ targets: [await contentTarget(repository, bad, "b/d.nix")] }),
      people.carol,
    );
    const moved = await repository.commit({ by: people.alice, whole: true, files: { "e.nix": "bad\n" } });
    expect((await ask(moved)).allowed).toBe(true);
  });

  test("by anybody but a warden is none", async () => {
    const targets = [await contentTarget(repository, bad, "b/d.nix")];
    for (const person of [people.alice, people.mallory])
      await publish(repository, distrustOf({ targets }), person);
    expect((await ask()).allowed).toBe(true);
  });

  test("is found in what was authenticated before, and remembered", async () => {
    const cacheDir = world.fresh("cache");
    expect((await ask(bad, cacheDir)).allowed).toBe(true);
    await publish(
      repository,
      distrustOf({ targets: [await contentTarget(repository, bad, "b/d.nix", "anywhere")] }),
      people.carol,
    );
    const verdict = await ask(bad, cacheDir);
    expect([verdict.allowed, verdict.denied.map(({ code }) => code)]).toEqual([false, ["distrusted"]]);
  });

  test("is not outweighed by root's goodlist", async () => {
    await publish(
      repository,
      distrustOf({ targets: [await contentTarget(repository, bad, "b/d.nix")] }),
      people.carol,
    );
    const policy = rules(introduction, { sources: { pkgs: { introduction, goodlist: [bad] } } });
    expect(offences(await world.verify({ repository, policy }))).toEqual(expected([bad, "distrusted"]));
  });
});

test("a tree that is not all there cannot be said to be free of what is distrusted", async () => {
  const repository = await world.repository("pkgs");
  const introduction = await repository.commit({ by: people.alice, files: { "a/b/c.nix": "bad\n" } });
  await publish(
    repository,
    distrustOf({ targets: [await contentTarget(repository, introduction, "a/b/c.nix")] }),
    people.carol,
  );
  const tree = (await repository.git("rev-parse", `${introduction}:a`)).trim();
  rmSync(join(repository.dir, "objects", tree.slice(0, 2), tree.slice(2)));
  const verdict = await world.verify({ repository, policy: rules(introduction) });
  expect(verdict.denied.map(({ code }) => code)).toEqual(["missing-object"]);
});

describe("a key that is distrusted", () => {
  const against = (...keys: readonly Person[]) =>
    distrustOf({ keys: keys.map(({ fingerprint }) => fingerprint), because: "it was stolen" });

  test("signs no commit any more, and its owner's other key does", async () => {
    const repository = await world.repository("pkgs");
    const introduction = await repository.commit({ by: people.alice, files: { "a.nix": "a\n" } });
    const byBob = await repository.commit({ by: people.bob, files: { "b.nix": "b\n" } });
    const byAlice = await repository.commit({ by: people.alice, files: { "c.nix": "c\n" } });
    const cacheDir = world.fresh("cache");
    const ask = () => world.verify({ repository, policy: rules(introduction), cacheDir });
    expect((await ask()).allowed).toBe(true);
    await publish(repository, against(people.bob), people.carol);
    const verdict = await ask();
    expect(offences(verdict)).toEqual(expected([byBob, "distrusted"]));
    expect(verdict.denied[0]!.message).toContain("which carol distrusts: it was stolen");
    await repository.cosign(byBob, people.alice);
    expect((await ask()).allowed).toBe(true);
    expect(byAlice).toBe(repository.tip());
  });

  test("reviews nothing", async () => {
    const repository = await world.repository("pkgs");
    const introduction = await repository.commit({ by: people.alice, files: { "a.nix": "a\n" } });
    const tip = await repository.commit({ by: people.alice, files: { "a.nix": "b\n" } });
    await publish(repository, await reviewOf(repository, introduction, tip), people.bob);
    const reviewed = { introduction, rules: [{ paths: ["**"], write: "writer", review: "writer" }] };
    const policy = rules(introduction, { sources: { pkgs: reviewed } });
    expect((await world.verify({ repository, policy })).allowed).toBe(true);
    await publish(repository, against(people.bob), people.carol);
    expect(offences(await world.verify({ repository, policy }))).toEqual(expected([tip, "not-reviewed"]));
  });
});

test("firstmile verify hears wardens in the trust repository, and then fetches files too", async () => {
  const repository = await world.repository("pkgs");
  const introduction = await repository.commit({ by: people.alice, files: { "a.nix": "bad\n" } });
  const policy = await world.policyDirectory(rules(introduction));
  const url = `file://${repository.dir}`;
  const ask = async () => {
    const { stdout } = await world.firstmile(["verify", url, "--policy", policy, "--json"]);
    return JSON.parse(stdout.toString()) as HistoryVerdict & { fetched: { onlyCommits: boolean } };
  };
  expect(await ask()).toMatchObject({ allowed: true, fetched: { onlyCommits: true } });
  const words = distrustOf({ targets: [await contentTarget(repository, introduction, "a.nix")] });
  const place = { kind: "directory", path: `${policy}/statements` } as const;
  await writeStatement(place, await signedBy(words, [people.carol]));
  const verdict = await ask();
  expect(verdict).toMatchObject({ allowed: false, fetched: { onlyCommits: false } });
  expect(verdict.denied.map(({ code }) => code)).toEqual(["distrusted"]);
});
