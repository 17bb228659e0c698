/**
 * Cases about contents that Git itself carries from one path to another when it merges: along renames that are some,
 * and along files that were only put there to look as if they had been renamed.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Cast, HistoryCase } from "./history-vector-case.ts";
import { type MergeCase, mergeCase } from "./history-vector-cases-merges.ts";
import { type Fork, fork, LINES, lines } from "./history-vector-fork.ts";
import type { Changes, MergeSpec } from "./world-repository.ts";

const EVIL = lines({ four: "evil" });
const RENAME = {
  ours: { "docs/index.md": null, "docs/home.md": LINES },
  theirs: { "docs/index.md": lines({ one: "ONE" }) },
};
const SMUGGLES = "merge-smuggles";

interface Bait {
  /** The common ancestor is a first commit of bob's own. */
  readonly root?: boolean;
  readonly theirs?: Changes[string];
}

/**
 * Bob puts pkgs/q there as alice's x.nix is, and takes it away on the line: as if it had become x.nix. Theirs is a
 * branch of his on which pkgs/q becomes what he wants x.nix to be.
 */
async function bait(cast: Cast, { root = false, theirs = EVIL }: Bait = {}): Promise<Fork> {
  const told = await fork(cast, { "x.nix": LINES }, {});
  const { repository, people, introduction } = told;
  const [alice, bob] = people;
  const start = await repository.commit({
    by: bob,
    branch: "start",
    parents: root ? [] : [introduction],
    files: { "pkgs/q": LINES },
    message: "bait\n",
  });
  const merged = await repository.merge({
    by: alice,
    parents: [told.ours, start],
    files: { "pkgs/q": LINES },
    message: "merge the bait\n",
  });
  const ours = await repository.commit({
    by: bob,
    parents: [merged],
    files: { "pkgs/q": null },
    message: "gone\n",
  });
  const side = await repository.commit({
    by: bob,
    branch: "start",
    parents: [start],
    files: { "pkgs/q": theirs },
    message: "theirs\n",
  });
  return { ...told, ours, theirs: side };
}

/** The ancestor has x.nix too: two parents have it, and one of them says nothing. */
async function withAncestor({ repository, ours, theirs }: Fork): Promise<Partial<MergeSpec>> {
  return { parents: [ours, (await repository.git("rev-parse", `${ours}~2`)) as CommitId, theirs] };
}

async function withTwoMore({
  repository,
  people,
  ours,
  theirs,
  introduction,
}: Fork): Promise<Partial<MergeSpec>> {
  const side = (name: string) =>
    repository.commit({
      by: people[1],
      branch: name,
      parents: [introduction],
      files: { [`pkgs/${name}`]: `${name}\n` },
      message: `${name}\n`,
    });
  return { parents: [ours, await side("one"), await side("two"), theirs] };
}

/** The same bait, on two branches that have merged each other before x.nix is there. */
async function crissCross(cast: Cast): Promise<Fork> {
  const told = await fork(cast, {}, {});
  const { repository, people, introduction } = told;
  const [alice, bob] = people;
  const commit = (branch: string, by: typeof alice, files: Changes, parent?: CommitId) =>
    repository.commit({
      by,
      branch,
      files,
      message: `${branch}\n`,
      ...(parent ? { parents: [parent] } : {}),
    });
  const start = await commit("start", bob, { "pkgs/q": LINES }, introduction);
  const one = await commit("left", bob, { "pkgs/1": "1\n" }, start);
  const two = await commit("right", bob, { "pkgs/2": "2\n" }, start);
  await repository.merge({ by: bob, branch: "left", parents: [one, two], message: "left\n" });
  await repository.merge({ by: bob, branch: "right", parents: [two, one], message: "right\n" });
  await commit("left", alice, { "x.nix": LINES });
  const ours = await commit("left", bob, { "pkgs/q": null });
  const theirs = await commit("right", bob, { "pkgs/q": EVIL });
  return { ...told, ours, theirs };
}

const CARRIED: readonly MergeCase[] = [
  {
    name: "rename",
    claim: "a rename on one side and an edit on the other, merged by somebody who may not write the file",
    ...RENAME,
    code: SMUGGLES,
  },
  {
    name: "rename-by-a-writer",
    claim: "a rename on one side and an edit on the other, merged by somebody who may write both names",
    ...RENAME,
    more: async ({ people }) => ({ by: people[2] }),
  },
  {
    name: "rename-removes",
    claim:
      "a file that one side renamed and the other changed, under its old name, with nothing of the new one",
    ours: { "lib.nix": null, "pkgs/lib.nix": LINES },
    theirs: { "lib.nix": "lib fixed\n" },
    files: { "lib.nix": null },
    code: SMUGGLES,
  },
  {
    name: "carried",
    claim: "a file of the merger's looks as if it had been renamed, and Git carries a change of it along",
    fork: bait,
    files: { "x.nix": EVIL },
    code: SMUGGLES,
  },
  {
    name: "carried-put-back",
    claim: "the same, with the file put back as it was",
    fork: bait,
    files: { "x.nix": EVIL, "pkgs/q": LINES },
    code: SMUGGLES,
  },
  {
    name: "carried-put-back-as-another",
    claim: "the same, with another file put back in its place",
    fork: bait,
    files: { "x.nix": EVIL, "pkgs/q": "another\n" },
    code: SMUGGLES,
  },
  {
    name: "carried-from-a-root",
    claim: "the same, from a first commit of the merger's own",
    fork: (cast) => bait(cast, { root: true }),
    files: { "x.nix": EVIL, "pkgs/q": "another\n" },
    code: SMUGGLES,
  },
  {
    name: "carried-mode",
    claim: "Git carries a mode along a file that looks as if it had been renamed",
    fork: (cast) => bait(cast, { theirs: { mode: 0o100755, content: LINES } }),
    files: { "x.nix": { mode: 0o100755, content: LINES }, "pkgs/q": "another\n" },
    code: SMUGGLES,
  },
  {
    name: "carried-octopus",
    claim: "Git carries a content along in a merge of four",
    fork: bait,
    more: withTwoMore,
    files: { "x.nix": EVIL, "pkgs/one": "one\n", "pkgs/two": "two\n", "pkgs/q": "another\n" },
    code: SMUGGLES,
  },
  {
    name: "carried-octopus-with-ancestor",
    claim: "a merge of three, of which one parent is an ancestor of another and is no side",
    fork: bait,
    more: withAncestor,
    files: { "x.nix": EVIL, "pkgs/q": "another\n" },
    code: SMUGGLES,
  },
  {
    name: "carried-criss-cross",
    claim: "Git carries a content along between branches that have several common ancestors",
    fork: crissCross,
    files: { "x.nix": EVIL, "pkgs/q": "another\n" },
    code: SMUGGLES,
  },
];

export const CARRIED_CASES: readonly HistoryCase[] = CARRIED.map(mergeCase);
