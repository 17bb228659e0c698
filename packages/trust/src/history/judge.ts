/**
 * Claim: a commit that passes was signed by people whom the source's rules let write every path that the commit
 * itself changes. Against: anyone without such keys, an allowed person outside their paths, and a merger who
 * hides a change in a merge. Left out: what a permitted writer writes, and whether anybody else read it.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { PrincipalName } from "../policy/names.ts";
import { ruleFor } from "../policy/paths.ts";
import type { Policy, Rule, Source } from "../policy/policy.ts";
import { meets, type Tally } from "../policy/thresholds.ts";
import { type Identities, peopleBehind } from "../signature/identities.ts";
import type { SignatureOutcome } from "../signature/outcome.ts";
import type { CommitCode } from "../verdict/codes.ts";
import type { CommitFacts } from "./facts.ts";

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
}

export const SHOWN_PATHS = 20;

/** Who signed one commit: the principals behind its valid signatures. */
export interface Signers {
  readonly principals: ReadonlySet<PrincipalName>;
  /** Why its own signature does not count, where it does not. */
  readonly refused: DeniedCommit | undefined;
}

/** Principals of the commit's own signature and of co-signatures over it. A refused own signature is never outweighed. */
export function signersOf(
  ownerOf: Identities["ownerOf"],
  commit: CommitFacts,
  cosignatures: readonly SignatureOutcome[],
): Signers {
  return {
    principals: peopleBehind([commit.signature, ...cosignatures], ownerOf),
    refused: refusedSignature(commit),
  };
}

function refusedSignature(commit: CommitFacts): DeniedCommit | undefined {
  const outcome = commit.signature;
  if (outcome.valid) return undefined;
  const remedy = SIGNATURE_REMEDIES[outcome.code];
  return {
    commit: commit.id,
    code: outcome.code,
    message: outcome.message,
    ...(outcome.key === undefined ? {} : { key: outcome.key }),
    ...(remedy === undefined ? {} : { remedy }),
  };
}

const SIGNATURE_REMEDIES: Partial<Record<CommitCode, string>> = {
  unsigned:
    "sign it: git commit --amend -S for the newest commit, git rebase --exec 'git commit --amend --no-edit -S' for more",
  "unknown-key":
    "if this key is somebody's you trust, add it to keys/ and to their [principal] in the trust repository",
  "expired-key":
    "ask its owner to extend it (gpg --quick-set-expire) and put the new certificate into keys/ of the trust repository",
  "revoked-key":
    "its owner withdrew it: choose an introduction after its last commit, signed by a key that is good today",
  "weak-signature":
    "sign again with SHA-256 or better: gpg --digest-algo SHA256, or remove digest-algo from gpg.conf",
};

/** What one source's rules say of a set of people; each question is worked out once. */
export class Writers {
  readonly policy: Policy;
  readonly source: Source;
  private readonly answers = new Map<Rule, Map<string, Tally>>();

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

  unmet(signers: Signers): Rule[] {
    return this.source.rules.filter((rule) => !this.tally(rule, signers).met);
  }
}

/** False where every rule lets these signers write and one covers all, so that paths cannot matter. */
export function needsPaths(writers: Writers, signers: Signers): boolean {
  if (signers.refused) return false;
  return !(coversEverything(writers.source) && writers.unmet(signers).length === 0);
}

function coversEverything(source: Source): boolean {
  return source.rules.some((rule) =>
    rule.paths.some((glob) => glob.segments.length === 0 && glob.below <= 1),
  );
}

/** Judges one commit. `own` undefined: its signers may write anywhere, so its paths were not looked at. */
export function judgeCommit(
  writers: Writers,
  commit: CommitFacts,
  signers: Signers,
  own: OwnChanges | undefined,
): DeniedCommit | undefined {
  const { source } = writers;
  if (signers.refused) return signers.refused;
  if (own === undefined) return undefined;
  const unmet = writers.unmet(signers);
  if (unmet.length === source.rules.length) return inNoRole(writers, commit, signers);
  const outside = own.paths.filter((path) => !mayWrite(source, unmet, path));
  if (outside.length === 0) return undefined;
  return outsidePaths(source, commit, signers, outside, own.merge);
}

function mayWrite(source: Source, unmet: readonly Rule[], path: string): boolean {
  const rule = ruleFor(path, source.rules);
  return rule !== undefined && !unmet.includes(rule);
}

function inNoRole(writers: Writers, commit: CommitFacts, signers: Signers): DeniedCommit {
  const { source } = writers;
  const some = source.rules.some((rule) => writers.tally(rule, signers).counted.length > 0);
  const who = people(signers);
  return {
    ...about(commit, signers),
    code: some ? "too-few-signers" : "not-in-role",
    message: some
      ? `is signed by ${who} alone; every rule of source ${source.name} asks for more people`
      : `is signed by ${who}, whom no rule of source ${source.name} lets write`,
    remedy: some
      ? `another person of the role co-signs it: firstmile cosign REPO ${commit.id.slice(0, 12)}`
      : `have somebody in the role sign the change, or add ${who} to the role in the trust repository`,
  };
}

function outsidePaths(
  source: Source,
  commit: CommitFacts,
  signers: Signers,
  outside: string[],
  merge: boolean,
): DeniedCommit {
  const first = outside[0]!;
  const rule = ruleFor(first, source.rules);
  const needed = rule ? `${writersNamed(rule)} may write it` : "no rule lets anybody write it";
  const more = outside.length > 1 ? ` and ${outside.length - 1} more` : "";
  return {
    ...about(commit, signers),
    code: merge ? "merge-smuggles" : "outside-paths",
    message: merge
      ? `is a merge by ${people(signers)} that changes ${first}${more} beyond what its parents merge to; ${needed}`
      : `changes ${first}${more}, where ${people(signers)} may not write; ${needed}`,
    paths: outside.slice(0, SHOWN_PATHS),
    remedy: merge
      ? "merge again without touching these paths, or make the change in a commit that their writer signs"
      : `have ${rule ? writersNamed(rule) : "somebody that a new rule names"} sign the change to these paths`,
  };
}

function writersNamed(rule: Rule): string {
  return rule.role ? `role ${rule.role}` : `the group of the rule at line ${rule.line} of firstmile.toml`;
}

function about(
  commit: CommitFacts,
  signers: Signers,
): { commit: CommitId; key?: string; principal?: string } {
  const [principal] = signers.principals;
  return {
    commit: commit.id,
    ...(commit.signature.valid ? { key: commit.signature.key } : {}),
    ...(principal === undefined ? {} : { principal }),
  };
}

function people(signers: Signers): string {
  return [...signers.principals].join(" and ") || "nobody the policy names";
}
