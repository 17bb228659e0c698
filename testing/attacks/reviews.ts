/**
 * Reviews. Alice writes, and each change asks for a reader who had no part in it; or some paths ask for one and others
 * do not. What must hold: what reaches the tip is what was read, byte for byte, where it was read.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { ReviewStatement } from "@firstmile/formats/statement/review";
import { expect } from "vitest";
import type { Person, PolicySpec, WorldRepository } from "../src/world.ts";
import type { Changes, CommitSpec } from "../src/world-repository.ts";
import { publish, reviewOf } from "../src/world-statements.ts";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { EVIL, HistoryWorld, type Mode, TEXT } from "./history-world.ts";

const UNREAD = /^not-reviewed$/;
const READ_THERE =
  "A reading is of one content at one path; what Git carries there from another path is the merger's own.";
const NO_BASE = "No reading covers a side that nothing is known about; the merge itself has to be read.";
const ON_THE_LINE = "A reading counts on a version that the line had, or that was itself read.";
const EXACT = "A reading names both versions of one path, with mode, id and SHA-256, and no other change.";
const NO_PART = "A person who had a part in a change is not its reader.";

class Reviewed {
  readonly world: HistoryWorld;
  readonly repository: WorldRepository;
  readonly introduction: CommitId;

  constructor(world: HistoryWorld, repository: WorldRepository, introduction: CommitId) {
    this.world = world;
    this.repository = repository;
    this.introduction = introduction;
  }

  static async begin(world: HistoryWorld, files: Changes = { a: TEXT }): Promise<Reviewed> {
    const repository = await world.repository();
    return new Reviewed(
      world,
      repository,
      await repository.commit({ by: world.alice, files: { z: "z\n", ...files } }),
    );
  }

  commit(files: Changes, more: Partial<CommitSpec> = {}): Promise<CommitId> {
    return this.repository.commit({ by: this.world.alice, files, ...more });
  }

  async approve(
    from: CommitId,
    to: CommitId,
    by: Person = this.world.bob,
    said: Partial<Omit<ReviewStatement, "changes">> = {},
  ) {
    await publish(this.repository, await reviewOf(this.repository, from, to, said), by);
  }

  /** What a reading says, with something in it exchanged. */
  async approveChanged(from: CommitId, to: CommitId, change: (said: ReviewStatement) => ReviewStatement) {
    await publish(this.repository, change(await reviewOf(this.repository, from, to)), this.world.bob);
  }
}

interface How {
  readonly modes?: readonly Mode[];
  readonly files?: Changes;
  readonly policy?: (world: HistoryWorld, introduction: CommitId, mode: Mode) => PolicySpec;
}

function unread(
  number: number,
  name: string,
  held: string,
  tell: (told: Reviewed) => Promise<unknown>,
  how: How = {},
): Attack<HistoryWorld> {
  const {
    modes = ["every-commit"],
    files,
    policy = (world, introduction, mode) => world.reviewed(introduction, {}, mode),
  } = how;
  return {
    number,
    name,
    held,
    async run(world) {
      const told = await Reviewed.begin(world, files);
      await tell(told);
      const { repository, introduction } = told;
      for (const mode of modes)
        await world.denied({ repository, policy: policy(world, introduction, mode) }, UNREAD);
    },
  };
}

/** Everything is read but what is below docs/. */
function allButDocs(world: HistoryWorld, introduction: CommitId, mode: Mode): PolicySpec {
  const policy = world.reviewed(introduction, {}, mode);
  const { pkgs } = policy.sources!;
  const rules = [...pkgs!.rules!, { paths: ["/docs/"], write: "writer" }];
  return { ...policy, sources: { pkgs: { ...pkgs!, rules } } };
}

