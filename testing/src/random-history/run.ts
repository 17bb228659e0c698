/** Many random histories, each by the model and by the judge, and a count of what came of them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Hole, holesIn } from "./compare.ts";
import { Dice } from "./dice.ts";
import { randomHistory } from "./generate.ts";
import type { RandomHistory } from "./history.ts";
import { type Answer, askMany, askWhole } from "./judged.ts";
import { type MadeHistory, makeHistory, ObjectStore, statementTree } from "./objects.ts";
import { type Offence, offencesOf } from "./offences.ts";
import { shown } from "./show.ts";
import { shrunk } from "./shrink.ts";

export interface RunOptions {
  /** Of the first history; the next one has the next number. */
  readonly seed: number;
  readonly count: number;
  /** Every which history is also asked about as a user asks: signed, alone, and again with what was remembered. */
  readonly wholeEvery: number;
  readonly progress?: (figures: Figures) => void;
}

export interface Figures {
  made: number;
  commits: number;
  allowed: number;
  /** Of those, with merges, and with commits that had to be read. */
  allowedWithMerges: number;
  allowedWithReadings: number;
  honest: number;
  honestAllowed: number;
  /** How many histories were denied for a reason that the model does not have, by that reason. */
  readonly stricter: Map<string, number>;
  asked: number;
  readonly failures: Failure[];
}

export interface Failure {
  readonly seed: number;
  /** `holes`: let in by the judge. `ways`: another answer to a user than to this test, or warm than cold. */
  readonly kind: "holes" | "ways";
  readonly what: string;
  readonly history: RandomHistory;
  readonly allowed: boolean;
}

/** Histories whose objects are in one repository. */
const AT_ONCE = 250;

export async function runRandomHistories(options: RunOptions): Promise<Figures> {
  const figures: Figures = {
    made: 0,
    commits: 0,
    allowed: 0,
    allowedWithMerges: 0,
    allowedWithReadings: 0,
    honest: 0,
    honestAllowed: 0,
    stricter: new Map(),
    asked: 0,
    failures: [],
  };
  for (let from = 0; from < options.count; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, options.count - from);
    await inRepository((store) => runSome(store, options.seed + from, count, options.wholeEvery, figures));
    options.progress?.(figures);
  }
  return figures;
}

