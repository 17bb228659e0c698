/**
 * What somebody said in one sitting, as statements: one for all that they approved and one for all that they rejected,
 * or as many as the limits of a statement ask for.
 *
 * Claims: a file is named as a change only from the content that it was shown as a change from, and otherwise as read
 * whole. So whoever rests on what was read before loses this too where that is rejected, distrusted or not counted.
 */
import type { ReviewedChange, ReviewStatement, ReviewVerdict } from "@firstmile/formats/statement/review";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import { draftReviews, type SaidOfReview } from "./draft.ts";
import { type GoneFile, removalOf } from "./gone-files.ts";
import { type NamesWork, statedNames } from "./names-work.ts";
import type { ReviewWork } from "./work.ts";

export interface SaidOfWork {
  readonly work: ReviewWork;
  readonly verdict: ReviewVerdict;
  readonly note: string | undefined;
}

/** What holds for all of it; `note` goes before those on single files. */
export type SaidOfSitting = Omit<SaidOfReview, "verdict">;

/** Characters of a note that a statement holds (spec/statements.md). */
const MAX_NOTE = 8192;

/** Names that were shown, all at once. */
export interface SaidOfNames {
  readonly names: readonly NamesWork[];
  /** Files that went away, shown with them. */
  readonly gone?: readonly GoneFile[];
  readonly verdict: ReviewVerdict;
  readonly note: string | undefined;
}

/** Approvals first; names with the first statement of their verdict. Throws `FormatError` as `draftReviews`. */
export function draftSitting(
  said: readonly SaidOfWork[],
  all: SaidOfSitting,
  names?: SaidOfNames,
): ReviewStatement[] {
  return (["approve", "reject"] as const).flatMap((verdict) => {
    const own = said.filter((one) => one.verdict === verdict);
    const shown = names?.verdict === verdict ? statedNames(names.names, verdict) : [];
    const removals = names?.verdict === verdict ? (names.gone ?? []).map(removalOf) : [];
    const first = joined(all.note, names?.verdict === verdict ? names.note : undefined);
    const parts = chunks(own, first);
    if (parts.length === 0 && shown.length + removals.length > 0) parts.push({ some: [], note: first });
    return parts.flatMap(({ some, note }, i) =>
      draftReviews(
        { ...all, verdict, note },
        sortedChanges(some, i === 0 ? removals : []),
        i === 0 ? shown : [],
      ),
    );
  });
}

/** The files of a piece of work, as a statement has them. */
export function changesOf({ files, before, after }: ReviewWork): ReviewedChange[] {
  return files.map(({ file }) => ({ path: file.path, before: before?.content, after }));
}

function sortedChanges(said: readonly SaidOfWork[], removals: readonly ReviewedChange[]): ReviewedChange[] {
  const changes = [...said.flatMap(({ work }) => changesOf(work)), ...removals];
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** As much as one statement's note can tell of. */
function chunks(said: readonly SaidOfWork[], first: string | undefined) {
  const found: { some: SaidOfWork[]; note: string | undefined }[] = [];
  for (const one of said) {
    const last = found.at(-1);
    const note = joined(last ? last.note : first, noteOn(one));
    if (last && (note?.length ?? 0) <= MAX_NOTE) {
      last.some.push(one);
      last.note = note;
    } else found.push({ some: [one], note: last ? noteOn(one) : note });
  }
  return found;
}

/** `pkgs/hello.nix: too clever`. */
function noteOn({ work, note }: SaidOfWork): string | undefined {
  return note === undefined ? undefined : `${visiblePath(work.files[0]!.file.path)}: ${note}`;
}

function joined(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || b === undefined ? (a ?? b) : `${a}\n${b}`;
}
