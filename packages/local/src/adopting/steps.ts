/**
 * Which files' waivers end when: an order in which they can be read. Directories stay together, since whoever reads one
 * file reads its neighbours; those of which least is read come first, which are packages' own, and those that everything
 * shares last. Steps hold about as many lines each.
 */
import type { SliceFile } from "@firstmile/trust/slice/file";

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

/** Every file once; steps without any are left out. */
export function inSteps(files: readonly AdoptedFile[], { steps, months, now }: Pace): Step[] {
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
  return made.flatMap((own, i) =>
    own.length === 0 ? [] : [{ number: i + 1, until: endOf(i + 1, { steps, months, now }), files: own }],
  );
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
  const groups = Map.groupBy(files, ({ source, file }) => `${source}\0${parentOf(file.path)}`);
  return [...groups]
    .sort(([a, own], [b, other]) => own.length - other.length || (a < b ? -1 : 1))
    .map(([, group]) => group.toSorted((a, b) => (a.file.path < b.file.path ? -1 : 1)));
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
