/** Which names exist for an evaluation that sees only covered ones. */

import { describe, expect, test } from "vitest";
import type { NamesCoverage } from "../../src/slice/names-coverage.ts";
import { oddNames } from "../../src/slice/names-reason.ts";
import { answered, listed, names, shown } from "./names-sketch.ts";
import { type CaseSketch, content, NOW, read, signed } from "./slices.ts";

describe("what exists for an evaluation", () => {
  const at = (coverage: NamesCoverage, path = "hooks/a", text = "x") =>
    coverage.existence(path, "f", content(text));

  test.each<[string, CaseSketch & { listings?: "shown" }, unknown]>([
    ["nothing that is uncovered", {}, undefined],
    [
      "what was read there",
      { reviews: [read("bob", undefined, content("x"), { path: "hooks/a" })] },
      { kind: "listed", named: true },
    ],
    [
      "what was read there in another version",
      { reviews: [read("bob", undefined, content("y"), { path: "hooks/a" })] },
      { kind: "listed", named: true },
    ],
    ["what was listed", { reviews: [shown("bob", listed("hooks", "f a"))] }, { kind: "listed", named: true }],
    ["nothing of another type", { reviews: [shown("bob", listed("hooks", "d a"))] }, undefined],
    [
      "what people were told",
      { reviews: [shown("bob", answered("hooks", "f a"))] },
      { kind: "listed", named: true },
    ],
    [
      "what was read elsewhere, for those who ask by name",
      { rules: [{ anywhere: true }], reviews: [read("bob", undefined, content("x"), { path: "b" })] },
      { kind: "found", named: false },
    ],
    [
      "nothing that was read elsewhere, where that does not count",
      { reviews: [read("bob", undefined, content("x"), { path: "b" })] },
      undefined,
    ],
    ["what the rule lets pass", { listings: "shown" }, { kind: "listed", named: false }],
    [
      "what a waiver of paths covers, which names nothing",
      {
        rules: [{ waive: "waiver" }],
        statements: [
          signed(
            {
              kind: "waiver",
              targets: [],
              paths: ["hooks/**"],
              source: "pkgs",
              until: NOW + 1,
              because: "x",
            },
            "alice",
          ),
        ],
      },
      { kind: "listed", named: false },
    ],
    [
      "what a waiver names there",
      {
        rules: [{ waive: "waiver" }],
        statements: [
          signed(
            {
              kind: "waiver",
              targets: [{ kind: "content", path: "hooks/a", ...content("x") }],
              paths: [],
              source: "pkgs",
              until: NOW + 1,
              because: "x",
            },
            "alice",
          ),
        ],
      },
      { kind: "listed", named: true },
    ],
  ])("%s", (_, sketch, expected) => {
    expect(at(names(sketch))).toEqual(expected);
  });

  test("odd names are those that no reading names", () => {
    const entry = (path: string) => ({ path, type: "f" as const, version: content(path) });
    const all = [entry("hooks/$(id)"), entry("hooks/plain.sh"), entry("hooks/a b")];
    expect(oddNames(all, names({})).map(({ path }) => path)).toEqual(["hooks/$(id)", "hooks/a b"]);
    const reviews = [shown("bob", listed("hooks", "f a b"))];
    expect(oddNames(all, names({ reviews })).map(({ path }) => path)).toEqual(["hooks/$(id)"]);
    expect(oddNames(all, names({ listings: "shown" }))).toHaveLength(2);
  });
});
