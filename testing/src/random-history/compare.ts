/** Where the judge lets something in that the model holds against a history. */
import type { Files, RandomHistory } from "./history.ts";
import type { Answer, Denial } from "./judged.ts";
import type { Offence } from "./offences.ts";
import { Provenance } from "./provenance.ts";

/** The codes by which the judge says that a reading is missing, or that one was against it. */
const ABOUT_READING: ReadonlySet<string> = new Set(["not-reviewed", "review-rejected"]);

/** The codes by which the judge says that it cannot know what a commit changes. */
const UNREADABLE: ReadonlySet<string> = new Set(["missing-object", "corrupt-object", "too-many-parents"]);

export interface Hole {
  /** What kind of difference it is, for counting: `unread, octopus`. */
  readonly kind: string;
  readonly offence: Offence;
  /** Whether the tip was allowed; if not, it was denied for something else. */
  readonly allowed: boolean;
}

/** Offences that the judge did not deny, whatever else it denied. */
export function holesIn(history: RandomHistory, offences: readonly Offence[], answer: Answer): Hole[] {
  const missed = [
    ...offences.filter((one) => one.kind !== "unread" && !isDenied(one, answer)),
    ...unreadMissed(offences, answer),
  ];
  return missed.map((offence) => ({ kind: kindOf(history, offence), offence, allowed: answer.allowed }));
}

function isDenied({ kind, commit, path }: Offence, { allowed, denied }: Answer): boolean {
  if (kind === "strays") return !allowed;
  const about = denied.filter((one) => one.commit === commit);
  return kind === "written"
    ? about.some(({ code }) => !ABOUT_READING.has(code))
    : about.some((one) => isAbout(one, path));
}

/** The judge may miss other changes of a path than the model does, but not fewer. */
function unreadMissed(offences: readonly Offence[], { denied }: Answer): Offence[] {
  const unread = offences.filter(({ kind }) => kind === "unread");
  return [...new Set(unread.map(({ path }) => path))].flatMap((path) => {
    const ours = unread.filter((one) => one.path === path);
    const theirs = denied.filter((one) => isAbout(one, path));
    if (theirs.length >= ours.length) return [];
    return ours.filter(({ commit }) => !theirs.some((one) => one.commit === commit)).slice(0, 1);
  });
}

/** One that names no path is about all of them: what the commit brings could not be read. */
function isAbout({ code, paths }: Denial, path: string | undefined): boolean {
  if (!ABOUT_READING.has(code)) return UNREADABLE.has(code);
  return path === undefined || paths.length === 0 || paths.includes(path);
}

/** Says the shape of the commit, and what is special: enough to see which of many differences are one. */
function kindOf(history: RandomHistory, { kind, commit, path, why }: Offence): string {
  const { commits, introduction } = history;
  const { parents, files } = commits[commit]!;
  const { provenance } = Provenance.of(commits, introduction);
  const special: string[] = [];
  if (parents.some((parent) => provenance.isForeign(parent))) special.push("foreign root");
  if (why.endsWith("as it was before")) special.push("taken back");
  const sides = parents.map((parent) => commits[parent]!.files);
  if (path !== undefined && parents.length > 1 && isCarried(sides, files, path))
    special.push("from another path");
  const shape = parents.length > 2 ? "octopus" : parents.length === 2 ? "merge" : "one parent";
  return [kind, shape, ...special].join(", ");
}

/** Whether the file has a line that no parent has at its path, and that one has at another path. */
function isCarried(sides: readonly Files[], files: Files, path: string): boolean {
  const lines = files.get(path)?.lines ?? [];
  return lines.some((line) => {
    const at = sides.flatMap((side) => [...side].filter(([, file]) => file.lines.includes(line)));
    return at.length > 0 && !at.some(([other]) => other === path);
  });
}
