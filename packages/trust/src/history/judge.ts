/**
 * Claim: a commit that passes was signed by people whom the source's rules let write every path that the commit
 * itself changes, or is named in the source's goodlist. Against: anyone without such keys, an allowed person outside
 * their paths, and a merger who hides a change in a merge. Left out: what a permitted writer writes, and whether
 * anybody else read it (see review.ts).
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { rulesAt } from "../policy/paths.ts";
import type { Policy, Rule, Source } from "../policy/policy.ts";
import { meets, type Tally } from "../policy/thresholds.ts";
import { visiblePath } from "../slice/visible-path.ts";
import type { CommitCode } from "../verdict/codes.ts";
import type { Signers } from "./signers.ts";
import { isUnreadable, type Unreadable, unreadableCommit } from "./unreadable.ts";

/** One offending commit and why. */
export interface DeniedCommit {
  readonly commit: CommitId;
  readonly code: CommitCode;
  readonly message: string;
  /** The key that signed or claims to have signed. */
  readonly key?: string;
  readonly principal?: string;
  /** The paths it concerns, at most `SHOWN_PATHS` of them. */
  readonly paths?: readonly string[];
  readonly remedy?: string;
}

/** The paths that a commit itself changes (see trees.ts), and whether it is a merge that adds its own. */
export interface OwnChanges {
  readonly paths: readonly string[];
  readonly merge: boolean;
  /** Those where a symbolic link or a submodule is now. Absent: none. */
  readonly leadingOn?: ReadonlySet<string>;
  /** Of a merge: those that are as Git merges them, and not as it would merge each path by itself. */
  readonly carried?: readonly string[];
  /** A merge with parents of another history, whose content counts as its own. */
  readonly foreign?: boolean;
}

export const SHOWN_PATHS = 20;

/** What is wrong with the own signature of a commit that nobody else's word helps. */
export function refusedSignature(commit: CommitId, { refused }: Signers): DeniedCommit | undefined {
  if (!refused) return undefined;
  const remedy = SIGNATURE_REMEDIES[refused.code];
  return {
    commit,
    code: refused.code,
    message: refused.message,
    ...(refused.key === undefined ? {} : { key: refused.key }),
    ...(remedy === undefined ? {} : { remedy }),
  };
}

const SIGNATURE_REMEDIES: Partial<Record<CommitCode, string>> = {
  unsigned:
    "sign it: git commit --amend -S for the newest commit, git rebase --exec 'git commit --amend --no-edit -S' for more; or writers sign it as it is: firstmile cosign",
  "unknown-key":
    "if this key is somebody's you trust, add it to keys/ and to their [principal] in the trust repository",
  "expired-key":
    'ask its owner to extend it (gpg --quick-set-expire), or let it count in its time: retired = { after = "ITS LAST COMMIT" } for this key in the trust repository',
  "revoked-key":
    'if its owner withdrew it without harm, say up to where it counts: retired = { after = "ITS LAST COMMIT" } for this key in the trust repository',
  "retired-key":
    "its owner signs again with the new key; if it is older than its retirement, name its commit in after as well",
  "compromised-key":
    "writers with other keys vouch for it, after reading it: firstmile cosign; or root names it in the source's goodlist",
  "not-logged": "sign again after: git config gitsign.rekorMode offline",
  "weak-signature":
    "sign again with SHA-256 or better: gpg --digest-algo SHA256, or remove digest-algo from gpg.conf",
};

/** What one source's rules say of a set of people; each question is worked out once. */
export class Writers {
  readonly policy: Policy;
  readonly source: Source;
  private readonly answers = new Map<Rule, Map<string, Tally>>();
  private readonly refusing = new Map<Signers, readonly Rule[]>();

  constructor(policy: Policy, source: Source) {
    this.policy = policy;
    this.source = source;
  }

