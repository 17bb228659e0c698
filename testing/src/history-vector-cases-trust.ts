/** Cases about the trust repository itself: who may change the rules, and which states a machine may follow. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Cast, HistoryCase, Told } from "./history-vector-case.ts";
import { DAY, type Person, type PolicySpec, WORLD_NOW, type WorldRepository } from "./world.ts";

interface Play {
  readonly cast: Cast;
  readonly repository: WorldRepository;
  readonly introduction: CommitId;
  readonly alice: Person;
  readonly bob: Person;
  readonly carol: Person;
  readonly mallory: Person;
  /** Two of alice, bob and carol are root. */
  rules(more?: Partial<PolicySpec>): PolicySpec;
  /** A next state of the rules. */
  state(
    by: Person,
    cosigners: readonly Person[],
    policy: PolicySpec,
    parents?: readonly CommitId[],
  ): Promise<CommitId>;
}

interface Ending {
  readonly tip: CommitId;
  readonly followed?: CommitId;
  readonly seen?: number;
  readonly now?: number;
  readonly denied?: Told["denied"];
}

function trustCase(
  name: string,
  claim: string,
  tell: (play: Play) => Promise<Ending>,
  first: Partial<PolicySpec> = {},
): HistoryCase {
  return {
    name: `trust-${name}`,
    group: "trust repository",
    claim,
    needs: ["openpgp", "trust-repository", "threshold", "cosignature"],
    tell: async (cast) => {
      const play = await open(cast, first);
      const { tip, followed, seen, now, denied = [] } = await tell(play);
      return {
        repository: play.repository,
        policy: play.rules(),
        tip,
        denied,
        ...(now === undefined ? {} : { now }),
        trust: {
          introduction: play.introduction,
          signedBy: [play.alice, play.bob],
          ...(followed ? { followed } : {}),
          ...(seen ? { seen } : {}),
        },
      };
    },
  };
}

async function open(cast: Cast, first: Partial<PolicySpec>): Promise<Play> {
  const [alice, bob, carol, mallory] = await cast.people("alice", "bob", "carol", "mallory");
  const repository = await cast.repository();
  const rules = (more: Partial<PolicySpec> = {}): PolicySpec => ({
    people: [alice, bob, carol],
    roles: { root: { any: 2, of: [alice, bob, carol] } },
    ...more,
  });
  const introduction = await cast.world.rules(repository, {
    by: alice,
    cosigners: [bob],
    policy: rules(first),
  });
  const state: Play["state"] = (by, cosigners, policy, parents) =>
    cast.world.rules(repository, {
      by,
      cosigners,
      policy,
      message: "rules\n",
      ...(parents ? { parents } : {}),
    });
  return { cast, repository, introduction, alice, bob, carol, mallory, rules, state };
}

const NOT_MET = "root-not-met";
const LONG_AGO = 631_152_000;

