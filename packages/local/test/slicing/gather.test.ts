/** What a slice's case comes to on real repositories, with real keys: whose word is heard, and whose is not any more. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Statement } from "@firstmile/formats/statement/statement";
import { gatherCase } from "@firstmile/local/slicing/gather";
import {
  DAY,
  makeWorld,
  type Person,
  type PolicySpec,
  WORLD_NOW,
  type World,
  type WorldRepository,
} from "@firstmile/testing/world";
import { policyFiles, type SourceSpec } from "@firstmile/testing/world-policy";
import {
  channelOf,
  contentTarget,
  distrustOf,
  filesAt,
  publish,
  reviewOf,
  waiverOf,
  wholeReviewOf,
} from "@firstmile/testing/world-statements";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
let bob: Person;
let carol: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, carol] = await Promise.all([
    world.person("alice"),
    world.person("bob", "openpgp-ed25519"),
    world.person("carol"),
  ]);
});
afterAll(() => world[Symbol.asyncDispose]());

interface Story extends Partial<Omit<PolicySpec, "sources">> {
  readonly source?: Partial<SourceSpec>;
}

/** A source of nobody's, of which bob and carol read; carol is a warden, and curator; alice's waivers count. */
async function begin({ source, ...spec }: Story = {}) {
  const repository = await world.repository("slices");
  const introduction = await repository.commit({ by: alice, files: { "a.nix": "1\n", "b.nix": "1\n" } });
  const policy: PolicySpec = {
    people: [alice, bob, carol],
    emails: true,
    roles: { root: [alice], reader: [bob, carol], warden: [carol], curator: [carol] },
    sources: {
      pkgs: {
        introduction,
        authenticate: "slice",
        rules: [{ paths: ["**"], review: "reader", waive: "root" }],
        more: 'channel = "curator"',
        ...source,
      },
    },
    ...spec,
  };
  return { repository, introduction, policy };
}

async function gather(
  { repository, policy }: { repository: WorldRepository; policy: PolicySpec },
  { commit = repository.tip(), now = WORLD_NOW }: { commit?: CommitId; now?: number } = {},
) {
  const loaded = loadPolicy(await policyFiles(policy));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.defects));
  const [source] = loaded.policy.sources.values();
  return gatherCase({
    repository: repository.dir,
    policy: loaded.policy,
    source: source!,
    commit,
    statements: [],
    now,
  });
}

/** What each file of the tip comes to. */
async function kinds(story: { repository: WorldRepository; policy: PolicySpec }, now = WORLD_NOW) {
  const { coverage } = await gather(story, { now });
  const files = await filesAt(story.repository, story.repository.tip());
  return files.map(({ path, ...content }) => coverage.standing(path, content).kind);
}

describe("statements in the repository's own ref", () => {
  test("are heard: a review, a waiver, a channel", async () => {
    const story = await begin();
    const { repository, introduction } = story;
    expect(await kinds(story)).toEqual(["uncovered", "uncovered"]);
    await publish(repository, await wholeReviewOf(repository, introduction, ["a.nix"]), bob);
    await publish(
      repository,
      waiverOf({ targets: [await contentTarget(repository, introduction, "b.nix")] }),
      alice,
    );
    expect(await kinds(story)).toEqual(["read", "waived"]);
    expect(await kinds(story, WORLD_NOW + 60 * DAY)).toEqual(["read", "uncovered"]);
    await publish(repository, await channelOf(repository, introduction, "pkgs"), carol);
    expect(await kinds(story)).toEqual(["read", "vouched"]);
    const next = await repository.commit({ files: { "b.nix": "2\n" } });
    expect(await kinds(story)).toEqual(["read", "uncovered"]);
    await publish(repository, await reviewOf(repository, introduction, next), bob);
    expect(
      await kinds(story),
      "what was before is vouched for at another commit and read by nobody, but waived by name",
    ).toEqual(["read", "waived"]);
  });

  test("a distrust wins, whoever signed what", async () => {
    const story = await begin();
    const { repository, introduction } = story;
    await publish(repository, await wholeReviewOf(repository, introduction), bob, carol);
    await publish(
      repository,
      distrustOf({ targets: [await contentTarget(repository, introduction, "a.nix", "anywhere")] }),
      carol,
    );
    // Both hold the same bytes.
    expect(await kinds(story)).toEqual(["distrusted", "distrusted"]);
  });

  test("a review by whom the commits name as an author counts for nothing of theirs", async () => {
    const story = await begin();
    const { repository } = story;
    const tip = await repository.commit({ author: "bob", files: { "a.nix": "2\n" } });
    await publish(repository, await wholeReviewOf(repository, tip), bob);
    expect(await kinds(story)).toEqual(["uncovered", "read"]);
  });
});

