/** Writing statements and reading them, from directories and Git, and places made by somebody hostile. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FormatError } from "@firstmile/formats/bytes/error";
import { MAX_ENVELOPE, renderEnvelope } from "@firstmile/formats/dsse/envelope";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { envelopeName, LIMITS, STATEMENTS_REF, type StatementPlace } from "@firstmile/local/statements/place";
import { readStatements } from "@firstmile/local/statements/read";
import { type WritablePlace, writeStatement } from "@firstmile/local/statements/write";
import { writeToRef } from "@firstmile/local/statements/write-ref";
import { makeWorld, type World } from "@firstmile/testing/world";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

function envelope(word: string): Uint8Array {
  return renderEnvelope({
    payloadType: "text/plain",
    payload: Buffer.from(word),
    signatures: [{ keyid: undefined, sig: Uint8Array.of(1) }],
  });
}

function directory(files: Readonly<Record<string, Uint8Array | string>> = {}): string {
  const dir = world.fresh("statements");
  mkdirSync(dir);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  return dir;
}

const names = (...words: string[]) => words.map((word) => envelopeName(envelope(word))).sort();
const inDirectory = (path: string): StatementPlace => ({ kind: "directory", path });

async function read(...places: readonly StatementPlace[]) {
  const { found, unreadable } = await readStatements(places);
  for (const { name, envelope: bytes } of found) expect(envelopeName(bytes)).toBe(name);
  return {
    found: found.map(({ name }) => name).sort(),
    problems: unreadable.map(({ problem }) => problem),
    unreadable,
  };
}

type Target = { readonly place: WritablePlace; readonly repository?: WorldRepository };
const targets: [string, () => Promise<Target>][] = [
  ["a directory", async () => ({ place: { kind: "directory", path: world.fresh("place") } })],
  ["a ref", () => inRepository("sha1")],
  ["a ref of a SHA-256 repository", () => inRepository("sha256")],
];

async function inRepository(format: "sha1" | "sha256"): Promise<Required<Target>> {
  const repository = await world.repository("place", format);
  return { place: { kind: "ref", repository: repository.dir }, repository };
}

describe.each(targets)("%s", (_, make) => {
  test("gives back what was written, by the SHA-256 of it", async () => {
    const { place } = await make();
    for (const word of ["one", "two", "three"]) await writeStatement(place, envelope(word));
    expect(await read(place)).toMatchObject({ found: names("one", "two", "three"), problems: [] });
  });
  test("takes the same envelope twice as once", async () => {
    const { place, repository } = await make();
    const first = await writeStatement(place, envelope("one"));
    const before = await repository?.git("rev-parse", STATEMENTS_REF);
    expect(await writeStatement(place, envelope("one"))).toEqual(first);
    expect(await repository?.git("rev-parse", STATEMENTS_REF)).toBe(before);
    expect(first.name).toBe(envelopeName(envelope("one")));
    expect(first.where).toContain(`${first.name.slice(0, 2)}/${first.name.slice(2)}.json`);
  });
  test("keeps all that are written at once", async () => {
    const { place, repository } = await make();
    const words = Array.from({ length: 12 }, (_, i) => `word ${i}`);
    await Promise.all(words.map((word) => writeStatement(place, envelope(word))));
    expect(await read(place)).toMatchObject({ found: names(...words), problems: [] });
    if (!repository) return;
    expect(await repository.git("rev-list", "--count", STATEMENTS_REF)).toBe("12");
    expect(await repository.git("fsck", "--strict", "--no-dangling")).toBe("");
  });
  test("takes no bytes that are no envelope", async () => {
    const { place } = await make();
    await expect(writeStatement(place, Buffer.from("{}"))).rejects.toThrow(FormatError);
  });
});

describe("writing to a ref", () => {
  test("leaves index, work tree and branch alone, keeps what others put there, and runs no hook", async () => {
    const dir = world.fresh("checkout");
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.org", ...args], {
        stdio: "pipe",
      }).toString();
    execFileSync("git", ["init", "-q", dir]);
    writeFileSync(join(dir, "README"), "hello\n");
    git("add", "README");
    git("commit", "-q", "-m", "one");
    const ran = world.fresh("ran");
    const hook = join(dir, ".git/hooks/reference-transaction");
    mkdirSync(dirname(hook), { recursive: true });
    writeFileSync(hook, `#!/bin/sh\ntouch ${ran}\n`, { mode: 0o755 });
    git("update-ref", STATEMENTS_REF, "HEAD");
    expect(readdirSync(dirname(ran))).toContain(ran.split("/").at(-1));
    execFileSync("rm", [ran]);
    const [head, index] = [git("rev-parse", "HEAD"), readFileSync(join(dir, ".git/index"))];
    await writeStatement({ kind: "ref", repository: dir }, envelope("one"));
    expect(readdirSync(dirname(ran))).not.toContain(ran.split("/").at(-1));
    expect(git("rev-parse", "HEAD")).toBe(head);
    expect(readFileSync(join(dir, ".git/index"))).toEqual(index);
    expect(git("status", "--porcelain")).toBe("");
    expect(git("ls-tree", "-r", "--name-only", STATEMENTS_REF).split("\n")).toContain("README");
    expect((await read({ kind: "ref", repository: dir })).found).toEqual(names("one"));
  });
  test("says so where the repository is none, or the ref is no ref", async () => {
    const nowhere: WritablePlace = { kind: "ref", repository: world.fresh("nowhere") };
    await expect(writeStatement(nowhere, envelope("one"))).rejects.toThrow(/git/);
    const { repository } = await inRepository("sha1");
    const odd: WritablePlace = { kind: "ref", repository: repository.dir, ref: "--delete" };
    await expect(writeStatement(odd, envelope("one"))).rejects.toThrow(/no ref/);
  });
  test("gives up where somebody holds the lock for good", async () => {
    const { repository, place } = await inRepository("sha1");
    await writeStatement(place, envelope("one"));
    writeFileSync(join(repository.dir, `${STATEMENTS_REF}.lock`), "");
    const bytes = envelope("two");
    const write = writeToRef({ repository: repository.dir }, envelopeName(bytes), bytes, 2);
    await expect(write).rejects.toThrow(/locked/);
    expect((await read(place)).found).toEqual(names("one"));
  });
});

describe("reading", () => {
  test("several places tells one envelope once", async () => {
    const { place } = await inRepository("sha1");
    await writeStatement(place, envelope("one"));
    await writeStatement(place, envelope("two"));
    const dir = directory({ "deep/er/a.json": envelope("one"), "b.json": envelope("three"), "c.txt": "no" });
    expect(await read(place, inDirectory(dir))).toMatchObject({
      found: names("one", "two", "three"),
      problems: [],
    });
  });
  test("a trust repository's own folder, and nothing beside it", async () => {
    const repository = await world.repository("trust");
    const commit: CommitId = await repository.commit({
      files: {
        "statements/x/a.json": envelope("one"),
        "other/b.json": envelope("two"),
        "statements/README": "no",
      },
    });
    const bare: CommitId = await repository.commit({ files: { README: "none\n" }, whole: true });
    expect(await read({ kind: "commit", repository: repository.dir, commit })).toMatchObject({
      found: names("one"),
      problems: [],
    });
    expect(await read({ kind: "commit", repository: repository.dir, commit: bare })).toMatchObject({
      found: [],
      problems: [],
    });
  });
  test("each of several refs, of which one is no tree", async () => {
    const { repository } = await inRepository("sha1");
    const at = (ref: string): WritablePlace => ({ kind: "ref", repository: repository.dir, ref });
    await writeStatement(at(`${STATEMENTS_REF}/a`), envelope("one"));
    await writeStatement(at(`${STATEMENTS_REF}/c`), envelope("two"));
    repository.ref(`${STATEMENTS_REF}/b`, repository.write("blob", Buffer.from("no tree")));
    const { found, unreadable } = await read({ kind: "ref", repository: repository.dir });
    expect(found).toEqual(names("one", "two"));
    expect(unreadable.map(({ where }) => where)).toEqual([`${STATEMENTS_REF}/b`]);
  });
  test("a place that is not there is reported, and the others are read", async () => {
    const missing: StatementPlace[] = [
      inDirectory(world.fresh("missing")),
      { kind: "ref", repository: world.fresh("missing") },
    ];
    const { found, unreadable } = await read(
      ...missing,
      inDirectory(directory({ "a.json": envelope("one") })),
    );
    expect(found).toEqual(names("one"));
    expect(unreadable.length).toBe(2);
  });
});

describe("a hostile directory", () => {
  test("leads nowhere by symbolic links, to files or folders", async () => {
    const secret = directory({ "a.json": envelope("secret") });
    const dir = directory({ "b.json": envelope("one") });
    symlinkSync(join(secret, "a.json"), join(dir, "link.json"));
    symlinkSync(secret, join(dir, "folder"));
    symlinkSync(secret, join(dir, "folder.json"));
    symlinkSync(dir, join(dir, "circle"));
    expect(await read(inDirectory(dir))).toMatchObject({
      found: names("one"),
      problems: ["is not a regular file", "is not a regular file"],
    });
  });
  test("keeps nobody waiting on a pipe", async () => {
    const dir = directory({ "b.json": envelope("one") });
    execFileSync("mkfifo", [join(dir, "a.json")]);
    expect(await read(inDirectory(dir))).toMatchObject({
      found: names("one"),
      problems: ["is not a regular file"],
    });
  });
  test("is not read beyond the size of an envelope, nor beyond a depth", async () => {
    const deep = (levels: number) => `${"d/".repeat(levels)}a.json`;
    const dir = directory({
      "large.json": Buffer.alloc(MAX_ENVELOPE + 1, 0x20),
      "most.json": Buffer.alloc(MAX_ENVELOPE, 0x20),
      [deep(LIMITS.depth)]: envelope("deep"),
      [deep(LIMITS.depth + 1)]: envelope("deeper"),
    });
    const { found, problems } = await read(inDirectory(dir));
    expect(found).toEqual([...names("deep"), envelopeName(Buffer.alloc(MAX_ENVELOPE, 0x20))].sort());
    expect(problems.sort()).toEqual([
      `has more than ${MAX_ENVELOPE} bytes`,
      `lies more than ${LIMITS.depth} folders deep`,
    ]);
  });
});

describe("a hostile tree", () => {
  test("leads nowhere by symbolic links, and holds nothing larger than an envelope", async () => {
    const repository = await world.repository("hostile");
    await repository.commit({
      branch: "main",
      files: {
        "a.json": { mode: 0o120000, content: "/etc/passwd" },
        "b.json": Buffer.alloc(MAX_ENVELOPE + 1, 0x20),
        "c.json": envelope("one"),
        "esc\u001b.json": Buffer.alloc(MAX_ENVELOPE + 1, 0x20),
        [`${"d/".repeat(LIMITS.depth + 1)}a.json`]: envelope("deeper"),
      },
    });
    const { found, unreadable } = await read({
      kind: "ref",
      repository: repository.dir,
      ref: "refs/heads/main",
    });
    expect(found).toEqual(names("one"));
    expect(unreadable.map(({ problem }) => problem).sort()).toEqual([
      `has more than ${MAX_ENVELOPE} bytes`,
      `has more than ${MAX_ENVELOPE} bytes`,
      "is not a regular file",
      `lies more than ${LIMITS.depth} folders deep`,
    ]);
    for (const { where } of unreadable) expect(where).not.toContain("\u001b");
  });
  test("that holds itself over and over ends", async () => {
    const repository = await world.repository("bomb");
    let tree = repository.write("blob", Buffer.from(envelope("one")));
    for (let level = 0; level < 9; level++) {
      const mode = level === 0 ? "100644" : "40000";
      const entries = Array.from({ length: 10 }, (_, i) =>
        Buffer.concat([Buffer.from(`${mode} ${i}.json\0`), Buffer.from(tree, "hex")]),
      );
      tree = repository.write("tree", Buffer.concat(entries));
    }
    const commit = repository.raw(
      `tree ${tree}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\nbomb\n`,
      "bomb",
    );
    expect(commit.length).toBe(40);
    const start = performance.now();
    const { found, problems } = await read({
      kind: "ref",
      repository: repository.dir,
      ref: "refs/heads/bomb",
    });
    expect([found, problems]).toEqual([[], [expect.stringContaining("printed more than expected")]]);
    expect(performance.now() - start).toBeLessThan(60_000);
  });
});
