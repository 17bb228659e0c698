/**
 * `npm run bench -- [history|gate|hook|slice|seal|archives|random-histories…]`: all of them but the last two unless told.
 * Prints one table, and leaves the figures as JSON in .cache/bench/results.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { archiveRows } from "./archives/run.ts";
import { gateRows } from "./gate/run.ts";
import { historyRows } from "./history/run.ts";
import { hookRows } from "./hook/run.ts";
import { CACHE } from "./places.ts";
import { randomHistoryRows } from "./random-histories/run.ts";
import { absent, printTable, type Row } from "./report.ts";
import { sealRows } from "./seal/run.ts";
import { sliceRows } from "./slice/run.ts";

const SUITES: Readonly<Record<string, () => Row[] | Promise<Row[]>>> = {
  history: historyRows,
  gate: gateRows,
  hook: hookRows,
  slice: sliceRows,
  archives: archiveRows,
  seal: sealRows,
  "random-histories": randomHistoryRows,
};
/** Searches, which take long and measure no time. */
const ONLY_WHEN_TOLD: readonly string[] = ["archives", "random-histories"];

if (process.argv[2] === "conformance") {
  await import("./conformance/main.ts");
  process.exit();
}
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in SUITES));
if (unknown.length > 0) {
  console.error(`no suite ${unknown.join(", ")}; there are ${Object.keys(SUITES).join(", ")}`);
  process.exit(2);
}

const before = loadavg();
const rows: Row[] = [];
const usual = Object.keys(SUITES).filter((suite) => !ONLY_WHEN_TOLD.includes(suite));
for (const name of asked.length > 0 ? asked : usual) {
  console.error(`measuring: ${name}`);
  const measured = await Promise.resolve()
    .then(() => SUITES[name]!())
    .catch((error: unknown) => [absent(name, error)]);
  rows.push(...measured);
  record(name, measured);
}
printTable(rows);

function record(suite: string, measured: readonly Row[]) {
  const results = join(CACHE, "results");
  mkdirSync(results, { recursive: true });
  const machine = { cores: cpus().length, processor: cpus()[0]?.model, node: process.version };
  const text = JSON.stringify(
    { suite, machine, loads: { before, after: loadavg() }, rows: measured },
    undefined,
    2,
  );
  writeFileSync(join(results, `${suite}.json`), `${text}\n`);
}
