/** Contents in a real repository, as Git compares them and as a reader is shown them. */
import { createHash } from "node:crypto";
import type { ObjectId } from "@firstmile/formats/git/object-id";
import { neutralGit } from "@firstmile/local/git/neutral";
import { diffText } from "@firstmile/local/reviewing/diff-text";
import { longestShown } from "@firstmile/local/reviewing/longest-shown";
import { type ReadChange, ReviewMaterial } from "@firstmile/local/reviewing/read-change";
import { makeWorld, type World } from "@firstmile/testing/world";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { looksLike, readBack } from "./screen.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const WORDS = [
  " ",
  "  ",
  "\t",
  "a",
  "b",
  "\r",
  "\n",
  "\n\n",
  "\u00a0",
  "é",
  "e\u0301",
  "漢",
  "\x1b[8m",
  "\\x20",
  " \\ ",
  "x".repeat(90),
];
const content = fc.array(fc.constantFrom(...WORDS), { maxLength: 40 }).map((words) => words.join(""));

/** What is shown of each pair: all lines of both. */
async function shown(
  pairs: readonly (readonly [string, string])[],
  work: (change: ReadChange, i: number) => Promise<void>,
) {
  const repository = await world.repository("pkgs");
  const files = pairs.flatMap(
    ([before, after], i) =>
      [
        [`${i}-before`, before],
        [`${i}-after`, after],
      ] as const,
  );
  const tip = await repository.commit({ files: Object.fromEntries(files) });
  const named = (path: string, text: string) => ({
    mode: 0o100644,
    id: repository.blob(tip, path) as ObjectId,
    sha256: createHash("sha256").update(text).digest("hex"),
  });
  const git = await neutralGit(repository.dir);
  try {
    using material = new ReviewMaterial(git);
    const changes = await material.files(
      pairs.map(([before, after], i) => ({
        path: "a b.nix",
        before: named(`${i}-before`, before),
        after: named(`${i}-after`, after),
      })),
    );
    for (const [i, change] of changes.entries()) await work(change, i);
  } finally {
    git.dispose();
  }
}

async function textOf(change: ReadChange, columns: number): Promise<string> {
  let text = "";
  for await (const piece of diffText(change, (_, line) => line, { whole: true, unnamed: true, columns }))
    text += piece;
  return text;
}

describe("a change in a repository", () => {
  test("gives its reader both contents, byte by byte", { timeout: 60_000 }, async () => {
    const pairs = fc.sample(fc.tuple(content, content), 120).filter(([before, after]) => before !== after);
    await shown(pairs, async (change, i) => {
      const columns = 20 + (i % 60);
      const lines = readBack(looksLike(await textOf(change, columns), columns));
      const side = (signs: string) =>
        lines
          .filter(({ sign }) => signs.includes(sign))
          .map(({ content: line, endsFile }) => line + (endsFile ? "" : "\n"))
          .join("");
      const bytes = pairs[i]!.map((text) => Buffer.from(text).toString("latin1"));
      expect([side(" -"), side(" +")]).toEqual(bytes);
    });
  });

  test("in white space alone is said to be that, and no other is", async () => {
    const said: [string, string, RegExp | undefined][] = [
      ["gpg --verify a \\\n", "gpg --verify a \\ \n", /^\\ the line differs in white space alone$/m],
      ["a:\n\tb\n\tc\n", "a:\n        b\n        c\n", /^\\ these 2 lines differ in white space alone$/m],
      ["a b\nc\n", "a  b\nd\n", /^\\ 1 of these 2 lines differ in white space alone$/m],
      ["a b\n", "a\nb\n", undefined],
      ["a b\n", "a\u00a0b\n", undefined],
      ["a\n", "a\r\n", undefined],
      ["a\n", "a", undefined],
      ["ab\n", "ac\n", undefined],
    ];
    await shown(
      said.map(([before, after]) => [before, after] as const),
      async (change, i) => {
        const text = await textOf(change, 80);
        const [, , pattern] = said[i]!;
        if (pattern) expect(text).toMatch(pattern);
        else expect(text).not.toContain("white space");
      },
    );
  });

  test("its longest line is found, with the number of its characters", async () => {
    const wide = `a\n{ a = 1; }${" ".repeat(5000)}// é\nb\n`;
    await shown(
      [
        ["a\nb\n", wide],
        [wide, "b\n"],
      ],
      async (change, i) => {
        expect(await longestShown(change)).toEqual({
          file: "a b.nix",
          line: 2,
          characters: 5014,
          isGone: i === 1,
        });
      },
    );
  });
});
