/** Cases about commits that were signed for something else, and about dates and signatures that decide nothing. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Notion } from "./history-vector.ts";
import { anyOf, type HistoryCase } from "./history-vector-case.ts";
import { reviewOf, state, tag } from "./history-vector-statements.ts";
import type { Person, PolicySpec, WorldRepository } from "./world.ts";

const FOREIGN: readonly Notion[] = ["openpgp", "paths", "introduction"];
type Mode = "every-commit" | "first-parent" | "tip";

interface Play {
  readonly repository: WorldRepository;
  readonly introduction: CommitId;
  readonly alice: Person;
  readonly bob: Person;
  /** Signed by alice, with default.nix, and without any commit of this repository. */
  readonly toy: CommitId;
}

/** Alice writes everything, bob below docs/. */
function foreign(
  name: string,
  claim: string,
  code: string | undefined,
  tell: (play: Play) => Promise<CommitId>,
  mode: Mode = "every-commit",
): HistoryCase {
  return {
    name: `foreign-${name}`,
    group: "merges",
    claim,
    needs: [...FOREIGN, ...(mode === "every-commit" ? (["merge-content"] as const) : [mode])],
    tell: async (cast) => {
      const [alice, bob] = await cast.people("alice", "bob");
      const { repository, introduction } = await cast.begin([alice, bob], { files: { "docs/x": "1\n" } });
      const toy = await repository.commit({
        by: alice,
        branch: "toy",
        parents: [],
        files: { "default.nix": "toy\n", "docs/toy": "toy\n" },
        message: "another project\n",
      });
      const tip = await tell({ repository, introduction, alice, bob, toy });
      const policy: PolicySpec = {
        people: [alice, bob],
        roles: { owner: [alice], docs: [alice, bob] },
        sources: {
          pkgs: {
            introduction,
            authenticate: mode,
            signedBy: "owner",
            rules: [
              { paths: ["**"], write: "owner" },
              { paths: ["/docs/"], write: "docs" },
            ],
          },
        },
      };
      return { repository, tip, policy, denied: code ? [[code, tip]] : [] };
    },
  };
}

const FOREIGNERS: readonly HistoryCase[] = [
  foreign(
    "root",
    "a writer of docs/ merges what the owner signed for another repository",
    "merge-smuggles",
    ({ repository, bob, introduction, toy }) =>
      repository.merge({ by: bob, parents: [introduction, toy], message: "merge\n" }),
  ),
  foreign(
    "root-reversed",
    "the same with the parents the other way round",
    "merge-smuggles",
    ({ repository, bob, introduction, toy }) =>
      repository.merge({ by: bob, parents: [toy, introduction], message: "merge\n" }),
  ),
  ...(["first-parent", "tip"] as const).map((mode) =>
    foreign(
      `root-${mode}`,
      "the same, where another set of commits is judged",
      "outside-paths",
      ({ repository, bob, introduction, toy }) =>
        repository.merge({ by: bob, parents: [introduction, toy], message: "merge\n" }),
      mode,
    ),
  ),
  foreign(
    "root-within",
    "a writer of docs/ takes from another repository what lies below docs/ alone",
    undefined,
    ({ repository, bob, introduction, toy }) =>
      repository.merge({
        by: bob,
        parents: [introduction, toy],
        files: { "default.nix": null },
        message: "merge\n",
      }),
  ),
  foreign(
    "root-by-its-owner",
    "who may write everything merges another repository",
    undefined,
    ({ repository, alice, introduction, toy }) =>
      repository.merge({ by: alice, parents: [introduction, toy], message: "merge\n" }),
  ),
  foreign(
    "update",
    "the owner merged another repository once, and a writer of docs/ merges what came there since",
    "merge-smuggles",
    async ({ repository, alice, bob, introduction, toy }) => {
      const first = await repository.merge({ by: alice, parents: [introduction, toy], message: "merge\n" });
      const more = { by: alice, branch: "toy", parents: [toy], files: { "default.nix": "toy 2\n" } };
      const since = await repository.commit({ ...more, message: "since\n" });
      return repository.merge({ by: bob, parents: [first, since], message: "merge again\n" });
    },
  ),
  foreign(
    "base",
    "another repository is made an ancestor of both sides, so that a merge takes a fix back",
    "merge-smuggles",
    async ({ repository, alice, bob, introduction }) => {
      const fixed = { "README.md": "fixed\n", "docs/x": "1\n" };
      const before = { "README.md": "hello\n", "docs/x": "1\n" };
      const toy = await repository.commit({
        by: alice,
        branch: "toy",
        parents: [],
        whole: true,
        files: fixed,
      });
      const start = await repository.commit({
        by: alice,
        parents: [introduction],
        whole: true,
        files: before,
      });
      const by = { by: bob, whole: true } as const;
      const left = await repository.commit({ ...by, branch: "left", parents: [start, toy], files: before });
      const fix = await repository.commit({ by: alice, parents: [start], files: { "README.md": "fixed\n" } });
      const right = await repository.commit({ ...by, parents: [fix, toy], files: fixed });
      return repository.commit({ ...by, parents: [right, left], files: before, message: "merge\n" });
    },
  ),
];

