/** What of a repository can be had from Nix's cache, once it was filled for one commit. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GitMirrors } from "../../src/pins/git-mirror.ts";
import { commitAll, git, writeFiles } from "../admission/nix-of.ts";

let dir: string;
let commits: CommitId[];
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "mirrored-"));
  commits = ["one", "two", "three"].map((text) => {
    writeFiles(dir, { "a/file": text, other: "the same" });
    return commitAll(dir).commit;
  });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Git's word in a directory of the cache, or its refusal. */
function asked(repository: string, ...args: string[]): string {
  try {
    const options = ["-C", repository, "-c", "safe.directory=*", ...args];
    return execFileSync("git", options, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  } catch {
    return "refused";
  }
}

test("the commit whole, and of those before it only that they were", async () => {
  using mirrors = new GitMirrors();
  await mirrors.add(dir, commits[1]!, ["https://example.org/a", "https://example.org/b.git"]);
  const repositories = readdirSync(join(mirrors.cacheHome, "nix/gitv3"));
  expect(repositories).toHaveLength(4);
  for (const name of repositories) {
    const repository = join(mirrors.cacheHome, "nix/gitv3", name);
    expect(asked(repository, "rev-list", "--count", commits[1]!)).toBe("2");
    expect(asked(repository, "cat-file", "blob", `${commits[1]}:a/file`)).toBe("two");
    expect(asked(repository, "cat-file", "-t", commits[0]!)).toBe("commit");
    expect(asked(repository, "cat-file", "blob", `${commits[0]}:a/file`)).toBe("refused");
    expect(asked(repository, "cat-file", "-t", `${commits[0]}^{tree}`)).toBe("refused");
    expect(asked(repository, "cat-file", "-t", commits[2]!)).toBe("refused");
  }
});

test("two commits of one address, and no others", async () => {
  using mirrors = new GitMirrors();
  await mirrors.add(dir, commits[0]!, ["https://example.org/a"]);
  await mirrors.add(dir, commits[2]!, ["https://example.org/a"]);
  const [name] = readdirSync(join(mirrors.cacheHome, "nix/gitv3"));
  const files = commits.map((id) =>
    asked(join(mirrors.cacheHome, "nix/gitv3", name!), "cat-file", "blob", `${id}:a/file`),
  );
  expect(files).toEqual(["one", "refused", "three"]);
});

test("an object that is not what its name says is not there", async () => {
  const forged = join(dir, "../", `${dir.split("/").at(-1)}-forged`);
  try {
    execFileSync("git", ["clone", "--quiet", "--bare", "--no-local", dir, forged]);
    execFileSync("sh", [
      "-c",
      'cd "$1" && mv objects/pack/*.pack . && for p in *.pack; do git unpack-objects -q < "$p"; done',
      "sh",
      forged,
    ]);
    const id = git(dir, "rev-parse", `${commits[2]}:a/file`);
    const other = git(dir, "rev-parse", `${commits[0]}:a/file`);
    const object = (name: string) => join(forged, "objects", name.slice(0, 2), name.slice(2));
    execFileSync("cp", ["-f", object(other), object(id)]);
    using mirrors = new GitMirrors();
    await mirrors.add(forged, commits[2]!, ["https://example.org/a"]);
    const [name] = readdirSync(join(mirrors.cacheHome, "nix/gitv3"));
    const repository = join(mirrors.cacheHome, "nix/gitv3", name!);
    expect(asked(repository, "cat-file", "blob", `${commits[2]}:other`)).toBe("the same");
    expect(asked(repository, "cat-file", "blob", `${commits[2]}:a/file`)).toBe("refused");
  } finally {
    rmSync(forged, { recursive: true, force: true });
  }
});
