/**
 * Random histories of 5 to 40 commits by three writers. What makes histories dangerous comes often: files that move or
 * seem to, old paths that come back, merges that take one side or add something, criss-crosses, octopuses with
 * ancestors among their parents, branches from before the introduction, root commits, reverts, rebases, and readings of
 * ranges, of old contents and of sides. A seed makes the same history on every machine.
 */
import { change, edit, place, renamed } from "./changing.ts";
import { complete } from "./completing.ts";
import { Dice } from "./dice.ts";
import { Growth, type Head, type Manner, PATHS } from "./growth.ts";
import {
  type File,
  type Files,
  firstParents,
  type Mode,
  PEOPLE,
  pathsOf,
  type RandomHistory,
  reached,
  sameFile,
} from "./history.ts";
import { crissCross, merge, octopus } from "./merging.ts";
import { asksForReading, RULE_SETS, ruleOf } from "./rules.ts";
import { merged } from "./texts.ts";

const LEAST = 5;
const MOST = 40;
/** Heads beside the main one. */
const MOST_SIDES = 4;
const MODES: Readonly<Record<Mode, number>> = { "every-commit": 8, "first-parent": 1.2, tip: 0.8 };

export function randomHistory(seed: number): RandomHistory {
  const dice = new Dice(seed);
  const honest = dice.chance(0.4);
  const manner: Manner = {
    rules: dice.pick(RULE_SETS),
    mode: dice.weighted(MODES),
    honest,
    trick: honest ? 0 : dice.pick([0.03, 0.1, 0.25]),
  };
  const growth = new Growth(dice, manner);
  begin(growth);
  const length = dice.between(LEAST, MOST);
  for (let tries = 0; growth.commits.length < length && tries < 4 * MOST; tries++) step(growth);
  return complete(dice, finished(growth));
}

function begin(growth: Growth): void {
  const { dice, words } = growth;
  let files: Files = new Map();
  const before = dice.pick([0, 0, 1, 2, 3]);
  for (let i = 0; i <= before; i++) {
    const next = new Map(files);
    for (const path of dice.shuffled(PATHS).slice(0, dice.between(1, 3)))
      next.set(path, { mode: 0o100644, lines: words.lines(dice.between(2, 6)) });
    const gone = i > 0 && dice.chance(0.3) ? dice.any([...next.keys()]) : undefined;
    if (gone !== undefined && next.size > 1) next.delete(gone);
    files = next;
    growth.begin(files, i === before);
  }
}

function step(growth: Growth): void {
  const { dice, agenda, heads, main } = growth;
  const due = agenda[0];
  if (due && dice.chance(0.55)) {
    agenda.shift();
    due();
    return;
  }
  const side = dice.any(heads.slice(1));
  const head = side && dice.chance(0.5) ? side : main;
  const sides = side ? 1 : 0;
  switch (
    dice.weighted({
      change: 9,
      branch: heads.length <= MOST_SIDES ? 2.5 : 0,
      merge: 5 * sides,
      cross: 1.2 * sides,
      octopus: heads.length > 2 ? 1.5 : 0,
      rebase: sides,
      dance: 1.2,
      read: 1,
    })
  ) {
    case "change":
      return change(growth, head);
    case "branch":
      return branch(growth);
    case "merge":
      return mergeSome(growth, head, side!);
    case "cross":
      return crossed(growth, side!);
    case "octopus":
      octopus(
        growth,
        main,
        dice
          .shuffled(heads.slice(1))
          .slice(0, dice.between(2, 3))
          .map(({ at }) => at),
      );
      return;
    case "rebase":
      return rebase(growth, side!);
    case "dance":
      return dance(growth);
    case "read":
      return readSomething(growth);
  }
}

function branch(growth: Growth): void {
  const { dice, heads, commits, main } = growth;
  const owner = dice.pick(PEOPLE);
  const from = dice.weighted({ main: 6, old: 4, root: 1.2 });
  if (from !== "root") {
    heads.push({ at: from === "main" ? main.at : dice.below(commits.length), owner });
    return;
  }
  const made = rootWith(growth, someFiles(growth), owner);
  if (made !== undefined) heads.push({ at: made, owner });
}

function rootWith(growth: Growth, files: Files, owner: Head["owner"]): number | undefined {
  return growth.commit([], files, { move: "root", owner });
}

/** What some commit has, a few files of it, some of them at another path. */
function someFiles(growth: Growth): Files {
  const { dice } = growth;
  const all = [...growth.files(dice.below(growth.commits.length))];
  const few = dice.shuffled(all).slice(0, dice.between(1, 3));
  return new Map(few.map(([path, file]) => [dice.chance(0.5) ? path : dice.pick(PATHS), file]));
}

function mergeSome(growth: Growth, into: Head, side: Head): void {
  const { dice, heads, main } = growth;
  const head = into === side ? main : into;
  const old = dice.chance(0.25) ? dice.pick(growth.ancestors(side.at)) : side.at;
  const made = merge(growth, head, old);
  if (made === undefined || old !== side.at || !dice.chance(0.4)) return;
  heads.splice(heads.indexOf(side), 1);
}

