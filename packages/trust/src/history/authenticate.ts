/**
 * Claim: if this allows a tip, then every commit that the source's mode looks at, from the introduction to the tip,
 * was signed by people who may write what it changes, and nothing reached the tip by another way.
 *
 * Modes. `every-commit`: each commit that the tip reaches and the introduction does not. `first-parent`: the line of
 * first parents, each judged by all that it brings in; side branches are their merger's word. `tip`: the tip alone,
 * judged by all that changed since the introduction.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Policy, Source } from "../policy/policy.ts";
import { meets } from "../policy/thresholds.ts";
import type { Identities } from "../signature/identities.ts";
import type { SignatureOutcome } from "../signature/outcome.ts";
import type { CommitFacts } from "./facts.ts";
import { firstParents, reachable } from "./graph.ts";
import {
  type DeniedCommit,
  judgeCommit,
  needsPaths,
  type OwnChanges,
  type Signers,
  signersOf,
  Writers,
} from "./judge.ts";

/** What is known of a history: facts of each commit between what is accepted already and the tip. */
export interface History {
  readonly tip: CommitId;
  /** Commits between the accepted ones and the tip; the introduction's own facts are among them when asked for. */
  readonly commits: ReadonlyMap<CommitId, CommitFacts>;
  /** Why a commit's bytes could not be used. */
  readonly unusable: ReadonlyMap<CommitId, DeniedCommit>;
  /** The introduction, what was authenticated before under the same rules, and all ancestors of these. */
  readonly isAccepted: (id: CommitId) => boolean;
  /** Accepted, and the introduction or one of its descendants. */
  readonly isIntroduced: (id: CommitId) => boolean;
  readonly cosignatures: ReadonlyMap<CommitId, readonly SignatureOutcome[]>;
}

export interface HistoryVerdict {
  readonly allowed: boolean;
  readonly source: string;
  readonly commit: CommitId;
  /** How many commits were judged now; those accepted before are not among them. */
  readonly checked: number;
  /** Every offending commit, oldest last. */
  readonly denied: readonly DeniedCommit[];
  /** Unix seconds until which no key that this rests on expires; undefined where none does. */
  readonly validUntil: number | undefined;
}

/** The commits that the source's mode judges, and who signed each: step one, before any path is looked at. */
export interface Docket {
  readonly history: History;
  readonly judged: readonly CommitId[];
  readonly signers: ReadonlyMap<CommitId, Signers>;
  /** Those whose own changes have to be known. */
  readonly needPaths: readonly CommitId[];
  /** Faults in the shape of the history itself. */
  readonly faults: readonly DeniedCommit[];
}

/** Lists what has to be judged, and which of it by paths. */
export function openDocket(
  policy: Policy,
  source: Source,
  ownerOf: Identities["ownerOf"],
  history: History,
): Docket {
  const judged = judgedCommits(source, history);
  const writers = new Writers(policy, source);
  const signers = new Map<CommitId, Signers>();
  const needPaths: CommitId[] = [];
  for (const id of judged) {
    const who = signersOf(ownerOf, history.commits.get(id)!, history.cosignatures.get(id) ?? []);
    signers.set(id, who);
    if (needsPaths(writers, who)) needPaths.push(id);
  }
  return { history, judged, signers, needPaths, faults: shapeFaults(source, history) };
}

/** Judges a docket, with the own changes of every commit in `needPaths`. */
export function authenticate(
  policy: Policy,
  source: Source,
  docket: Docket,
  changes: ReadonlyMap<CommitId, OwnChanges>,
): HistoryVerdict {
  const { history, judged, signers } = docket;
  const needed = new Set(docket.needPaths);
  const writers = new Writers(policy, source);
  const denied = [...docket.faults];
  for (const id of judged) {
    const own = needed.has(id) ? (changes.get(id) ?? UNKNOWN_CHANGES) : undefined;
    const fault = judgeCommit(writers, history.commits.get(id)!, signers.get(id)!, own);
    if (fault) denied.push(fault);
  }
  return {
    allowed: denied.length === 0,
    source: source.name,
    commit: history.tip,
    checked: judged.length,
    denied,
    validUntil: earliestExpiry(
      judged.flatMap((id) => [history.commits.get(id)!.signature, ...(history.cosignatures.get(id) ?? [])]),
    ),
  };
}

/** Changes that nobody could read count as everywhere, which no path rule lets anybody write. */
const UNKNOWN_CHANGES: OwnChanges = { paths: ["(paths that could not be read)"], merge: false };

