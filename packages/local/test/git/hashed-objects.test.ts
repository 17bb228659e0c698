/**
 * What is shown here: that Git takes in and names the very bytes that it is given; that this machine's Git notices the
 * one published attack (SHAttered) where its bytes are hashed without a header before them; and what is made of its
 * noticing. What is not: a pair of Git objects that collide. None is public, and making one costs tens of thousands of
 * dollars.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashObject, type ObjectKind } from "@firstmile/formats/git/object-id";
import { makeWorld, type World } from "@firstmile/testing/world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gitDetectsCollisions, noticesAmong } from "../../src/git/collision-probe.ts";
import { CollisionError, CorruptObjectsError, HashedObjects } from "../../src/git/hashed-objects.ts";
import { type NeutralGit, neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** On both sides of where objects are packed instead of written one by one. */
const COUNTS = [3, 500] as const;
const FORMATS = ["sha1", "sha256"] as const;

describe.each(FORMATS.flatMap((format) => COUNTS.map((count) => [format, count] as const)))(
  "%s, %i objects",
  (format, count) => {
    let git: NeutralGit;
    beforeAll(async () => {
      git = await neutralGit((await world.repository("hashed", format)).dir);
    });
    afterAll(() => git.dispose());

    const contents = Array.from({ length: count }, (_, i) => Buffer.from(`object ${i}\n`.repeat(i % 50)));
    const distinct = [...new Map(contents.map((content) => [content.toString(), content])).values()];
    const id = (content: Buffer, kind: ObjectKind = "blob") => hashObject(kind, content, format);

    test("what was added is there under its id, once flushed", async () => {
      const hashed = new HashedObjects(git);
      for (const content of [...distinct, ...distinct]) hashed.add("blob", id(content), content);
      expect(hashed.pendingBytes).toBe(distinct.reduce((sum, { length }) => sum + length, 0));
      await hashed.flush();
      expect(hashed.pendingBytes).toBe(0);
      using objects = new GitObjects(hashed.env);
      const read = await objects.getAll(distinct.map((content) => id(content)));
      expect(read.map((object) => object?.content.toString())).toEqual(distinct.map(String));
    });

    test("an id that the content does not have is refused, and so is all that follows", async () => {
      const hashed = new HashedObjects(git);
      for (const content of distinct) hashed.add("blob", id(content), content);
      const lie = Buffer.from("something else");
      hashed.add("blob", id(Buffer.from("never added")), lie);
      await expect(hashed.flush()).rejects.toThrow(CorruptObjectsError);
      await expect(hashed.flush()).rejects.toThrow(CorruptObjectsError);
    });

    test("nothing of the repository is there", async () => {
      const repository = await world.repository("theirs", format);
      const commit = await repository.commit({ files: { a: "a" } });
      const theirs = await neutralGit(repository.dir);
      const hashed = new HashedObjects({
        ...theirs,
        env: { ...theirs.env, GIT_ALTERNATE_OBJECT_DIRECTORIES: theirs.objects },
      });
      using objects = new GitObjects(hashed.env);
      expect(await objects.get(commit)).toBeUndefined();
      theirs.dispose();
    });
  },
);

test("objects of every kind, and more of them after the first", async () => {
  const git = await neutralGit((await world.repository("kinds")).dir);
  const hashed = new HashedObjects(git);
  const empty = Buffer.alloc(0);
  hashed.add("tree", hashObject("tree", empty, "sha1"), empty);
  await hashed.flush();
  const blob = Buffer.alloc(200_000, 1);
  hashed.add("blob", hashObject("blob", blob, "sha1"), blob);
  // Nobody waits for the first of two.
  const [first, second] = [hashed.flush(), hashed.flush()];
  await Promise.all([first, second]);
  using objects = new GitObjects(hashed.env);
  expect((await objects.get(hashObject("tree", empty, "sha1")))?.type).toBe("tree");
  expect((await objects.get(hashObject("blob", blob, "sha1")))?.content.equals(blob)).toBe(true);
  git.dispose();
});

describe("collisions", () => {
  test("this machine's Git notices the published attack, and nothing where there is none", async () => {
    expect(await gitDetectsCollisions()).toBe(true);
    expect(await noticesAmong(Buffer.alloc(320, 0x25))).toBe(false);
  });

  /** A Git that says what the real one would say, since no object is known over which it would. */
  async function flushBy(script: string): Promise<unknown> {
    const git = await neutralGit((await world.repository("attacked")).dir);
    const bin = mkdtempSync(join(tmpdir(), "firstmile-fake-git-"));
    writeFileSync(join(bin, "git"), `#!/bin/sh\ncat >/dev/null\n${script}\n`);
    chmodSync(join(bin, "git"), 0o755);
    const hashed = new HashedObjects({ ...git, env: { ...git.env, PATH: `${bin}:${process.env.PATH}` } });
    const content = Buffer.from("x");
    hashed.add("blob", hashObject("blob", content, "sha1"), content);
    const error = await hashed.flush().catch((thrown: unknown) => thrown);
    rmSync(bin, { recursive: true, force: true });
    git.dispose();
    return error;
  }

  test("what it notices is told as an attack", async () => {
    const said =
      "fatal: SHA-1 appears to be part of a collision attack: 38762cf7f55934b34d179ae6a4c80cadccbb7f0a";
    const error = await flushBy(`echo '${said}' >&2; exit 128`);
    expect(error).toBeInstanceOf(CollisionError);
    expect(error).toMatchObject({ id: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a" });
  });

  test("any other failure is a refusal too", async () => {
    expect(await flushBy("echo 'fatal: No space left on device' >&2; exit 128")).toBeInstanceOf(
      CorruptObjectsError,
    );
    expect(await flushBy("exit 0")).toBeInstanceOf(CorruptObjectsError);
  });
});
