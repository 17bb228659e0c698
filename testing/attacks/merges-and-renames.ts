/**
 * Merges and renames. Bob may write below docs/ and nowhere else, and makes merges by which Git itself carries what he
 * wrote to another path. What must hold: content that no side of a merge has at its path is the merger's own change.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { expect } from "vitest";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { EVIL, HistoryWorld, type Mode, TEXT } from "./history-world.ts";
import { bait, begin, empty, octopus, type Tell } from "./rename-bait.ts";

const SMUGGLED = /^(?:merge-smuggles|outside-paths|too-few-signers)$/;
const CARRIED =
  "What Git carries from one path to another is on no side at its path, and so is the merger's own change.";
const TAKEN =
  "What differs from Git's own merge of the sides is the merger's own change, also where a side has it.";
const NO_SIDE =
  "A parent that another parent reaches is not a side, and content that no side has is the merger's own.";

interface How {
  readonly modes?: readonly Mode[];
  /** The rest asks for two people. */
  readonly two?: boolean;
}

function smuggled(
  number: number,
  name: string,
  held: string,
  tell: Tell,
  { modes = ["every-commit", "first-parent"], two = false }: How = {},
): Attack<HistoryWorld> {
  return {
    number,
    name,
    held,
    async run(world) {
      const { repository, introduction } = await tell(world);
      const owner = two ? { any: 2, of: [world.alice, world.carol] } : "owner";
      for (const mode of modes)
        await world.denied({ repository, policy: world.byPath(introduction, mode, owner) }, SMUGGLED);
    },
  };
}