function judgedCommits(source: Source, history: History): CommitId[] {
  if (history.isAccepted(history.tip)) return [];
  switch (source.authenticate) {
    case "tip":
      return history.commits.has(history.tip) ? [history.tip] : [];
    case "first-parent":
    case "every-commit":
      return walked(source, history);
  }
}

/** The commits that the tip reaches on the ways that the mode follows, in the order in which they were read. */
function walked(source: Source, history: History): CommitId[] {
  if (source.authenticate === "first-parent") {
    return firstParents(history.commits, history.tip).filter((id) => !history.isAccepted(id));
  }
  const within = reachable(history.commits, [history.tip]);
  return [...history.commits.keys()].filter((id) => within.has(id) && !history.isAccepted(id));
}

function parentsOf(source: Source, commit: CommitFacts): readonly CommitId[] {
  return source.authenticate === "first-parent" ? commit.parents.slice(0, 1) : commit.parents;
}

/** Commits that are missing or broken, and a tip that does not come from the introduction. */
function shapeFaults(source: Source, history: History): DeniedCommit[] {
  if (history.isIntroduced(history.tip)) return [];
  const edges = walked(source, history).flatMap((id) => parentsOf(source, history.commits.get(id)!));
  const faults = [...new Set([history.tip, ...edges])]
    .filter((id) => !history.isAccepted(id) && !history.commits.has(id))
    .map((id) => history.unusable.get(id) ?? missing(id));
  const arrives = edges.some((id) => history.isIntroduced(id));
  return arrives || faults.length > 0 ? faults : [notADescendant(source, history.tip)];
}

function missing(id: CommitId): DeniedCommit {
  return {
    commit: id,
    code: "missing-object",
    message: "is an ancestor of what was asked for, and the repository does not have it",
    remedy: "fetch the whole history: git fetch --unshallow",
  };
}

function notADescendant(source: Source, tip: CommitId): DeniedCommit {
  return {
    commit: tip,
    code: "not-a-descendant",
    message: `does not descend from the introduction ${source.introduction.commit} of source ${source.name}`,
    remedy: "ask for a commit after the introduction, or introduce the source anew in the trust repository",
  };
}

/** What a later run need not look at again: commits that passed and whose ancestors all did. */
export interface Authenticated {
  /** Descendants of the introduction, and the introduction itself. */
  readonly introduced: readonly CommitId[];
  /** The rest: side branches that began before the introduction. */
  readonly others: readonly CommitId[];
}

/** The part of a judged history that stands on its own, also where the whole was denied. */
export function authenticatedPart(source: Source, docket: Docket, verdict: HistoryVerdict): Authenticated {
  const { history } = docket;
  const bad = new Set(verdict.denied.map((fault) => fault.commit));
  const good = new Map<CommitId, boolean>();
  if (source.authenticate === "tip") return { introduced: verdict.allowed ? docket.judged : [], others: [] };
  for (const id of docket.judged.toReversed()) {
    const parents = parentsOf(source, history.commits.get(id)!);
    if (bad.has(id) || !parents.every((parent) => history.isAccepted(parent) || good.has(parent))) continue;
    good.set(
      id,
      parents.some((parent) => history.isIntroduced(parent) || good.get(parent) === true),
    );
  }
  const split = Map.groupBy(good.keys(), (id) => good.get(id)!);
  return { introduced: split.get(true) ?? [], others: split.get(false) ?? [] };
}

/** The introduction is pinned by id; that its own signer is of the role named guards against a mistaken pin. */
export function judgeIntroduction(
  policy: Policy,
  source: Source,
  ownerOf: Identities["ownerOf"],
  commit: CommitFacts,
): DeniedCommit | undefined {
  const { signedBy } = source.introduction;
  const signers = signersOf(ownerOf, commit, []);
  if (!signers.refused && meets(policy.roles.get(signedBy)!, signers.principals, policy).met)
    return undefined;
  const why = signers.refused?.message ?? "it is signed by somebody else";
  return {
    commit: commit.id,
    code: "introduction-not-vouched",
    message: `is the introduction of source ${source.name}, which role ${signedBy} should have signed: ${why}`,
    remedy: `in [source.${source.name}], choose an introduction that role ${signedBy} signed`,
  };
}

function earliestExpiry(outcomes: readonly SignatureOutcome[]): number | undefined {
  let earliest: number | undefined;
  for (const outcome of outcomes) {
    if (!outcome.valid || outcome.validUntil === undefined) continue;
    if (earliest === undefined || outcome.validUntil < earliest) earliest = outcome.validUntil;
  }
  return earliest;
}