  tally(rule: Rule, { principals }: Signers): Tally {
    const key = [...principals].sort().join(" ");
    const known = this.answers.get(rule) ?? new Map<string, Tally>();
    this.answers.set(rule, known);
    const answer = known.get(key) ?? meets(rule.write, principals, this.policy);
    known.set(key, answer);
    return answer;
  }

  /** The rules that these people do not meet. */
  unmet(signers: Signers): readonly Rule[] {
    const known = this.refusing.get(signers);
    if (known) return known;
    const unmet = this.source.rules.filter((rule) => !this.tally(rule, signers).met);
    this.refusing.set(signers, unmet);
    return unmet;
  }
}

/**
 * False where paths cannot matter: no rule lets these signers write, or every rule does and one covers all. `cosigned`: where
 * reviews are asked for, it depends on the paths which of several signers were needed.
 */
export function needsPaths(writers: Writers, signers: Signers, cosigned = false): boolean {
  if (signers.final) return false;
  if (cosigned && signers.principals.size > 1) return true;
  const unmet = writers.unmet(signers).length;
  if (unmet === writers.source.rules.length) return false;
  return !(coversEverything(writers.source) && unmet === 0);
}

/** Whether one rule is for every path there can be. */
export function coversEverything(source: Source): boolean {
  return source.rules.some((rule) =>
    rule.paths.some((glob) => glob.segments.length === 0 && glob.below <= 1),
  );
}

/** Judges one commit. `own` undefined: its paths cannot matter (`needsPaths`), so they were not looked at. */
export function judgeCommit(
  writers: Writers,
  commit: CommitId,
  signers: Signers,
  own: OwnChanges | Unreadable | undefined,
): DeniedCommit | undefined {
  const { source } = writers;
  if (source.goodlist.has(commit)) return undefined;
  if (signers.final) return refusedSignature(commit, signers);
  const unmet = writers.unmet(signers);
  if (unmet.length === source.rules.length) return inNoRole(writers, commit, signers);
  if (own === undefined) return undefined;
  if (isUnreadable(own)) return unreadableCommit(commit, own);
  const outside = own.paths.filter((path) => !mayWrite(source, unmet, path, own));
  if (outside.length === 0) return undefined;
  const isCarried = own.carried?.includes(outside[0]!) === true;
  return isCarried
    ? carriedPaths(writers, commit, signers, outside, own)
    : outsidePaths(writers, commit, signers, outside, own);
}

function mayWrite(source: Source, unmet: readonly Rule[], path: string, own: OwnChanges): boolean {
  const rules = rulesFor(source, path, own);
  return rules.length > 0 && rules.every((rule) => !unmet.includes(rule));
}

/** All that must be met for a path that a commit changes. */
export function rulesFor({ rules }: Source, path: string, { leadingOn }: OwnChanges): Rule[] {
  return rulesAt(path, rules, leadingOn?.has(path));
}

function inNoRole(writers: Writers, commit: CommitId, signers: Signers): DeniedCommit {
  const { source } = writers;
  const some = source.rules.some((rule) => writers.tally(rule, signers).counted.length > 0);
  const who = people(signers);
  return {
    ...about(commit, signers),
    code: some ? "too-few-signers" : "not-in-role",
    message: some
      ? `is signed by ${who} alone; every rule of source ${source.name} asks for more people${unheard(signers)}`
      : `is signed by ${who}, whom no rule of source ${source.name} lets write${unheard(signers)}`,
    remedy: some
      ? `another person of the role co-signs it: firstmile cosign REPO ${commit.slice(0, 12)}`
      : `have somebody in the role sign the change, or add ${who} to the role in the trust repository`,
  };
}