/** A new file that bob has read, and the change that goes to its path by a rename from docs/, where no reader is asked for. */
function exchanged({ swapped = false, mode = false } = {}) {
  return async (told: Reviewed) => {
    const { repository, introduction } = told;
    const added = await told.commit({ "pkg.nix": TEXT }, { branch: "read" });
    await told.approve(introduction, added);
    const start = await told.commit({ "docs/q": TEXT }, { parents: [introduction] });
    const evil = mode ? { mode: 0o100755, content: TEXT } : EVIL;
    const changed = await told.commit({ "docs/q": evil });
    const moved = await told.commit(
      { "docs/q": null, "pkg.nix": TEXT },
      { branch: "side", parents: [start] },
    );
    const parents: [CommitId, CommitId] = swapped ? [moved, changed] : [changed, moved];
    const merge = await repository.merge({ by: told.world.alice, parents });
    const carried = await repository.git("ls-tree", merge, "pkg.nix");
    expect(carried).not.toBe(await repository.git("ls-tree", moved, "pkg.nix"));
  };
}

const attacks: readonly Attack<HistoryWorld>[] = [
  unread(
    220,
    "a new file that was read is exchanged by a rename from where no reader is asked for",
    READ_THERE,
    exchanged(),
    { policy: allButDocs, modes: ["every-commit", "first-parent"] },
  ),
  unread(
    221,
    "that exchange of a read file, with the parents swapped",
    READ_THERE,
    exchanged({ swapped: true }),
    {
      policy: allButDocs,
    },
  ),
  unread(
    222,
    "the executable bit is carried to a file that was read without it",
    READ_THERE,
    exchanged({ mode: true }),
    { policy: allButDocs },
  ),
  unread(
    223,
    "an octopus of three, one of whose sides was criss-crossed with the line by empty commits",
    NO_BASE,
    async (told) => {
      const { repository, introduction, world } = told;
      const empty = (branch: string, parents: CommitId[]) =>
        told.commit({}, { branch, parents, message: `${branch}\n` });
      const [p, q] = [await empty("p", [introduction]), await empty("q", [introduction])];
      const line = await empty("line", [p, q]);
      const bad = await told.commit({ a: TEXT.replace("two", "evil") }, { branch: "bad", parents: [q, p] });
      const good = await told.commit(
        { a: TEXT.replace("six", "better") },
        { branch: "good", parents: [introduction] },
      );
      await told.approve(introduction, good);
      await repository.merge({ by: world.alice, parents: [line, bad, good] });
      expect(await repository.git("show", "main:a")).toContain("evil");
    },
  ),
  unread(
    224,
    "an octopus of the line, a side that was read, and a root commit of another history",
    NO_BASE,
    async (told) => {
      const { repository, introduction, world } = told;
      const line = await told.commit({ b: "b\n" });
      await told.approve(introduction, line);
      const good = await told.commit({ c: "c\n" }, { branch: "good", parents: [introduction] });
      await told.approve(introduction, good);
      const root = await told.commit({ evil: "evil\n" }, { branch: "root", parents: [] });
      await repository.merge({ by: world.alice, parents: [line, good, root] });
    },
  ),
  unread(
    225,
    "a review on top of content without a reader, which the line never had",
    ON_THE_LINE,
    async (told) => {
      const { repository, introduction, world } = told;
      const both = await told.commit({ a: `${TEXT}check2\n` }, { branch: "side", parents: [introduction] });
      const without = await told.commit({ a: `${TEXT.replace("four\n", "")}check2\n` }, { branch: "side" });
      await told.approve(both, without);
      const dropped = await told.commit({}, { parents: [introduction, both] });
      await repository.merge({ by: world.alice, parents: [dropped, without] });
      expect(await repository.git("show", "main:a")).not.toContain("four");
    },
  ),
  unread(226, "the same by a plain commit on the side that was read, squashed", ON_THE_LINE, async (told) => {
    const { introduction } = told;
    const both = await told.commit({ a: `${TEXT}check2\n` }, { branch: "side", parents: [introduction] });
    const without = await told.commit({ a: `${TEXT.replace("four\n", "")}check2\n` }, { branch: "side" });
    await told.approve(both, without);
    await told.commit({ a: `${TEXT.replace("four\n", "")}check2\n` }, { parents: [introduction] });
  }),
  unread(
    227,
    "a merge that changes what both sides had read",
    "What the merge itself changes is read as the merge's.",
    async (told) => {
      const { repository, introduction, world } = told;
      const left = await told.commit({ a: TEXT.replace("two", "deux") });
      await told.approve(introduction, left);
      const right = await told.commit(
        { a: TEXT.replace("six", "seis") },
        { branch: "side", parents: [introduction] },
      );
      await told.approve(introduction, right);
      await repository.merge({ by: world.alice, parents: [left, right], files: { a: EVIL } });
    },
  ),
  unread(228, "a review whose SHA-256 of the version before is another one's", EXACT, async (told) => {
    const commit = await told.commit({ a: EVIL });
    await told.approveChanged(told.introduction, commit, (said) => ({
      ...said,
      changes: said.changes.map((one) => ({ ...one, before: { ...one.before!, sha256: "0".repeat(64) } })),
    }));
  }),
  unread(229, "the same in a stretch of two commits", EXACT, async (told) => {
    await told.commit({ a: "between\n" });
    const commit = await told.commit({ a: EVIL });
    await told.approveChanged(told.introduction, commit, (said) => ({
      ...said,
      changes: said.changes.map((one) => ({ ...one, before: { ...one.before!, sha256: "0".repeat(64) } })),
    }));
  }),
  unread(230, "a review whose SHA-256 of the version after is another one's", EXACT, async (told) => {
    const commit = await told.commit({ a: EVIL });
    await told.approveChanged(told.introduction, commit, (said) => ({
      ...said,
      changes: said.changes.map((one) => ({ ...one, after: { ...one.after!, sha256: "0".repeat(64) } })),
    }));
  }),
  unread(
    231,
    "content that was read as a file is committed as a program, and as a link",
    EXACT,
    async (told) => {
      const read = await told.commit({ a: "lib\n" }, { branch: "read" });
      await told.approve(told.introduction, read);
      await told.commit({ a: { mode: 0o100755, content: "lib\n" } }, { parents: [told.introduction] });
      const { repository, introduction, world } = told;
      await world.denied({ repository, policy: world.reviewed(introduction) }, UNREAD);
      await told.commit({ a: { mode: 0o120000, content: "lib\n" } }, { parents: [introduction] });
    },
  ),
  unread(
    232,
    "content that was read at one path is committed at another, and in other case",
    EXACT,
    async (told) => {
      const read = await told.commit({ "b.nix": EVIL }, { branch: "read" });
      await told.approve(told.introduction, read);
      await told.commit({ "B.nix": EVIL }, { parents: [told.introduction] });
      const { repository, introduction, world } = told;
      await world.denied({ repository, policy: world.reviewed(introduction) }, UNREAD);
      await told.commit({ "sub/b.nix": EVIL }, { parents: [introduction] });
    },
  ),
  unread(
    233,
    "readings by a machine, by skimming, and for another source",
    "Only what a person read whole, for this source or for any, is a reading.",
    async (told) => {
      const commit = await told.commit({ a: EVIL });
      await told.approve(told.introduction, commit, told.world.bob, { machine: true });
      await told.approve(told.introduction, commit, told.world.bob, { depth: "skimmed" });
      await told.approve(told.introduction, commit, told.world.bob, { source: "other" });
    },
  ),
  unread(
    234,
    "an author reads their own change with a second key, and their committer reads it",
    NO_PART,
    async (told) => {
      const { world, repository, introduction } = told;
      const second = await world.world.person("alice-second");
      const commit = await told.commit({ a: EVIL }, { author: "alice", committer: "bob" });
      await told.approve(introduction, commit, second);
      await told.approve(introduction, commit, world.bob);
      const policy = world.reviewed(introduction);
      const people = { alice: [world.alice, second], bob: [world.bob], carol: [world.carol] };
      await world.denied(
        {
          repository,
          policy: { ...policy, people, roles: { root: ["alice"], reader: ["alice", "bob", "carol"] } },
        },
        UNREAD,
      );
    },
  ),
  unread(
    235,
    "two readers are asked for: one reads the one side, one the other",
    "Each side's change is met by itself.",
    async (told) => {
      const { repository, introduction, world } = told;
      const left = await told.commit(
        { a: TEXT.replace("two", "deux") },
        { by: world.dave, branch: "left", parents: [introduction] },
      );
      await told.approve(introduction, left, world.bob);
      const right = await told.commit(
        { a: TEXT.replace("six", "seis") },
        { by: world.dave, branch: "right", parents: [introduction] },
      );
      await told.approve(introduction, right, world.carol);
      const line = await told.commit({}, { by: world.dave, parents: [introduction] });
      await repository.merge({ by: world.dave, parents: [line, left, right] });
    },
    {
      policy: (world, introduction, mode) => {
        const { alice, bob, carol, dave } = world;
        const policy = world.reviewed(introduction, { review: { any: 2, of: [alice, bob, carol] } }, mode);
        return { ...policy, people: [alice, bob, carol, dave] };
      },
    },
  ),
  unread(
    236,
    "a merge of one's own branch, where merging is reading",
    "A person who wrote a commit of the range is not its reader by merging it.",
    async (told) => {
      const { repository, introduction, world } = told;
      const side = await told.commit({ a: EVIL }, { branch: "side", parents: [introduction] });
      const own = await told.commit({ b: "b\n" }, { by: world.bob, branch: "side" });
      expect(side).not.toBe(own);
      await repository.merge({ by: world.bob, parents: [introduction, own] });
    },
    { policy: (world, introduction, mode) => world.reviewed(introduction, { mergeIsReview: true }, mode) },
  ),
  unread(
    237,
    "a reading that names the change, and takes the removal of a line for one of a file",
    EXACT,
    async (told) => {
      const removed = await told.commit({ a: null }, { branch: "read" });
      await told.approve(told.introduction, removed);
      await told.commit({ a: "" }, { parents: [told.introduction] });
    },
  ),
];

