/**
 * Histories that cannot be read. Bob may write everything but what is below secure/, and makes commits whose changes
 * cannot be worked out. What must hold: what cannot be read is refused, by a code that says so, whatever the rules are.
 */
import { runOk } from "@firstmile/local/process/run";
import type { WorldRepository } from "../src/world.ts";
import { gitEnv } from "../src/world-repository.ts";
import type { Attack, GitTheme } from "./attack.ts";
import { entry, HistoryWorld, type Mode } from "./history-world.ts";
import { octopus, Story, secured, sides } from "./secured-story.ts";

const UNREADABLE = /^(?:corrupt-object|missing-object)$/;
const CORRUPT = /^corrupt-object$/;
const MISSING = /^missing-object$/;

type Tell = (story: Story) => Promise<unknown>;

/** Bob makes a history of this kind, and it is refused. */
function unreadable(
  number: number,
  name: string,
  held: string,
  codes: RegExp,
  tell: Tell,
  modes: readonly Mode[] = ["every-commit"],
): Attack<HistoryWorld> {
  return {
    number,
    name,
    held,
    async run(world) {
      const story = await Story.begin(world);
      await tell(story);
      for (const mode of modes) await story.refused(codes, mode);
    },
  };
}

const ALL: readonly Mode[] = ["every-commit", "first-parent", "tip"];
const AS_WRITTEN =
  "A tree in which two readers could see two things is not read, and what is not read is refused.";
const NOT_THERE =
  "What is not there is not known to be unchanged: refused, in every mode that has to look at it.";
const TOO_MANY = "A merge with more parents than are looked at is refused, whatever its author may write.";

