import { rmSync } from "node:fs";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { neutralGit, RepositoryError } from "@firstmile/local/git/neutral";
import { writersOf } from "@firstmile/local/slicing/writers";
import { makeWorld, type World, type WorldRepository } from "@firstmile/testing/world";
import type { PrincipalName } from "@firstmile/trust/policy/names";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const PEOPLE = {
  principals: new Map(["alice", "bob"].map((name) => [name, { name, emails: [`${name}@example.org`] }])),
};

/** Begins with one file of nobody in particular. */
async function begin(format: "sha1" | "sha256" = "sha1") {
  const repository = await world.repository("written", format);
  const introduction = await repository.commit({ author: "alice", files: { a: "1\n" } });
  return { repository, introduction };
}

async function writers(repository: WorldRepository, introduction: CommitId, tip = repository.tip()) {
  const git = await neutralGit(repository.dir);
  try {
    const wrote = await writersOf(git, PEOPLE as never, introduction, tip);
    return (commit: CommitId, path: string, mode = 0o100644) =>
      [...wrote({ id: repository.blob(commit, path), mode })].sort() as PrincipalName[];
  } finally {
    git.dispose();
  }
}

describe("a content is told with", () => {
  test.each([
    ["its author", { author: "alice", committer: "someone" }, ["alice"]],
    ["its committer", { author: "someone", committer: "alice" }, ["alice"]],
    ["author and committer", { author: "bob", committer: "alice" }, ["alice", "bob"]],
    ["a co-author, however spelt", { message: "x\n\nCO-AUTHORED-BY: A <ALICE@Example.org>\n" }, ["alice"]],
    [
      "a co-author in the middle of a message",
      { message: "x\nco-authored-by: <alice@example.org>\ny\n" },
      ["alice"],
    ],
    [
      "a co-author of an encoded commit",
      { headers: ["encoding UTF-16"], message: "x\n\nCo-authored-by: <bob@example.org>\n" },
      ["bob"],
    ],
    ["nobody who only read it", { message: "x\n\nReviewed-by: Bob <bob@example.org>\n" }, []],
    [
      "nobody whose address is a part of another",
      { message: "x\n\nCo-authored-by: <notbob@example.org>\n" },
      [],
    ],
    ["nobody who is not listed", { author: "carol" }, []],
  ])("%s", async (_, how, people) => {
    const { repository, introduction } = await begin();
    const commit = await repository.commit({ ...how, files: { a: "2\n" } });
    expect((await writers(repository, introduction))(commit, "a")).toEqual(people);
  });

  test("everybody who brought it in, at whichever path and mode", async () => {
    const { repository, introduction } = await begin();
    await repository.commit({ author: "alice", files: { a: "2\n" } });
    const tip = await repository.commit({
      author: "bob",
      files: { "b/c": { mode: 0o100755, content: "2\n" } },
    });
    const wrote = await writers(repository, introduction);
    expect(wrote(tip, "a")).toEqual(["alice", "bob"]);
    expect(wrote(tip, "b/c", 0o100755)).toEqual(["alice", "bob"]);
  });

  test("names that are no UTF-8, and names of its own kind", async () => {
    const { repository, introduction } = await begin();
    const tip = await repository.commit({ author: "bob", files: { ":weird\nname": "2\n", "ü/ß": "3\n" } });
    const wrote = await writers(repository, introduction);
    expect([wrote(tip, ":weird\nname"), wrote(tip, "ü/ß")]).toEqual([["bob"], ["bob"]]);
  });

  test("a commit that cannot be read: all who stand in it", async () => {
    const { repository, introduction } = await begin();
    const tree = await repository.git(
      "rev-parse",
      `${await repository.commit({ files: { a: "9\n" } })}^{tree}`,
    );
    repository.move("main", introduction);
    const odd = `tree ${tree}\nparent ${introduction}\nauthor x <x@example.org> 1 +0000\nauthor bob <bob@example.org> 1 +0000\ncommitter x <x@example.org> 1 +0000\n\nodd\n`;
    const tip = repository.raw(odd);
    const git = await neutralGit(repository.dir);
    const wrote = await writersOf(git, PEOPLE as never, introduction, tip);
    git.dispose();
    const id = (await repository.git("rev-parse", `${tip}:a`)) as never;
    expect([...wrote({ id, mode: 0o100644 })]).toEqual(["bob"]);
  });

  test("in SHA-256 repositories too", async () => {
    const { repository, introduction } = await begin("sha256");
    const tip = await repository.commit({ author: "bob", files: { a: "2\n" } });
    expect((await writers(repository, introduction))(tip, "a")).toEqual(["bob"]);
  });
});