const controls: readonly Control<HistoryWorld>[] = [
  {
    name: "changes that bob read pass: plain, rebased, squashed, and merged by alice",
    async run(world) {
      const told = await Reviewed.begin(world);
      const { repository, introduction } = told;
      const policy = world.reviewed(introduction);
      const side = await told.commit(
        { a: TEXT.replace("six", "seis") },
        { branch: "side", parents: [introduction] },
      );
      await told.approve(introduction, side);
      const line = await told.commit({ b: "b\n" });
      await told.approve(introduction, line);
      await repository.merge({ by: world.alice, parents: [line, side] });
      await world.allowed({ repository, policy });
      await told.commit({ a: "between\n" }, { parents: [introduction] });
      const last = await told.commit({ a: "last\n" });
      await told.approve(introduction, last);
      await world.allowed({ repository, policy });
    },
  },
  {
    name: "a merge that follows a rename passes once the merge itself was read",
    async run(world) {
      const told = await Reviewed.begin(world);
      await exchanged()(told);
      const { repository, introduction } = told;
      const [first] = (await repository.git("rev-list", "--parents", "-1", "main")).split(" ").slice(1);
      await told.approve(first as CommitId, repository.tip());
      await world.allowed({ repository, policy: allButDocs(world, introduction, "every-commit") });
    },
  },
];

export const reviews: GitTheme<HistoryWorld> = {
  title: "Reviews",
  by: "a person who may write, and not read their own changes",
  guard: "trust/history/review.ts, local/evidence/review-steps.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls,
  attacks,
};
