/** One list of targets as several statements, each of which has room for its part. */
import type { StatedNames } from "@firstmile/formats/statement/names";
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
  return inParts(sortedTargets(targets), state);
}

/** The same of names, sorted by the paths of directories. */
export function splitNames<S extends Statement>(
  names: readonly StatedNames[],
  state: (names: readonly StatedNames[]) => S,
): S[] {
  return inParts(names, state);
}

function inParts<Part, S extends Statement>(
  parts: readonly Part[],
  state: (parts: readonly Part[]) => S,
): S[] {
  const whole = state(parts);
  if (parts.length < 2 || (parts.length <= MOST && renderStatement(whole).length <= ROOM)) return [whole];
  const middle = parts.length >> 1;
  return [parts.slice(0, middle), parts.slice(middle)].flatMap((half) => inParts(half, state));
}
