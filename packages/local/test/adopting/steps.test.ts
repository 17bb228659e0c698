/** Into which step a file goes: each into one, with its directory, and about as much to read in each. */
import { type AdoptedFile, inSteps } from "@firstmile/local/adopting/steps";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const NOW = 1_800_000_000;
const DAY = 86_400;

function file(path: string, lines = 10, source = "pkgs"): AdoptedFile {
  const id = "0".repeat(40) as AdoptedFile["file"]["id"];
  return { source, lines, file: { path, mode: 0o100644, id, sha256: "0".repeat(64), use: "evaluated" } };
}

const pathsOf = (files: readonly AdoptedFile[]) => files.map((one) => `${one.source}:${one.file.path}`);

const names = fc.constantFrom("a", "b", "lib", "pkgs", "x");
const anyPath = fc.array(names, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const anyFiles = fc
  .uniqueArray(fc.tuple(fc.constantFrom("one", "two"), anyPath), {
    selector: (pair) => pair.join(":"),
    maxLength: 60,
  })
  .chain((pairs) =>
    fc.tuple(...pairs.map(([source, path]) => fc.nat(5_000).map((lines) => file(path, lines, source)))),
  );
const anyPace = fc.record({
  steps: fc.integer({ min: 1, max: 52 }),
  months: fc.integer({ min: 1, max: 12 }),
});

describe("steps", () => {
  test("hold every file once, whole directories, and end later and later within a year", () => {
    fc.assert(
      fc.property(anyFiles, anyPace, (files, pace) => {
        const steps = inSteps(files, { ...pace, now: NOW });
        expect(steps.flatMap((one) => pathsOf(one.files)).sort()).toEqual(pathsOf(files).sort());
        const homes = steps.flatMap(({ number, files: own }) =>
          own.map((one) => [`${one.source}:${one.file.path.replace(/[^/]*$/, "")}`, number] as const),
        );
        for (const [directory, number] of homes) expect(new Map(homes).get(directory)).toBe(number);
        const untils = steps.map(({ until }) => until);
        expect(untils).toEqual([...untils].sort((a, b) => a - b));
        for (const until of untils) {
          expect(until % DAY).toBe(0);
          expect(until).toBeGreaterThan(NOW);
          expect(until).toBeLessThanOrEqual(NOW + 366 * DAY);
        }
      }),
    );
  });

  test("come out the same in whichever order the files are", () => {
    fc.assert(
      fc.property(anyFiles, anyPace, (files, pace) => {
        const told = (some: readonly AdoptedFile[]) =>
          inSteps(some, { ...pace, now: NOW }).map(({ until, files: own }) => [until, pathsOf(own)]);
        expect(told([...files].reverse())).toEqual(told(files));
      }),
    );
  });

  test("begin with packages' own directories and end with what is shared", () => {
    const shared = Array.from({ length: 20 }, (_, i) => file(`lib/${i}.nix`));
    const own = ["hello", "wget"].map((name) => file(`pkgs/${name}/default.nix`, 100));
    const steps = inSteps([...shared, ...own], { steps: 2, months: 2, now: NOW });
    expect(pathsOf(steps[0]!.files)).toEqual(["pkgs:pkgs/hello/default.nix", "pkgs:pkgs/wget/default.nix"]);
    expect(steps[1]!.files.length).toBe(20);
  });

  test("hold about as much each where directories are small", () => {
    const files = Array.from({ length: 600 }, (_, i) => file(`pkgs/${i}/default.nix`, 20 + (i % 7)));
    const sizes = inSteps(files, { steps: 6, months: 6, now: NOW }).map((one) => one.files.length);
    for (const size of sizes) expect(Math.abs(size - 100)).toBeLessThan(5);
  });

  test("of nothing are none", () => expect(inSteps([], { steps: 6, months: 6, now: NOW })).toEqual([]));
});
