/**
 * Claim: if this allows a tip, then every commit that the source's mode looks at, from the introduction to the tip,
 * was signed by people who may write what it changes, everything that rules want reviewed was, and nothing reached
 * the tip by another way.
 *
 * Modes. `every-commit`: each commit that the tip reaches and the introduction does not. `first-parent`: the line of
 * first parents, each judged by all that it brings in; side branches are their merger's word. `tip`: the tip alone,
 * judged by all that changed since the introduction.
 */

import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Policy, Source } from "../policy/policy.ts";
import { meets } from "../policy/thresholds.ts";
import { tomlKey } from "../policy/toml-key.ts";
import type { Identities } from "../signature/identities.ts";
import type { SignatureOutcome } from "../signature/outcome.ts";
import type { CommitTable } from "./commit-table.ts";
import type { CommitFacts } from "./facts.ts";
import { reachableRows } from "./graph.ts";
import { type DeniedCommit, judgeCommit, needsPaths, type OwnChanges, Writers } from "./judge.ts";
import { asksForReviews, judgeReviews, type Reviews, type Step, type TakenBack } from "./review.ts";
import { shapeFaults } from "./shape.ts";
import { type Cosignatures, Signatories, type Signers, signersOf } from "./signers.ts";
import type { IsReached } from "./standing.ts";
import { isBlind, tooManyParents, type Unreadable, unreadableCommit } from "./unreadable.ts";

/** What is known of a history: facts of each commit between what is accepted already and the tip. */
export interface History {
  readonly tip: CommitId;
  /** Commits between the accepted ones and the tip, without the introduction. */
  readonly commits: CommitTable;
  /** Why a commit's bytes could not be used. */
  readonly unusable: ReadonlyMap<CommitId, DeniedCommit>;
  /** The introduction, what was authenticated before under the same rules, and all ancestors of these. */
  readonly isAccepted: (id: CommitId) => boolean;
  /** An ancestor of the introduction, or itself, that a commit of the table has for a parent. */
  readonly isBefore: (id: CommitId) => boolean;
  /** Accepted, and the introduction or one of its descendants. */
  readonly isIntroduced: (id: CommitId) => boolean;
  /** Has no ancestor in common with the introduction: see foreign.ts. */
  readonly isForeign: (id: CommitId) => boolean;
  readonly cosignatures: Cosignatures;
  /** What is old, for keys that root retired after some commits. */
  readonly isReached: IsReached;
}

export interface HistoryVerdict {
  readonly allowed: boolean;
  readonly source: string;
  readonly commit: CommitId;
  /** How many commits were judged now; those accepted before are not among them. */
  readonly checked: number;
  /** Every offending commit, oldest last. */
  readonly denied: readonly DeniedCommit[];
  /** Commits that root accepted by the source's goodlist, in spite of what speaks against them. */
  readonly goodlisted: readonly CommitId[];
  /** Changes back to earlier versions that a rule lets pass unread; absent where there are none. */
  readonly takenBack?: readonly TakenBack[];
  /** Unix seconds until which no key that this rests on expires; undefined where none does. */
  readonly validUntil: number | undefined;
}

/** What the source's mode judges, and who signed each: step one, before any path is looked at. */
export interface Docket {
  readonly history: History;
  /** Rows of the table. */
  readonly judged: readonly number[];
  readonly signatories: Signatories;
  readonly writers: Writers;
  /** Those whose own changes have to be known. */
  readonly needPaths: readonly CommitId[];
  /** The line on which reviews are asked for, tip first; empty where no rule asks for any. */
  readonly line: readonly CommitId[];
  /** Faults in the shape of the history itself. */
  readonly faults: readonly DeniedCommit[];
}

/** What had to be read from trees. */
export interface Contents {
  /** Of every commit of the docket's `needPaths`. */
  readonly own: ReadonlyMap<CommitId, OwnChanges | Unreadable>;
  /** One for each commit of the docket's line, oldest first. */
  readonly steps: readonly Step[];
  readonly reviews: Reviews;
  /** Commits whose changes could not be read, beside those of `own`. */
  readonly unreadable: ReadonlyMap<CommitId, Unreadable>;
}

/** Lists what has to be judged, and which of it by paths. */
export function openDocket(
  policy: Policy,
  source: Source,
  identities: Pick<Identities, "ownerOf" | "lives">,
  history: History,
): Docket {
  const { commits, cosignatures, isReached } = history;
  const judged = judgedRows(source, history);
  const writers = new Writers(policy, source);
  const signatories = new Signatories(commits, identities, cosignatures, isReached);
  const needing = new Map<Signers, boolean>();
  const needPaths: CommitId[] = [];
  const reviewed = asksForReviews(source);
  for (const row of judged) {
    const signers = signatories.of(row);
    const cosigned = reviewed && cosignatures.has(commits.idAt(row));
    const needs = needing.get(signers) ?? needsPaths(writers, signers, cosigned);
    needing.set(signers, needs);
    if (needs && !source.goodlist.has(commits.idAt(row))) needPaths.push(commits.idAt(row));
  }
  const line = reviewed ? reviewedLine(source, history) : [];
  return { history, judged, signatories, writers, needPaths, line, faults: shapeFaults(source, history) };
}

