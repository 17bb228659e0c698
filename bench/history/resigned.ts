/**
 * A real repository whose history is written once more: the same trees, parents, people, dates and messages, each
 * commit signed anew by one of four people who may write what it changes. So path rules are measured on real trees,
 * merges and renames, and the answer is yes. Nothing of it is kept but in the cache.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Answer, BatchParser, type GitObject } from "@firstmile/local/git/batch-parser";
import { CACHE } from "../places.ts";
import { PackWriter } from "./pack.ts";
import { type Signer, signers } from "./signers.ts";
import { git } from "./world.ts";

export interface Resigned {
  /** A bare repository; `main` is its tip. */
  readonly repository: string;
  readonly introduction: string;
  readonly commits: number;
  readonly merges: number;
  readonly people: readonly Signer[];
}

/** What only the first two of the four people may write. */
export const isGuarded = (path: string) => path.startsWith("doc/") || path.endsWith(".nix");
/** The youngest commit on the line of first parents that has no more ancestors than this is the tip. */
const MOST_COMMITS = 20_000;
/** Raised when what is made changes. */
const EDITION = 1;
const LARGE = { maxBuffer: 1 << 30 } as const;

/** Made once a tip, then found in the cache. */
export function resigned(original: string): Resigned {
  const tip = tipWithin(original, MOST_COMMITS);
  const dir = join(CACHE, `resigned-${tip.slice(0, 16)}-${EDITION}`);
  const people = signers("ssh", ["anna", "ben", "carla", "dan"]);
  if (!existsSync(dir)) make(original, tip, `${dir}.part`, people, () => renameSync(`${dir}.part`, dir));
  const repository = join(dir, "repository.git");
  const count = (...flags: string[]) => Number(git(repository, "rev-list", "--count", ...flags, "main"));
  const introduction = git(repository, "rev-parse", "refs/tags/introduction");
  return { repository, introduction, commits: count(), merges: count("--merges"), people };
}

function tipWithin(repository: string, most: number): string {
  const line = git(repository, "rev-list", "--first-parent", "HEAD").split("\n");
  let [low, high] = [0, line.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Number(git(repository, "rev-list", "--count", line[middle]!)) <= most) high = middle;
    else low = middle + 1;
  }
  return line[low]!;
}

function make(original: string, tip: string, dir: string, people: readonly Signer[], done: () => void) {
  rmSync(dir, { recursive: true, force: true });
  const repository = join(dir, "repository.git");
  mkdirSync(repository, { recursive: true });
  execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", repository]);
  const packs = join(original, "objects/pack");
  for (const file of readdirSync(packs)) cpSync(join(packs, file), join(repository, "objects/pack", file));
  const { last, introduction } = writeAgain(original, tip, repository, people);
  git(repository, "update-ref", "refs/heads/main", last);
  git(repository, "update-ref", "refs/tags/introduction", introduction);
  done();
}

function writeAgain(original: string, tip: string, repository: string, people: readonly Signer[]) {
  const guarded = guardedCommits(original, tip);
  const pack = new PackWriter();
  const written = new Map<string, string>();
  for (const { id, content } of commitsOf(original, tip)) {
    const may = guarded.has(id) ? people.slice(0, 2) : people;
    // By its old id, which is as good as drawing lots and the same in every run.
    const signer = may[createHash("sha1").update(id).digest()[0]! % may.length]!;
    written.set(id, pack.add("commit", signed(unsigned(content, written), signer)));
  }
  pack.into(repository);
  const line = git(original, "rev-list", "--first-parent", tip).split("\n");
  return { last: written.get(tip)!, introduction: written.get(line.at(-1)!)! };
}

/** Parents first. */
function commitsOf(repository: string, tip: string): GitObject[] {
  const input = git(repository, "rev-list", "--topo-order", "--reverse", tip);
  const args = ["-C", repository, "cat-file", "--batch", "--buffer"];
  const commits: GitObject[] = [];
  const parser = new BatchParser((answer: Answer) => {
    if ("content" in answer) commits.push(answer);
  });
  parser.push(execFileSync("git", args, { input: `${input}\n`, ...LARGE }));
  return commits;
}

/** Commits that change a guarded path; of a merge, against any of its parents. */
function guardedCommits(repository: string, tip: string): Set<string> {
  const flags = ["-m", "--root", "--no-renames", "--name-only", "-z", "--format=commit %H"];
  const said = execFileSync("git", ["-C", repository, "log", ...flags, tip], {
    ...LARGE,
    encoding: "latin1",
  });
  const guarded = new Set<string>();
  let commit = "";
  for (const part of said.split("\0")) {
    const word = part.replace(/^\n/, "");
    const id = /^commit ([0-9a-f]{40})$/.exec(word)?.[1];
    if (id !== undefined) commit = id;
    else if (isGuarded(word)) guarded.add(commit);
  }
  return guarded;
}

/** Of the old headers, those that say what a commit is; its signature and its mergetags were made over other ids. */
const KEPT = /^(?:tree|author|committer|encoding) /;

interface Unsigned {
  readonly headers: string;
  readonly message: string;
}

/** Latin-1, one character a byte: old commits are in any encoding. */
function unsigned(content: Buffer, written: ReadonlyMap<string, string>): Unsigned {
  const text = content.toString("latin1");
  const end = text.indexOf("\n\n") + 1;
  const lines = text.slice(0, end).trimEnd().split("\n");
  const headers = lines.flatMap((line) => {
    if (line.startsWith("parent ")) return [`parent ${written.get(line.slice(7))}`];
    return KEPT.test(line) ? [line] : [];
  });
  return { headers: `${headers.join("\n")}\n`, message: text.slice(end) };
}

function signed({ headers, message }: Unsigned, signer: Signer): Buffer {
  const signature = signer.sign(Buffer.from(headers + message, "latin1"));
  const folded = signature.trimEnd().replaceAll("\n", "\n ");
  return Buffer.from(`${headers}gpgsig ${folded}\n${message}`, "latin1");
}
