import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ObjectId } from "@firstmile/formats/git/object-id";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addTreeToStore, writeTree } from "../../src/admission/tree.ts";
import { neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";
import { treeNarHash } from "../../src/git/tree-nar-hash.ts";
import { commitAll, git, makePlace, VERSIONS, writeFiles } from "./nix-of.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "trees-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function withObjects<T>(repository: string, use: (objects: GitObjects) => Promise<T>): Promise<T> {
  const neutral = await neutralGit(repository);
  try {
    using objects = new GitObjects(neutral.env);
    return await use(objects);
  } finally {
    neutral.dispose();
  }
}

/** A tree with everything that Git can hold. */
function strangeRepository(name: string): { repository: string; tree: ObjectId } {
  const repository = join(dir, name);
  writeFiles(repository, {
    a: "a\n",
    "a.b": "between\n",
    "a-dir/x": "x",
    "run*": "#!/bin/sh\n",
    empty: "",
    "deep/er/and/deeper/file": "deep",
    "-rf": "dash",
    "new\nline": "name",
    "tab\t\u001b[31m": "name",
    "=.drv": "name",
    "ü/é": "utf-8",
    big: Buffer.alloc(3_000_001, 7),
  });
  for (const [target, link] of [
    ["/etc/passwd", "absolute"],
    ["../../..", "up"],
    ["nowhere", "dangling"],
  ] as const)
    symlinkSync(target, join(repository, link));
  symlinkSync(Buffer.from([0xff, 0xfe]), join(repository, "bytes"));
  mkdirSync(join(repository, "latin"));
  writeFileSync(
    Buffer.concat([Buffer.from(join(repository, "latin/")), Buffer.from([0xe9, 0x80])]),
    "latin-1",
  );
  commitAll(repository);
  git(repository, "update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},module`);
  git(repository, "commit", "--quiet", "-m", "submodule");
  return { repository, tree: git(repository, "rev-parse", "HEAD^{tree}") as ObjectId };
}

/** What Nix says of a directory that Git wrote. */
function peerHash(path: string): string {
  const out = execFileSync("nix-hash", ["--type", "sha256", "--base32", path], { encoding: "utf8" });
  return `sha256:${out.trim()}`;
}

test.skipIf(missingForNixWorld("host"))(
  "the NAR hash is that of git archive and nix-hash, strange names and all",
  async () => {
    const { repository, tree } = strangeRepository("strange");
    const plain = join(dir, "plain");
    mkdirSync(plain);
    execFileSync("sh", ["-c", 'git -C "$0" archive --format=tar HEAD | tar x -C "$1"', repository, plain]);
    const { narHash, narSize } = await withObjects(repository, (objects) => treeNarHash(objects, tree));
    expect(narHash).toBe(peerHash(plain));
    expect(narSize).toBe(execFileSync("nix-store", ["--dump", plain], { maxBuffer: 1 << 26 }).length);

    const written = join(dir, "written");
    await withObjects(repository, (objects) => writeTree(objects, tree, written));
    expect(peerHash(written)).toBe(narHash);
    expect(lstatSync(join(written, "a")).mode & 0o777).toBe(0o444);
    expect(lstatSync(join(written, "run")).mode & 0o777).toBe(0o555);
    expect(readlinkSync(join(written, "absolute"))).toBe("/etc/passwd");
    expect(readdirSync(join(written, "module"))).toEqual([]);
  },
);

test("a directory that is there already is not written into", async () => {
  const repository = join(dir, "there");
  writeFiles(repository, { a: "a" });
  const { tree } = commitAll(repository);
  const taken = join(dir, "taken");
  mkdirSync(taken);
  await expect(withObjects(repository, (objects) => writeTree(objects, tree, taken))).rejects.toThrow(
    /EEXIST/,
  );
  symlinkSync(taken, join(dir, "link"));
  await expect(
    withObjects(repository, (objects) => writeTree(objects, tree, join(dir, "link"))),
  ).rejects.toThrow(/EEXIST/);
  expect(readdirSync(taken)).toEqual([]);
});

test("an object whose bytes are not those of its id is refused, a missing one too", async () => {
  const repository = join(dir, "corrupt");
  writeFiles(repository, { a: "first", b: "second" });
  const { tree } = commitAll(repository);
  const [a, b] = ["a", "b"].map((name) => git(repository, "rev-parse", `HEAD:${name}`));
  const path = (id: string) => join(repository, ".git/objects", id.slice(0, 2), id.slice(2));
  // Git itself answers with the wrong bytes here: it does not hash what it hands out.
  rmSync(path(a!));
  execFileSync("cp", [path(b!), path(a!)]);
  await expect(withObjects(repository, (objects) => treeNarHash(objects, tree))).rejects.toMatchObject({
    code: "corrupt-object",
  });
  rmSync(path(a!));
  await expect(withObjects(repository, (objects) => treeNarHash(objects, tree))).rejects.toMatchObject({
    code: "missing-object",
  });
});

test("a tree that holds itself over and over ends in a refusal, soon", async () => {
  const repository = join(dir, "bomb");
  writeFiles(repository, { a: "a" });
  commitAll(repository);
  let id = git(repository, "rev-parse", "HEAD^{tree}");
  for (let level = 0; level < 12; level++) {
    const lines = Array.from({ length: 10 }, (_, i) => `040000 tree ${id}\td${i}\n`).join("");
    id = execFileSync("git", ["-C", repository, "mktree"], { input: lines, encoding: "utf8" }).trim();
  }
  await expect(
    withObjects(repository, (objects) => treeNarHash(objects, id as ObjectId)),
  ).rejects.toMatchObject({ code: "corrupt-object" });
});

test("a tree deeper than a NAR is refused", async () => {
  const repository = join(dir, "deep");
  writeFiles(repository, { [`${"d/".repeat(70)}f`]: "f" });
  const { tree } = commitAll(repository);
  await expect(withObjects(repository, (objects) => treeNarHash(objects, tree))).rejects.toMatchObject({
    code: "corrupt-object",
  });
});

describe.each(VERSIONS)("the store of %s", (version) => {
  test.skipIf(missingForNixWorld(version))("takes the tree as `source`, and again", async () => {
    await using place = await makePlace(version);
    const { repository, tree } = strangeRepository(`store-${version}`);
    await withObjects(repository, async (objects) => {
      const path = await addTreeToStore(place.nix, objects, tree);
      expect(path).toMatch(/-source$/);
      expect(existsSync(join(path, "deep/er/and/deeper/file"))).toBe(true);
      const { narHash } = await treeNarHash(objects, tree);
      const told = await place.world.run("nix-store", ["--query", "--hash", path]);
      expect(told.stdout.trim()).toBe(narHash);
      expect(await addTreeToStore(place.nix, objects, tree)).toBe(path);
    });
  });
});
