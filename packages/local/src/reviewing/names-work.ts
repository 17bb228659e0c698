/**
 * Names that a reader must be shown before the reading counts: the smallest difference for each directory.
 *
 * Claims: a listing is offered as a change only from one that people read, or that is waived where it is open itself;
 * and what is signed says no more than what was shown. Leaves out: which files lie behind the names.
 */

import { listingContent } from "@firstmile/formats/statement/listing";
import type { StatedNames } from "@firstmile/formats/statement/names";
import type { ReviewVerdict } from "@firstmile/formats/statement/review";
import type { PrincipalName } from "@firstmile/trust/policy/names";
import type { JudgedNames, ListingChange, NamesCoverage } from "@firstmile/trust/slice/names-coverage";
import { changeLines, directoryText, namesText, TYPES } from "@firstmile/trust/slice/names-text";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import { answersByDirectory, sortedByPath, wholeNames } from "../slicing/stated-names.ts";

export interface NamesWork {
  readonly judged: JudgedNames;
  /** What it is shown as a change from; undefined: it is shown whole. */
  readonly change: ListingChange | undefined;
  /** To look at: each name is one. */
  readonly lines: number;
}

/** Whether being shown it may lift it. */
export function isOpenNames({ standing: { kind } }: JudgedNames): boolean {
  return kind === "uncovered" || kind === "fresh" || kind === "waived";
}

/** What holds something up before what is only waived for now; then in the order given. */
export function namesWork(judged: readonly JudgedNames[]): NamesWork[] {
  const work = judged.filter(isOpenNames).map((one) => {
    const change = beginningOf(one);
    return { judged: one, change, lines: linesOf(one, change) };
  });
  const isWaived = ({ judged: { standing } }: NamesWork) => (standing.kind === "waived" ? 1 : 0);
  return work.sort((a, b) => isWaived(a) - isWaived(b));
}

/** On what is waived rests only what is let through for now, so what is waived itself is shown whole. */
function beginningOf({ standing, change }: JudgedNames): ListingChange | undefined {
  if (change === undefined || change.gone.length + change.come.length === 0) return undefined;
  if (change.standing.kind === "read") return change;
  return change.standing.kind === "waived" && standing.kind !== "waived" ? change : undefined;
}

function linesOf({ names }: JudgedNames, change: ListingChange | undefined): number {
  if (change) return change.gone.length + change.come.length;
  return names.kind === "listing" ? Math.max(1, names.entries.length) : 1;
}

/** What one person's word would count for. */
export function namesForReader(
  work: readonly NamesWork[],
  coverage: NamesCoverage,
  name: PrincipalName,
): NamesWork[] {
  return work.filter(({ judged }) => coverage.people(judged.names).left.includes(name));
}

/** As a statement says it. What is rejected is named whole. */
export function statedNames(work: readonly NamesWork[], verdict: ReviewVerdict): StatedNames[] {
  const changed = verdict === "approve" ? work.filter(({ change }) => change !== undefined) : [];
  const changes = changed.flatMap(({ judged: { names }, change }): StatedNames[] => {
    if (names.kind !== "listing" || change === undefined) return [];
    const { before, gone, come } = change;
    const after = listingContent(names.entries).sha256;
    return [{ kind: "change", path: names.path, before: before.content.sha256, after, gone, come }];
  });
  const whole = work.filter((one) => !changed.includes(one)).map(({ judged }) => judged.names);
  return sortedByPath([...changes, ...wholeNames(whole)]);
}

/** What is shown: a headline for each directory, and below it what went and came, or all of it. */
export function* namesLines(work: readonly NamesWork[]): Generator<string> {
  const answers = answersByDirectory(work.map(({ judged }) => judged.names));
  for (const one of work) yield* listingLines(one);
  for (const [path, entries] of answers) {
    yield `${directoryText(path)}: ${namesText(entries.length)} that it asks for`;
    for (const entry of entries)
      yield `  ${visiblePath(entry.name)}  ${TYPES[entry.type]}${insteadText(work, path, entry.name)}`;
  }
}

function* listingLines({ judged: { names }, change }: NamesWork): Generator<string> {
  if (names.kind !== "listing") return;
  const where = directoryText(names.path);
  if (change) {
    const count = change.gone.length + change.come.length;
    yield `${where}: ${namesText(count)} ${count === 1 ? "differs" : "differ"} from what ${peopleOf(change)}`;
    for (const line of changeLines(change.gone, change.come)) yield `  ${line}`;
    return;
  }
  yield `${where}: ${namesText(names.entries.length)}`;
  for (const entry of names.entries) yield `  ${entry.type} ${visiblePath(entry.name)}`;
}

function peopleOf({ standing }: ListingChange): string {
  if (standing.kind === "waived") return `${standing.waiver.by.join(" and ")} waived`;
  return standing.kind === "read" ? `${standing.by.join(" and ")} read` : "is published";
}

function insteadText(work: readonly NamesWork[], directory: string, name: string): string {
  const path = directory === "" ? name : `${directory}/${name}`;
  const { instead } =
    work.find(({ judged }) => judged.names.kind === "answer" && judged.names.path === path)?.judged ?? {};
  return instead === undefined ? "" : `, and was ${TYPES[instead]}`;
}
