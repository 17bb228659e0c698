/**
 * Whose rejection of a file is listened to: people whom the rule of its path names as readers, today or in any former
 * state of the rules.
 */
import { hearingOf, type Speaker } from "../hearing/hearing.ts";
import type { SourceName } from "../policy/names.ts";
import { ruleFor } from "../policy/paths.ts";
import type { Group, Policy } from "../policy/policy.ts";
import { peopleOf } from "../policy/thresholds.ts";
import type { Rejected } from "../statement/review-index.ts";

/** Where a content is judged. */
export interface RejectedAt {
  readonly policy: Policy;
  readonly source: SourceName;
  readonly path: string;
  /** The readers by the rule of today. */
  readonly by: Group;
}

/** Sorted by name, each once. Empty: no one of those who are listened to says no. */
export function rejecters(said: readonly Rejected[], { policy, source, path, by }: RejectedAt): Speaker[] {
  if (said.length === 0) return [];
  const readers = ({ sources }: Policy) => ruleFor(path, sources.get(source)?.rules ?? [])?.review?.by;
  const spoken = said.flatMap((one) => one.spoken ?? []);
  const speakers = hearingOf(policy).speakers(spoken, readers, by);
  // Where signatures are not told, those behind them are.
  const heard = peopleOf(by, policy);
  const told = said.flatMap((one) => (one.spoken ? [] : [...one.by])).filter((name) => heard.has(name));
  const all = new Map(
    [...speakers, ...told.map((name) => ({ name, doubt: undefined }))].map((one) => [one.name, one]),
  );
  return [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
