/**
 * Taking back. A fix was read and is in; its author alone puts the old content there again. What must hold: what undoes
 * a change that was read is a change like any other, and needs its reader, unless the rule says that it does not.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Person, PolicySpec, WorldRepository } from "../src/world.ts";
import type { Changes, CommitSpec } from "../src/world-repository.ts";
import { publish, reviewOf } from "../src/world-statements.ts";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { HistoryWorld, type Mode } from "./history-world.ts";

const UNREAD = /^not-reviewed$/;
const AGAIN = "Content that comes back is a change like any other: it needs a reader who had no part in it.";
const PAIR = "Each file's change is read by itself: half of one, put back, is a change without a reader.";

class Fix {
  readonly world: HistoryWorld;
  readonly repository: WorldRepository;
  readonly introduction: CommitId;

  constructor(world: HistoryWorld, repository: WorldRepository, introduction: CommitId) {
    this.world = world;
    this.repository = repository;
    this.introduction = introduction;
  }

  static async begin(world: HistoryWorld, files: Changes = { a: "vulnerable\n" }): Promise<Fix> {
    const repository = await world.repository();
    return new Fix(
      world,
      repository,
      await repository.commit({ by: world.alice, files: { z: "z\n", ...files } }),
    );
  }

  /** Alice's commit, read by these. */
  async read(files: Changes, readers: readonly Person[] = [this.world.bob], more: Partial<CommitSpec> = {}) {
    const before = more.parents?.[0] ?? this.repository.tip();
    const commit = await this.repository.commit({ by: this.world.alice, files, ...more });
    await publish(this.repository, await reviewOf(this.repository, before, commit), ...readers);
    return commit;
  }

  /** Alice's commit, without a reader. */
  alone(files: Changes, more: Partial<CommitSpec> = {}): Promise<CommitId> {
    return this.repository.commit({ by: this.world.alice, files, ...more });
  }
}

interface How {
  readonly modes?: readonly Mode[];
  readonly policy?: (world: HistoryWorld, introduction: CommitId, mode: Mode) => PolicySpec;
  readonly held?: string;
  readonly codes?: RegExp;
}

const asRead = (world: HistoryWorld, introduction: CommitId, mode: Mode) =>
  world.reviewed(introduction, {}, mode);

function takenBack(
  number: number,
  name: string,
  files: Changes,
  tell: (fix: Fix) => Promise<unknown>,
  how: How = {},
): Attack<HistoryWorld> {
  const { modes = ["every-commit", "first-parent"], policy = asRead, held = AGAIN, codes = UNREAD } = how;
  return {
    number,
    name,
    held,
    async run(world) {
      const fix = await Fix.begin(world, files);
      await tell(fix);
      const { repository, introduction } = fix;
      for (const mode of modes)
        await world.denied({ repository, policy: policy(world, introduction, mode) }, codes);
    },
  };
}

const HOLE = { a: "vulnerable\n" };