/** Judges a docket, with what its commits change. */
export function authenticate(
  policy: Policy,
  source: Source,
  docket: Docket,
  contents: Contents,
): HistoryVerdict {
  const { history, judged } = docket;
  const { denied, goodlisted } = judgeWriters(source, docket, contents);
  const takenBack: TakenBack[] = [];
  const reviewed = judgeReviews(policy, source, contents.steps, contents.reviews, (one) =>
    takenBack.push(one),
  );
  const told = new Set(denied.map(({ commit }) => commit));
  const unread = [...contents.unreadable]
    .filter(([id]) => !source.goodlist.has(id) && !told.has(id))
    .map(([id, why]) => unreadableCommit(id, why));
  // A person cannot review what cannot be read.
  const blind = new Set([...denied, ...unread].flatMap(({ commit, code }) => (isBlind(code) ? commit : [])));
  const lacking = reviewed.filter(({ commit }) => !blind.has(commit));
  const all = [...docket.faults, ...denied, ...unread, ...lacking];
  return {
    allowed: all.length === 0,
    source: source.name,
    commit: history.tip,
    checked: judged.length,
    denied: all,
    goodlisted,
    ...(takenBack.length > 0 ? { takenBack } : {}),
    validUntil: earliestExpiry(docket),
  };
}

function judgeWriters(source: Source, docket: Docket, contents: Contents) {
  const { history, judged, signatories, writers } = docket;
  const needed = new Set(docket.needPaths);
  const denied: DeniedCommit[] = [];
  const goodlisted: CommitId[] = [];
  for (const row of judged) {
    const id = history.commits.idAt(row);
    const own = needed.has(id) ? ownOf(contents, id) : undefined;
    const tooMany = tooManyParents(history.commits.parentCount(row));
    const fault = judgeCommit(writers, id, signatories.of(row), tooMany ?? own);
    if (fault) denied.push(fault);
    if (source.goodlist.has(id)) goodlisted.push(id);
  }
  return { denied, goodlisted };
}

/** The reader of the trees answers for each commit; a missing answer must not pass for "nothing changed". */
function ownOf({ own }: Contents, id: CommitId): OwnChanges | Unreadable {
  return own.get(id) ?? { unreadable: "missing-object", problem: "its trees were not read" };
}

function judgedRows(source: Source, { commits, tip, isAccepted }: History): number[] {
  if (isAccepted(tip)) return [];
  const fresh = (row: number) => commits.holds(row) && !isAccepted(commits.idAt(row));
  if (source.authenticate === "tip") return [commits.row(tip)].filter((row) => row >= 0 && fresh(row));
  if (source.authenticate === "first-parent") return lineRows(commits, tip).filter(fresh);
  const within = reachableRows(commits, [commits.row(tip)]);
  return [...commits.childrenFirst()].filter((row) => within[row] === 1 && fresh(row));
}

/** Tip first, then each first parent, as far as there are facts. */
function lineRows(commits: CommitTable, tip: CommitId): number[] {
  const line: number[] = [];
  const seen = new Set<number>();
  for (let row = commits.row(tip); row >= 0 && commits.holds(row) && !seen.has(row); ) {
    line.push(row);
    seen.add(row);
    row = commits.parentCount(row) > 0 ? commits.parentRow(row, 0) : -1;
  }
  return line;
}

function reviewedLine(source: Source, { commits, tip, isAccepted }: History): CommitId[] {
  if (isAccepted(tip)) return [];
  const line = lineRows(commits, tip).map((row) => commits.idAt(row));
  return source.authenticate === "tip" ? line.slice(0, 1) : line.filter((id) => !isAccepted(id));
}

/** The introduction is pinned by id; that its own signer is of the role named guards against a mistaken pin. */
export function judgeIntroduction(
  policy: Policy,
  source: Source,
  ownerOf: Identities["ownerOf"],
  { id, signature }: Pick<CommitFacts, "id" | "signature">,
  cosignatures: readonly SignatureOutcome[],
): DeniedCommit | undefined {
  const { signedBy } = source.introduction;
  // Whatever became of a key since: the commit is pinned, so who signed it then is all that is asked.
  const counted = [signature, ...cosignatures].map((outcome) =>
    outcome.valid ? outcome : (outcome.lapsed ?? outcome),
  );
  const signers = signersOf(ownerOf, counted[0]!, counted.slice(1));
  const group = signedBy === undefined ? undefined : policy.roles.get(signedBy);
  if (!signers.final && group && meets(group, signers.principals, policy).met) return undefined;
  const why = signers.refused?.message ?? "it is signed by somebody else";
  return {
    commit: id,
    code: "introduction-not-vouched",
    message: `is the introduction of source ${source.name}, which role ${signedBy} should have signed: ${why}`,
    remedy: `in [source.${tomlKey(source.name)}], choose an introduction that role ${signedBy} signed`,
  };
}

function earliestExpiry({ history, judged }: Docket): number | undefined {
  const { commits, cosignatures } = history;
  const outcomes = new Set<SignatureOutcome>([...cosignatures.values()].flat());
  for (const row of judged) outcomes.add(commits.outcomeAt(row));
  const times = [...outcomes].map((outcome) => (outcome.valid ? outcome.validUntil : undefined));
  return times.reduce((a, b) => (a === undefined || (b !== undefined && b < a) ? b : a), undefined);
}
