import { rmSync } from "node:fs";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { neutralGit, RepositoryError } from "@firstmile/local/git/neutral";
import { descendsFrom } from "@firstmile/local/slicing/descent";
import { makeWorld, type World, type WorldRepository } from "@firstmile/testing/world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

async function descends({ dir }: WorldRepository, introduction: CommitId, tip: CommitId): Promise<boolean> {
  const git = await neutralGit(dir);
  try {
    return await descendsFrom(git, introduction, tip);
  } finally {
    git.dispose();
  }
}

/** Three in a line, and one beside the second. */
async function line() {
  const repository = await world.repository("line");
  const first = await repository.commit({ files: { a: "1\n" } });
  const second = await repository.commit({ files: { a: "2\n" } });
  const beside = await repository.commit({ files: { b: "2\n" }, parents: [first], branch: "beside" });
  const third = await repository.commit({ files: { a: "3\n" } });
  return { repository, first, second, beside, third };
}

describe("descends from the introduction", () => {
  test("itself, its children, and merges of them", async () => {
    const { repository, first, second, beside, third } = await line();
    const merge = await repository.merge({ parents: [beside, third] });
    const answers = [second, third, merge].map((tip) => descends(repository, second, tip));
    expect(await Promise.all(answers)).toEqual([true, true, true]);
    expect(await descends(repository, first, merge)).toBe(true);
  });

  test("whatever the dates say", async () => {
    const { repository, first } = await line();
    const tree = await repository.git("rev-parse", `${first}^{tree}`);
    const old = (parent: string, at: number) =>
      repository.raw(
        `tree ${tree}\nparent ${parent}\nauthor x <x@x> ${at} +0000\ncommitter x <x@x> ${at} +0000\n\nx\n`,
        "old",
      );
    expect(await descends(repository, first, old(old(first, 0), 5))).toBe(true);
  });

  test("where the history before the introduction is missing", async () => {
    const { repository, first, second, third } = await line();
    rmSync(repository.objectFile(first));
    expect(await descends(repository, second, third)).toBe(true);
  });
});

describe("does not descend", () => {
  test("what lies before it, beside it, or elsewhere", async () => {
    const { repository, first, second, beside } = await line();
    const elsewhere = await repository.commit({ files: { a: "2\n" }, parents: [], branch: "elsewhere" });
    const answers = [first, beside, elsewhere].map((tip) => descends(repository, second, tip));
    expect(await Promise.all(answers)).toEqual([false, false, false]);
  });

  test("what replacements, grafts or a commit-graph say does", async () => {
    const { repository, second, beside } = await line();
    const tree = await repository.git("rev-parse", `${beside}^{tree}`);
    const forged = await repository.git("commit-tree", tree, "-p", second, "-m", "x");
    await repository.git("replace", beside, forged);
    await repository.git("commit-graph", "write", "--reachable");
    expect(await repository.git("merge-base", second, beside)).toBe(second);
    expect(await descends(repository, second, beside)).toBe(false);
  });

  test("what a history with a gap does not show to", async () => {
    const { repository, first, second, third } = await line();
    rmSync(repository.objectFile(second));
    await expect(descends(repository, first, third)).rejects.toThrow(RepositoryError);
  });
});
