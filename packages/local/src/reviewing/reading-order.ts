/**
 * In which order to read so that coverage rises soonest: what lifts the most lines of the slice for each line read
 * comes first. Where several people have to read something, each reads all of it. Of what lifts alike the shortest
 * comes first, so that the most files are done soonest.
 */
import { type QueuedWork, readersMissing } from "./queue.ts";

export interface ReadingStep {
  readonly queued: QueuedWork;
  /** Lines to read for it, by everybody who has to. */
  readonly lines: number;
  /** To read up to here. */
  readonly read: number;
  /** Lines of the slice that are covered then. */
  readonly covered: number;
}

/** `covered`: lines of the slice that are covered before. What nobody could complete is left out. */
export function readingOrder(queue: readonly QueuedWork[], covered: number): ReadingStep[] {
  const costed = queue.flatMap((queued) => {
    const readers = readersMissing(queued);
    const { lines, wholeLines, files } = queued.work;
    return readers === undefined
      ? []
      : [{ queued, lines: lines * readers, lifts: wholeLines * files.length }];
  });
  // a before b where a lifts more for each line; without dividing, since a change of mode costs none.
  costed.sort((a, b) => b.lifts * a.lines - a.lifts * b.lines || a.lines - b.lines);
  let sums = { read: 0, covered };
  return costed.map(({ queued, lines, lifts }) => {
    sums = { read: sums.read + lines, covered: sums.covered + lifts };
    return { queued, lines, ...sums };
  });
}

/** After how many lines a share of the slice is covered; undefined: not even after all of them. */
export function linesUntil(
  steps: readonly ReadingStep[],
  { covered, all }: { readonly covered: number; readonly all: number },
  percent: number,
): number | undefined {
  const suffices = (lines: number) => lines * 100 >= all * percent;
  if (suffices(covered)) return 0;
  return steps.find((step) => suffices(step.covered))?.read;
}
