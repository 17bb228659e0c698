/**
 * Whether a source's history can be judged from its commit objects alone, a tenth of the bytes. Claim: with one rule
 * that covers every path, a commit's signers may write all or nothing, so that what it changes cannot matter; the
 * verdict without trees is the one with them, for all modes. Left out: reviews, which are bound to content.
 */
import type { Source } from "../policy/policy.ts";

export function needsOnlyCommits({ rules }: Pick<Source, "rules">): boolean {
  const [rule] = rules;
  if (rules.length !== 1 || rule === undefined || rule.review !== undefined) return false;
  return rule.paths.some(({ segments, below }) => segments.length === 0 && below <= 1);
}
