/** What is shown is what is signed, whoever keeps the repository. */
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { neutralGit } from "@firstmile/local/git/neutral";
import { diffText } from "@firstmile/local/reviewing/diff-text";
import { resolveRange } from "@firstmile/local/reviewing/range";
import { ReviewMaterial } from "@firstmile/local/reviewing/read-change";
import { makeWorld, type World } from "@firstmile/testing/world";
import type { Changes, WorldRepository } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

async function read(repository: WorldRepository, revision = "main") {
  const git = await neutralGit(repository.dir);
  try {
    using material = new ReviewMaterial(git);
    const range = await resolveRange(repository.dir, revision, material.reader);
    const change = await material.change(range);
    let text = "";
    let longest = 0;
    for await (const piece of diffText(change, (_, line) => line)) {
      text += piece;
      longest = Math.max(longest, piece.length);
    }
    return { change, text, longest, counts: await change.lineCounts() };
  } finally {
    git.dispose();
  }
}

async function two(before: Changes, after: Changes, format: "sha1" | "sha256" = "sha1") {
  const repository = await world.repository("pkgs", format);
  const base = await repository.commit({ files: before });
  const tip = await repository.commit({ files: after });
  return { repository, base, tip };
}

describe("a change", () => {
  test.each(["sha1", "sha256"] as const)("%s: as git diff-tree has it, with SHA-256", async (format) => {
    const link = { mode: 0o120000, content: "elsewhere" };
    const { repository, base, tip } = await two(
      { a: "1\n", "d/gone": "x\n", m: "m\n" },
      {
        a: "2\n",
        "d/gone": null,
        "d/new": "y\n",
        l: link,
        m: { mode: 0o100755, content: "m\n" },
      },
      format,
    );
    const { change, text, counts } = await read(repository);
    const listed = await repository.git("diff-tree", "-r", "--no-renames", "--name-only", base, tip);
    expect(change.changes.map(({ path }) => path)).toEqual(listed.split("\n"));
    const sha256 = createHash("sha256").update("2\n").digest("hex");
    expect(change.changes[0]!.after).toMatchObject({ sha256, mode: 0o100644, id: repository.blob(tip, "a") });
    expect(`${text}`.trimEnd()).toBe(
      await repository.git("diff-tree", "-p", "-r", "--no-renames", base, tip),
    );
    expect(counts.map(({ path }) => path)).toEqual(listed.split("\n"));
  });

  test("a first commit is all of it", async () => {
    const { repository, base } = await two({ a: "1\n" }, { a: "2\n" });
    expect((await read(repository, base)).text).toContain("new file mode 100644");
  });

  test("neither attributes nor configuration of the repository hide anything", async () => {
    const { repository } = await two({ a: "1\n" }, { ".gitattributes": "* -diff\n", a: "2\n" });
    await repository.git("config", "diff.external", "/bin/true");
    await repository.git("config", "core.attributesFile", "/dev/stdin");
    expect((await read(repository)).text).toContain("-1\n+2\n");
  });

  test("no replacement of objects is followed", async () => {
    const { repository, tip } = await two({ a: "1\n" }, { a: "evil\n" });
    const harmless = repository.write("blob", Buffer.from("good\n"));
    repository.ref(`refs/replace/${repository.blob(tip, "a")}`, harmless);
    expect((await read(repository)).text).toContain("+evil");
  });

  test.each<[string, (repository: WorldRepository, tip: CommitId) => void]>([
    [
      "swapped",
      (repository, tip) => repository.plant(repository.blob(tip, "a"), "blob", Buffer.from("good\n")),
    ],
    ["missing", (repository, tip) => rmSync(repository.objectFile(repository.blob(tip, "a")))],
  ])("a file that is %s: refused", async (_, spoil) => {
    const { repository, tip } = await two({ a: "1\n" }, { a: "evil\n" });
    spoil(repository, tip);
    await expect(read(repository)).rejects.toMatchObject({ name: "RepositoryError" });
  });

  test.each([
    ["4,096 bytes", `${"./".repeat(2044)}evil.txt`],
    ["a target that is cut to another", `${"./".repeat(2043)}evil.txt/../good.txt`],
    ["a NUL byte", "good\0.txt"],
    ["no target", ""],
  ])("a link with %s is refused; that it goes may be approved", async (_, target) => {
    const { repository } = await two({ a: "1\n" }, { l: { mode: 0o120000, content: target } });
    await expect(read(repository)).rejects.toMatchObject({
      name: "RepositoryError",
      message: expect.stringContaining("symbolic link as it is written: l: its target "),
    });
    await repository.commit({ files: { l: null } });
    expect((await read(repository)).change.changes).toHaveLength(1);
  });

  test("a link of 4,095 bytes is one", async () => {
    const { repository } = await two({ a: "1\n" }, { l: { mode: 0o120000, content: "x".repeat(4095) } });
    expect((await read(repository)).change.changes).toHaveLength(1);
  });

  test("a line of megabytes comes in pieces", async () => {
    const { repository } = await two({ a: "1\n" }, { a: `${"é".repeat(3 << 20)}\nend\n` });
    const { text, longest } = await read(repository);
    expect(text).toContain("\n+end\n");
    expect(longest).toBeLessThan(1 << 20);
    expect(Math.max(...text.split("\n").map((row) => row.length))).toBe(99);
  });
});
