/** What is told of changes that a rule wants read, and that too few people have read. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { doubtIn, type Speaker } from "../hearing/hearing.ts";
import type { PrincipalName } from "../policy/names.ts";
import type { Policy, ReviewRule, Rule, Source } from "../policy/policy.ts";
import { meets } from "../policy/thresholds.ts";
import { doubtText } from "../slice/distrust.ts";
import { visiblePath } from "../slice/visible-path.ts";
import { type DeniedCommit, SHOWN_PATHS } from "./judge.ts";
import { partIn, type UnreadCause } from "./readers.ts";
import type { Step } from "./review.ts";

export interface Unread {
  readonly path: string;
  readonly rule: Rule;
  readonly review: ReviewRule;
  /** Who read it and counts. */
  readonly have: ReadonlySet<PrincipalName>;
  /** Content that a person of the group rejected does not pass as long as the path has it. */
  readonly rejected: readonly Speaker[];
  readonly cause?: UnreadCause;
  /** The parent that a merge is to be compared with, where that is another one than the first. */
  readonly from?: CommitId;
}

/** One denial for all that a commit brings unread; one of a rejection, where there is any. */
export function unreadDenial(
  policy: Policy,
  source: Source,
  step: Step,
  unread: readonly Unread[],
): DeniedCommit {
  const rejected = unread.find((one) => one.rejected.length > 0);
  const first = rejected ?? unread[0]!;
  const paths = [...new Set(unread.map(({ path }) => path))];
  const more = paths.length > 1 ? ` and ${paths.length - 1} more` : "";
  const common = { commit: step.commit, paths: paths.slice(0, SHOWN_PATHS) };
  if (rejected) {
    const who = rejected.rejected.map(({ name }) => name).join(" and ");
    return {
      ...common,
      code: "review-rejected",
      message: `brings ${visiblePath(first.path)}, which ${who} rejected as it is${doubtText(doubtIn(rejected.rejected))}`,
      remedy: "change what was rejected; the review says why",
    };
  }
  return {
    ...common,
    code: "not-reviewed",
    message: `brings changes to ${visiblePath(first.path)}${more} that ${lackingText(policy, first)}${causeText(first)}`,
    remedy: remedyText(policy, source, step, first),
  };
}

function lackingText(policy: Policy, { review, rule, have }: Unread): string {
  const group = review.role ? `role ${review.role}` : `the group of the rule at line ${rule.line}`;
  const { counted } = meets(review.by, have, policy);
  const asked = review.role
    ? `role ${review.role} has not read`
    : `the reviewers of the rule at line ${rule.line} of firstmile.toml have not read`;
  return counted.length > 0 ? `only ${counted.join(" and ")} of ${group} has read` : asked;
}

/** Why reviews that people may have written do not cover it. */
function causeText({ path, cause }: Unread): string {
  return cause === undefined ? "" : `. ${CAUSES[cause](visiblePath(path))}`;
}

const CAUSES: Record<UnreadCause, (path: string) => string> = {
  carried: (path) =>
    `Git follows a rename or a copy to decide ${path}, so the merge itself changes it: reviews of the merged branches do not cover that`,
  own: (path) => `The merge itself changes ${path}: reviews of the merged branches do not cover that`,
  "unknown-side": () =>
    "Its parents merged each other before, or have no commit in common: reviews of the merged branches do not cover that",
  "off-line": (path) =>
    `The merged branch begins with a version of ${path} that its first parent never had, so reviews of the branch do not cover it`,
  dropped: (path) =>
    `The merge leaves out what a merged branch did to ${path}, and that is a change like any other`,
  "taken-back": (path) => `It gives ${path} an earlier version again, and that is a change like any other`,
};

function remedyText(
  policy: Policy,
  source: Source,
  step: Step,
  { review, have, path, cause, from }: Unread,
): string {
  const took = partIn(step, path);
  const sets = meets(review.by, have, policy)
    .completions.filter((people) => people.every((name) => !took.has(name)))
    .map((people) => people.join(" and "));
  const who = sets.length > 0 ? sets.join(", or ") : "a person who had no part in it";
  const isPlain = cause === undefined || cause === "taken-back" || cause === "dropped";
  const what = isPlain ? "reads it" : "reads the merge itself";
  const start = source.authenticate === "tip" ? source.introduction.commit : from;
  const base = start === undefined ? "" : `${start.slice(0, 12)}..`;
  return `${who} ${what}: firstmile review REPO ${base}${step.commit.slice(0, 12)}`;
}