const CHANGES: readonly HistoryCase[] = [
  trustCase("two-roots", "two of three roots sign a new state", async ({ alice, carol, rules, state }) => ({
    tip: await state(carol, [alice], rules({ name: "newer" })),
  })),
  trustCase("one-root", "one root alone changes the rules", async ({ alice, rules, state }) => {
    const tip = await state(alice, [], rules({ name: "mine" }));
    return { tip, denied: [[NOT_MET, tip]] };
  }),
  trustCase("one-root-twice", "one root signs and co-signs", async ({ alice, rules, state }) => {
    const tip = await state(alice, [alice], rules({ name: "mine" }));
    return { tip, denied: [[NOT_MET, tip]] };
  }),
  trustCase(
    "cosigned-by-no-root",
    "the second signature is by somebody whom the rules know and who is no root",
    async ({ alice, bob, carol, mallory, rules, state }) => {
      const tip = await state(alice, [mallory], rules({ people: [alice, bob, carol, mallory] }));
      return { tip, denied: [[NOT_MET, tip]] };
    },
  ),
  trustCase("coup", "new roots whom only the new roots signed", async ({ alice, mallory, rules, state }) => {
    const coup = rules({ people: [alice, mallory], roles: { root: { any: 2, of: [alice, mallory] } } });
    const tip = await state(alice, [mallory], coup);
    return { tip, denied: [[NOT_MET, tip]] };
  }),
  trustCase(
    "shrinks-itself",
    "one root makes itself the only one, and signs on",
    async ({ alice, rules, state }) => {
      const shrunk = await state(alice, [], rules({ roles: { root: [alice] } }));
      const tip = await state(alice, [], rules({ roles: { root: [alice] }, name: "alone" }));
      return { tip, denied: [[NOT_MET, shrunk]] };
    },
  ),
  trustCase("root-removed", "two roots remove the third", async ({ alice, carol, rules, state }) => ({
    tip: await state(
      alice,
      [carol],
      rules({ people: [alice, carol], roles: { root: { any: 2, of: [alice, carol] } } }),
    ),
  })),
  trustCase(
    "removed-root-returns",
    "a root who was removed signs itself back in with one who was not",
    async ({ alice, bob, carol, rules, state }) => {
      const without = rules({ people: [alice, carol], roles: { root: { any: 2, of: [alice, carol] } } });
      await state(alice, [carol], without);
      const tip = await state(bob, [alice], rules());
      return { tip, denied: [[NOT_MET, tip]] };
    },
  ),
  trustCase(
    "merge-of-one-side",
    "a merge is signed by the root of one parent, which asks for less than that of the other",
    async ({ alice, bob, carol, introduction, rules, state }) => {
      const alone = rules({ roles: { root: { any: 1, of: [carol] } } });
      const main = await state(alice, [bob], rules({ name: "main" }));
      const side = await state(alice, [bob], alone, [introduction]);
      const tip = await state(carol, [], alone, [side, main]);
      return { tip, denied: [[NOT_MET, tip]] };
    },
  ),
  trustCase("merge-of-both", "a merge that the root of both parents signed", async (play) => {
    const { alice, bob, carol, introduction, rules, state } = play;
    const main = await state(alice, [bob], rules({ name: "main" }));
    const side = await state(bob, [carol], rules({ name: "side" }), [introduction]);
    return { tip: await state(alice, [bob], rules({ name: "both" }), [main, side]) };
  }),
  trustCase(
    "defect-in-the-middle",
    "a state whose rules have a defect is not passed over for the good one behind it",
    async ({ alice, bob, rules, state }) => {
      const odd = await state(alice, [bob], rules({ more: "surprise = 1" }));
      const tip = await state(alice, [bob], rules({ name: "mended" }));
      return { tip, denied: [["policy-invalid", odd]] };
    },
  ),
  trustCase("key-is-a-link", "a link below keys/ is no key, whatever it points at", async (play) => {
    const { cast, repository, alice, bob, rules } = play;
    const tip = await cast.world.rules(repository, {
      by: alice,
      cosigners: [bob],
      policy: rules(),
      files: { [alice.keyFile]: { mode: 0o120000, content: "../../alice.asc" } },
    });
    return { tip, denied: [["policy-invalid", tip]] };
  }),
  trustCase("rules-are-a-link", "a link in place of firstmile.toml is no rules", async (play) => {
    const { cast, repository, alice, bob, rules } = play;
    const tip = await cast.world.rules(repository, {
      by: alice,
      cosigners: [bob],
      policy: rules(),
      files: { "firstmile.toml": { mode: 0o120000, content: "/etc/firstmile.toml" } },
    });
    return { tip, denied: [["policy-invalid", tip]] };
  }),
];

