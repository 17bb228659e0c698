/**
 * What a merge leaves out of its branches. Its line of first parents shows no change where it keeps its first parent's
 * version, so nothing is brought there; but what was read on a branch is taken back for every reader of the tip.
 *
 * Claim: where a merge itself changes a path, and any person has approved what another parent has there, the way from that
 * version to the merge's is read too. Against: a fix that is dropped by a merge whose first parent never had it. Left
 * out: a merge that Git makes as it is, and what no person has read.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { PrincipalName } from "../policy/names.ts";
import { leadsOnIn, rulesAt } from "../policy/paths.ts";
import type { ReviewRule, Source } from "../policy/policy.ts";
import { partIn } from "./readers.ts";
import type { BroughtChange, Reviews, Step } from "./review.ts";
import type { Unread } from "./unread.ts";

/** A change of one path from what another parent of a merge has there to what the merge has. */
export interface Dropped {
  readonly parent: CommitId;
  readonly change: BroughtChange;
}

/** Those that too few people read; and, under rules that let changes be taken back, the paths that pass unread. */
export function unreadDropped(
  source: Source,
  step: Step,
  reviews: Reviews,
  suffices: (review: ReviewRule) => (readers: ReadonlySet<PrincipalName>) => boolean,
): { readonly unread: readonly Unread[]; readonly free: readonly string[] } {
  const unread: Unread[] = [];
  const free: string[] = [];
  if (source.goodlist.has(step.commit)) return { unread, free };
  for (const { parent, change } of step.dropped ?? []) {
    const { path, before, after } = change;
    const index = reviews.at(step.commit);
    if (!index.isReadTo(path, before)) continue;
    const took = partIn(step, path);
    const readers = index.approvals(path, before, after);
    const have = new Set([...readers].filter((name) => !took.has(name)));
    for (const rule of rulesAt(path, source.rules, leadsOnIn(after?.mode))) {
      const { review } = rule;
      if (review === undefined || suffices(review)(have)) continue;
      if (review.reverts === "free") free.push(path);
      else unread.push({ path, rule, review, have, rejected: [], cause: "dropped", from: parent });
    }
  }
  return { unread, free };
}
