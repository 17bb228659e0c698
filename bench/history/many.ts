/** Rows on a million commits: memory while they are checked for the first time, time when a thousand are new. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inTurns } from "../measure.ts";
import { type Sampled, sampled } from "../memory.ts";
import { CACHE, FIRSTMILE, ROOT } from "../places.ts";
import { linePlot } from "../plot.ts";
import { perSecond, type Row, seconds } from "../report.ts";
import { MANY, MANY_NEW, millions, type Shape } from "./million.ts";
import type { World } from "./world.ts";

const RESULTS = join(ROOT, "bench/results");
const STATE = join(CACHE, "state-many");
const ROUNDS = 5;
const GIGABYTE = 1e9;

export async function manyRows(raw: number): Promise<Row[]> {
  const worlds = await millions();
  const rows: Row[] = [];
  const runs: Partial<Record<Shape, Sampled>> = {};
  for (const shape of ["linear", "merges"] as const) {
    const cold = await sampled({ ...verify(worlds[shape], "base"), prepare: forget });
    runs[shape] = cold;
    rows.push(coldRow(shape, cold, raw), warmRow(shape, worlds[shape]));
  }
  draw(runs);
  return rows;
}

function coldRow(shape: Shape, cold: Sampled, raw: number): Row {
  const rate = MANY / cold.wall;
  return {
    what: `${MANY} SSH commits, ${shape}, cold: peak memory`,
    ours: `${megabytes(cold.peakOwn)}, ${megabytes(cold.peakAll)} with git; ${seconds(cold.wall)} (${perSecond(MANY, cold.wall)}, ${((rate / raw) * 100).toFixed(0)}% of raw)`,
    goal: "1 GB",
    reached: cold.peakAll < GIGABYTE,
    figures: { wall: cold.wall, peakOwn: cold.peakOwn, peakAll: cold.peakAll },
  };
}

/** What the first run left behind is put back before each. */
function warmRow(shape: Shape, made: World): Row {
  const kept = `${STATE}-${shape}`;
  rmSync(kept, { recursive: true, force: true });
  cpSync(STATE, kept, { recursive: true });
  const prepare = () => {
    forget();
    cpSync(kept, STATE, { recursive: true });
  };
  const { warm } = inTurns({ warm: { ...verify(made, "main"), prepare } }, ROUNDS);
  rmSync(kept, { recursive: true });
  return {
    what: `${MANY} SSH commits, ${shape}, ${MANY_NEW} new`,
    ours: seconds(warm.wall),
    goal: "1 s",
    reached: warm.wall <= 1,
    figures: { warm },
  };
}

function verify(made: World, revision: string) {
  const argv = [FIRSTMILE, "verify", made.repository, revision, "--policy", made.policy] as const;
  return { argv, env: { ...process.env, FIRSTMILE_STATE: STATE } };
}

function forget(): void {
  rmSync(STATE, { recursive: true, force: true });
}

/** Points of a line: more cannot be told apart. */
const POINTS = 200;

/** The plot is kept in the repository. */
function draw(runs: Partial<Record<Shape, Sampled>>): void {
  mkdirSync(RESULTS, { recursive: true });
  const series = Object.entries(runs).flatMap(([shape, { samples }]) => {
    const every = samples.filter((_, i) => i % Math.ceil(samples.length / POINTS) === 0);
    return [
      { name: `${shape}: firstmile`, points: every.map(({ at, own }) => [at, own / 1e6] as const) },
      {
        name: `${shape}: with git's children, which map the pack`,
        points: every.map(({ at, own, children }) => [at, (own + children) / 1e6] as const),
      },
    ];
  });
  const axes = {
    title: `Resident memory, ${MANY} commits checked for the first time`,
    x: "seconds",
    y: "MB",
  };
  writeFileSync(join(RESULTS, "history-memory.svg"), linePlot(axes, series));
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
