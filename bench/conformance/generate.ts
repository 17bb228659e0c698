/**
 * `node bench/conformance/generate.ts [NAME…]`: plays the cases that have no file in vectors/history yet, or those
 * named, and writes them down. The keys are made for this run and thrown away with it.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderHistoryVector } from "@firstmile/testing/history-vector";
import { Cast, historyVectorOf } from "@firstmile/testing/history-vector-case";
import { HISTORY_CASES } from "@firstmile/testing/history-vector-cases";
import { makeWorld } from "@firstmile/testing/world";
import { ROOT } from "../places.ts";

const dir = join(ROOT, "vectors/history");
const asked = new Set(process.argv.slice(2));
mkdirSync(dir, { recursive: true });

await using world = await makeWorld();
const cast = new Cast(world);
for (const told of HISTORY_CASES) {
  const file = join(dir, `${told.name}.txt`);
  if (asked.size > 0 ? !asked.has(told.name) : existsSync(file)) continue;
  writeFileSync(file, renderHistoryVector(await historyVectorOf(told, cast)));
  console.log(told.name);
}
