/**
 * Commits of another history. A signature on a commit names no repository: what alice signed for a toy is signed for
 * everything. Bob may write below docs/ alone. What must hold: what comes from where the introduction does not lead is
 * the own change of the person who merges it; and dates say nothing about what is old.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { WorldRepository } from "../src/world.ts";
import type { Changes } from "../src/world-repository.ts";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { commitTree, HistoryWorld, type Mode, TEXT } from "./history-world.ts";

const OUTSIDE = /^(?:outside-paths|merge-smuggles|too-few-signers)$/;
const FOREIGN =
  "What the introduction does not lead to is the own change of the person who merges it, path by path.";
const JUDGED = "What the introduction does not reach is judged, whenever it says that it was made.";
const ALL: readonly Mode[] = ["every-commit", "first-parent", "tip"];
/** 1990-01-01. */
const IN_1990 = 631_152_000;

interface Told {
  readonly repository: WorldRepository;
  readonly introduction: CommitId;
}
type Tell = (world: HistoryWorld) => Promise<Told>;

function foreign(
  number: number,
  name: string,
  tell: Tell,
  { modes = ALL, two = false, held = FOREIGN } = {},
): Attack<HistoryWorld> {
  return {
    number,
    name,
    held,
    async run(world) {
      const { repository, introduction } = await tell(world);
      const owner = two ? { any: 2, of: [world.alice, world.carol] } : "owner";
      for (const mode of modes)
        await world.denied({ repository, policy: world.byPath(introduction, mode, owner) }, OUTSIDE);
    },
  };
}

async function begin(world: HistoryWorld) {
  const { alice: by } = world;
  const repository = await world.repository();
  const before = await repository.commit({ by, files: { "default.nix": "old\n", "docs/index": "index\n" } });
  const introduction = await repository.commit({ by, files: { "default.nix": "new\n" } });
  return { repository, before, introduction };
}

/** What alice signed for a toy of hers, somewhere else. */
function toy(
  world: HistoryWorld,
  repository: WorldRepository,
  files: Changes = { "flake.nix": TEXT },
  branch = "toy",
) {
  return repository.commit({ by: world.alice, branch, parents: [], files });
}

const attacks: readonly Attack<HistoryWorld>[] = [
  foreign(
    191,
    "a root commit that alice signed for another repository, merged: its files land where nothing is",
    async (world) => {
      const { repository, introduction } = await begin(world);
      await repository.merge({ by: world.bob, parents: [introduction, await toy(world, repository)] });
      return { repository, introduction };
    },
  ),
  foreign(
    192,
    "the same with the parents swapped, so that the line of first parents leads to the other root",
    async (world) => {
      const { repository, introduction } = await begin(world);
      await repository.merge({ by: world.bob, parents: [await toy(world, repository), introduction] });
      return { repository, introduction };
    },
    { modes: ["every-commit", "tip"] },
  ),
  foreign(193, "a commit on top of such a root, which alice signed too", async (world) => {
    const { repository, introduction } = await begin(world);
    await toy(world, repository, { readme: "toy\n" });
    const next = await repository.commit({ by: world.alice, branch: "toy", files: { "flake.nix": TEXT } });
    await repository.merge({ by: world.bob, parents: [introduction, next] });
    return { repository, introduction };
  }),
  foreign(194, "such a root behind a commit of bob's own below docs/", async (world) => {
    const { repository, introduction } = await begin(world);
    await toy(world, repository);
    const own = await repository.commit({ by: world.bob, branch: "toy", files: { "docs/mine": "mine\n" } });
    await repository.merge({ by: world.bob, parents: [introduction, own] });
    return { repository, introduction };
  }),
  foreign(
    195,
    "such a root where two people are asked for, and two signed it",
    async (world) => {
      const { repository, introduction } = await begin(world);
      const root = await toy(world, repository);
      await repository.cosign(root, world.carol);
      await repository.merge({ by: world.bob, parents: [introduction, root] });
      return { repository, introduction };
    },
    { two: true },
  ),
  foreign(196, "an octopus of the line and two such roots", async (world) => {
    const { repository, introduction } = await begin(world);
    const roots = [
      await toy(world, repository),
      await toy(world, repository, { "shell.nix": "shell\n" }, "second"),
    ];
    await repository.merge({
      by: world.bob,
      parents: [introduction, ...roots] as [CommitId, CommitId, CommitId],
    });
    return { repository, introduction };
  }),
  foreign(197, "two such roots merged with each other first, then with the line", async (world) => {
    const { repository, introduction } = await begin(world);
    const roots: [CommitId, CommitId] = [
      await toy(world, repository),
      await toy(world, repository, { "shell.nix": "shell\n" }, "second"),
    ];
    const both = await repository.merge({ by: world.alice, branch: "both", parents: roots });
    await repository.merge({ by: world.bob, parents: [introduction, both] });
    return { repository, introduction };
  }),
  foreign(
    198,
    "such a root merged into an old commit first, and that branch then into the line",
    async (world) => {
      const { repository, introduction, before } = await begin(world);
      const root = await toy(world, repository);
      const onOld = await repository.merge({ by: world.bob, branch: "old", parents: [before, root] });
      await repository.merge({ by: world.bob, parents: [introduction, onOld] });
      return { repository, introduction };
    },
  ),
  foreign(199, "such a root that holds the very files of the line, and one changed", async (world) => {
    const { repository, introduction } = await begin(world);
    const root = await toy(world, repository, { "default.nix": "evil\n", "docs/index": "index\n" });
    await repository.commit({
      by: world.bob,
      parents: [introduction, root],
      files: { "default.nix": "evil\n" },
    });
    return { repository, introduction };
  }),
  foreign(
    200,
    "the old version from before the introduction, by a branch that began there",
    async (world) => {
      const { repository, introduction, before } = await begin(world);
      const side = await repository.commit({
        by: world.bob,
        branch: "side",
        parents: [before],
        files: { "docs/a": "a\n" },
      });
      await repository.commit({
        by: world.bob,
        parents: [introduction, side],
        files: { "default.nix": "old\n", "docs/a": "a\n" },
      });
      return { repository, introduction };
    },
    { held: "What the merge takes of a side, and Git's own merge would not, is the merger's own." },
  ),
  {
    number: 201,
    name: "an unsigned commit dated 1990, between the introduction and the tip",
    held: JUDGED,
    async run(world) {
      const { repository, introduction } = await begin(world);
      const tree = await repository.git("rev-parse", `${introduction}^{tree}`);
      const who = `someone <someone@example.org> ${IN_1990} +0000`;
      const unsigned = repository.raw(
        `tree ${tree}\nparent ${introduction}\nauthor ${who}\ncommitter ${who}\n\nold\n`,
      );
      await commitTree(repository, world.alice, tree, [unsigned]);
      await world.denied({ repository, policy: world.byPath(introduction) }, /^unsigned$/, unsigned);
    },
  },
  {
    number: 202,
    name: "an unsigned branch that left before the introduction, dated before everything",
    held: JUDGED,
    async run(world) {
      const { repository, introduction, before } = await begin(world);
      const tree = await repository.git("rev-parse", `${before}^{tree}`);
      const who = `someone <someone@example.org> 0 +0000`;
      const side = repository.raw(
        `tree ${tree}\nparent ${before}\nauthor ${who}\ncommitter ${who}\n\nold\n`,
        "side",
      );
      await repository.commit({ by: world.alice, parents: [introduction, side] });
      await world.denied({ repository, policy: world.byPath(introduction) }, /^unsigned$/, side);
    },
  },
  {
    number: 203,
    name: "commits dated 1990 make Git list what is before the introduction, and honest histories are refused",
    by: "a person whose clock was wrong",
    held: "What the introduction reaches is never judged, whatever dates say.",
    async run(world) {
      await world.allowed(await skewed(world));
    },
  },
  {
    number: 204,
    name: "a history that does not hold the introduction, and one that holds a commit like it",
    held: "The introduction is named by its id, and the tip has to descend from it.",
    async run(world) {
      const { repository, introduction, before } = await begin(world);
      const policy = world.byPath(introduction);
      const beside = await repository.commit({
        by: world.alice,
        branch: "beside",
        parents: [before],
        files: { "default.nix": "new\n" },
      });
      for (const tip of [before, beside])
        await world.denied({ repository, tip, policy }, /^not-a-descendant$/);
      for (const mode of ALL)
        await world.denied(
          { repository, tip: beside, policy: world.byPath(introduction, mode) },
          /^not-a-descendant$/,
        );
    },
  },
];