const FOLLOWING: readonly HistoryCase[] = [
  trustCase(
    "rollback",
    "an older authentic state is served",
    async ({ alice, bob, introduction, rules, state }) => {
      const followed = await state(alice, [bob], rules({ name: "newer" }));
      return { tip: introduction, followed, denied: [["rollback", introduction]] };
    },
  ),
  trustCase(
    "equivocation",
    "another history than the one followed, signed by root alike: one for you, one for others",
    async ({ alice, bob, repository, introduction, rules, state }) => {
      const followed = await state(alice, [bob], rules({ name: "for you" }));
      repository.move("for-you", followed);
      const tip = await state(alice, [bob], rules({ name: "for others" }), [introduction]);
      return { tip, followed, denied: [["rollback", tip]] };
    },
  ),
  trustCase("other-repository", "an unrelated history by the same roots is served", async (play) => {
    const { alice, bob, repository, introduction, rules, state } = play;
    repository.move("kept", introduction);
    const tip = await state(alice, [bob], rules({ name: "other" }), []);
    return { tip, followed: introduction, denied: [["rollback", tip]] };
  }),
  trustCase(
    "fork-merged",
    "a fork that was merged later: each side was authentic, and so is the merge",
    async ({ alice, bob, carol, introduction, rules, state }) => {
      const followed = await state(alice, [bob], rules({ name: "ours" }));
      const side = await state(bob, [carol], rules({ name: "side" }), [introduction]);
      return { tip: await state(alice, [bob], rules({ name: "both" }), [followed, side]), followed };
    },
  ),
  trustCase(
    "expired",
    "the rules have run out, and nothing newer is served",
    async ({ introduction }) => ({
      tip: introduction,
      followed: introduction,
      seen: WORLD_NOW,
      now: WORLD_NOW + DAY,
      denied: [["policy-expired", introduction]],
    }),
    { expires: WORLD_NOW + DAY },
  ),
  trustCase(
    "renewed",
    "rules that ran out are renewed by their root",
    async ({ alice, bob, introduction, rules, state }) => ({
      tip: await state(alice, [bob], rules({ expires: WORLD_NOW + 9 * DAY })),
      followed: introduction,
      seen: WORLD_NOW,
      now: WORLD_NOW + 2 * DAY,
    }),
    { expires: WORLD_NOW + DAY },
  ),
  trustCase(
    "clock-behind",
    "the clock was set back to revive rules that have run out",
    async ({ introduction }) => ({
      tip: introduction,
      followed: introduction,
      seen: WORLD_NOW + 10 * DAY,
      now: WORLD_NOW + 5 * DAY,
      denied: [["clock-behind", introduction]],
    }),
    { expires: WORLD_NOW + 20 * DAY },
  ),
];

function introduced(
  name: string,
  claim: string,
  by: readonly string[],
  pinned: readonly string[],
  good = false,
): HistoryCase {
  return {
    name: `trust-introduction-${name}`,
    group: "trust repository",
    claim,
    needs: ["openpgp", "trust-repository", "threshold", "cosignature"],
    tell: async (cast) => {
      const [alice, bob, carol] = await cast.people("alice", "bob", "carol");
      const [signer, ...cosigners] = await cast.people(...by);
      const repository = await cast.repository();
      const policy: PolicySpec = { people: [alice, bob, carol] };
      const tip = await cast.world.rules(repository, {
        ...(signer ? { by: signer } : {}),
        cosigners,
        policy,
      });
      return {
        repository,
        policy,
        tip,
        trust: { introduction: tip, signedBy: await cast.people(...pinned) },
        denied: good ? [] : [["introduction-not-vouched", tip]],
      };
    },
  };
}

const INTRODUCTIONS: readonly HistoryCase[] = [
  introduced("unsigned", "the commit that a machine pins is not signed", [], ["alice"]),
  introduced("by-another", "it is signed by another root than the one pinned", ["bob"], ["alice"]),
  introduced("by-one-of-two", "it is signed by one of the two that are pinned", ["alice"], ["alice", "bob"]),
  introduced(
    "by-a-stranger",
    "it is signed by the pinned key, which its rules do not know",
    ["mallory"],
    ["mallory"],
  ),
  introduced("by-cosignature", "the pinned key signed in a note", ["alice", "bob"], ["bob"], true),
];

const DATES: readonly HistoryCase[] = [
  trustCase(
    "wrong-dates",
    "states that say they are from 1990, and a branch that left before them: it is merged, and nothing is rolled back",
    async ({ cast, repository, alice, bob, rules, state }) => {
      for (let i = 0; i < 3; i++) await state(alice, [bob], rules({ name: `state ${i}` }));
      const fork = repository.tip();
      const policy = rules();
      for (let i = 0; i < 12; i++) {
        const date = LONG_AGO + i;
        await cast.world.rules(repository, { by: alice, cosigners: [bob], policy, date, message: `${i}\n` });
      }
      const followed = repository.tip();
      const side = { by: alice, cosigners: [bob], branch: "side", parents: [fork], policy };
      const branch = await cast.world.rules(repository, side);
      return { followed, tip: await state(alice, [bob], policy, [followed, branch]) };
    },
  ),
];

export const TRUST_CASES: readonly HistoryCase[] = [...CHANGES, ...FOLLOWING, ...INTRODUCTIONS, ...DATES];
