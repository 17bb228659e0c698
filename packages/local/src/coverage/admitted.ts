/** What the machine's gate has admitted, as parts to be counted. Asked of the gate, and judged by whoever asks. */
import { join } from "node:path";
import { decideDownloads } from "@firstmile/trust/handoff/decide";
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import type { SourceName } from "@firstmile/trust/policy/names";
import type { AdmittedSlices } from "../gate/admitted-slices.ts";
import { readDownload } from "../gate/ledger.ts";
import { gatherHandoffs } from "../handoff/evidence.ts";
import type { JudgedDownload } from "../slicing/downloads.ts";
import type { StatementPlace } from "../statements/place.ts";
import { unreadableReason } from "../statements/unread.ts";
import { type CoveredPart, joined, judgedPart } from "./parts.ts";

export interface AdmittedQuestion {
  readonly policy: ResolvedPolicy;
  readonly statements: readonly StatementPlace[];
  /** Unix seconds. */
  readonly now: number;
}

export interface AdmittedParts {
  readonly parts: readonly CoveredPart[];
  readonly downloads: readonly JudgedDownload[];
  /** Sources with admissions of which only commits are judged, or that the rules do not have any more. */
  readonly others: readonly string[];
}

/** Throws `RepositoryError`. */
export async function admittedParts(
  { slices, bySignature, downloads, sources }: AdmittedSlices,
  question: AdmittedQuestion,
): Promise<AdmittedParts> {
  const { policy } = question;
  const parts: CoveredPart[] = [];
  const others = new Set(bySignature);
  for (const noted of joined(slices)) {
    const source = policy.sources.get(noted.source as SourceName);
    if (source?.authenticate !== "slice") {
      others.add(noted.source);
      continue;
    }
    const repository = join(sources, `${source.name}.git`);
    const { part } = await judgedPart({ ...question, repository, source }, noted);
    parts.push({ ...part, downloads: [] });
  }
  return { parts, downloads: await judgedAll(downloads, question), others: [...others].sort() };
}

async function judgedAll(
  texts: readonly string[],
  { policy, statements, now }: AdmittedQuestion,
): Promise<JudgedDownload[]> {
  const downloads = texts.flatMap((text) => readDownload(text) ?? []);
  const gathered = await gatherHandoffs(policy, statements, now);
  const unreadable = unreadableReason(gathered.broken);
  if (unreadable) return downloads.map((download) => ({ download, reason: unreadable }));
  const reasons = decideDownloads(gathered.policy, downloads, gathered.handoffs, { ...gathered, now });
  return downloads.map((download, i) => ({ download, reason: reasons[i]! }));
}