const attacks: readonly Attack<HistoryWorld>[] = [
  unreadable(
    148,
    "a merge with more parents than are looked at",
    TOO_MANY,
    /^too-many-parents$/,
    async (story) => octopus(story, [story.introduction, ...(await sides(story, 101))]),
  ),
  unreadable(
    149,
    "a merge that names one parent more than a hundred times",
    TOO_MANY,
    /^(?:too-many-parents|corrupt-object|merge-smuggles)$/,
    async (story) => {
      const [side] = await sides(story, 1);
      await octopus(story, [story.introduction, ...Array.from({ length: 120 }, () => side!)]);
    },
  ),
  unreadable(
    150,
    "a directory's mode with a zero in front, with two clean commits on top",
    AS_WRITTEN,
    CORRUPT,
    async (story) => {
      const bad = await story.byBob(
        story.tree(entry("100644", "a", story.blob("1\n")), entry("040000", "secure", story.evil())),
      );
      const clean = story.tree(
        entry("100644", "a", story.blob("1\n")),
        entry("40000", "secure", story.evil()),
      );
      await story.byBob(clean, [await story.byBob(clean, [bad])]);
    },
  ),
  unreadable(
    151,
    "a mode that Git does not write, at a file deep below",
    AS_WRITTEN,
    CORRUPT,
    (story) => {
      const inner = story.tree(entry("100600", "k", story.blob("EVIL\n")));
      return story.byBob(
        story.tree(entry("100644", "a", story.blob("1\n")), entry("40000", "secure", inner)),
      );
    },
    ALL,
  ),
  unreadable(
    152,
    "an entry that is there twice, good and evil",
    AS_WRITTEN,
    CORRUPT,
    (story) => {
      const inner = story.tree(
        entry("100644", "k", story.blob("good\n")),
        entry("100644", "k", story.blob("EVIL\n")),
      );
      return story.byBob(
        story.tree(entry("100644", "a", story.blob("1\n")), entry("40000", "secure", inner)),
      );
    },
    ALL,
  ),
  unreadable(
    153,
    "a file and a directory of one name, with a name between them",
    AS_WRITTEN,
    CORRUPT,
    (story) => {
      const file = entry("100644", "secure", story.blob("EVIL\n"));
      const between = entry("100644", "secure.txt", story.blob("between\n"));
      return story.byBob(
        story.tree(
          entry("100644", "a", story.blob("1\n")),
          file,
          between,
          entry("40000", "secure", story.evil()),
        ),
      );
    },
  ),
  unreadable(
    154,
    "entries out of order, so that a search by halves does not find one",
    AS_WRITTEN,
    CORRUPT,
    (story) =>
      story.byBob(
        story.tree(entry("40000", "secure", story.evil()), entry("100644", "a", story.blob("1\n"))),
      ),
  ),
  unreadable(
    155,
    "a name with a slash in it, which is a path below secure/ once it is checked out",
    AS_WRITTEN,
    CORRUPT,
    async (story) =>
      story.byBob(
        story.tree(
          entry("100644", "a", story.blob("1\n")),
          entry("100644", "secure/k", story.blob("EVIL\n")),
        ),
      ),
  ),
  unreadable(156, "a tree that ends in the middle of an id", AS_WRITTEN, CORRUPT, (story) => {
    const whole = Buffer.concat([
      entry("100644", "a", story.blob("1\n")),
      entry("40000", "secure", story.evil()),
    ]);
    return story.byBob(story.tree(whole.subarray(0, -3)));
  }),
  unreadable(157, "a directory that is a file by its id", AS_WRITTEN, UNREADABLE, (story) =>
    story.byBob(
      story.tree(entry("100644", "a", story.blob("1\n")), entry("40000", "secure", story.blob("EVIL\n"))),
    ),
  ),
  unreadable(
    158,
    "a commit whose tree is a file, or another commit",
    AS_WRITTEN,
    UNREADABLE,
    async (story) => {
      await story.byBob(story.blob("no tree\n"));
      await story.refused(UNREADABLE);
      await story.byBob(story.introduction);
    },
  ),
  unreadable(
    159,
    "the tree of the commit before is withheld",
    NOT_THERE,
    MISSING,
    async (story) => {
      const tree = story.tree(
        entry("100644", "a", story.blob("1\n")),
        entry("40000", "secure", story.evil()),
      );
      await story.byBob(tree);
      story.lose(await story.treeAt(story.introduction));
    },
    ["every-commit", "first-parent"],
  ),
  unreadable(
    160,
    "the commit's own tree is withheld",
    NOT_THERE,
    MISSING,
    async (story) => {
      const commit = await story.byBob(story.tree(entry("40000", "secure", story.evil())));
      story.lose(await story.treeAt(commit));
    },
    ALL,
  ),
  unreadable(
    161,
    "one directory below secure/ is withheld, on both sides of a change",
    NOT_THERE,
    MISSING,
    async (story) => {
      const inner = story.tree(
        entry("40000", "more", story.tree(entry("100644", "l", story.blob("EVIL\n")))),
      );
      const commit = await story.byBob(
        story.tree(entry("100644", "a", story.blob("1\n")), entry("40000", "secure", inner)),
      );
      story.lose(await story.treeAt(commit, "secure/more"));
      story.lose(await story.treeAt(story.introduction, "secure/more"));
    },
    ALL,
  ),
  unreadable(162, "the tree of a merge's base is withheld", NOT_THERE, MISSING, async (story) => {
    const { repository, world, introduction } = story;
    const left = await repository.commit({ by: world.bob, files: { b: "2\n" } });
    const right = await repository.commit({
      by: world.bob,
      branch: "side",
      parents: [introduction],
      files: { c: "3\n" },
    });
    await repository.merge({ by: world.bob, parents: [left, right], files: { "secure/k": "EVIL\n" } });
    story.lose(await story.treeAt(introduction));
  }),
  unreadable(
    163,
    "a file that merging again needs is withheld",
    NOT_THERE,
    /^(?:missing-object|corrupt-object|merge-smuggles)$/,
    async (story) => {
      const { repository, world, introduction } = story;
      const left = await repository.commit({ by: world.alice, files: { "secure/k": "good\n2\n" } });
      const right = await repository.commit({
        by: world.bob,
        branch: "side",
        parents: [introduction],
        files: { c: "3\n" },
      });
      await repository.merge({ by: world.bob, parents: [left, right], files: { "secure/k": "EVIL\n" } });
      story.lose(repository.blob(left, "secure/k"));
    },
  ),
  unreadable(
    164,
    "another tree's bytes where the commit's tree should be",
    "Each object is hashed and compared with its id.",
    CORRUPT,
    async (story) => {
      const tree = story.tree(
        entry("100644", "a", story.blob("1\n")),
        entry("40000", "secure", story.evil()),
      );
      await story.byBob(tree);
      const clean = await runOk(
        "git",
        ["-C", story.repository.dir, "cat-file", "tree", await story.treeAt(story.introduction)],
        { env: gitEnv() },
      );
      story.repository.plant(tree, "tree", clean);
    },
    ALL,
  ),
  {
    number: 165,
    name: "a partial clone without trees: git clone --filter=tree:0",
    by: "the server, or the person who clones",
    held: NOT_THERE,
    async run(world) {
      const story = await Story.begin(world);
      const { repository } = story;
      await story.byBob(
        story.tree(entry("100644", "a", story.blob("1\n")), entry("40000", "secure", story.evil())),
      );
      await repository.git("config", "uploadpack.allowFilter", "true");
      const dir = world.world.fresh("partial");
      const args = [
        "clone",
        "--quiet",
        "--bare",
        "--no-local",
        "--filter=tree:0",
        `file://${repository.dir}`,
        dir,
      ];
      await runOk("git", args, { env: gitEnv() });
      const partial = Object.assign(Object.create(repository), { dir }) as WorldRepository;
      await world.denied({ repository: partial, policy: secured(world, story.introduction) }, MISSING);
    },
  },
  unreadable(
    166,
    "an unreadable commit whose change is put back by the next one",
    "Every commit of the way is judged, and not what it comes to.",
    CORRUPT,
    async (story) => {
      const bad = await story.byBob(story.tree(entry("040000", "secure", story.evil())));
      await story.byBob(await story.treeAt(story.introduction), [bad]);
    },
  ),
  {
    number: 167,
    name: "a change on top of an unreadable commit that the goodlist names",
    held: "The goodlist is for the commit that it names: what comes after it cannot be compared, and is refused.",
    async run(world) {
      const story = await Story.begin(world);
      const { repository, introduction } = story;
      const bad = await story.byBob(
        story.tree(entry("040000", "secure", await story.treeAt(introduction, "secure"))),
      );
      const good = secured(world, introduction, "every-commit", [bad]);
      await world.allowed({ repository, policy: good });
      await story.byBob(story.tree(entry("40000", "secure", story.evil())), [bad]);
      await world.denied({ repository, policy: good }, CORRUPT);
    },
  },
  unreadable(
    168,
    "headers of a commit over four mebibytes",
    "A commit over the limits is not read, and so is refused.",
    CORRUPT,
    async (story) => {
      const line = `x-padding ${"x".repeat(5 << 20)}\n`;
      await story.byBob(await story.treeAt(story.introduction), [story.introduction], line);
    },
  ),
  unreadable(
    169,
    "an unreadable root commit, merged",
    "It is judged as every commit that the tip reaches.",
    /corrupt-object/,
    async (story) => {
      const root = await story.byBob(story.tree(entry("040000", "secure", story.evil())), []);
      const tree = story.tree(
        entry("100644", "a", story.blob("1\n")),
        entry("40000", "secure", story.evil()),
      );
      await story.byBob(tree, [story.introduction, root]);
    },
  ),
];

