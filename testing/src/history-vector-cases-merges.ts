/** Cases about merges: the clean ones pass, and whatever a merger added or dropped is the merger's own change. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Notion } from "./history-vector.ts";
import { anyOf, type Cast, guixAuthorizations, type HistoryCase } from "./history-vector-case.ts";
import type { Person, PolicySpec, WorldRepository } from "./world.ts";
import type { Changes, MergeSpec } from "./world-repository.ts";

type Mode = "every-commit" | "first-parent" | "tip";

const LINES = ["one", "two", "three", "four", "five", "six", "seven", ""].join("\n");
const START: Changes = {
  "pkgs/b.nix": "b\n",
  "docs/index.md": LINES,
  "lib.nix": "lib\n",
  "logo.bin": Buffer.from([0, 1, 2, 3]),
};

function lines(change: Readonly<Record<string, string>>): string {
  return LINES.replace(/^\w+$/gm, (line) => change[line] ?? line);
}

interface Fork {
  /** Writes everything, only pkgs/, only docs/. */
  readonly people: readonly [alice: Person, bob: Person, carol: Person];
  readonly repository: WorldRepository;
  readonly introduction: CommitId;
  readonly ours: CommitId;
  readonly theirs: CommitId;
}

/** Alice's introduction, then ours by alice on main and theirs by alice on a branch. */
async function fork(cast: Cast, ours: Changes, theirs: Changes): Promise<Fork> {
  const people = await cast.people("alice", "bob", "carol");
  const [alice] = people;
  const { repository, introduction } = await cast.begin(people, { files: START });
  const ourTip = await repository.commit({ by: alice, files: ours, message: "ours\n" });
  const theirTip = await repository.commit({
    by: alice,
    files: theirs,
    branch: "side",
    parents: [introduction],
    message: "theirs\n",
  });
  return { people, repository, introduction, ours: ourTip, theirs: theirTip };
}

function rules({ people, introduction }: Fork, authenticate: Mode): PolicySpec {
  const [alice, bob, carol] = people;
  return {
    people,
    roles: { owner: [alice], packager: [alice, bob], writer: [alice, carol] },
    sources: {
      pkgs: {
        introduction,
        authenticate,
        signedBy: "owner",
        rules: [
          { paths: ["**"], write: "owner" },
          { paths: ["/pkgs/"], write: "packager" },
          { paths: ["/docs/"], write: "writer" },
        ],
      },
    },
  };
}

/** Bob merges the fork, with changes of his own. */
function merged(told: Fork, more: Partial<MergeSpec> = {}): Promise<CommitId> {
  const [, bob] = told.people;
  return told.repository.merge({ by: bob, parents: [told.ours, told.theirs], message: "merge\n", ...more });
}

interface MergeCase {
  readonly name: string;
  readonly claim: string;
  readonly ours?: Changes;
  readonly theirs?: Changes;
  readonly files?: Changes;
  readonly more?: (told: Fork) => Promise<Partial<MergeSpec>>;
  readonly fork?: (cast: Cast) => Promise<Fork>;
  /** Undefined: the merge is good. */
  readonly code?: string;
}

const NEEDS: readonly Notion[] = ["openpgp", "paths", "merge-content"];

function mergeCase({
  ours = { "lib.nix": "lib 2\n" },
  theirs = { "docs/index.md": "new\n" },
  ...told
}: MergeCase): HistoryCase {
  return {
    name: `merge-${told.name}`,
    group: "merges",
    claim: told.claim,
    needs: NEEDS,
    tell: async (cast) => {
      const forked = await (told.fork?.(cast) ?? fork(cast, ours, theirs));
      const more = (await told.more?.(forked)) ?? {};
      const tip = await merged(forked, { ...(told.files ? { files: told.files } : {}), ...more });
      return {
        repository: forked.repository,
        tip,
        policy: rules(forked, "every-commit"),
        denied: told.code ? [[told.code, tip]] : [],
      };
    },
  };
}

async function withThird(told: Fork): Promise<Partial<MergeSpec>> {
  const third = await told.repository.commit({
    by: told.people[0],
    files: { "pkgs/b.nix": "3\n" },
    branch: "third",
    parents: [told.introduction],
    message: "a third branch\n",
  });
  return { parents: [told.ours, told.theirs, third] };
}

async function crissCross(cast: Cast): Promise<Fork> {
  const told = await fork(
    cast,
    { "docs/index.md": lines({ one: "ONE" }) },
    { "docs/index.md": lines({ seven: "SEVEN" }) },
  );
  const { repository, people } = told;
  const by = people[0];
  const left = await repository.merge({ by, parents: [told.ours, told.theirs], branch: "left" });
  const right = await repository.merge({ by, parents: [told.theirs, told.ours], branch: "right" });
  const ours = await repository.commit({ by, branch: "left", parents: [left], files: { "lib.nix": "l\n" } });
  const theirs = await repository.commit({
    by,
    branch: "right",
    parents: [right],
    files: { "pkgs/b.nix": "r\n" },
  });
  return { ...told, ours, theirs };
}