/** A repository of its own, which goes afterwards. */
async function inRepository<Result>(work: (store: ObjectStore) => Promise<Result>): Promise<Result> {
  const dir = mkdtempSync(join(tmpdir(), "random-histories-"));
  try {
    return await work(new ObjectStore(join(dir, "repository.git")));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function runSome(
  store: ObjectStore,
  seed: number,
  count: number,
  wholeEvery: number,
  figures: Figures,
): Promise<void> {
  const seeds = Array.from({ length: count }, (_, i) => seed + i);
  const isAsked = (one: number) => wholeEvery > 0 && one % wholeEvery === 0;
  const made = seeds.map((one) => makeHistory(store, randomHistory(one), isAsked(one)));
  store.flush();
  const answers = await askMany(store.repository, made);
  for (const [i, one] of made.entries()) {
    const offences = offencesOf(one.history);
    const answer = answers[i]!;
    note(figures, one.history, offences, answer);
    figures.failures.push(
      ...holesIn(one.history, offences, answer).map((hole) => failureOf(seeds[i]!, one.history, hole)),
    );
    if (!isAsked(seeds[i]!)) continue;
    figures.asked++;
    const what = await otherWays(store, one, answer, seeds[i]!);
    const { history } = one;
    if (what !== undefined)
      figures.failures.push({ seed: seeds[i]!, kind: "ways", what, history, allowed: answer.allowed });
  }
}

function failureOf(seed: number, history: RandomHistory, { kind, offence, allowed }: Hole): Failure {
  const where = `#${offence.commit}${offence.path === undefined ? "" : ` ${offence.path}`}`;
  return { seed, kind: "holes", what: `${kind}: ${where}: ${offence.why}`, history, allowed };
}

function note(figures: Figures, history: RandomHistory, offences: readonly Offence[], answer: Answer): void {
  const { commits, reviews, honest } = history;
  figures.made++;
  figures.commits += commits.length;
  if (honest) figures.honest++;
  if (answer.allowed) {
    figures.allowed++;
    if (honest) figures.honestAllowed++;
    if (commits.some(({ parents }) => parents.length > 1)) figures.allowedWithMerges++;
    if (reviews.length > 0) figures.allowedWithReadings++;
    return;
  }
  const held = new Set(offences.map(({ commit }) => commit));
  const more = answer.denied.filter(({ commit }) => !held.has(commit)).map(({ code }) => code);
  for (const code of new Set(more)) figures.stricter.set(code, (figures.stricter.get(code) ?? 0) + 1);
}

/** How the answer to a user differs, if it does: asked at once, and after other tips of the same history. */
async function otherWays(
  store: ObjectStore,
  made: MadeHistory,
  answer: Answer,
  seed: number,
): Promise<string | undefined> {
  const statements = statementTree(store, made);
  store.flush();
  const cold = await askWhole(store.repository, made, statements);
  if (summary(cold) !== summary(answer))
    return `asked alone: ${summary(cold)}; among many: ${summary(answer)}`;
  const dice = new Dice(seed);
  const cacheDir = mkdtempSync(join(tmpdir(), "random-histories-state-"));
  try {
    const { introduction, commits } = made.history;
    const tips = [
      dice.between(introduction, commits.length - 1),
      dice.between(introduction, commits.length - 1),
    ];
    for (const tip of tips) await askWhole(store.repository, made, statements, { tip, cacheDir });
    const warm = await askWhole(store.repository, made, statements, { cacheDir });
    const after = `after ${tips.map((tip) => `#${tip}`).join(" and ")}`;
    return warm.allowed === cold.allowed ? undefined : `cold: ${summary(cold)}; ${after}: ${summary(warm)}`;
  } finally {
    rmSync(cacheDir, { recursive: true, force: true });
  }
}

function summary({ allowed, denied }: Answer): string {
  const offending = denied.map(({ commit, code }) => `#${commit} ${code}`).sort();
  return `${allowed ? "allowed" : "denied"} ${offending.join(", ")}`.trim();
}

/** A failure for a person: its seed, what is wrong, and the smallest history with a failure of that kind. */
export async function explained(failure: Failure): Promise<string> {
  const head = `seed ${failure.seed}: ${failure.what}`;
  if (failure.kind === "ways") return [head, shown(failure.history)].join("\n");
  const isSuch = (history: RandomHistory, answer: Answer) =>
    holesIn(history, offencesOf(history), answer).some(
      (hole) => failure.what.startsWith(`${hole.kind}:`) && (hole.allowed || !failure.allowed),
    );
  const smallest = await shrunk(failure.history, async (candidates) => {
    const answers = await answersTo(candidates);
    return candidates.find((history, i) => isSuch(history, answers[i]!));
  });
  const [answer] = await answersTo([smallest]);
  const offences = offencesOf(smallest);
  return [
    head,
    "the smallest history that fails so:",
    shown(smallest),
    "held against it by the model:",
    ...offences.map(({ kind, commit, path, why }) => `  #${commit} ${kind} ${path ?? ""}: ${why}`),
    `by the judge, which says ${answer!.allowed ? "allowed" : "denied"}:`,
    ...answer!.denied.map(
      ({ commit, code, paths, message }) => `  #${commit} ${code} ${paths.join(", ")}: ${message}`,
    ),
  ].join("\n");
}

function answersTo(histories: readonly RandomHistory[]): Promise<Answer[]> {
  return inRepository((store) => {
    const made = histories.map((history) => makeHistory(store, history, false));
    store.flush();
    return askMany(store.repository, made);
  });
}
