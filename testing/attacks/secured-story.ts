/** A repository that bob may write, but for secure/, and trees that he writes by hand: for attacks on unreadable histories. */
import { rmSync } from "node:fs";
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import type { PolicySpec, WorldRepository } from "../src/world.ts";
import { commitTree, entry, type HistoryWorld, type Mode } from "./history-world.ts";

/** Alice and bob write everything, alice alone below secure/. */
export function secured(
  { alice, bob }: HistoryWorld,
  introduction: CommitId,
  authenticate: Mode = "every-commit",
  goodlist: readonly CommitId[] = [],
): PolicySpec {
  return {
    people: [alice, bob],
    roles: { owner: [alice], writer: [alice, bob] },
    sources: {
      pkgs: {
        introduction,
        authenticate,
        signedBy: "owner",
        goodlist,
        rules: [
          { paths: ["**"], write: "writer" },
          { paths: ["/secure/"], write: "owner" },
        ],
      },
    },
  };
}

export class Story {
  readonly world: HistoryWorld;
  readonly repository: WorldRepository;
  readonly introduction: CommitId;

  constructor(world: HistoryWorld, repository: WorldRepository, introduction: CommitId) {
    this.world = world;
    this.repository = repository;
    this.introduction = introduction;
  }

  static async begin(world: HistoryWorld): Promise<Story> {
    const repository = await world.repository();
    const files = { a: "1\n", "secure/k": "good\n", "secure/more/l": "good\n" };
    return new Story(world, repository, await repository.commit({ by: world.alice, files }));
  }

  blob(text: string): ObjectId {
    return this.repository.write("blob", Buffer.from(text));
  }

  tree(...entries: readonly Buffer[]): ObjectId {
    return this.repository.write("tree", Buffer.concat(entries));
  }

  /** secure/ with what bob would like to have there. */
  evil(): ObjectId {
    return this.tree(entry("100644", "k", this.blob("EVIL\n")));
  }

  /** Bob's commit of a tree on top of the introduction. */
  byBob(tree: string, parents: readonly CommitId[] = [this.introduction], headers = ""): Promise<CommitId> {
    return commitTree(this.repository, this.world.bob, tree, parents, { headers });
  }

  lose(id: string): void {
    rmSync(this.repository.objectFile(id));
  }

  async treeAt(commit: CommitId, path = ""): Promise<ObjectId> {
    return (await this.repository.git("rev-parse", `${commit}:${path}`)) as ObjectId;
  }

  /** A rule has no say where nothing is known: under one that lets bob write all, too. */
  async refused(codes: RegExp, mode: Mode = "every-commit"): Promise<void> {
    const { world, repository, introduction } = this;
    await world.denied({ repository, policy: secured(world, introduction, mode) }, codes);
  }
}

/** A merge of so many of bob's own commits, which takes evil along. */
export async function octopus(story: Story, parents: readonly CommitId[]): Promise<CommitId> {
  return story.byBob(
    story.tree(entry("100644", "a", story.blob("1\n")), entry("40000", "secure", story.evil())),
    parents,
  );
}

export async function sides(story: Story, count: number): Promise<CommitId[]> {
  const tree = await story.treeAt(story.introduction);
  const made: CommitId[] = [];
  for (let i = 0; i < count; i++)
    made.push(
      await commitTree(story.repository, story.world.bob, tree, [story.introduction], {
        branch: `side${i}`,
        at: 1_740_000_000 + i,
      }),
    );
  return made;
}
