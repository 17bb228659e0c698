/** How many commits a second each tool takes for the first time, drawn from a run's own rows. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Measured } from "../measure.ts";
import { ROOT } from "../places.ts";
import { barPlot } from "../plot.ts";
import type { Row } from "../report.ts";
import { COMMITS } from "./world.ts";

type Figures = Readonly<Record<string, Measured & number>>;

/** Writes bench/results/history-rates.svg. Tools that were not there have no bar. */
export function drawRates(rows: readonly Row[]): void {
  const rate = (what: string, of: (figures: Figures) => number): [string, number][] => {
    const figures = rows.find((row) => row.what === what)?.figures as Figures | undefined;
    return figures ? [[what, of(figures)]] : [];
  };
  const ssh = `${COMMITS} ssh commits, cold`;
  const openpgp = `${COMMITS} openpgp commits, cold`;
  const named = (name: string, [bar]: [string, number][]) => (bar ? [[name, bar[1]] as const] : []);
  const bars = [
    ...named(
      "firstmile, SSH",
      rate(ssh, ({ cold }) => COMMITS / cold!.wall),
    ),
    ...named(
      "firstmile, OpenPGP",
      rate(openpgp, ({ cold }) => COMMITS / cold!.wall),
    ),
    ...named(
      "sq-git log, OpenPGP",
      rate("  beside sq-git log, cold", ({ cold }) => COMMITS / cold!.wall),
    ),
    ...named(
      "guix, OpenPGP",
      rate("  beside guix git authenticate, cold", ({ cold }) => COMMITS / cold!.wall),
    ),
    ...named(
      "git log %G?, OpenPGP",
      rate(openpgp, ({ log, sample }) => sample! / log!.wall),
    ),
    ...named(
      "git log %G?, SSH",
      rate(ssh, ({ log, sample }) => sample! / log!.wall),
    ),
    ...named(
      "gittuf verify-ref, SSH",
      rate("  beside gittuf verify-ref, cold", ({ theirs, commits }) => commits! / theirs!.wall),
    ),
  ];
  if (bars.length === 0) return;
  mkdirSync(join(ROOT, "bench/results"), { recursive: true });
  const title = `${COMMITS} signed commits for the first time, two cores`;
  writeFileSync(join(ROOT, "bench/results/history-rates.svg"), barPlot(title, "commits/s", bars));
}
