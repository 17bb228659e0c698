import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import type { LockedReference } from "@firstmile/formats/nix/flake-lock";
import { type NarHash, parseNarHash } from "@firstmile/formats/nix/hash";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  checkLockedTree,
  type LockedTree,
  pathInsideTree,
  readFlakeLock,
  sourceForInput,
} from "../../src/admission/lock.ts";
import { neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";
import { treeNarHash } from "../../src/git/tree-nar-hash.ts";
import { commitAll, makePlace, type Place, writeFiles } from "./nix-of.ts";

const missing = missingForNixWorld("host");
let place: Place;
let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "lock-"));
  if (missing === undefined) place = await makePlace("host");
});
afterAll(async () => {
  rmSync(dir, { recursive: true, force: true });
  await place?.[Symbol.asyncDispose]();
});

function narHashOf(path: string): NarHash {
  const out = execFileSync("nix-hash", ["--type", "sha256", "--base32", path], { encoding: "utf8" });
  return parseNarHash(`sha256:${out.trim()}`);
}

interface Repository {
  readonly path: string;
  readonly commit: CommitId;
  readonly tree: ObjectId;
}

function repository(name: string, files: Record<string, string>): Repository {
  const path = join(dir, name);
  writeFiles(path, files);
  return { path, ...commitAll(path) };
}

/** The forge's tarball, unpacked. */
function archive({ path }: Repository): string {
  const into = mkdtempSync(join(dir, "archive-"));
  execFileSync("sh", ["-c", 'git -C "$0" archive --format=tar HEAD | tar x -C "$1"', path, into]);
  return into;
}

async function withObjects<T>(
  path: string,
  use: (objects: GitObjects, neutral: Awaited<ReturnType<typeof neutralGit>>) => Promise<T>,
): Promise<T> {
  const neutral = await neutralGit(path);
  try {
    using objects = new GitObjects(neutral.env);
    return await use(objects, neutral);
  } finally {
    neutral.dispose();
  }
}

function check(
  { path, commit }: Repository,
  locked: Omit<LockedReference, "type" | "fields">,
  more: { theirs?: string; use?: (tree: LockedTree) => Promise<void> } = {},
): Promise<LockedTree> {
  const { theirs, use } = more;
  return withObjects(path, async (objects, neutral) => {
    const full = { type: "github", fields: {}, rev: commit, lastModified: 1700000000, ...locked };
    const renew = "nix flake lock --update-input dep";
    const question = {
      label: "input dep",
      renew,
      locked: full,
      git: neutral,
      objects,
      commit,
      nix: place.nix,
    };
    const checked = await checkLockedTree(theirs === undefined ? question : { ...question, theirs });
    await use?.(checked);
    return checked;
  });
}

const lines = (reason: Reason) => (reason.because ?? []).map(({ message }) => message);

test.skipIf(missing)(
  "the commit's own tree passes, and goes into the store under the lock's hash",
  async () => {
    const own = repository("plain", { a: "1", "sub/b": "2" });
    const { narHash } = await withObjects(own.path, (objects) => treeNarHash(objects, own.tree));
    const checked = await check(
      own,
      { narHash, revCount: 1 },
      {
        use: async (tree) => {
          if (!tree.ok) throw new Error(tree.reason.message);
          const path = await tree.addToStore();
          expect(narHashOf(path)).toBe(narHash);
        },
      },
    );
    expect(checked.reason.code).toBe("authentic");
  },
);

test.skipIf(missing)("a tree that differs from the signed commit is shown file by file", async () => {
  const own = repository("changed", { a: "1", "sub/b": "2", gone: "3", "run*": "x" });
  const forged = archive(own);
  writeFileSync(join(forged, "sub/b"), "evil");
  writeFileSync(join(forged, "sub/new\u001b[31m"), "evil");
  rmSync(join(forged, "gone"));
  rmSync(join(forged, "run"));
  mkdirSync(join(forged, "run"));
  const narHash = narHashOf(forged);
  const expected = [
    "gone is in the commit only",
    "run is another kind of file",
    "sub/b has other content",
    "sub/new is in what the lock names only",
  ];
  const given = await check(own, { narHash }, { theirs: forged });
  expect(given).toMatchObject({ ok: false, reason: { code: "tree-differs" } });
  expect(lines(given.reason).slice(2)).toEqual(expected);

  const away = await check(own, { narHash });
  expect(lines(away.reason).join("\n")).toContain("only the hashes were compared");

  execFileSync("cp", ["-r", forged, join(dir, "source")]);
  const added = await place.world.run("nix-store", ["--add", join(dir, "source")]);
  expect(added.code).toBe(0);
  expect(lines((await check(own, { narHash })).reason).slice(2)).toEqual(expected);
});

test.skipIf(missing)(
  "a tree with export attributes passes as git archive gives it, and says so",
  async () => {
    const own = repository("exported", {
      ".gitattributes":
        "ci/** export-ignore\n/secret export-ignore\nversion export-subst\n*.bat text eol=crlf\n",
      "ci/test": "x",
      secret: "x",
      version: "it is $Format:%H$, $Format:%h$.\n",
      "run.bat": "a\nb\n",
      [`${"long/".repeat(40)}name-${"n".repeat(150)}`]: "long",
      "tool*": "#!/bin/sh\n",
    });
    const unpacked = archive(own);
    const narHash = narHashOf(unpacked);
    const checked = await check(
      own,
      { narHash },
      {
        use: async (tree) => {
          if (!tree.ok) throw new Error(JSON.stringify(tree.reason));
          expect(narHashOf(await tree.addToStore())).toBe(narHash);
        },
      },
    );
    expect(checked.reason.message).toContain("as git archive gives it");
    expect(lines(checked.reason)).toEqual([
      '"run.bat" has CRLF (eol=crlf)',
      '"version" has $Format$ filled in (export-subst)',
      '"ci/test" is left out (export-ignore)',
      '"secret" is left out (export-ignore)',
    ]);
    writeFileSync(join(unpacked, "tool"), "#!/bin/evil\n");
    const forged = await check(own, { narHash: narHashOf(unpacked) }, { theirs: unpacked });
    expect(forged.reason.code).toBe("tree-differs");
    expect(lines(forged.reason).slice(3)).toEqual(["tool has other content"]);
  },
);

