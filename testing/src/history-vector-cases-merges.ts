/** Cases about merges: the clean ones pass, and whatever a merger added or dropped is the merger's own change. */
import type { Notion } from "./history-vector.ts";
import { type Cast, guixAuthorizations, type HistoryCase } from "./history-vector-case.ts";
import { type Fork, fork, LINES, lines, merged, rules } from "./history-vector-fork.ts";
import type { Changes, MergeSpec } from "./world-repository.ts";

export interface MergeCase {
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

/** Bob merges a fork; the merge is good, or has the code told. */
export function mergeCase({
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
    name: "clean-mode",
    claim: "a file is made executable on one side and its lines change on the other",
    ours: { "docs/index.md": { mode: 0o100755, content: LINES } },
    theirs: { "docs/index.md": lines({ one: "ONE" }) },
  },
  {
    name: "clean-removal",
    claim: "a file that one side removed and the other left as it was goes away",
    ours: { "lib.nix": null },
  },
  {
    name: "clean-same",
    claim: "both sides made the same change, and added the same file",
    ours: { "lib.nix": "same\n", "new.nix": "new\n" },
    theirs: { "lib.nix": "same\n", "new.nix": "new\n" },
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

export const MERGE_CASES: readonly HistoryCase[] = CONTENT.map(mergeCase);
