/** A tree as an archive, held against the readers of others: tar, and Nix's own unpacking by the NAR that comes out. */
import { createWriteStream, mkdirSync, readFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { treeOf } from "@firstmile/local/admission/tree-of";
import { GitTree } from "@firstmile/local/git/git-tree";
import { neutralGit } from "@firstmile/local/git/neutral";
import { GitObjects } from "@firstmile/local/git/objects";
import { treeNarHash } from "@firstmile/local/git/tree-nar-hash";
import { tarOfTree } from "@firstmile/local/git/tree-tar";
import { runOk } from "@firstmile/local/process/run";
import { makeWorld, type World, type WorldRepository } from "@firstmile/testing/world";
import { afterAll, beforeAll, expect, test } from "vitest";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const TIME = 1_700_000_000;

async function archived(repository: WorldRepository, commit: CommitId) {
  const git = await neutralGit(repository.dir);
  try {
    using objects = new GitObjects(git.env);
    const root = await treeOf(objects, commit);
    const file = `${world.fresh("archive")}.tar`;
    await pipeline(tarOfTree(objects, await GitTree.read(objects, root), TIME), createWriteStream(file));
    return { file, narHash: (await treeNarHash(objects, root)).narHash };
  } finally {
    git.dispose();
  }
}

test("unpacks to the very tree, whatever its names, modes and links are", async () => {
  const repository = await world.repository("odd");
  const long = `${"d".repeat(90)}/${"e".repeat(90)}/${"f".repeat(200)}`;
  const commit = await repository.commit({
    files: {
      "a.txt": "a\n",
      empty: "",
      "run.sh": { mode: 0o100755, content: "#!/bin/sh\n" },
      [long]: "long\n",
      "ü.txt": "ü\n",
      link: { mode: 0o120000, content: "a.txt" },
      "far link": { mode: 0o120000, content: `../${"x/".repeat(120)}y` },
      exact: "x".repeat(512),
      large: "y".repeat(700_001),
      [`${"n".repeat(93)}`]: "100 bytes with its directory\n",
      [`${"n".repeat(94)}`]: "101\n",
    },
  });
  const { file, narHash } = await archived(repository, commit);
  const dir = world.fresh("unpacked");
  mkdirSync(dir);
  await runOk("tar", ["-xf", file, "-C", dir]);
  expect((await runOk("nix-hash", ["--type", "sha256", "--base32", `${dir}/source`])).toString().trim()).toBe(
    narHash.replace(/^sha256:/, ""),
  );
  const listed = (await runOk("tar", ["-tvf", file, "--full-time", "--utc"]))
    .toString()
    .split("\n")
    .filter(Boolean);
  for (const line of listed) expect(line).toContain("2023-11-14 22:13:20");
});

test("the same tree and time give the same bytes", async () => {
  const repository = await world.repository("same");
  const first = await repository.commit({ files: { "a/b": "1\n", c: "2\n" } });
  const second = await repository.commit({ files: {}, message: "another commit of the same tree\n" });
  const [a, b] = [await archived(repository, first), await archived(repository, second)];
  expect(readFileSync(a.file)).toEqual(readFileSync(b.file));
});

test("a blob that is not what its id names ends it", async () => {
  const repository = await world.repository("planted");
  const commit = await repository.commit({ files: { "a.nix": "good\n" } });
  repository.plant(repository.blob(commit, "a.nix"), "blob", Buffer.from("evil\n"));
  await expect(archived(repository, commit)).rejects.toThrow(/does not hash to its id/);
});
