/** A file that Git takes for another one's old name: for attacks by what Git carries along a rename. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { expect } from "vitest";
import type { Person, WorldRepository } from "../src/world.ts";
import type { Changes } from "../src/world-repository.ts";
import { EVIL, type HistoryWorld, TEXT } from "./history-world.ts";

export interface Told {
  readonly repository: WorldRepository;
  readonly introduction: CommitId;
}
export type Tell = (world: HistoryWorld) => Promise<Told>;

/** default.nix came with the introduction; one commit before it, old.nix is all there is. */
export async function begin(world: HistoryWorld, target: Changes[string] = TEXT) {
  const { alice: by } = world;
  const repository = await world.repository();
  const before = await repository.commit({ by, files: { "old.nix": "old\n" } });
  const introduction = await repository.commit({
    by,
    files: { "default.nix": target, "docs/index": "index\n" },
  });
  return { repository, before, introduction };
}

interface Bait {
  /** docs/q at first, so that Git takes it for what became default.nix. */
  readonly from?: Changes[string];
  /** What bob makes of docs/q, and what comes of default.nix by that. */
  readonly evil?: Changes[string];
  /** docs/q in the end; null: it stays away. */
  readonly back?: Changes[string];
  /** Where the bait begins: at nothing, or at a commit from before default.nix. */
  readonly start?: "root" | "old";
  readonly swapped?: boolean;
  readonly merger?: (world: HistoryWorld) => Person;
}

/** The four commits, all of them bob's. */
export function bait({
  from = TEXT,
  evil = EVIL,
  back = TEXT,
  start = "root",
  swapped = false,
  merger,
}: Bait = {}): Tell {
  return async (world) => {
    const { bob } = world;
    const { repository, before, introduction } = await begin(world, from);
    const parents = start === "root" ? [] : [before];
    const lure = await repository.commit({ by: bob, branch: "bait", parents, files: { "docs/q": from } });
    const gone = await repository.commit({ by: bob, parents: [introduction, lure], message: "gone\n" });
    const change = await repository.commit({ by: bob, branch: "bait", files: { "docs/q": evil } });
    const sides = [gone, change] as [CommitId, CommitId];
    const made = await repository.merge({
      by: merger?.(world) ?? bob,
      parents: swapped ? [change, gone] : sides,
      files: { "docs/q": back },
    });
    await carried(repository, made, introduction);
    return { repository, introduction };
  };
}

/** Git has done what the attack is about: otherwise there is nothing to refuse. */
async function carried(repository: WorldRepository, merge: CommitId, introduction: CommitId): Promise<void> {
  const at = (commit: CommitId) => repository.git("ls-tree", commit, "default.nix");
  expect(await at(merge)).not.toBe(await at(introduction));
}

/** An octopus of these sides, and what is in default.nix after it. */
export async function octopus(
  world: HistoryWorld,
  sides: (told: Told & { evil: CommitId }) => Promise<readonly CommitId[]>,
) {
  const { bob } = world;
  const { repository, introduction } = await begin(world);
  const lure = await repository.commit({ by: bob, branch: "bait", parents: [], files: { "docs/q": TEXT } });
  const gone = await repository.commit({ by: bob, parents: [introduction, lure] });
  const evil = await repository.commit({ by: bob, branch: "bait", files: { "docs/q": EVIL } });
  const parents = [gone, ...(await sides({ repository, introduction: gone, evil }))];
  await repository.commit({ by: bob, parents, files: { "default.nix": EVIL } });
  return { repository, introduction };
}

export const empty = (world: HistoryWorld, repository: WorldRepository, on: CommitId, branch: string) =>
  repository.commit({ by: world.bob, branch, parents: [on], message: `${branch}\n` });
