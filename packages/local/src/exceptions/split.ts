/** One list of targets as several statements, each of which has room for its part. */
import { renderStatement, type Statement } from "@firstmile/formats/statement/statement";
import { sortedTargets, type Target } from "@firstmile/formats/statement/target";

/** Of a statement, in bytes: well below the limit, so that an envelope has room for many signatures. */
const ROOM = 384 << 10;
/** Targets in one statement. */
const MOST = 4_000;

/** `state` makes a statement of some targets. */
export function split<S extends Statement>(
  targets: readonly Target[],
  state: (targets: readonly Target[]) => S,
): S[] {
  const sorted = sortedTargets(targets);
  const whole = state(sorted);
  if (sorted.length <= MOST && renderStatement(whole).length <= ROOM) return [whole];
  const middle = sorted.length >> 1;
  return [sorted.slice(0, middle), sorted.slice(middle)].flatMap((half) => split(half, state));
}
