/** Cases about reviews: who has read a change, which content it was, and who may not vouch for it. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Notion } from "./history-vector.ts";
import type { Cast, HistoryCase, Told } from "./history-vector-case.ts";
import { reviewOf, state } from "./history-vector-statements.ts";
import type { Person, PolicySpec, WorldRepository } from "./world.ts";

const NEEDS: readonly Notion[] = ["openpgp", "review"];
const FILE = "a.nix";

export interface Play {
  readonly cast: Cast;
  readonly repository: WorldRepository;
  readonly introduction: CommitId;
  readonly alice: Person;
  readonly bob: Person;
  readonly carol: Person;
  /** In the role of writers, and not in that of reviewers. */
  readonly dan: Person;
}

export interface Ending {
  readonly tip: CommitId;
  readonly denied?: Told["denied"];
}

interface Terms {
  /** How many must review. */
  readonly any?: number;
  readonly mergeIsReview?: boolean;
  /** Changes back to earlier versions pass unread. */
  readonly reverts?: "free";
  /** What is below docs/ needs no review. */
  readonly docs?: "unread";
  /** Further keys by person. */
  readonly keys?: (cast: Cast) => Promise<Readonly<Record<string, readonly Person[]>>>;
}

/** All four write; a review by alice, bob or carol is asked for everything. */
export function reviewCase(
  name: string,
  claim: string,
  tell: (play: Play) => Promise<Ending>,
  terms: Terms = {},
): HistoryCase {
  return {
    name: `review-${name}`,
    group: "reviews",
    claim,
    needs: NEEDS,
    tell: async (cast) => {
      const [alice, bob, carol, dan] = await cast.people("alice", "bob", "carol", "dan");
      const { repository, introduction } = await cast.begin([alice, bob, carol, dan], {
        files: { [FILE]: "0\n" },
      });
      const { tip, denied = [] } = await tell({ cast, repository, introduction, alice, bob, carol, dan });
      const people = {
        alice: [alice],
        bob: [bob],
        carol: [carol],
        dan: [dan],
        ...(await terms.keys?.(cast)),
      };
      return {
        repository,
        policy: rules(introduction, people, terms),
        rewrite: asksForReview(terms),
        tip,
        denied,
      };
    },
  };
}

function rules(
  introduction: CommitId,
  people: Readonly<Record<string, readonly Person[]>>,
  { any = 1 }: Terms,
): PolicySpec {
  const roles = { reviewer: { any, of: ["alice", "bob", "carol"] } };
  return { people, roles, sources: { pkgs: { introduction } } };
}

/** Reviewers, and an address for each person, by which commits name them. */
function asksForReview({ mergeIsReview, reverts, docs }: Terms): (toml: string) => string {
  const more = [
    ...(mergeIsReview ? ["merge_is_review = true"] : []),
    ...(reverts ? ['reverts = "free"'] : []),
  ];
  const rule = ['write = "writer"', 'review = "reviewer"', ...more, ""].join("\n");
  const unread = '\n[[source.pkgs.rule]]\npaths = ["/docs/"]\nwrite = "writer"\n';
  return (toml) =>
    `${toml}${docs ? unread : ""}`
      .replace(/^write = "writer"\n?/m, rule)
      .replace(/^\[principal\.([a-z]+)\]$/gm, '[principal.$1]\nemail = "$1@example.org"');
}

/** Bob's change of one file. */
function change(
  { repository, bob }: Play,
  more: Parameters<WorldRepository["commit"]>[0] = {},
): Promise<CommitId> {
  return repository.commit({ by: bob, files: { [FILE]: "1\n" }, message: "a change\n", ...more });
}

export function unread(tip: CommitId, commit = tip): Ending {
  return { tip, denied: [["not-reviewed", commit]] };
}

