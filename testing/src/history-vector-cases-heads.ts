/** Cases about freshness: whether the newest state that is served was said to be the newest, by whom, and how long ago. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { HistoryCase } from "./history-vector-case.ts";
import { state } from "./history-vector-statements.ts";
import { DAY, type Person, type PolicySpec, WORLD_NOW, type WorldRepository } from "./world.ts";
import { policyFiles } from "./world-policy.ts";

interface Play {
  readonly repository: WorldRepository;
  readonly introduction: CommitId;
  readonly tip: CommitId;
  readonly alice: Person;
  readonly bob: Person;
  readonly mallory: Person;
}

const DEMAND = 'head = { signed_by = "root", max_age = "30d" }';

/** Two of alice, bob and carol are root, and say every 30 days what is the newest. The tip is their second state. */
function headCase(
  name: string,
  claim: string,
  say: (play: Play) => Promise<void>,
  good = false,
): HistoryCase {
  return {
    name: `trust-head-${name}`,
    group: "freshness",
    claim,
    needs: ["openpgp", "trust-repository", "threshold", "cosignature", "freshness"],
    tell: async (cast) => {
      const [alice, bob, carol, mallory] = await cast.people("alice", "bob", "carol", "mallory");
      const repository = await cast.repository();
      const policy = (title: string): PolicySpec => ({
        name: title,
        people: [alice, bob, carol],
        roles: { root: { any: 2, of: [alice, bob, carol] } },
      });
      const commit = async (title: string) => {
        const toml = Buffer.from((await policyFiles(policy(title))).get("firstmile.toml")!).toString();
        const files = { "firstmile.toml": toml.replace(/^\[/m, `${DEMAND}\n[`) };
        return cast.world.rules(repository, { by: alice, cosigners: [bob], policy: policy(title), files });
      };
      const introduction = await commit("first");
      const tip = await commit("second");
      await say({ repository, introduction, tip, alice, bob, mallory });
      return {
        repository,
        policy: policy("second"),
        tip,
        trust: { introduction, signedBy: [alice, bob] },
        denied: good ? [] : [["stale-head", tip]],
      };
    },
  };
}

function newest(commit: CommitId, at: number, source: string | null = null) {
  return { kind: "head", commit, at, source } as const;
}

const YESTERDAY = WORLD_NOW - DAY;

export const HEAD_CASES: readonly HistoryCase[] = [
  headCase(
    "fresh",
    "two roots said yesterday that this is the newest",
    ({ repository, tip, alice, bob }) => state(repository, newest(tip, YESTERDAY), [alice, bob]),
    true,
  ),
  headCase(
    "fresh-apart",
    "two roots said so in statements of their own",
    async ({ repository, tip, alice, bob }) => {
      await state(repository, newest(tip, YESTERDAY), [alice]);
      await state(repository, newest(tip, YESTERDAY - DAY), [bob]);
    },
    true,
  ),
  headCase("missing", "nobody has said what is the newest", async () => {}),
  headCase(
    "old",
    "it was last said 40 days ago: somebody may keep back what is newer",
    ({ repository, tip, alice, bob }) => state(repository, newest(tip, WORLD_NOW - 40 * DAY), [alice, bob]),
  ),
  headCase("by-one", "one root said it where two are asked for", ({ repository, tip, alice }) =>
    state(repository, newest(tip, YESTERDAY), [alice]),
  ),
  headCase(
    "by-a-stranger",
    "one root said it, and somebody who is none",
    ({ repository, tip, alice, mallory }) => state(repository, newest(tip, YESTERDAY), [alice, mallory]),
  ),
  headCase(
    "of-a-source",
    "what two roots said is about a source and not about the rules",
    ({ repository, tip, alice, bob }) => state(repository, newest(tip, YESTERDAY, "pkgs"), [alice, bob]),
  ),
  headCase(
    "in-the-future",
    "a statement dated a year ahead, to be shown for a year",
    ({ repository, tip, alice, bob }) => state(repository, newest(tip, WORLD_NOW + 365 * DAY), [alice, bob]),
  ),
  headCase("altered", "an old statement with a new date in it", ({ repository, tip, alice, bob }) =>
    state(repository, newest(tip, WORLD_NOW - 40 * DAY), [alice, bob], {
      tamper: (payload) => payload.replace("2025-04-22", "2025-05-31"),
    }),
  ),
];
