/**
 * Which files' waivers end when: an order in which they can be read. Directories stay together, since whoever reads one
 * file reads its neighbours; those of which least is read come first, which are packages' own, and those that everything
 * shares last. Steps hold about as many lines each.
 */
import type { SliceFile } from "@firstmile/trust/slice/file";
import { directoryOf, type SliceNames } from "@firstmile/trust/slice/names";

/** A file that is waived, and how much there is to read of it. */
export interface AdoptedFile {
  readonly source: string;
  readonly file: SliceFile;
  readonly lines: number;
}

export interface Step {
  /** From 1. */
  readonly number: number;
  /** Unix seconds, a day's beginning. */
  readonly until: number;
  readonly files: readonly AdoptedFile[];
  /** Waived with them: what names told of the directories that these files are in. */
  readonly names: readonly AdoptedNames[];
}

/** A listing, or an answer about a name, that is waived. */
export interface AdoptedNames {
  readonly source: string;
  readonly names: SliceNames;
}

export interface Pace {
  readonly steps: number;
  readonly months: number;
  /** Unix seconds. */
  readonly now: number;
}

const DAY = 86_400;
const MONTH = 30.4375 * DAY;
/** In days: no waiver is for longer than a year. */
const LONGEST = 366;

/** Every file once, and what names told with the files beside them or last; steps without any files are left out. */
export function inSteps(
  files: readonly AdoptedFile[],
  { steps, months, now }: Pace,
  names: readonly AdoptedNames[] = [],
): Step[] {
  const total = files.reduce((sum, { lines }) => sum + weight(lines), 0);
  const made = Array.from({ length: steps }, (): AdoptedFile[] => []);
  let done = 0;
  for (const directory of directories(files)) {
    const size = directory.reduce((sum, { lines }) => sum + weight(lines), 0);
    // By its middle, so that a large directory goes where most of it belongs.
    const place = total === 0 ? 0 : Math.floor(((done + size / 2) / total) * steps);
    made[Math.min(place, steps - 1)]!.push(...directory);
    done += size;
  }
  const used = made.flatMap((own, i) => (own.length === 0 ? [] : [{ number: i + 1, files: own }]));
  // Where no file is left to waive, names are all there is.
  if (used.length === 0 && names.length > 0) used.push({ number: steps, files: [] });
  const withFiles = new Map(used.flatMap((step) => step.files.map((file) => [placeOf(file), step.number])));
  const stepOf = (one: AdoptedNames) => withFiles.get(placeOfNames(one)) ?? used.at(-1)!.number;
  return used.map(({ number, files: own }) => ({
    number,
    until: endOf(number, { steps, months, now }),
    files: own,
    names: names.filter((one) => stepOf(one) === number),
  }));
}

function placeOf({ source, file }: AdoptedFile): string {
  return `${source}\0${directoryOf(file.path)}`;
}

function placeOfNames({ source, names }: AdoptedNames): string {
  return `${source}\0${names.kind === "listing" ? names.path : directoryOf(names.path)}`;
}

function endOf(number: number, { steps, months, now }: Pace): number {
  const days = Math.ceil((now + (number * months * MONTH) / steps) / DAY);
  return Math.min(days, Math.floor(now / DAY) + LONGEST) * DAY;
}

/** Opening a file is work as well, and so is one without lines. */
function weight(lines: number): number {
  return lines + 10;
}

function directories(files: readonly AdoptedFile[]): AdoptedFile[][] {
  const groups = Map.groupBy(files, placeOf);
  return [...groups]
    .sort(([a, own], [b, other]) => own.length - other.length || (a < b ? -1 : 1))
    .map(([, group]) => group.toSorted((a, b) => (a.file.path < b.file.path ? -1 : 1)));
}