const WHO: readonly HistoryCase[] = [
  reviewCase("by-another", "somebody else of the role read the change", async (play) => {
    const tip = await change(play);
    await state(play.repository, reviewOf(play.repository, play.introduction, tip, [FILE]), [play.alice]);
    return { tip };
  }),
  reviewCase("missing", "nobody has read the change", async (play) => unread(await change(play))),
  reviewCase("by-author", "an author approves their own change", async (play) => {
    const tip = await change(play);
    await state(play.repository, reviewOf(play.repository, play.introduction, tip, [FILE]), [play.bob]);
    return unread(tip);
  }),
  reviewCase(
    "by-author-with-second-key",
    "an author approves their own change with another key of theirs",
    async (play) => {
      const tip = await change(play);
      const second = await play.cast.person("bob-2");
      await state(play.repository, reviewOf(play.repository, play.introduction, tip, [FILE]), [second]);
      return unread(tip);
    },
    { keys: async (cast) => ({ bob: [await cast.person("bob"), await cast.person("bob-2")] }) },
  ),
  reviewCase(
    "by-author-of-record",
    "the person named as author, whose commit another one signed",
    async (play) => {
      const tip = await change(play, { author: "alice" });
      await state(play.repository, reviewOf(play.repository, play.introduction, tip, [FILE]), [play.alice]);
      return unread(tip);
    },
  ),
  reviewCase("by-signer", "whoever signed the commit, which names another one as author", async (play) => {
    const tip = await change(play, { author: "dan" });
    await state(play.repository, reviewOf(play.repository, play.introduction, tip, [FILE]), [play.bob]);
    return unread(tip);
  }),
  reviewCase("by-co-author", "whoever the message names with Co-authored-by", async (play) => {
    const message = "a change\n\nCo-authored-by: Alice <alice@example.org>\n";
    const tip = await change(play, { message });
    await state(play.repository, reviewOf(play.repository, play.introduction, tip, [FILE]), [play.alice]);
    return unread(tip);
  }),
  reviewCase("by-co-author-in-capitals", "the same, spelt in capitals", async (play) => {
    const message = "a change\n\nCO-AUTHORED-BY: Alice <ALICE@EXAMPLE.ORG>\n";
    const tip = await change(play, { message });
    await state(play.repository, reviewOf(play.repository, play.introduction, tip, [FILE]), [play.alice]);
    return unread(tip);
  }),
  reviewCase("by-a-stranger", "a review by a key that is nobody's", async (play) => {
    const tip = await change(play);
    const mallory = await play.cast.person("mallory");
    await state(play.repository, reviewOf(play.repository, play.introduction, tip, [FILE]), [mallory]);
    return unread(tip);
  }),
  reviewCase("outside-the-role", "a review by a writer who is no reviewer", async (play) => {
    const tip = await change(play);
    await state(play.repository, reviewOf(play.repository, play.introduction, tip, [FILE]), [play.dan]);
    return unread(tip);
  }),
  reviewCase(
    "one-of-two",
    "one reviewer where two are asked for",
    async (play) => {
      const tip = await change(play);
      await state(play.repository, reviewOf(play.repository, play.introduction, tip, [FILE]), [play.alice]);
      return unread(tip);
    },
    { any: 2 },
  ),
  reviewCase(
    "two-of-two",
    "two reviewers on one statement",
    async (play) => {
      const tip = await change(play);
      const review = reviewOf(play.repository, play.introduction, tip, [FILE]);
      await state(play.repository, review, [play.alice, play.carol]);
      return { tip };
    },
    { any: 2 },
  ),
  reviewCase(
    "two-with-the-author",
    "one reviewer and the author, where two are asked for",
    async (play) => {
      const tip = await change(play);
      const review = reviewOf(play.repository, play.introduction, tip, [FILE]);
      await state(play.repository, review, [play.alice, play.bob]);
      return unread(tip);
    },
    { any: 2 },
  ),
];

const CONTENT: readonly HistoryCase[] = [
  reviewCase("of-other-content", "the content was exchanged after the review", async (play) => {
    const { repository, introduction, alice } = play;
    const read = await change(play, { branch: "read", parents: [introduction] });
    await state(repository, reviewOf(repository, introduction, read, [FILE]), [alice]);
    return unread(await change(play, { files: { [FILE]: "evil\n" } }));
  }),
  reviewCase("of-another-path", "the same content was read at another path", async (play) => {
    const { repository, introduction, alice } = play;
    const read = await change(play, { branch: "read", parents: [introduction], files: { "b.nix": "1\n" } });
    await state(repository, reviewOf(repository, introduction, read, ["b.nix"]), [alice]);
    return unread(await change(play, { files: { "c.nix": "1\n" } }));
  }),
  reviewCase(
    "of-another-base",
    "the change was read against another version than the one it replaces",
    async (play) => {
      const { repository, introduction, alice } = play;
      const other = await change(play, {
        branch: "read",
        parents: [introduction],
        files: { [FILE]: "other\n" },
      });
      const read = await change(play, { branch: "read", parents: [other] });
      await state(repository, reviewOf(repository, other, read, [FILE]), [alice]);
      return unread(await change(play));
    },
  ),
  reviewCase("of-another-mode", "the file was made executable after the review", async (play) => {
    const { repository, introduction, alice } = play;
    const read = await change(play, { branch: "read", parents: [introduction] });
    await state(repository, reviewOf(repository, introduction, read, [FILE]), [alice]);
    return unread(await change(play, { files: { [FILE]: { mode: 0o100755, content: "1\n" } } }));
  }),
  reviewCase("of-one-file-of-two", "one of two changed files was read", async (play) => {
    const { repository, introduction, alice } = play;
    const tip = await change(play, { files: { [FILE]: "1\n", "b.nix": "unread\n" } });
    await state(repository, reviewOf(repository, introduction, tip, [FILE]), [alice]);
    return unread(tip);
  }),
  reviewCase("after-squash", "two commits were read as one change, and squashed", async (play) => {
    const { repository, introduction, alice } = play;
    const one = await change(play, { branch: "work", parents: [introduction] });
    const two = await change(play, { branch: "work", parents: [one], files: { [FILE]: "2\n" } });
    await state(repository, reviewOf(repository, introduction, two, [FILE]), [alice]);
    return { tip: await change(play, { files: { [FILE]: "2\n" }, message: "squashed\n" }) };
  }),
  reviewCase(
    "after-rebase",
    "the change was read before it was rebased over a change of another file",
    async (play) => {
      const { repository, introduction, alice, carol } = play;
      const read = await change(play, { branch: "work", parents: [introduction] });
      await state(repository, reviewOf(repository, introduction, read, [FILE]), [alice]);
      const other = await change(play, { files: { "b.nix": "b\n" }, message: "meanwhile\n" });
      await state(repository, reviewOf(repository, introduction, other, ["b.nix"]), [carol]);
      return { tip: await change(play, { message: "rebased\n" }) };
    },
  ),
  reviewCase("over-two-commits", "two commits on the line were read as one change", async (play) => {
    const { repository, introduction, alice } = play;
    await change(play);
    const tip = await change(play, { files: { [FILE]: "2\n" } });
    await state(repository, reviewOf(repository, introduction, tip, [FILE]), [alice]);
    return { tip };
  }),
  reviewCase("of-a-removal", "somebody read that a file goes away", async (play) => {
    const { repository, introduction, alice } = play;
    const tip = await change(play, { files: { [FILE]: null } });
    await state(repository, reviewOf(repository, introduction, tip, [FILE]), [alice]);
    return { tip };
  }),
];