export const unreadableHistories: GitTheme<HistoryWorld> = {
  title: "Histories that cannot be read",
  by: "a person who may write everything but one directory",
  guard: "local/evidence/own-changes.ts, trust/history/judge.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls: [
    {
      name: "the same change in a commit that can be read is refused for its path, and one elsewhere passes",
      async run(world) {
        const { repository, introduction } = await Story.begin(world);
        const policy = secured(world, introduction);
        await repository.commit({ by: world.bob, files: { a: "2\n" } });
        await world.allowed({ repository, policy });
        await repository.commit({ by: world.bob, files: { "secure/k": "EVIL\n" } });
        await world.denied({ repository, policy }, /^outside-paths$/);
      },
    },
    {
      name: "merges of ten sides, and trees written by hand as Git writes them, pass",
      async run(world) {
        const story = await Story.begin(world);
        const { repository, introduction } = story;
        const policy = secured(world, introduction);
        await story.byBob(await story.treeAt(introduction), [introduction, ...(await sides(story, 10))]);
        await world.allowed({ repository, policy });
      },
    },
    {
      name: "an unreadable commit that the goodlist names passes",
      async run(world) {
        const story = await Story.begin(world);
        const { repository, introduction } = story;
        const bad = await story.byBob(story.tree(entry("040000", "secure", story.evil())));
        await world.allowed({ repository, policy: secured(world, introduction, "every-commit", [bad]) });
      },
    },
  ],
  attacks,
};
