/**
 * The work of a team: what is left to read, by whom, and who has done their part.
 *
 * Whether one reading suffices is for the rules to say: the people named here are those whose reading would count today.
 */
import type { PrincipalName } from "@firstmile/trust/policy/names";
import type { Rule } from "@firstmile/trust/policy/policy";
import type { PeopleOfFile, SliceCoverage } from "@firstmile/trust/slice/cover";
import type { ReviewWork } from "./work.ts";

export interface QueuedWork extends PeopleOfFile {
  readonly work: ReviewWork;
  readonly rule: Rule | undefined;
  /** The smallest sets of people who would complete it; none: nobody is left who could. */
  readonly completions: readonly (readonly PrincipalName[])[];
}

/** In the order given. */
export function queueOf(work: readonly ReviewWork[], coverage: SliceCoverage): QueuedWork[] {
  return work.map((one) => {
    const { path } = one.files[0]!.file;
    const completions = coverage.completions(path, one.after);
    return { work: one, rule: one.files[0]!.rule, completions, ...coverage.people(path, one.after) };
  });
}

/** How many people have to read it besides those who have; undefined: nobody is left who could. */
export function readersMissing({ completions }: QueuedWork): number | undefined {
  return completions[0]?.length;
}

export interface QueueGroup {
  readonly rule: Rule | undefined;
  /** The same people have read these, and the same are left. */
  readonly queue: readonly QueuedWork[];
}

/** By rule in the order of the policy, then by people; in each the order stays. */
export function groupQueue(queue: readonly QueuedWork[]): QueueGroup[] {
  const groups = Map.groupBy(queue, ({ rule, have, wrote, completions }) =>
    JSON.stringify([rule?.line ?? 0, have, wrote, completions]),
  );
  const found = [...groups.values()].map((same) => ({ rule: same[0]!.rule, queue: same }));
  return found.sort((a, b) => (a.rule?.line ?? 0) - (b.rule?.line ?? 0));
}