async function withRoot(told: Fork): Promise<Partial<MergeSpec>> {
  const root = await told.repository.commit({
    by: told.people[0],
    files: { "docs/z": "z\n", ...guixAuthorizations(told.people) },
    branch: "other",
    parents: [],
    message: "another root\n",
  });
  return { parents: [told.ours, root], files: { "docs/z": null, "lib.nix": null } };
}

const RENAME = {
  ours: { "docs/index.md": null, "docs/home.md": LINES },
  theirs: { "docs/index.md": lines({ one: "FIX" }) },
};
const BOTH = {
  ours: { "docs/index.md": lines({ one: "ONE" }) },
  theirs: { "docs/index.md": lines({ seven: "FIX" }) },
};
const CONFLICT = { ours: { "lib.nix": "ours\n" }, theirs: { "lib.nix": "theirs\n" } };
const SMUGGLES = "merge-smuggles";

const CONTENT: readonly MergeCase[] = [
  { name: "clean", claim: "a clean merge asks for no writer of what it merges" },
  { name: "clean-one-file", claim: "two changes to different lines of one file merge cleanly", ...BOTH },
  {
    name: "clean-rename",
    claim: "a rename on one side and an edit on the other merge cleanly by Git",
    ...RENAME,
  },
  { name: "clean-criss-cross", claim: "a clean merge of branches that merged each other", fork: crissCross },
  { name: "clean-octopus", claim: "a clean merge of three", more: withThird },
  {
    name: "conflict-by-a-writer",
    claim: "a conflict is resolved by somebody who may write the file",
    ours: { "pkgs/b.nix": "ours\n" },
    theirs: { "pkgs/b.nix": "theirs\n" },
    files: { "pkgs/b.nix": "both\n" },
  },
  {
    name: "untouched-file",
    claim: "a change to a file that neither side touched",
    files: { "logo.bin": "evil\n" },
    code: SMUGGLES,
  },
  {
    name: "mode",
    claim: "a file is made executable in the merge",
    files: { "lib.nix": { mode: 0o100755, content: "lib 2\n" } },
    code: SMUGGLES,
  },
  {
    name: "fix-dropped",
    claim: "ours is kept where theirs alone changed, so that a fix disappears",
    ours: { "pkgs/b.nix": "b 2\n" },
    theirs: { "lib.nix": "fixed\n" },
    files: { "lib.nix": "lib\n" },
    code: SMUGGLES,
  },
  {
    name: "ours-dropped",
    claim: "theirs is taken where ours alone changed",
    ours: { "lib.nix": "fixed\n" },
    theirs: { "pkgs/b.nix": "b 2\n" },
    files: { "lib.nix": "lib\n" },
    code: SMUGGLES,
  },
  {
    name: "half-a-file",
    claim: "one side's lines where both sides changed other lines of a file",
    ...BOTH,
    files: { "docs/index.md": lines({ one: "ONE" }) },
    code: SMUGGLES,
  },
  {
    name: "rename-without-edit",
    claim: "the renamed file without the fix that the other side made to it",
    ...RENAME,
    files: { "docs/home.md": LINES },
    code: SMUGGLES,
  },
  {
    name: "new-file",
    claim: "a new file in a new directory",
    files: { "ci/run.sh": "evil\n" },
    code: SMUGGLES,
  },
  {
    name: "removed-file",
    claim: "a file disappears in the merge",
    files: { "lib.nix": null },
    code: SMUGGLES,
  },
  {
    name: "link",
    claim: "a symbolic link in place of a file",
    files: { "lib.nix": { mode: 0o120000, content: "/etc/passwd" } },
    code: SMUGGLES,
  },
  {
    name: "conflict-by-another",
    claim: "a conflict is resolved by somebody who may not write the file",
    ...CONFLICT,
    files: { "lib.nix": "mine\n" },
    code: SMUGGLES,
  },
  {
    name: "conflict-marks",
    claim: "a conflict left with its marks in the file is no clean merge",
    ...CONFLICT,
    code: SMUGGLES,
  },
  {
    name: "binary",
    claim: "a binary file that both sides changed, taken from one of them",
    ours: { "logo.bin": Buffer.from([0, 9]) },
    theirs: { "logo.bin": Buffer.from([0, 8]) },
    code: SMUGGLES,
  },
  {
    name: "kept-against-removal",
    claim: "a file that one side removed and the other changed is kept",
    theirs: { "lib.nix": null },
    code: SMUGGLES,
  },
  {
    name: "octopus",
    claim: "a change hidden in a merge of three",
    more: withThird,
    files: { "logo.bin": "evil\n" },
    code: SMUGGLES,
  },
  {
    name: "octopus-fix-dropped",
    claim: "a merge of three brings back what the first parent fixed, from a parent that never had the fix",
    ours: { "lib.nix": "fixed\n" },
    more: withThird,
    files: { "lib.nix": "lib\n" },
    code: SMUGGLES,
  },
  {
    name: "criss-cross",
    claim: "a change hidden in a merge of branches that merged each other",
    fork: crissCross,
    files: { "lib.nix": "evil\n" },
    code: SMUGGLES,
  },
  {
    name: "unrelated",
    claim: "a merge with a history that has nothing in common drops files",
    more: withRoot,
    code: SMUGGLES,
  },
];