const attacks: readonly Attack<HistoryWorld>[] = [
  smuggled(
    170,
    "a file of one's own that Git takes for the target's old name, changed on an old branch, and put back",
    CARRIED,
    bait(),
  ),
  smuggled(171, "the same, where what is put back is another file", CARRIED, bait({ back: "another\n" })),
  smuggled(172, "the same, where nothing is put back", CARRIED, bait({ back: null })),
  smuggled(173, "the same from a commit before the target was there", CARRIED, bait({ start: "old" })),
  smuggled(174, "the same with the parents swapped", CARRIED, bait({ swapped: true }), {
    modes: ["every-commit"],
  }),
  smuggled(175, "the same, where the target asks for two other people", CARRIED, bait(), { two: true }),
  smuggled(
    176,
    "the executable bit alone is carried along the rename",
    CARRIED,
    bait({ evil: { mode: 0o100755, content: TEXT } }),
  ),
  smuggled(
    177,
    "the content is carried into a link: the target's text is where it leads",
    CARRIED,
    bait({
      from: { mode: 0o120000, content: "./lib" },
      evil: { mode: 0o120000, content: "./docs" },
      back: null,
    }),
  ),
  smuggled(178, "the target is taken away along the rename", TAKEN, async (world) => {
    const { bob } = world;
    const { repository, introduction } = await begin(world);
    const lure = await repository.commit({ by: bob, branch: "bait", parents: [], files: { "docs/q": TEXT } });
    const gone = await repository.commit({ by: bob, parents: [introduction, lure] });
    const removed = await repository.commit({ by: bob, branch: "bait", files: { "docs/q": null } });
    await repository.commit({ by: bob, parents: [gone, removed], files: { "default.nix": null } });
    return { repository, introduction };
  }),
  smuggled(
    179,
    "half of it: alice's newest lines stay, and the carried one is beside them",
    CARRIED,
    async (world) => {
      const { alice, bob } = world;
      const { repository, introduction } = await begin(world);
      const lure = await repository.commit({
        by: bob,
        branch: "bait",
        parents: [],
        files: { "docs/q": TEXT },
      });
      await repository.commit({ by: bob, parents: [introduction, lure] });
      const newest = await repository.commit({ by: alice, files: { "default.nix": `zero\n${TEXT}` } });
      const change = await repository.commit({ by: bob, branch: "bait", files: { "docs/q": EVIL } });
      const made = await repository.merge({ by: bob, parents: [newest, change], files: { "docs/q": TEXT } });
      expect(await repository.git("show", `${made}:default.nix`)).toBe(`zero\n${EVIL}`.trim());
      return { repository, introduction };
    },
  ),
  smuggled(
    180,
    "a whole directory that Git takes for renamed: a new file of docs/ lands in lib/",
    CARRIED,
    async (world) => {
      const { alice, bob } = world;
      const repository = await world.repository();
      const three = (dir: string) =>
        Object.fromEntries([1, 2, 3].map((i) => [`${dir}/${i}`, `${TEXT}${i}\n`]));
      const introduction = await repository.commit({
        by: alice,
        files: { ...three("lib"), "docs/index": "i\n" },
      });
      const lure = await repository.commit({ by: bob, branch: "bait", parents: [], files: three("docs/d") });
      const gone = await repository.commit({ by: bob, parents: [introduction, lure] });
      const added = await repository.commit({ by: bob, branch: "bait", files: { "docs/d/evil": "evil\n" } });
      await repository.commit({ by: bob, parents: [gone, added], files: { "lib/evil": "evil\n" } });
      return { repository, introduction };
    },
  ),
  smuggled(181, "the same with criss-crossed sides, so that there are two bases", CARRIED, async (world) => {
    const { bob } = world;
    const { repository, introduction } = await begin(world);
    const lure = await repository.commit({ by: bob, branch: "bait", parents: [], files: { "docs/q": TEXT } });
    const gone = await repository.commit({ by: bob, parents: [introduction, lure] });
    const [left, right] = [
      await empty(world, repository, gone, "left"),
      await empty(world, repository, lure, "right"),
    ];
    const one = await repository.commit({ by: bob, branch: "one", parents: [left, right], files: {} });
    const other = await repository.commit({
      by: bob,
      branch: "other",
      parents: [right, left],
      files: { "docs/q": EVIL },
    });
    await repository.commit({
      by: bob,
      parents: [one, other],
      files: { "default.nix": EVIL, "docs/q": TEXT },
    });
    return { repository, introduction };
  }),
  smuggled(182, "an octopus of the tip, an ancestor of it and an old branch", NO_SIDE, (world) =>
    octopus(world, async ({ introduction, repository, evil }) => [
      (await repository.git("rev-parse", `${introduction}^`)) as CommitId,
      evil,
    ]),
  ),
  smuggled(183, "an octopus that names the tip twice", NO_SIDE, (world) =>
    octopus(world, async ({ introduction, evil }) => [introduction, evil]),
  ),
  smuggled(184, "an octopus of two empty commits beside each other, and an old branch", CARRIED, (world) =>
    octopus(world, async ({ introduction, repository, evil }) => [
      await empty(world, repository, introduction, "left"),
      await empty(world, repository, introduction, "right"),
      evil,
    ]),
  ),
  smuggled(185, "an octopus of twenty parents, one of them the old branch", CARRIED, (world) =>
    octopus(world, async ({ introduction, repository, evil }) => {
      const sides: CommitId[] = [];
      for (let i = 0; i < 18; i++) sides.push(await empty(world, repository, introduction, `side${i}`));
      return [...sides, evil];
    }),
  ),
  smuggled(
    186,
    "an octopus that takes an old version out of an ancestor of the tip",
    NO_SIDE,
    async (world) => {
      const { alice, bob } = world;
      const { repository, introduction } = await begin(world, "vulnerable\n");
      const fixed = await repository.commit({ by: alice, files: { "default.nix": "fixed\n" } });
      const side = await repository.commit({
        by: bob,
        branch: "side",
        parents: [introduction],
        files: { "docs/a": "a\n" },
      });
      await repository.commit({
        by: bob,
        parents: [fixed, introduction, side],
        files: { "default.nix": "vulnerable\n" },
      });
      return { repository, introduction };
    },
  ),
  smuggled(
    187,
    "a merge that takes the old version of a side that has only not changed it",
    TAKEN,
    async (world) => {
      const { alice, bob } = world;
      const { repository, introduction } = await begin(world, "vulnerable\n");
      const fixed = await repository.commit({ by: alice, files: { "default.nix": "fixed\n" } });
      const side = await repository.commit({
        by: bob,
        branch: "side",
        parents: [introduction],
        files: { "docs/a": "a\n" },
      });
      await repository.commit({
        by: bob,
        parents: [fixed, side],
        files: { "default.nix": "vulnerable\n", "docs/a": "a\n" },
      });
      return { repository, introduction };
    },
  ),
  smuggled(
    188,
    "the same with the parents swapped, so that the first parent has it",
    TAKEN,
    async (world) => {
      const { alice, bob } = world;
      const { repository, introduction } = await begin(world, "vulnerable\n");
      const fixed = await repository.commit({ by: alice, files: { "default.nix": "fixed\n" } });
      const side = await repository.commit({
        by: bob,
        branch: "side",
        parents: [introduction],
        files: { "docs/a": "a\n" },
      });
      await repository.commit({ by: bob, parents: [side, fixed] });
      return { repository, introduction };
    },
    { modes: ["every-commit"] },
  ),
  smuggled(
    189,
    "a conflict of two changes of alice's, which bob settles",
    "What Git leaves in conflict is the merger's own.",
    async (world) => {
      const { alice, bob } = world;
      const { repository, introduction } = await begin(world);
      const left = await repository.commit({
        by: alice,
        files: { "default.nix": TEXT.replace("four", "left") },
      });
      const right = await repository.commit({
        by: alice,
        branch: "side",
        parents: [introduction],
        files: { "default.nix": TEXT.replace("four", "right") },
      });
      await repository.commit({ by: bob, parents: [left, right] });
      return { repository, introduction };
    },
    { modes: ["every-commit"] },
  ),
  smuggled(
    190,
    "a merge of a commit with itself, and of a commit with its own child",
    NO_SIDE,
    async (world) => {
      const { bob } = world;
      const { repository, introduction } = await begin(world);
      const child = await repository.commit({ by: bob, files: { "docs/a": "a\n" } });
      const twice = await repository.commit({ by: bob, parents: [child, child] });
      await repository.commit({ by: bob, parents: [twice, introduction], files: { "default.nix": EVIL } });
      return { repository, introduction };
    },
  ),
];