describe("is not told", () => {
  test("what the introduction itself holds", async () => {
    const { repository, introduction } = await begin();
    await repository.commit({ author: "bob", files: { b: "2\n" } });
    expect((await writers(repository, introduction))(introduction, "a")).toEqual([]);
  });

  test("what another branch holds", async () => {
    const { repository, introduction } = await begin();
    const main = await repository.commit({ author: "someone", files: { b: "2\n" } });
    const other = await repository.commit({
      author: "bob",
      files: { b: "3\n" },
      parents: [introduction],
      branch: "other",
    });
    expect((await writers(repository, introduction, main))(other, "b")).toEqual([]);
  });

  test("where the policy lists no address", async () => {
    const { repository, introduction } = await begin();
    const tip = await repository.commit({ author: "bob", files: { a: "2\n" } });
    const git = await neutralGit(repository.dir);
    const wrote = await writersOf(git, { principals: new Map() }, introduction, tip);
    git.dispose();
    expect(wrote({ id: repository.blob(tip, "a"), mode: 0o100644 }).size).toBe(0);
  });
});

describe("a merge", () => {
  const forked = async () => {
    const { repository, introduction } = await begin();
    const ours = await repository.commit({ author: "alice", files: { b: "b\n" } });
    const theirs = await repository.commit({
      author: "someone",
      files: { c: "c\n" },
      parents: [introduction],
      branch: "theirs",
    });
    return { repository, introduction, parents: [ours, theirs] as const };
  };

  test("makes nobody the author of what its parents have", async () => {
    const { repository, introduction, parents } = await forked();
    const tip = await repository.merge({ parents, author: "bob" });
    const wrote = await writers(repository, introduction);
    expect([wrote(tip, "b"), wrote(tip, "c")]).toEqual([["alice"], []]);
  });

  test("tells what is in it as in no parent", async () => {
    const { repository, introduction, parents } = await forked();
    const tip = await repository.merge({ parents, author: "bob", files: { a: "evil\n", d: "d\n" } });
    const wrote = await writers(repository, introduction);
    expect([wrote(tip, "a"), wrote(tip, "d")]).toEqual([["bob"], ["bob"]]);
  });

  test("of a history that begins elsewhere brings in all of it", async () => {
    const { repository, introduction } = await begin();
    const other = await repository.commit({
      author: "bob",
      files: { z: "z\n" },
      parents: [],
      branch: "other",
    });
    const tip = await repository.merge({ parents: [introduction, other], author: "someone" });
    expect((await writers(repository, introduction))(tip, "z")).toEqual(["bob"]);
  });
});

describe("a history with a gap", () => {
  test("since the introduction is refused", async () => {
    const { repository, introduction } = await begin();
    const between = await repository.commit({ author: "bob", files: { a: "2\n" } });
    await repository.commit({ author: "alice", files: { a: "3\n" } });
    rmSync(repository.objectFile(between));
    await expect(writers(repository, introduction)).rejects.toThrow(RepositoryError);
  });

  test("a tree that is missing is refused", async () => {
    const { repository, introduction } = await begin();
    const tip = await repository.commit({ author: "bob", files: { "d/a": "2\n" } });
    rmSync(repository.objectFile(await repository.git("rev-parse", `${tip}:d`)));
    await expect(writers(repository, introduction)).rejects.toThrow(RepositoryError);
  });

  test("before the introduction makes no difference", async () => {
    const { repository, introduction: first } = await begin();
    const introduction = await repository.commit({ files: { a: "2\n" } });
    const tip = await repository.commit({ author: "bob", files: { a: "3\n" } });
    rmSync(repository.objectFile(first));
    expect((await writers(repository, introduction))(tip, "a")).toEqual(["bob"]);
  });
});
