/** How every test of reviews begins: a source of alice's whose changes somebody else has to read. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { offences, type Person, type PolicySpec, type World } from "@firstmile/testing/world";
import type { RuleSpec } from "@firstmile/testing/world-policy";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import { publish, reviewOf } from "@firstmile/testing/world-statements";

export const REVIEWED: RuleSpec = { paths: ["**"], write: "writer", review: "reviewer" };

export type Mode = "every-commit" | "first-parent" | "tip";

/** A repository whose introduction the first of these people signed; all of them write and review. */
export async function reviewStory(
  world: World,
  people: readonly [Person, ...Person[]],
  rule: RuleSpec = REVIEWED,
  authenticate: Mode = "every-commit",
) {
  const repository = await world.repository("reviewed");
  const introduction = await repository.commit({ by: people[0], files: { a: "1\n", b: "1\n" } });
  const policy: PolicySpec = {
    people,
    emails: true,
    roles: { reviewer: people },
    sources: { pkgs: { introduction, authenticate, rules: [rule] } },
  };
  const judge = async (tip?: CommitId) =>
    offences(await world.verify({ repository, policy, ...(tip === undefined ? {} : { tip }) }));
  return { repository, introduction, policy, judge };
}

/** Each of them says to have read all that differs between two commits. */
export async function approve(
  repository: WorldRepository,
  from: CommitId,
  to: CommitId,
  ...by: readonly Person[]
): Promise<void> {
  await publish(repository, await reviewOf(repository, from, to), ...by);
}