/** After a criss-cross both sides have several best common ancestors; then something else is merged along with one. */
function crossed(growth: Growth, side: Head): void {
  const { dice, heads, main, agenda } = growth;
  const path = dice.any([...growth.files(main.at).keys()]);
  const other: Head = { at: main.at, owner: dice.pick(PEOPLE) };
  const third = dice.chance(0.5) && heads.length <= MOST_SIDES;
  if (third) heads.push(other);
  const goOn = (head: Head) => {
    const files = new Map(growth.files(head.at));
    if (path !== undefined && files.has(path))
      place(growth, head, files.set(path, edit(growth, files, path)), "edit");
    else change(growth, head);
  };
  crissCross(growth, main, side);
  agenda.push(
    () => goOn(side),
    () => (third ? goOn(other) : change(growth, main)),
    () => {
      const last = third ? other : dice.any(heads.slice(1).filter((one) => one !== side));
      if (last && dice.chance(0.7)) octopus(growth, main, dice.shuffled([side.at, last.at]));
      else merge(growth, main, side.at);
    },
  );
}

/** The changes of a side's last commit once more, on the main head or on another one. */
function rebase(growth: Growth, side: Head): void {
  const { dice, commits, heads, main } = growth;
  const [parent] = commits[side.at]!.parents;
  const head = dice.chance(0.6) ? main : dice.pick(heads);
  const [before, after, target] = [growth.filesOrNone(parent), growth.files(side.at), growth.files(head.at)];
  const files = new Map<string, File>();
  for (const path of pathsOf([before, after, target])) {
    const file = merged(before.get(path), target.get(path), after.get(path));
    const kept = file === null ? after.get(path) : file;
    if (kept) files.set(path, kept);
  }
  place(growth, head, files, "rebased");
}

/**
 * A file moves, or seems to: on one of two lines there is at another path what the other line has, and goes on there.
 * Then both are merged.
 */
function dance(growth: Growth): void {
  const { dice, agenda, main, heads, commits } = growth;
  const pair = movePair(growth);
  if (!pair || heads.length > MOST_SIDES) return;
  const [from, to] = pair;
  const owner = dice.pick(PEOPLE);
  const file = growth.files(main.at).get(from)!;
  const start = dice.weighted({ root: 2, main: 4, old: 3 });
  const made = start === "root" ? rootWith(growth, new Map([[to, file]]), owner) : undefined;
  if (start === "root" && made === undefined) return;
  const side: Head = { at: made ?? (start === "main" ? main.at : dice.below(commits.length)), owner };
  heads.push(side);
  const onSide = dice.chance(0.7);
  agenda.push(
    () => {
      if (start === "root") return;
      const files = new Map(growth.files(side.at));
      if (dice.chance(0.5) && files.has(from))
        place(growth, side, renamed(growth, files, from, to), "rename");
      else place(growth, side, files.set(to, file), "copy");
    },
    () => {
      if (dice.chance(0.7)) merge(growth, main, side.at, dice.pick(["clean", "clean", "ours"]));
    },
    () => {
      const files = new Map(growth.files(main.at));
      if (dice.chance(0.7) && files.delete(dice.pick([from, to, to]))) place(growth, main, files, "remove");
    },
    () => {
      const head = onSide ? side : main;
      const files = new Map(growth.files(head.at));
      const path = [to, from].find((one) => files.has(one));
      if (path !== undefined) place(growth, head, files.set(path, edit(growth, files, path)), "edit");
    },
    () => {
      const strategy = dice.pick(["carry", "carry", "carry", "clean"] as const);
      if (dice.chance(0.7)) merge(growth, main, side.at, strategy);
      else octopus(growth, main, dice.shuffled([side.at, dice.pick(growth.ancestors(main.at))]), strategy);
    },
  );
}

/** A file of the main head and another path, mostly one under another rule. */
function movePair(growth: Growth): [from: string, to: string] | undefined {
  const { dice, main, manner } = growth;
  const pairs = [...growth.files(main.at).keys()].flatMap((from) =>
    PATHS.filter((to) => to !== from).map((to): [string, string] => [from, to]),
  );
  const across = pairs.filter(([from, to]) => ruleOf(manner.rules, from) !== ruleOf(manner.rules, to));
  return dice.any(across.length > 0 && dice.chance(0.75) ? across : pairs);
}

/** Somebody read a path from one version to another, whichever they are. */
function readSomething(growth: Growth): void {
  const { dice, commits, manner } = growth;
  const path = dice.pick(PATHS);
  if (!ruleOf(manner.rules, path).review) return;
  const [before, after] = [0, 0].map(() => growth.files(dice.below(commits.length)).get(path));
  growth.readPath(dice.pick(PEOPLE), path, before, after);
  if (!manner.honest && !sameFile(before, after) && dice.chance(0.05))
    growth.reviews.push({ by: dice.pick(PEOPLE), verdict: "reject", path, before, after });
}

/** Only what the tip and the introduction reach. */
function finished({ commits, introduction, reviews, main, manner }: Growth): RandomHistory {
  const kept = [...reached(commits, [main.at, introduction])].sort((a, b) => a - b);
  const place = new Map(kept.map((at, i) => [at, i]));
  return {
    rules: manner.rules,
    mode: manner.mode,
    commits: kept.map((at) => ({
      ...commits[at]!,
      parents: commits[at]!.parents.map((one) => place.get(one)!),
    })),
    introduction: place.get(introduction)!,
    reviews: asksForReading(manner.rules) ? reviews : [],
    honest: manner.honest && firstParents(commits, main.at).includes(introduction),
  };
}