const LONG_AGO = 631_152_000;

const DATES: readonly HistoryCase[] = [
  {
    name: "wrong-dates",
    group: "introduction",
    claim:
      "commits before the introduction say they are from 1990, and a branch left before these: none is judged",
    needs: ["openpgp", "introduction"],
    tell: async (cast) => {
      const [alice] = await cast.people("alice");
      const repository = await cast.repository();
      for (let i = 0; i < 3; i++)
        await repository.commit({ files: { old: `${i}\n` }, message: `unsigned ${i}\n` });
      const fork = repository.tip();
      for (let i = 0; i < 12; i++)
        await repository.commit({
          date: LONG_AGO + i,
          files: { old: `import ${i}\n` },
          message: `import ${i}\n`,
        });
      const introduction = await repository.commit({
        by: alice,
        date: LONG_AGO + 20,
        message: "introduction\n",
      });
      const side = {
        by: alice,
        branch: "side",
        parents: [fork],
        files: { "a.nix": "1\n" },
        message: "side\n",
      };
      const branch = await repository.commit(side);
      const tip = await repository.merge({ by: alice, parents: [introduction, branch], message: "merge\n" });
      return { repository, tip, policy: anyOf(introduction, [alice]) };
    },
  },
];

/** Alice commits, bob reads; `write` of the three may write, and one other reads. */
function reader(
  name: string,
  claim: string,
  write: number,
  signing: (people: { readonly bob: Person; readonly carol: Person }) => readonly Person[],
  good: boolean,
): HistoryCase {
  return {
    name: `review-and-${name}`,
    group: "reviews",
    claim,
    needs: ["openpgp", "review", "cosignature", ...(write > 1 ? (["threshold"] as const) : [])],
    tell: async (cast) => {
      const people = await cast.people("alice", "bob", "carol");
      const [alice, bob, carol] = people;
      const { repository, introduction } = await cast.begin(people, { files: { "a.nix": "1\n" } });
      const commit = await repository.commit({ by: alice, files: { "a.nix": "2\n" }, message: "read\n" });
      await state(repository, reviewOf(repository, introduction, commit, ["a.nix"]), [bob]);
      for (const [i, person] of signing({ bob, carol }).entries())
        await tag(repository, `v${i}`, commit, person);
      const policy: PolicySpec = {
        people,
        emails: true,
        roles: { owner: [alice], writer: { any: write, of: people }, reader: people },
        sources: {
          pkgs: {
            introduction,
            signedBy: "owner",
            rules: [{ paths: ["**"], write: "writer", review: "reader" }],
          },
        },
      };
      return { repository, tip: commit, policy, denied: good ? [] : [["not-reviewed", commit]] };
    },
  };
}

const READERS: readonly HistoryCase[] = [
  reader("release", "who read a commit signs its release", 1, ({ bob }) => [bob], true),
  reader(
    "needed-signature",
    "who read a commit is also the second writer that it needs",
    2,
    ({ bob }) => [bob],
    false,
  ),
  reader(
    "third-signature",
    "who read a commit signs it beside the two writers that it needs",
    2,
    ({ bob, carol }) => [carol, bob],
    true,
  ),
];

export const ELSEWHERE_CASES: readonly HistoryCase[] = [...FOREIGNERS, ...DATES, ...READERS];