const attacks: readonly Attack<HistoryWorld>[] = [
  takenBack(205, "a fix that was read is undone by its author alone", HOLE, async (fix) => {
    await fix.read({ a: "fixed\n" });
    await fix.alone(HOLE);
  }),
  takenBack(
    206,
    "the same, where two have to read",
    HOLE,
    async (fix) => {
      await fix.read({ a: "fixed\n" }, [fix.world.bob, fix.world.carol]);
      await fix.alone(HOLE);
    },
    {
      policy: (world, introduction, mode) =>
        world.reviewed(introduction, { review: { any: 2, of: [world.alice, world.bob, world.carol] } }, mode),
    },
  ),
  takenBack(
    207,
    "a file whose removal was read is there again",
    { a: "1\n", "debug.nix": "backdoor\n" },
    async (fix) => {
      await fix.read({ "debug.nix": null });
      await fix.alone({ "debug.nix": "backdoor\n" });
    },
  ),
  takenBack(208, "a file that was read in is taken away again", HOLE, async (fix) => {
    await fix.read({ "check.nix": "check\n" });
    await fix.alone({ "check.nix": null });
  }),
  takenBack(
    209,
    "the executable bit that a reading took away comes back",
    { a: { mode: 0o100755, content: "1\n" } },
    async (fix) => {
      await fix.read({ a: "1\n" });
      await fix.alone({ a: { mode: 0o100755, content: "1\n" } });
    },
  ),
  takenBack(
    210,
    "a link that a file replaced is there again",
    { a: { mode: 0o120000, content: "elsewhere" } },
    async (fix) => {
      await fix.read({ a: "1\n" });
      await fix.alone({ a: { mode: 0o120000, content: "elsewhere" } });
    },
  ),
  takenBack(
    211,
    "one of two files that belong together: the old library beside its new use",
    { lib: "v1\n", use: "v1\n" },
    async (fix) => {
      await fix.read({ lib: "v2\n", use: "v2\n" });
      await fix.alone({ lib: "v1\n" });
    },
    { held: PAIR },
  ),
  takenBack(212, "by a merge of an old branch that drops the fix", HOLE, async (fix) => {
    const fixed = await fix.read({ a: "fixed\n" });
    const side = await fix.alone({ b: "b\n" }, { branch: "side", parents: [fix.introduction] });
    await publish(fix.repository, await reviewOf(fix.repository, fix.introduction, side), fix.world.bob);
    await fix.repository.commit({
      by: fix.world.alice,
      parents: [fixed, side],
      files: { ...HOLE, b: "b\n" },
    });
  }),
  takenBack(213, "by an octopus of two old branches that drops the fix", HOLE, async (fix) => {
    const fixed = await fix.read({ a: "fixed\n" });
    const parents = [fixed];
    for (const branch of ["left", "right"]) {
      const more = { branch, parents: [fix.introduction] };
      parents.push(await fix.read({ [branch]: "new\n" }, [fix.world.bob], more));
    }
    await fix.alone({ ...HOLE, left: "new\n", right: "new\n" }, { parents });
  }),
  takenBack(214, "over a version in between that was read too", HOLE, async (fix) => {
    await fix.read({ a: "fixed\n" });
    await fix.read({ a: "fixed\nbetter\n" });
    await fix.alone(HOLE);
  }),
  takenBack(215, "over a version in between without a reader", HOLE, async (fix) => {
    await fix.read({ a: "fixed\n" });
    await fix.alone({ a: "between\n" });
    await fix.alone(HOLE);
  }),
  takenBack(
    216,
    "by the approval with which it once came in, from what was there before it",
    { a: "old\n" },
    async (fix) => {
      await fix.read(HOLE);
      await fix.read({ a: "fixed\n" }, [fix.world.carol]);
      await fix.alone(HOLE);
    },
  ),
  {
    number: 217,
    name: "what the goodlist once brought in is put back, after its removal was read",
    held: "The goodlist names a commit, and not content: what it brought is a change when it comes back.",
    async run(world) {
      const fix = await Fix.begin(world, { a: "1\n" });
      const { repository, introduction } = fix;
      const listed = await repository.commit({ files: { a: "1\nimported\n" } });
      const policy = world.reviewed(introduction);
      const { pkgs } = policy.sources!;
      const good = { ...policy, sources: { pkgs: { ...pkgs!, goodlist: [listed] } } };
      await fix.read({ a: "1\n" });
      await world.allowed({ repository, policy: good });
      await fix.alone({ a: "1\nimported\n" });
      await world.denied({ repository, policy: good }, UNREAD);
    },
  },
  {
    number: 218,
    name: "the steps asked about one by one, so that each rests on what is remembered",
    held: "What is remembered is a tip with its line, and no content that may come back.",
    async run(world) {
      const fix = await Fix.begin(world);
      const { repository, introduction } = fix;
      const cacheDir = world.world.fresh("state");
      const fixed = await fix.read({ a: "fixed\n" });
      await world.allowed({ repository, policy: world.reviewed(introduction), tip: fixed, cacheDir });
      const back = await fix.alone(HOLE);
      await world.denied({ repository, policy: world.reviewed(introduction), tip: back, cacheDir }, UNREAD);
    },
  },
  takenBack(
    219,
    "a rejected version is put back where the rule lets changes be taken back",
    HOLE,
    async (fix) => {
      const { repository, introduction, world } = fix;
      await fix.read({ a: "fixed\n" });
      const rejection = await reviewOf(repository, repository.tip(), introduction, { verdict: "reject" });
      await publish(repository, rejection, world.bob);
      await fix.alone(HOLE);
    },
    {
      policy: (world, introduction, mode) => world.reviewed(introduction, { more: 'reverts = "free"' }, mode),
      held: "A rejection outweighs the rule that lets changes be taken back.",
      codes: /^review-rejected$/,
    },
  ),
  takenBack(
    388,
    "by a merge whose first parent has never had the fix, so that its line shows no change",
    HOLE,
    async (fix) => {
      const fixed = await fix.read({ a: "fixed\n" });
      const side = await fix.alone({}, { branch: "side", parents: [fix.introduction], message: "side\n" });
      await fix.repository.commit({ by: fix.world.alice, parents: [side, fixed], files: HOLE });
    },
  ),
];

const controls: readonly Control<HistoryWorld>[] = [
  {
    name: "taking back passes where another person has read it",
    async run(world) {
      const fix = await Fix.begin(world);
      await fix.read({ a: "fixed\n" });
      await fix.read(HOLE, [world.carol]);
      await world.allowed({ repository: fix.repository, policy: world.reviewed(fix.introduction) });
    },
  },
  {
    name: "and without a reader where the rule says so",
    async run(world) {
      const fix = await Fix.begin(world);
      await fix.read({ a: "fixed\n" });
      await fix.alone(HOLE);
      const policy = world.reviewed(fix.introduction, { more: 'reverts = "free"' });
      await world.allowed({ repository: fix.repository, policy });
    },
  },
];

export const takingBack: GitTheme<HistoryWorld> = {
  title: "Taking back what was read",
  by: "a person who may write, and not read their own changes",
  guard: "trust/history/review.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls,
  attacks,
};
