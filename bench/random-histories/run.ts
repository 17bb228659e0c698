/**
 * Random histories, by the judge and by a model of who wrote and read each line. Not a measure of time: the goal is that
 * the judge lets nothing in that the model holds against a history. `FIRSTMILE_HISTORIES` says how many,
 * `FIRSTMILE_HISTORIES_SEED` which; each kind of failure is kept in .cache/bench/random-histories, made small.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  explained,
  type Failure,
  type Figures,
  runRandomHistories,
} from "@firstmile/testing/random-history/run";
import { CACHE } from "../places.ts";
import type { Row } from "../report.ts";

const COUNT = Number(process.env.FIRSTMILE_HISTORIES ?? 20_000);
const SEED = Number(process.env.FIRSTMILE_HISTORIES_SEED ?? 1);
/** Every which is also asked about as a user asks, which takes a hundred times as long. */
const WHOLE_EVERY = 100;
/** The share of honest histories that are allowed: with fewer the figures say little. */
const FLOOR = 0.5;

export async function randomHistoryRows(): Promise<Row[]> {
  const figures = await runRandomHistories({
    seed: SEED,
    count: COUNT,
    wholeEvery: WHOLE_EVERY,
    progress: told,
  });
  await keep(figures.failures);
  const holes = new Set(figures.failures.filter(({ kind }) => kind === "holes").map(({ seed }) => seed)).size;
  const ways = figures.failures.filter(({ kind }) => kind === "ways").length;
  const share = figures.honestAllowed / figures.honest;
  const { failures: _, stricter, ...counts } = figures;
  return [
    {
      what: "random histories, let in against the model",
      ours: `${holes} histories`,
      beside: `${figures.made} made (${figures.commits} commits), ${figures.allowed} allowed, ${figures.allowedWithMerges} of them with merges`,
      goal: "0",
      reached: holes === 0,
      figures: { seed: SEED, ...counts, holes, stricter: Object.fromEntries(stricter) },
    },
    {
      what: "  asked alone, among others, and again",
      ours: `${ways} different answers`,
      beside: `${figures.asked} histories`,
      goal: "0",
      reached: ways === 0,
      figures: { ways },
    },
    {
      what: "  honest ones that are allowed",
      ours: `${Math.round(share * 100)} %`,
      beside: [...stricter].map(([code, count]) => `${count} ${code}`).join(", "),
      goal: `over ${FLOOR * 100} %`,
      reached: share > FLOOR,
      figures: { share },
    },
  ];
}

function told({ made, failures }: Figures): void {
  console.error(`${made} histories, ${failures.length} failures`);
}

/** The first failure of each kind, for a person. */
async function keep(failures: readonly Failure[]): Promise<void> {
  const kinds = new Map<string, Failure>();
  for (const failure of failures) {
    const kind = failure.what.split(":")[0]!;
    if (!kinds.has(kind)) kinds.set(kind, failure);
  }
  const kept = join(CACHE, "random-histories");
  mkdirSync(kept, { recursive: true });
  for (const [kind, failure] of kinds) {
    const file = join(kept, `${kind.replaceAll(/\W+/g, "-")}-${failure.seed}.txt`);
    writeFileSync(file, `${await explained(failure)}\n`);
    console.error(`${file}: ${failure.what}`);
  }
}
