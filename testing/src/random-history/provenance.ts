/**
 * The model's first half: where each line of each file comes from. It knows of no merge base, no rename and no similar
 * file. For each path and each line it keeps who is known, at a commit, to have put the line there and to have taken
 * it away, as sets of commits. The mode of a file is a line of its own.
 *
 * Of a merge a line is expected to be there where all parents have it, or where a parent has it by an addition that
 * those without it never heard of; it is expected to be gone where a parent without it took it away and one with it
 * never heard of that. Everything else is the merge's own doing. Where both hold, both are let pass: so what is called
 * an own change here is one, and not each is found.
 *
 * A parent that only leads to root commits which the introduction does not reach is not heard of at all: what comes
 * from there is the doing of whoever merges it.
 */
import { type Commit, type File, type Files, pathsOf, reached, sameFile } from "./history.ts";

/** Commits as bits: `1n << BigInt(place)`. */
type Events = bigint;

interface LineEvents {
  readonly added: Events;
  readonly removed: Events;
}

type PathEvents = ReadonlyMap<string, LineEvents>;

interface State {
  readonly files: Files;
  readonly events: ReadonlyMap<string, PathEvents>;
  /** Whether no parent leads to what the introduction reaches. */
  readonly foreign: boolean;
}

/** Why a path counts as a commit's own change. */
export type Own = ReadonlyMap<string, string>;

const NEVER: LineEvents = { added: 0n, removed: 0n };
const NO_EVENTS: PathEvents = new Map();

export class Provenance {
  private readonly states: State[] = [];
  private readonly introduced: ReadonlySet<number>;

  /** `introduced`: what the introduction reaches. */
  constructor(introduced: ReadonlySet<number>) {
    this.introduced = introduced;
  }

  static of(commits: readonly Commit[], introduction: number): { provenance: Provenance; own: Own[] } {
    const provenance = new Provenance(reached(commits, [introduction]));
    return { provenance, own: commits.map(({ parents, files }) => provenance.add(parents, files)) };
  }

  isForeign(commit: number): boolean {
    return this.states[commit]!.foreign;
  }

  /** Takes the next commit in, and says what it changes itself. */
  add(parents: readonly number[], files: Files): Own {
    const place = this.states.length;
    const { own, events, foreign } = this.looked(parents, files, place);
    this.states.push({ files, events, foreign });
    return own;
  }

  /** What a commit on these parents would change itself. */
  ownOf(parents: readonly number[], files: Files): Own {
    return this.looked(parents, files, this.states.length).own;
  }

  private looked(parents: readonly number[], files: Files, place: number) {
    const foreign = !this.introduced.has(place) && parents.every((parent) => this.states[parent]!.foreign);
    const known = [...new Set(parents)].map((parent) => this.states[parent]!);
    const heard = foreign ? known : known.filter((parent) => !parent.foreign);
    const unheard = foreign ? [] : known.filter((parent) => parent.foreign);
    const own = new Map<string, string>();
    const events = new Map<string, PathEvents>();
    const past = new Set([...heard, ...unheard].flatMap((parent) => [...parent.events.keys()]));
    for (const path of pathsOf([files]).union(past)) {
      const sides = heard.map((parent) => side(parent, path));
      const looked = lookedAt(sides, files.get(path), place);
      const refused = unheard.flatMap((parent) => linesOf(parent.files.get(path)));
      events.set(path, withRefused(looked.events, refused, files.get(path), place));
      if (looked.why !== undefined) own.set(path, looked.why);
    }
    return { own, events, foreign };
  }
}

interface Side {
  readonly file: File | undefined;
  readonly lines: ReadonlySet<string>;
  readonly events: PathEvents;
}

const sides = new WeakMap<State, Map<string, Side>>();

function side(state: State, path: string): Side {
  const known = sides.get(state) ?? new Map<string, Side>();
  sides.set(state, known);
  const file = state.files.get(path);
  const made = known.get(path) ?? {
    file,
    lines: new Set(linesOf(file)),
    events: state.events.get(path) ?? NO_EVENTS,
  };
  known.set(path, made);
  return made;
}

/** With its mode as a line, which no text line is equal to. */
function linesOf(file: File | undefined): string[] {
  return file === undefined ? [] : [`(mode ${file.mode.toString(8)})`, ...file.lines];
}

