/** FIFOs, devices and sockets in place of Git's files: an answer in seconds that names the file, and exit code 2. */
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { refuseSpecialFiles } from "@firstmile/local/git/special-files";
import { makeWorld, type Person, type World } from "@firstmile/testing/world";
import { gitEnv } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
let policy: string;
let bare: string;
beforeAll(async () => {
  world = await makeWorld();
  alice = await world.person("alice");
  const repository = await world.repository("origin");
  const introduction = await repository.commit({ by: alice, files: { a: "1\n" } });
  await repository.commit({ by: alice, files: { a: "2\n" } });
  policy = await world.policyDirectory({ people: [alice], sources: { pkgs: { introduction } } });
  bare = repository.dir;
});
afterAll(() => world[Symbol.asyncDispose]());

function git(...args: string[]): string {
  return execFileSync("git", args, { env: gitEnv() }).toString().trim();
}

/** A checkout with a packed and a loose object, and a worktree beside it. */
function checkout(): { dir: string; worktree: string } {
  const dir = world.fresh("checkout");
  git("clone", "-q", bare, dir);
  git("-C", dir, "repack", "-adq");
  git("-C", dir, "pack-refs", "--all");
  writeFileSync(join(dir, "loose"), "1\n");
  git("-C", dir, "hash-object", "-w", join(dir, "loose"));
  const worktree = world.fresh("worktree");
  git("-C", dir, "worktree", "add", "-q", worktree, "HEAD");
  return { dir, worktree };
}

const loose = (dir: string) => {
  const id = git("-C", dir, "hash-object", join(dir, "loose"));
  return `.git/objects/${id.slice(0, 2)}/${id.slice(2)}`;
};
const pack = (dir: string, ending: string) =>
  execFileSync("find", [
    join(dir, ".git/objects/pack"),
    "-name",
    `*.${ending}`,
    "-printf",
    ".git/objects/pack/%f",
  ]).toString();

const PLACES: Readonly<Record<string, (dir: string) => string>> = {
  config: () => ".git/config",
  HEAD: () => ".git/HEAD",
  "packed-refs": () => ".git/packed-refs",
  shallow: () => ".git/shallow",
  commondir: () => ".git/commondir",
  "config.worktree": () => ".git/config.worktree",
  "the .git itself": () => ".git",
  alternates: () => ".git/objects/info/alternates",
  "a loose object": loose,
  "a pack": (dir) => pack(dir, "pack"),
  "a pack's index": (dir) => pack(dir, "idx"),
  "an index of packs": () => ".git/objects/pack/multi-pack-index",
  "a branch": () => ".git/refs/heads/some/where",
  "a tag": () => ".git/refs/tags/v1",
  "what is ignored": () => ".git/info/exclude",
  "the tree's .gitignore": () => ".gitignore",
};

function replace(path: string, put: (path: string) => void): void {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(dirname(path), { recursive: true });
  put(path);
}

const fifo = (path: string) => execFileSync("mkfifo", [path]);

async function refused(...args: string[]): Promise<string> {
  const start = performance.now();
  const { code, stderr } = await world.firstmile(["verify", "--policy", policy, ...args]);
  expect(code).toBe(2);
  // Most of that is starting this program on a machine with much else to do.
  expect(performance.now() - start).toBeLessThan(20_000);
  return stderr;
}

describe.each(Object.keys(PLACES))("%s", (name) => {
  test("a FIFO, a device, and links to these", () => {
    for (const put of [
      fifo,
      (path: string) => execFileSync("mknod", [path, "c", "1", "5"]),
      (path: string) => symlinkSync("/dev/zero", path),
      (path: string) => {
        const elsewhere = world.fresh("elsewhere");
        fifo(elsewhere);
        symlinkSync(elsewhere, path);
      },
    ]) {
      const { dir } = checkout();
      const path = join(dir, PLACES[name]!(dir));
      replace(path, put);
      expect(() => refuseSpecialFiles(dir)).toThrow(`${path} is a`);
      mkdirSync(join(dir, "below/here"), { recursive: true });
      expect(() => refuseSpecialFiles(join(dir, "below/here"))).toThrow(`${path} is a`);
    }
  });
});

test.each(["config", "HEAD", "packed-refs", "the .git itself", "alternates", "a loose object", "a pack"])(
  "verify: a FIFO as %s",
  async (name) => {
    const { dir } = checkout();
    const path = join(dir, PLACES[name]!(dir));
    replace(path, fifo);
    expect(await refused(dir)).toContain(`${path} is a FIFO`);
  },
);

test("what may fail is asked in a user's directory by one function, which looks there before", () => {
  const src = resolve(import.meta.dirname, "../../src");
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const asking = files.filter((name) => {
    const lines = readFileSync(join(src, name), "utf8").split("\n");
    return lines.some((line) => line.includes('run("git", ["-C"') && !line.includes("env: "));
  });
  expect(asking).toEqual(["git/in-directory.ts"]);
});

test("verify: of a repository that is fetched by file://", async () => {
  const { dir } = checkout();
  replace(join(dir, ".git/packed-refs"), fifo);
  const { code, stderr } = await world.firstmile(["verify", "--policy", policy, `file://${dir}`]);
  expect(code).not.toBe(0);
  expect(stderr).toContain("packed-refs is a FIFO");
});

test("in what a worktree has in common with others, and in what is borrowed", () => {
  const { dir, worktree } = checkout();
  expect(() => refuseSpecialFiles(worktree)).not.toThrow();
  replace(join(dir, ".git/packed-refs"), fifo);
  expect(() => refuseSpecialFiles(worktree)).toThrow("packed-refs is a FIFO");

  const [lender, borrower] = [checkout().dir, checkout().dir];
  writeFileSync(join(borrower, ".git/objects/info/alternates"), `${lender}/.git/objects\n`);
  expect(() => refuseSpecialFiles(borrower)).not.toThrow();
  replace(join(lender, loose(lender)), fifo);
  expect(() => refuseSpecialFiles(borrower)).toThrow("is a FIFO");
});

test("a socket as config is refused, and where Git itself listens it is not", async () => {
  const { dir } = checkout();
  const listen = async (path: string) => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(path, done));
    return server;
  };
  const own = await listen(join(dir, ".git/fsmonitor--daemon.ipc"));
  expect(() => refuseSpecialFiles(dir)).not.toThrow();
  own.close();
  rmSync(join(dir, ".git/config"));
  const other = await listen(join(dir, ".git/config"));
  expect(() => refuseSpecialFiles(dir)).toThrow("config is a socket");
  other.close();
});

test("honest repositories: bare, linked, with links in place of files, and what is none", () => {
  const { dir } = checkout();
  for (const honest of [dir, bare, join(dir, ".git"), world.dir, join(world.dir, "nowhere")])
    expect(() => refuseSpecialFiles(honest)).not.toThrow();
  renameSync(join(dir, ".git/config"), join(dir, ".git/own-config"));
  symlinkSync("own-config", join(dir, ".git/config"));
  renameSync(join(dir, ".git"), `${dir}.git`);
  writeFileSync(join(dir, ".git"), `gitdir: ${dir}.git\n`);
  expect(() => refuseSpecialFiles(dir)).not.toThrow();
  expect(readFileSync(join(dir, ".git"), "utf8")).toContain("gitdir");
  replace(`${dir}.git/HEAD`, fifo);
  expect(() => refuseSpecialFiles(dir)).toThrow("HEAD is a FIFO");
});