/** Unsigned commits of long ago, twelve of 1990 up to the introduction, and a branch that left before these. */
async function skewed(world: HistoryWorld) {
  const { alice } = world;
  const repository = await world.repository();
  const unsigned: CommitId[] = [];
  for (let i = 0; i < 4; i++) unsigned.push(await repository.commit({ files: { [`old${i}`]: `${i}\n` } }));
  const tree = await repository.git("rev-parse", `main^{tree}`);
  let tip = unsigned.at(-1)!;
  for (let i = 0; i < 12; i++) tip = await commitTree(repository, alice, tree, [tip], { at: IN_1990 + i });
  const introduction = tip;
  const side = await commitTree(
    repository,
    alice,
    await repository.git("rev-parse", `${unsigned[1]}^{tree}`),
    [unsigned[1]!],
    { branch: "side" },
  );
  await commitTree(repository, alice, tree, [introduction, side]);
  return { repository, policy: world.byPath(introduction) };
}

const controls: readonly Control<HistoryWorld>[] = [
  {
    name: "bob merges a root commit of his own below docs/, and alice what she signed elsewhere",
    async run(world) {
      const { repository, introduction } = await begin(world);
      const own = await repository.commit({
        by: world.bob,
        branch: "own",
        parents: [],
        files: { "docs/mine": "mine\n" },
      });
      const merged = await repository.merge({ by: world.bob, parents: [introduction, own] });
      for (const mode of ALL) await world.allowed({ repository, policy: world.byPath(introduction, mode) });
      await repository.merge({ by: world.alice, parents: [merged, await toy(world, repository)] });
      for (const mode of ALL) await world.allowed({ repository, policy: world.byPath(introduction, mode) });
    },
  },
  {
    name: "bob merges a branch that left before the introduction",
    async run(world) {
      const { repository, introduction, before } = await begin(world);
      const side = await repository.commit({
        by: world.bob,
        branch: "side",
        parents: [before],
        files: { "docs/a": "a\n" },
      });
      await repository.merge({ by: world.bob, parents: [introduction, side] });
      for (const mode of ALL) await world.allowed({ repository, policy: world.byPath(introduction, mode) });
    },
  },
];

export const foreignRoots: GitTheme<HistoryWorld> = {
  title: "Foreign roots and old commits",
  by: "a person who may write one directory",
  guard: "trust/history/judge.ts, local/evidence/history.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls,
  attacks,
};