const FORM: readonly HistoryCase[] = [
  reviewCase("rejected", "one reviewer approved and another one rejected the content", async (play) => {
    const { repository, introduction, alice, carol } = play;
    const tip = await change(play);
    await state(repository, reviewOf(repository, introduction, tip, [FILE]), [alice]);
    await state(repository, reviewOf(repository, introduction, tip, [FILE], { verdict: "reject" }), [carol]);
    return { tip, denied: [["review-rejected", tip]] };
  }),
  reviewCase(
    "for-another-source",
    "the change was read for another source of the same rules",
    async (play) => {
      const { repository, introduction, alice } = play;
      const tip = await change(play);
      await state(repository, reviewOf(repository, introduction, tip, [FILE], { source: "other" }), [alice]);
      return unread(tip);
    },
  ),
  reviewCase("by-a-machine", "a program read it, and its owner only signed", async (play) => {
    const { repository, introduction, alice } = play;
    const tip = await change(play);
    await state(repository, reviewOf(repository, introduction, tip, [FILE], { machine: true }), [alice]);
    return unread(tip);
  }),
  reviewCase("skimmed", "it was only looked over", async (play) => {
    const { repository, introduction, alice } = play;
    const tip = await change(play);
    await state(repository, reviewOf(repository, introduction, tip, [FILE], { depth: "skimmed" }), [alice]);
    return unread(tip);
  }),
  reviewCase("altered", "a rejection was made an approval after it was signed", async (play) => {
    const { repository, introduction, alice } = play;
    const tip = await change(play);
    const review = reviewOf(repository, introduction, tip, [FILE], { verdict: "reject" });
    await state(repository, review, [alice], {
      tamper: (payload) => payload.replace('"reject"', '"approve"'),
    });
    return unread(tip);
  }),
];

/** Dan's or bob's branch, merged by alice or by its author. */
async function merged(play: Play, author: Person, merger: Person): Promise<CommitId> {
  const { repository, introduction } = play;
  const main = await repository.commit({ by: play.carol, files: { "b.nix": "b\n" }, message: "meanwhile\n" });
  await state(repository, reviewOf(repository, introduction, main, ["b.nix"]), [play.alice]);
  const side = await change(play, { by: author, branch: "side", parents: [introduction] });
  return repository.merge({ by: merger, parents: [main, side], message: "merge\n" });
}

const MERGES: readonly HistoryCase[] = [
  reviewCase(
    "merging-is-reviewing",
    "a reviewer merges another one's branch, where the rules say that this is a review",
    async (play) => ({ tip: await merged(play, play.dan, play.alice) }),
    { mergeIsReview: true },
  ),
  reviewCase(
    "merging-is-not-reviewing",
    "a reviewer merges another one's branch, where the rules do not say that this is a review",
    async (play) => unread(await merged(play, play.dan, play.alice)),
  ),
  reviewCase(
    "merging-ones-own",
    "an author merges their own branch, where merging is reviewing",
    async (play) => unread(await merged(play, play.bob, play.bob)),
    { mergeIsReview: true },
  ),
  reviewCase(
    "of-the-branch-before-merge",
    "the branch was read before it was merged cleanly",
    async (play) => {
      const tip = await merged(play, play.dan, play.bob);
      const { repository, introduction, carol } = play;
      await state(repository, reviewOf(repository, introduction, tip, [FILE]), [carol]);
      return { tip };
    },
  ),
];

export const REVIEW_CASES: readonly HistoryCase[] = [...WHO, ...CONTENT, ...FORM, ...MERGES];
