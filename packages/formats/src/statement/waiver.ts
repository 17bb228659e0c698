/**
 * `urn:firstmile:waiver:1`: who signs accepts something for now that nobody vouches for yet.
 *
 * Claims: a waiver names what it is for, until when and why; there is none for everything, and none for ever. Leaves
 * out whose waivers count, which rules say, and what time it is.
 */
import type { JsonMembers } from "../dsse/json-members.ts";
import { readStatedNames, type StatedNames, statedNamesJson } from "./names.ts";
import { requireNote } from "./note.ts";
import { checkSourceName, type StatementBody } from "./subject.ts";
import { readTargets, type Target, targetSubjects } from "./target.ts";
import { readTime, timeText } from "./time.ts";

export interface WaiverStatement {
  readonly kind: "waiver";
  /** Sorted, each once; none only where `paths` or `names` say what is meant. */
  readonly targets: readonly Target[];
  /** Globs, as in a policy, over the paths of `source`: whatever content they have. Never beside targets. */
  readonly paths: readonly string[];
  /** Names of directories of `source`: never a change. Undefined: none. Never beside `paths`. */
  readonly names?: readonly StatedNames[] | undefined;
  /** The source that it is for; undefined: any. Always there with `paths` and `names`. */
  readonly source: string | undefined;
  /** Unix seconds, from which on it counts no more. */
  readonly until: number;
  readonly because: string;
}

const MAX_PATHS = 100;
const MAX_GLOB = 1024;

export function readWaiver(statement: JsonMembers): WaiverStatement {
  const targets = readTargets(statement);
  const predicate = statement.object("predicate");
  const paths = predicate.optionalStrings("paths", MAX_PATHS);
  const source = predicate.optionalString("source");
  if (source !== undefined) checkSourceName(predicate, "source", source);
  const names = readStatedNames(predicate);
  checkScope(predicate, targets, paths, names, source);
  const until = readTime(predicate, "until");
  const because = requireNote(predicate, "because");
  predicate.end();
  const said = { kind: "waiver", targets, paths, source, until, because } as const;
  return names.length === 0 ? said : { ...said, names };
}

export function waiverBody(waiver: WaiverStatement): StatementBody {
  const { targets, paths, source, until, because, names = [] } = waiver;
  const scope = {
    ...(paths.length > 0 ? { paths: [...paths] } : {}),
    ...statedNamesJson(names),
    ...(source === undefined ? {} : { source }),
  };
  return { subject: targetSubjects(targets), predicate: { because, until: timeText(until), ...scope } };
}

function checkScope(
  predicate: JsonMembers,
  targets: readonly Target[],
  paths: readonly string[],
  names: readonly StatedNames[],
  source: string | undefined,
): void {
  if ((targets.length + names.length === 0) === (paths.length === 0))
    predicate.fail("paths", "must stand alone: a waiver is for paths, or for subjects and names");
  if (paths.length + names.length > 0 && source === undefined)
    predicate.fail("source", "is missing; a waiver of paths or names needs its source");
  if (names.some(({ kind }) => kind === "change"))
    predicate.fail("names", "hold a change; a waiver must name whole listings");
  if (paths.some((glob) => glob === "" || glob.length > MAX_GLOB))
    predicate.fail("paths", "has an item that is no glob");
  if (paths.some((glob, i) => i > 0 && paths[i - 1]! >= glob))
    predicate.fail("paths", "are not sorted, each once");
}
