/**
 * A statement as a new commit on a ref of its own, made with Git's plumbing: neither the work tree nor the index of
 * the repository is touched, and none of its hooks run.
 *
 * The ref moves only from the commit that this one was made on; where somebody else was faster, the commit is made
 * again on theirs.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { quietGitEnv, RepositoryError } from "../git/neutral.ts";
import { ProcessError, run, runOk } from "../process/run.ts";
import { STATEMENTS_REF, shardedPath } from "./place.ts";

const TRIES = 40;
/** Longest wait before the next try, in milliseconds: long enough to let many writers pass one by one. */
const MAX_WAIT_MS = 100;
const TREE = "040000 tree";
const FILE = "100644 blob";

export interface RefPlace {
  readonly repository: string;
  readonly ref?: string;
}

/** Gives `REF:PATH`. Throws `RepositoryError`, `ProcessError`. */
export async function writeToRef(
  { repository, ref = STATEMENTS_REF }: RefPlace,
  name: string,
  envelope: Uint8Array,
  tries = TRIES,
): Promise<string> {
  if (!ref.startsWith("refs/")) throw new RepositoryError(`${ref} is no ref`);
  const git = new Plumbing(repository);
  const blob = await git.line(["hash-object", "-w", "--stdin"], envelope);
  const path = shardedPath(name);
  for (let attempt = 0; attempt < tries; attempt++) {
    if (await addOnce(git, ref, path, blob)) return `${ref}:${path.join("/")}`;
    await sleep(Math.random() * MAX_WAIT_MS);
  }
  throw new RepositoryError(`${repository}: ${ref} is moved by others all the time, or is locked`);
}

/** Whether the file is there now. False: somebody else moved the ref, or holds its lock. */
async function addOnce(
  git: Plumbing,
  ref: string,
  [folder, file]: [string, string],
  blob: string,
): Promise<boolean> {
  const tip = await git.tip(ref);
  const root = tip === undefined ? [] : await git.entries(`${tip}^{tree}`);
  const shard = root.find((entry) => entry.name === folder);
  const inner = shard === undefined ? [] : await git.entries(shard.id);
  if (inner.some((entry) => entry.name === file && entry.id === blob)) return true;
  const tree = await git.tree(inner, { kind: FILE, id: blob, name: file });
  const whole = await git.tree(root, { kind: TREE, id: tree, name: folder });
  const parents = tip === undefined ? [] : ["-p", tip];
  const commit = await git.line(["commit-tree", whole, ...parents, "-m", `Add ${folder}/${file}`]);
  return git.moves(ref, commit, tip);
}

interface TreeLine {
  /** Mode and type. */
  readonly kind: string;
  readonly id: string;
  /** Latin-1. */
  readonly name: string;
}

/** Git without anybody's configuration but the repository's own, and without its hooks. */
class Plumbing {
  readonly #repository: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(repository: string) {
    this.#repository = repository;
    const who = { NAME: "firstmile", EMAIL: "firstmile@localhost" };
    this.#env = {
      ...quietGitEnv(),
      ...Object.fromEntries(
        Object.entries(who).flatMap(([key, value]) => [
          [`GIT_AUTHOR_${key}`, value],
          [`GIT_COMMITTER_${key}`, value],
        ]),
      ),
    };
  }

  async line(args: readonly string[], input?: Uint8Array): Promise<string> {
    const options = { env: this.#env, ...(input === undefined ? {} : { input }) };
    return (await runOk("git", this.#args(args), options)).toString().trim();
  }

  async tip(ref: string): Promise<string | undefined> {
    const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`];
    const found = await run("git", this.#args(args), { env: this.#env });
    return found.code === 0 ? found.stdout.toString().trim() : undefined;
  }

  async entries(tree: string): Promise<TreeLine[]> {
    const listed = await runOk("git", this.#args(["ls-tree", "-z", "--full-tree", tree]), { env: this.#env });
    const lines = listed.toString("latin1").split("\0").filter(Boolean);
    return lines.map((line) => {
      const [, kind, id, name] = /^(\d+ \w+) ([0-9a-f]+)\t(.+)$/s.exec(line) as unknown as string[];
      return { kind: kind!, id: id!, name: name! };
    });
  }

  /** Writes a tree of these entries and one more, which takes the place of its name. */
  tree(entries: readonly TreeLine[], entry: TreeLine): Promise<string> {
    const others = entries.filter(({ name }) => name !== entry.name);
    const text = [...others, entry].map(({ kind, id, name }) => `${kind} ${id}\t${name}\0`).join("");
    return this.line(["mktree", "-z"], Buffer.from(text, "latin1"));
  }

  /** Moves the ref from `old`; undefined: it must not be there yet. */
  async moves(ref: string, commit: string, old: string | undefined): Promise<boolean> {
    const moved = await run(
      "git",
      this.#args(["update-ref", "--end-of-options", ref, commit, old ?? "0".repeat(commit.length)]),
      { env: this.#env },
    );
    if (moved.code === 0) return true;
    if (/cannot lock ref|Unable to create .*\.lock/.test(moved.stderr)) return false;
    throw new ProcessError("git update-ref", moved.stderr.trim());
  }

  #args(args: readonly string[]): string[] {
    return ["-C", this.#repository, "-c", "core.hooksPath=/dev/null", ...args];
  }
}
