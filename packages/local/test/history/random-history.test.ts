/**
 * Random histories by three writers, each by the judge and by a slow model that knows for each line who wrote it and
 * who read it. `npm run bench -- random-histories` asks about 20,000.
 */
import { explained, type Figures, runRandomHistories } from "@firstmile/testing/random-history/run";
import { describe, expect, test } from "vitest";

/** Fewer allowed ones would make a test that says little of what the judge lets in. */
const FLOORS = { honest: 0.5, merges: 0.2, readings: 0.1 } as const;

async function expectNoDifference(seed: number, count: number): Promise<Figures> {
  const figures = await runRandomHistories({ seed, count, wholeEvery: 60 });
  const [first] = figures.failures;
  expect(first && (await explained(first)), `${figures.failures.length} failures`).toBeUndefined();
  return figures;
}

describe("the judge lets nothing in that the model holds against a history", () => {
  test("histories that are the same in every run", async () => {
    const { made, honest, honestAllowed, allowedWithMerges, allowedWithReadings, asked } =
      await expectNoDifference(1, 300);
    expect(asked).toBeGreaterThan(0);
    expect(honestAllowed / honest).toBeGreaterThan(FLOORS.honest);
    expect(allowedWithMerges / made).toBeGreaterThan(FLOORS.merges);
    expect(allowedWithReadings / made).toBeGreaterThan(FLOORS.readings);
  }, 300_000);

  test("histories that are others in every run", async () => {
    const seed = Number(process.env.FIRSTMILE_HISTORIES_SEED ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`random histories from FIRSTMILE_HISTORIES_SEED=${seed}`);
    await expectNoDifference(seed, 150);
  }, 300_000);
});
