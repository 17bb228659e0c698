import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseCommit } from "../../src/git/commit.ts";
import { hashObject, type ObjectHash, type ObjectKind } from "../../src/git/object-id.ts";
import { parseTag } from "../../src/git/tag.ts";
import { parseTree } from "../../src/git/tree.ts";

const DATA = join(
  process.env.FIRSTMILE_DATA ?? join(import.meta.dirname, "../../../../../shared/data"),
  "qubes-core-admin/commits.pack",
);

let home: string;
const env = () => ({
  PATH: process.env.PATH,
  HOME: home,
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_AUTHOR_DATE: "1700000000 +0130",
  GIT_COMMITTER_NAME: "Bob",
  GIT_COMMITTER_EMAIL: "bob@example.org",
  GIT_COMMITTER_DATE: "1700000001 -0800",
});

function git(dir: string, ...args: string[]): Buffer {
  return execFileSync("git", ["-C", dir, ...args], { env: env(), maxBuffer: 1 << 28, stdio: "pipe" });
}

const object = (dir: string, kind: ObjectKind, name: string) => git(dir, "cat-file", kind, name);
const idOf = (dir: string, name: string) => git(dir, "rev-parse", name).toString().trim();

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "firstmile-git-"));
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(home, "key")]);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** A repository with a signed commit, a signed merge of a signed tag, a Latin-1 commit, and a tree of every mode. */
function makeRepository(hash: ObjectHash): string {
  const dir = join(home, hash);
  git(home, "init", "-q", "-b", "main", `--object-format=${hash}`, dir);
  git(dir, "config", "gpg.format", "ssh");
  git(dir, "config", "user.signingKey", join(home, "key"));
  for (const name of ["a.b", "a-b", "run", "sub/x", "a/y"]) write(dir, name);
  execFileSync("chmod", ["+x", join(dir, "run")]);
  execFileSync("ln", ["-s", "run", join(dir, "link")]);
  git(dir, "add", "-A");
  git(dir, "commit", "-q", "-S", "-m", "first\n\nwith a body");
  git(dir, "checkout", "-q", "-b", "side");
  git(dir, "commit", "-q", "--allow-empty", "-m", "side");
  git(dir, "tag", "-s", "-m", "a tag", "v1");
  git(dir, "checkout", "-q", "main");
  git(dir, "-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "--allow-empty", "-m", "latin");
  git(dir, "merge", "-q", "--no-ff", "-S", "-m", "merge", "v1");
  return dir;
}

function write(dir: string, name: string) {
  execFileSync("mkdir", ["-p", join(dir, name, "..")]);
  writeFileSync(join(dir, name), name);
}

describe.each(["sha1", "sha256"] as const)("a %s repository", (hash) => {
  let dir: string;
  beforeAll(() => {
    dir = makeRepository(hash);
  });

  test("every commit says what git says", () => {
    const ids = git(dir, "rev-list", "--all").toString().trim().split("\n");
    expect(ids.length).toBe(4);
    for (const id of ids) {
      const content = object(dir, "commit", id);
      const commit = parseCommit(content);
      expect(hashObject("commit", content, hash)).toBe(id);
      expect(commit.hash).toBe(hash);
      expect(commit.author.identity().time).toBe(1700000000);
      expect(commit.committer.identity().zone).toBe("-0800");
      const [tree, parents, email, message] = git(dir, "log", "-1", "--format=%T%x01%P%x01%ae%x01%B", id)
        .toString()
        .split("\x01");
      expect(commit.tree).toBe(tree);
      expect(commit.parents.join(" ")).toBe(parents);
      expect(Buffer.from(commit.author.identity().email).toString()).toBe(email);
      expect(`${Buffer.from(commit.message)}\n`).toBe(message);
    }
  });

  test("signature and payload are the ones that git verifies", () => {
    const content = object(dir, "commit", "main^{commit}");
    const commit = parseCommit(content);
    expect(commit.signatures).toBe(1);
    expect(checks(commit.gpgsig!, commit.signedPayload())).toBe(true);
    expect(checks(commit.gpgsig!, content)).toBe(false);
  });

  test("a merge of a signed tag carries it as mergetag, and it is left alone", () => {
    const commit = parseCommit(object(dir, "commit", "main"));
    expect(commit.otherHeaders.map(({ name }) => name)).toEqual(["mergetag"]);
    const tag = commit.otherHeaders[0]!.value;
    expect(Buffer.from(tag).toString()).toBe(object(dir, "tag", "v1").toString());
  });

  test("an encoding is read", () => {
    expect(parseCommit(object(dir, "commit", "main^1")).encoding).toBe("ISO-8859-1");
    expect(parseCommit(object(dir, "commit", "main^1")).gpgsig).toBeUndefined();
  });

  test("a signed tag is cut where git cuts it", () => {
    const content = object(dir, "tag", "v1");
    const tag = parseTag(content);
    expect(hashObject("tag", content, hash)).toBe(idOf(dir, "v1"));
    expect(tag.object).toBe(idOf(dir, "v1^{commit}"));
    expect([tag.type, tag.signatures]).toEqual(["commit", 1]);
    expect(Buffer.from(tag.name).toString()).toBe("v1");
    expect(Buffer.from(tag.message).toString()).toBe("a tag\n");
    expect(checks(tag.signature!, tag.signedPayload())).toBe(true);
  });

  test("a tree says what git ls-tree says", () => {
    const content = object(dir, "tree", "main^{tree}");
    expect(hashObject("tree", content, hash)).toBe(idOf(dir, "main^{tree}"));
    const lines = parseTree(content, hash === "sha1" ? 20 : 32).map(
      ({ mode, name, id }) => `${mode.toString(8).padStart(6, "0")} ${id}\t${Buffer.from(name)}`,
    );
    const listed = git(dir, "ls-tree", "--format=%(objectmode) %(objectname)%x09%(path)", "main").toString();
    expect(lines).toEqual(listed.trim().split("\n"));
  });
});

/** Whether ssh-keygen takes the signature for one by our key over these bytes, in git's namespace. */
function checks(signature: Uint8Array, payload: Uint8Array): boolean {
  const file = join(home, "signature");
  writeFileSync(file, signature);
  const args = ["-Y", "check-novalidate", "-n", "git", "-s", file];
  try {
    execFileSync("ssh-keygen", args, { input: payload, stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

test.skipIf(!existsSync(DATA))("every commit of qubes-core-admin parses and hashes to its id", () => {
  const dir = join(home, "qubes");
  git(home, "init", "-q", "--bare", dir);
  execFileSync("sh", ["-c", 'git -C "$0" index-pack --stdin < "$1"', dir, DATA], {
    env: env(),
    stdio: "pipe",
  });
  const format = "--batch-check=%(objectname)";
  const ids = git(dir, "cat-file", "--batch-all-objects", format).toString();
  const batch = execFileSync("git", ["-C", dir, "cat-file", "--batch"], {
    env: env(),
    input: ids,
    maxBuffer: 1 << 28,
  });
  const commits = [...objectsOf(batch)];
  const parsed = commits.map(({ id, content }) => {
    expect(hashObject("commit", content, "sha1")).toBe(id);
    return parseCommit(content);
  });
  expect(parsed.length).toBe(7552);
  expect(parsed.filter((commit) => commit.signatures === 1).length).toBe(3773);
  expect(parsed.every((commit) => commit.committer.identity().time > 1e9)).toBe(true);
});

function* objectsOf(batch: Buffer) {
  for (let at = 0; at < batch.length; ) {
    const line = batch.indexOf(10, at);
    const [id, , size] = batch.toString("latin1", at, line).split(" ");
    const end = line + 1 + Number(size);
    yield { id, content: batch.subarray(line + 1, end) };
    at = end + 1;
  }
}