function mode(
  name: string,
  claim: string,
  which: Mode,
  needs: readonly Notion[],
  tell: (told: Fork) => Promise<{ tip: CommitId; denied?: readonly [string, CommitId][] }>,
  theirs: Changes = { "pkgs/b.nix": "theirs\n" },
): HistoryCase {
  return {
    name,
    group: "modes",
    claim,
    needs: ["openpgp", ...needs, which],
    tell: async (cast) => {
      const told = await fork(cast, {}, theirs);
      return { repository: told.repository, policy: rules(told, which), ...(await tell(told)) };
    },
  };
}

async function unsignedSide(told: Fork): Promise<CommitId> {
  return told.repository.commit({
    branch: "side",
    parents: [told.theirs],
    files: { "pkgs/b.nix": "unsigned\n" },
    message: "unsigned\n",
  });
}

const MODES: readonly HistoryCase[] = [
  {
    name: "merge-of-unsigned",
    group: "modes",
    claim:
      "a merge by a writer does not vouch for an unsigned commit that it merges, where every commit counts",
    needs: ["openpgp", "every-commit"],
    tell: async (cast) => {
      const told = await fork(cast, {}, { "pkgs/b.nix": "theirs\n" });
      const side = await unsignedSide(told);
      const tip = await merged({ ...told, theirs: side });
      return {
        repository: told.repository,
        tip,
        policy: anyOf(told.introduction, told.people),
        denied: [["unsigned", side]],
      };
    },
  },
  mode(
    "first-parent-merger-vouches",
    "where the first parent's line counts, whoever may write what a branch brings in vouches for it",
    "first-parent",
    ["paths"],
    async (told) => ({ tip: await merged({ ...told, theirs: await unsignedSide(told) }) }),
  ),
  mode(
    "first-parent-outside",
    "where the first parent's line counts, a merge brings in what its merger may not write",
    "first-parent",
    ["paths"],
    async (told) => {
      const tip = await merged(told);
      return { tip, denied: [["outside-paths", tip]] };
    },
    { "lib.nix": "signed by alice\n" },
  ),
  mode(
    "first-parent-reversed",
    "a merge the wrong way round: its first parent does not come from the introduction",
    "first-parent",
    ["introduction"],
    async (told) => {
      const root = await told.repository.commit({
        by: told.people[0],
        branch: "other",
        parents: [],
        message: "root\n",
      });
      const tip = await told.repository.merge({
        by: told.people[0],
        parents: [root, told.ours],
        message: "reversed\n",
      });
      return { tip, denied: [["not-a-descendant", tip]] };
    },
  ),
  mode(
    "tip-vouches",
    "where the tip counts, its signer vouches for all since the introduction",
    "tip",
    ["paths"],
    async (told) => {
      await told.repository.commit({ files: { "lib.nix": "unsigned\n" }, message: "unsigned\n" });
      return {
        tip: await told.repository.commit({
          by: told.people[0],
          files: { "pkgs/b.nix": "2\n" },
          message: "tip\n",
        }),
      };
    },
  ),
  mode(
    "tip-outside",
    "where the tip counts, its signer must be a writer of all since the introduction",
    "tip",
    ["paths"],
    async (told) => {
      await told.repository.commit({ files: { "lib.nix": "unsigned\n" }, message: "unsigned\n" });
      const tip = await told.repository.commit({
        by: told.people[1],
        files: { "pkgs/b.nix": "2\n" },
        message: "tip\n",
      });
      return { tip, denied: [["outside-paths", tip]] };
    },
  ),
  mode("tip-unsigned", "where the tip counts, an unsigned one is none", "tip", [], async (told) => {
    const tip = await told.repository.commit({ message: "tip\n" });
    return { tip, denied: [["unsigned", tip]] };
  }),
];

export const MERGE_CASES: readonly HistoryCase[] = [...CONTENT.map(mergeCase), ...MODES];
