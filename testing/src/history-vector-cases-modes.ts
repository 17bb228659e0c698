/** Cases about modes: which commits of a history have to be good. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Notion } from "./history-vector.ts";
import { anyOf, type HistoryCase } from "./history-vector-case.ts";
import { type Fork, fork, type Mode, merged, rules } from "./history-vector-fork.ts";
import type { Changes } from "./world-repository.ts";

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

export const MODE_CASES: readonly HistoryCase[] = [
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