function outsidePaths(
  writers: Writers,
  commit: CommitId,
  signers: Signers,
  outside: string[],
  own: OwnChanges,
): DeniedCommit {
  const { merge, foreign = false } = own;
  const first = outside[0]!;
  const rule = unmetRule(writers, signers, first, own);
  if (rule && !merge && writers.tally(rule, signers).counted.length > 0)
    return tooFew(writers, rule, commit, signers, outside);
  const needed = rule ? `${writersNamed(rule)} may write it` : "no rule lets anybody write it";
  const more = outside.length > 1 ? ` and ${outside.length - 1} more` : "";
  return {
    ...about(commit, signers),
    code: merge ? "merge-smuggles" : "outside-paths",
    message: merge
      ? `is a merge by ${people(signers)} that changes ${visiblePath(first)}${more} beyond what its parents merge to${foreign ? FOREIGN : ""}; ${needed}`
      : `changes ${visiblePath(first)}${more}, where ${people(signers)} may not write; ${needed}`,
    paths: outside.slice(0, SHOWN_PATHS),
    remedy: merge
      ? "merge again without touching these paths, or make the change in a commit that their writer signs"
      : `have ${rule ? writersNamed(rule) : "somebody that a new rule names"} sign the change to these paths`,
  };
}

/** The one that keeps a path from them, of those that hold there; undefined where none holds. */
function unmetRule(writers: Writers, signers: Signers, path: string, own: OwnChanges): Rule | undefined {
  const unmet = writers.unmet(signers);
  return rulesFor(writers.source, path, own).find((rule) => unmet.includes(rule));
}

/** Merging again would give the same: only another signature helps, or a branch that changes the path itself. */
function carriedPaths(
  writers: Writers,
  commit: CommitId,
  signers: Signers,
  outside: string[],
  own: OwnChanges,
): DeniedCommit {
  const rule = unmetRule(writers, signers, outside[0]!, own);
  const more = outside.length > 1 ? ` and ${outside.length - 1} more` : "";
  const needed = rule ? `${writersNamed(rule)} may write it` : "no rule lets anybody write it";
  const rebase = "rebase the branch onto the other one, so that its own commits change these paths";
  return {
    ...about(commit, signers),
    code: "merge-smuggles",
    message: `is a merge by ${people(signers)} in which Git follows a rename or a copy to decide ${visiblePath(outside[0]!)}${more}. The merge itself changes what it decides there; ${needed}`,
    paths: outside.slice(0, SHOWN_PATHS),
    remedy: rule
      ? `${writersNamed(rule)} reads the merge and co-signs it: firstmile cosign REPO ${commit.slice(0, 12)}; or ${rebase}`
      : `add a rule for them to source ${writers.source.name} in the trust repository`,
  };
}

const FOREIGN =
  " (a parent has no commit in common with the introduction, so all that is taken from it counts as the merge's own change)";

/** Some of those who may write the path signed, and not enough of them. */
function tooFew(
  writers: Writers,
  rule: Rule,
  commit: CommitId,
  signers: Signers,
  outside: string[],
): DeniedCommit {
  const { counted, completions } = writers.tally(rule, signers);
  const others = completions.map((people) => people.join(" and ")).join(", or ") || "another of them";
  return {
    ...about(commit, signers),
    code: "too-few-signers",
    message: `changes ${visiblePath(outside[0]!)}, for which of ${writersNamed(rule)} only ${counted.join(" and ")} signed${unheard(signers)}`,
    paths: outside.slice(0, SHOWN_PATHS),
    remedy: `${others} co-signs it: firstmile cosign REPO ${commit.slice(0, 12)}`,
  };
}

function writersNamed(rule: Rule): string {
  return rule.role ? `role ${rule.role}` : `the group of the rule at line ${rule.line} of firstmile.toml`;
}

function about(
  commit: CommitId,
  { key, principals }: Signers,
): Pick<DeniedCommit, "commit" | "key" | "principal"> {
  const [principal] = principals;
  return {
    commit,
    ...(key === undefined ? {} : { key }),
    ...(principal === undefined ? {} : { principal }),
  };
}

/** Where others signed and its own signature is worth nothing. */
function unheard({ refused }: Signers): string {
  return refused ? ` (its own signature does not count: it ${refused.message})` : "";
}

function people({ principals }: Signers): string {
  return [...principals].join(" and ") || "nobody the policy names";
}