function lookedAt(
  parents: readonly Side[],
  file: File | undefined,
  place: number,
): { events: PathEvents; why: string | undefined } {
  const [first] = parents;
  if (parents.length === 1 && sameFile(first!.file, file)) return { events: first!.events, why: undefined };
  const here = 1n << BigInt(place);
  const lines = new Set(linesOf(file));
  const events = new Map<string, LineEvents>();
  let why: string | undefined;
  const texts = new Set([...lines, ...parents.flatMap(({ events }) => [...events.keys()])]);
  for (const text of texts) {
    const before = joined(parents.map(({ events }) => events.get(text) ?? NEVER));
    const doing = doingOf(parents, text, lines.has(text));
    why ??= doing && `${doing} ${text}`;
    // A line that is moved goes from one place and comes to another.
    const moves = parents.length === 1 && areApart([first!.file, file], text);
    events.set(text, {
      added: doing === "adds" || moves ? before.added | here : before.added,
      removed: doing === "removes" || moves ? before.removed | here : before.removed,
    });
  }
  return { events, why: why ?? reordered(parents, file) };
}

/** What a commit does itself about one line; undefined: it leaves it as it is, or merges it as one would expect. */
function doingOf(parents: readonly Side[], text: string, isThere: boolean): "adds" | "removes" | undefined {
  const having = parents.filter(({ lines }) => lines.has(text));
  const lacking = parents.filter(({ lines }) => !lines.has(text));
  if (having.length === 0) return isThere ? "adds" : undefined;
  if (lacking.length === 0) return isThere ? undefined : "removes";
  const of = ({ events }: Side) => events.get(text) ?? NEVER;
  const kept = lacking.every((without) => having.some((one) => (of(one).added & ~of(without).added) !== 0n));
  const dropped = lacking.some((without) =>
    having.some((one) => (of(without).removed & ~of(one).removed) !== 0n),
  );
  if (kept === dropped) return undefined;
  if (isThere) return kept ? undefined : "adds";
  return dropped ? undefined : "removes";
}

/** What a foreign parent has, and its merger does not take over, counts as taken away there: another merge may follow that. */
function withRefused(
  events: PathEvents,
  refused: readonly string[],
  file: File | undefined,
  place: number,
): PathEvents {
  const left = new Set(refused).difference(new Set(linesOf(file)));
  if (left.size === 0) return events;
  const more = new Map(events);
  for (const text of left) {
    const { added, removed } = events.get(text) ?? NEVER;
    more.set(text, { added, removed: removed | (1n << BigInt(place)) });
  }
  return more;
}

/**
 * Two lines of which no parent that has both has them in this order, and neither of which a parent moved: where one
 * moved a line, another may have put a new one beside its old place.
 */
function reordered(parents: readonly Side[], file: File | undefined): string | undefined {
  const lines = file?.lines ?? [];
  for (const [i, late] of lines.entries()) {
    for (const early of lines.slice(0, i)) {
      const both = parents.filter((parent) => parent.lines.has(early) && parent.lines.has(late));
      const isNew = both.length > 0 && !both.some((parent) => isBefore(parent.file!, early, late));
      const sides = parents.map((parent) => parent.file);
      if (isNew && ![early, late].some((line) => areApart(sides, line)))
        return `puts ${early} before ${late}`;
    }
  }
  return undefined;
}

/** Whether two of these have a line on different sides of another one. */
export function areApart(files: readonly (File | undefined)[], line: string): boolean {
  const having = files.filter((file) => file?.lines.includes(line)).map((file) => file!);
  return having.some((one, i) =>
    having
      .slice(i + 1)
      .some((two) =>
        one.lines.some(
          (other) =>
            other !== line &&
            two.lines.includes(other) &&
            isBefore(one, line, other) !== isBefore(two, line, other),
        ),
      ),
  );
}

function isBefore({ lines }: File, early: string, late: string): boolean {
  return lines.indexOf(early) < lines.indexOf(late);
}

function joined(all: readonly LineEvents[]): LineEvents {
  return {
    added: all.reduce((bits, { added }) => bits | added, 0n),
    removed: all.reduce((bits, { removed }) => bits | removed, 0n),
  };
}