describe("a key that nobody listens to any more", () => {
  const reviewed = async (life: string | undefined, statement?: (commit: CommitId) => Statement) => {
    const story = await begin();
    const { repository, introduction } = story;
    await publish(repository, await wholeReviewOf(repository, introduction), bob);
    if (statement) await publish(repository, statement(introduction), carol);
    return life === undefined
      ? story
      : { ...story, policy: { ...story.policy, life: new Map([[bob, life]]) } };
  };

  test("compromised, as root says", async () => {
    expect(await kinds(await reviewed('compromised = { reason = "stolen" }'))).toEqual([
      "uncovered",
      "uncovered",
    ]);
  });

  test("distrusted, as a warden says", async () => {
    expect(await kinds(await reviewed(undefined))).toEqual(["read", "read"]);
    const story = await reviewed(undefined, () => distrustOf({ keys: [bob.fingerprint] }));
    expect(await kinds(story)).toEqual(["uncovered", "uncovered"]);
    const before = (await gather(await reviewed(undefined))).policy.digest;
    expect((await gather(story)).policy.digest).not.toBe(before);
  });

  test("retired: heard up to there", async () => {
    const story = await begin();
    const { repository, introduction, policy } = story;
    await publish(repository, await wholeReviewOf(repository, introduction), bob);
    const tip = await repository.commit({ files: { "c.nix": "1\n" } });
    const life = new Map([[bob, `retired = { after = "${introduction}" }`]]);
    const elsewhere = new Map([[bob, `retired = { after = "${"0".repeat(39)}1" }`]]);
    const standing = async (lives: ReadonlyMap<Person, string>, commit: CommitId) => {
      const { coverage } = await gather({ repository, policy: { ...policy, life: lives } }, { commit });
      const [file] = await filesAt(repository, introduction, ["a.nix"]);
      return coverage.standing("a.nix", file!).kind;
    };
    expect(await standing(life, introduction)).toBe("read");
    expect(await standing(life, tip)).toBe("uncovered");
    expect(await standing(elsewhere, introduction)).toBe("uncovered");
  });
});

describe("a commit is of the source", () => {
  const origin = async (story: Awaited<ReturnType<typeof begin>>, commit?: CommitId, now = WORLD_NOW) => {
    const { origin: reason } = await gather(story, { now, ...(commit === undefined ? {} : { commit }) });
    return reason.ok ? "authentic" : reason.code;
  };

  test("where it descends from the introduction, whoever signed it", async () => {
    const story = await begin();
    await story.repository.commit({ files: { "a.nix": "2\n" } });
    expect(await origin(story)).toBe("authentic");
  });

  test("not-a-descendant: a fork", async () => {
    const story = await begin();
    const fork = await story.repository.commit({ files: { "a.nix": "1\n" }, parents: [], branch: "fork" });
    expect(await origin(story, fork)).toBe("not-a-descendant");
  });

  test("where its introduction is signed, if the rules ask for that", async () => {
    expect(await origin(await begin({ source: { signedBy: "root" } }))).toBe("authentic");
    expect(await origin(await begin({ source: { signedBy: "reader" } }))).toBe("introduction-not-vouched");
  });

  test("stale-head: where rules ask for a signed head and nobody said so lately", async () => {
    const story = await begin({ source: { more: 'head = { signed_by = "root", max_age = "7d" }' } });
    const { repository, introduction } = story;
    expect(await origin(story)).toBe("stale-head");
    const head = { kind: "head", commit: introduction, at: WORLD_NOW - DAY, source: "pkgs" } as const;
    await publish(repository, head, alice);
    expect(await origin(story)).toBe("authentic");
    expect((await gather(story)).validUntil).toBe(WORLD_NOW + 6 * DAY);
    expect(await origin(story, undefined, WORLD_NOW + 7 * DAY)).toBe("stale-head");
  });
});

test("a review for another source says nothing of this one", async () => {
  const story = await begin();
  const { repository, introduction } = story;
  const [mine] = await filesAt(repository, introduction, ["a.nix"]);
  const said = await wholeReviewOf(repository, introduction, ["a.nix"]);
  await publish(repository, { ...said, source: "other" }, bob);
  const { coverage } = await gather(story);
  expect(coverage.standing("a.nix", mine!).kind).toBe("uncovered");
});
