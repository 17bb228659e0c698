/** The one table that a run of the benchmarks ends with. */
import { loadavg } from "node:os";

export interface Row {
  readonly what: string;
  readonly ours: string;
  /** What it is measured beside, in the same run. */
  readonly beside?: string;
  readonly goal?: string;
  /** Whether the goal was reached; undefined where there is none. */
  readonly reached?: boolean;
  /** Figures for whoever draws their own conclusions. */
  readonly figures?: Readonly<Record<string, unknown>>;
}

/** Something that could not be measured here, and why. */
export function absent(what: string, reason: unknown): Row {
  const words = reason instanceof Error ? reason.message : String(reason);
  return { what, ours: `not measured: ${words}` };
}

export function printTable(rows: readonly Row[]): void {
  const lines = rows.map(({ what, ours, beside = "", goal = "", reached }) => [
    what,
    ours,
    beside,
    goal,
    reached === undefined ? "" : reached ? "reached" : "NOT reached",
  ]);
  const table = [["what", "firstmile", "beside", "goal", ""], ...lines];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((line) => line[column]!.length)));
  for (const line of table) {
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    );
  }
  console.log(
    `load averages: ${loadavg()
      .map((load) => load.toFixed(2))
      .join(" ")}`,
  );
}

export function seconds(value: number): string {
  return `${value.toFixed(value < 10 ? 3 : 1)} s`;
}

export function perSecond(count: number, time: number): string {
  return `${Math.round(count / time)}/s`;
}