const controls: readonly Control<HistoryWorld>[] = [
  {
    name: "Git carries the content where bob may write both paths, and alice may merge what bob may not",
    async run(world) {
      const { alice, bob } = world;
      const within = await begin(world);
      const { repository, introduction } = within;
      await repository.commit({ by: bob, files: { "docs/a": TEXT } });
      const start = repository.tip();
      const moved = await repository.commit({ by: bob, files: { "docs/a": null, "docs/b": TEXT } });
      const side = await repository.commit({
        by: bob,
        branch: "side",
        parents: [start],
        files: { "docs/a": EVIL },
      });
      await repository.merge({ by: bob, parents: [moved, side] });
      expect(await repository.git("show", "main:docs/b")).toBe(EVIL.trim());
      await world.allowed({ repository, policy: world.byPath(introduction) });
      const told = await bait({ merger: () => alice })(world);
      await world.allowed({ repository: told.repository, policy: world.byPath(told.introduction) });
    },
  },
  {
    name: "bob merges what alice and he wrote, and an octopus of such sides",
    async run(world) {
      const { alice, bob } = world;
      const { repository, introduction } = await begin(world);
      const left = await repository.commit({ by: alice, files: { "default.nix": `zero\n${TEXT}` } });
      const from = { parents: [introduction] };
      const right = await repository.commit({
        by: alice,
        branch: "right",
        ...from,
        files: { "default.nix": `${TEXT}eight\n` },
      });
      const own = await repository.commit({ by: bob, branch: "own", ...from, files: { "docs/a": "a\n" } });
      const merge = await repository.merge({ by: bob, parents: [left, right] });
      await repository.merge({ by: bob, parents: [merge, own] });
      await world.allowed({ repository, policy: world.byPath(introduction) });
      await repository.merge({ by: bob, parents: [left, right, own] });
      await world.allowed({ repository, policy: world.byPath(introduction) });
    },
  },
];

export const mergesAndRenames: GitTheme<HistoryWorld> = {
  title: "Merges and renames",
  by: "a person who may write one directory",
  guard: "local/evidence/own-changes.ts, trust/history/trees.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls,
  attacks,
};