test.skipIf(missing)("without such attributes no file may be left out", async () => {
  const own = repository("whole", { a: "1", b: "2" });
  const unpacked = archive(own);
  rmSync(join(unpacked, "b"));
  expect((await check(own, { narHash: narHashOf(unpacked) })).reason.code).toBe("tree-differs");
});

test.skipIf(missing)("a lock that says what the commit does not is refused, with both values", async () => {
  const own = repository("numbers", { a: "1" });
  const { narHash } = await withObjects(own.path, (objects) => treeNarHash(objects, own.tree));
  const other = "1".repeat(40);
  for (const [locked, words] of [
    [{ narHash, lastModified: 1 }, "lastModified is 1, the commit's is 1700000000"],
    [{ narHash, revCount: 7 }, "revCount is 7, the history has 1 commits"],
    [{ narHash, rev: other }, `rev is ${other}`],
    [{}, "narHash is missing"],
  ] as const) {
    const checked = await check(own, locked);
    expect(checked.ok).toBe(false);
    expect(checked.reason.code).toBe("lock-differs");
    expect(checked.reason.message).toContain(words);
  }
});

test("flake.lock is read from the tree, wherever the flake is", async () => {
  const lock = JSON.stringify({ nodes: { root: {} }, root: "root", version: 7 });
  const own = repository("locks", {
    "flake.lock": lock,
    "sub/flake.lock": "{",
    "none/flake.nix": "{}",
    "dir/flake.lock/x": "",
  });
  const read = (at: string) => withObjects(own.path, (objects) => readFlakeLock(objects, own.tree, at));
  expect(await read("")).toMatchObject({ ok: true, lock: { version: 7 } });
  expect(await read("./")).toMatchObject({ ok: true, lock: { version: 7 } });
  expect(await read("none")).toEqual({ ok: true, lock: undefined });
  expect(await read("sub")).toMatchObject({ ok: false, reason: { code: "lock-unreadable" } });
});

test("an input belongs to the source whose URL it is, in any spelling, and to no other", () => {
  const source = (...urls: string[]) => ({ urls }) as unknown as Source;
  const nixpkgs = source("https://github.com/NixOS/nixpkgs.git", "ssh://git@example.org/mirror/nixpkgs");
  const lab = source("https://gitlab.example.org/group/sub/tool/");
  const hut = source("https://git.sr.ht/~alice/thing");
  const local = source("file:///srv/git/own.git");
  const policy = {
    sources: new Map(Object.entries({ nixpkgs, lab, hut, local })),
  } as unknown as Policy;
  const of = (locked: Omit<LockedReference, "fields">) => sourceForInput(policy, { fields: {}, ...locked });
  for (const repo of ["NixOS/nixpkgs", "nixos/Nixpkgs"]) {
    const [owner, name] = repo.split("/") as [string, string];
    expect(of({ type: "github", owner, repo: name })).toBe(nixpkgs);
  }
  expect(of({ type: "git", url: "https://GitHub.com/NixOS/nixpkgs/" })).toBe(nixpkgs);
  expect(of({ type: "git", url: "ssh://git@EXAMPLE.org/mirror/nixpkgs.git" })).toBe(nixpkgs);
  expect(of({ type: "gitlab", host: "gitlab.example.org", owner: "group%2Fsub", repo: "tool" })).toBe(lab);
  expect(of({ type: "sourcehut", owner: "~alice", repo: "thing" })).toBe(hut);
  expect(of({ type: "git", url: "file:///srv/git/own" })).toBe(local);
  for (const locked of [
    { type: "github", owner: "evil", repo: "nixpkgs" },
    { type: "github", owner: "NixOS", repo: "nixpkgs", host: "evil.example" },
    { type: "github", owner: "x/../NixOS", repo: "nixpkgs" },
    { type: "github", owner: "NixOS", repo: ".." },
    { type: "github", owner: "NixOS", repo: "nixpkgs", host: "github.com/NixOS/nixpkgs?" },
    { type: "git", url: "https://github.com/NixOS/nixpkgs?x=1" },
    { type: "git", url: "https://github.com/NixOS/nixpkgs#x" },
    { type: "git", url: "http://github.com/NixOS/nixpkgs" },
    { type: "git", url: "ssh://evil@example.org/mirror/nixpkgs" },
    { type: "git", url: "https://git.sr.ht/~ALICE/thing" },
    { type: "tarball", url: "https://github.com/NixOS/nixpkgs" },
    { type: "path", path: "/srv/git/own.git" },
    { type: "indirect", id: "nixpkgs" },
    { type: "hg", url: "https://github.com/NixOS/nixpkgs" },
  ])
    expect([locked, of(locked)]).toEqual([locked, undefined]);
  const inside = (path: string) => pathInsideTree({ type: "path", path, fields: {} });
  expect(["./sub", "sub/./x/", "."].map(inside)).toEqual(["sub", "sub/x", ""]);
  expect(["/abs", "../x", "a/../../x", ""].map(inside)).toEqual([undefined, undefined, undefined, undefined]);
});
