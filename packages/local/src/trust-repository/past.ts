/**
 * The former states of a trust repository's rules, out of its own history: so every machine that follows the same
 * commit listens to the same people.
 *
 * Claims: every commit between the introduction and what is followed was authenticated on the way here, so each of
 * their rules was root's word; one that cannot be read throws, since who is not known is not heard. Leaves out: what
 * these people said, and repositories whose import root has removed.
 */
import { latin1 } from "@firstmile/formats/bytes/text";
import { parseCommit } from "@firstmile/formats/git/commit";
import { type CommitId, hashObject, type ObjectKind, objectHashOf } from "@firstmile/formats/git/object-id";
import { parseTree } from "@firstmile/formats/git/tree";
import { loadFormerPolicy } from "@firstmile/trust/policy/load";
import type { Policy } from "@firstmile/trust/policy/policy";
import { type NeutralGit, RepositoryError } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { readRules } from "./read.ts";

/** What a history is walked from, and where it begins. */
export interface Line {
  readonly git: NeutralGit;
  readonly tip: CommitId;
  /** Undefined: at its root commits. */
  readonly introduction: CommitId | undefined;
}

/** Rules that held before, and the last commit that had them. */
export interface FormerRules {
  readonly commit: CommitId;
  readonly policy: Policy;
}

/** A commit with a name for the rules and keys in its tree. */
interface State {
  readonly commit: CommitId;
  readonly name: string;
}

/** Most histories that are kept in memory: this machine's own, and those of its imports. */
const KEPT = 128;
const known = new Map<string, Promise<readonly FormerRules[]>>();

/** Rules that differ from those of the tip, newest first, each once. Throws `RepositoryError`. */
export function formerRules(line: Line): Promise<readonly FormerRules[]> {
  const key = `${line.git.objects} ${line.introduction ?? ""} ${line.tip}`;
  const before = known.get(key);
  if (before) return before;
  if (known.size >= KEPT) known.delete(known.keys().next().value!);
  const read = readFormer(line);
  known.set(key, read);
  read.catch(() => known.delete(key));
  return read;
}

/** The rules of the tip itself; none where it has none that can be read. */
export async function headRules({ git, tip }: Line): Promise<readonly FormerRules[]> {
  const [files] = await readRules(git, [tip]);
  const policy = loadFormerPolicy(files!);
  return policy ? [{ commit: tip, policy }] : [];
}

async function readFormer({ git, tip, introduction }: Line): Promise<readonly FormerRules[]> {
  const [now, ...before] = await statesOf(git, tip, introduction);
  const unique = new Map<string, CommitId>();
  for (const { name, commit } of before)
    if (name !== now!.name && !unique.has(name)) unique.set(name, commit);
  const ids = [...unique.values()];
  const files = await readRules(git, ids);
  return ids.flatMap((commit, i) => {
    const policy = loadFormerPolicy(files[i]!);
    if (policy) return [{ commit, policy }];
    // A draft below an introduction was never in force.
    if (introduction === undefined) return [];
    throw new RepositoryError(
      `the rules as they were in ${commit} cannot be read, so who was listened to is not known`,
    );
  });
}

/** From the tip down, each commit once. */
async function statesOf(
  git: NeutralGit,
  tip: CommitId,
  introduction: CommitId | undefined,
): Promise<State[]> {
  using objects = new GitObjects(git.env);
  const states: State[] = [];
  const seen = new Set([tip]);
  for (let next = [tip]; next.length > 0; ) {
    const commits = await read(objects, "commit", next);
    const parsed = commits.map((content) => parseCommit(content));
    const trees = await read(
      objects,
      "tree",
      parsed.map(({ tree }) => tree),
    );
    const found: CommitId[] = [];
    for (const [i, commit] of next.entries()) {
      states.push({ commit, name: nameOf(trees[i]!, commit) });
      if (commit === introduction) continue;
      for (const parent of parsed[i]!.parents) {
        if (seen.has(parent)) continue;
        seen.add(parent);
        found.push(parent);
      }
    }
    next = found;
  }
  return states;
}

/** The ids of what rules are read from. */
function nameOf(tree: Uint8Array, commit: CommitId): string {
  const entries = parseTree(tree, commit.length === 64 ? 32 : 20);
  const named = entries.filter(({ name }) => ["firstmile.toml", "keys"].includes(latin1(name)));
  return named.map(({ mode, id }) => `${mode} ${id}`).join(" ");
}

async function read(objects: GitObjects, kind: ObjectKind, ids: readonly string[]): Promise<Uint8Array[]> {
  const found = await objects.getAll(ids);
  return ids.map((id, i) => {
    const object = found[i];
    if (object?.type !== kind) throw new RepositoryError(`the trust repository has no ${kind} ${id}`);
    if (hashObject(kind, object.content, objectHashOf(id as CommitId)) !== id)
      throw new RepositoryError(`${kind} ${id} does not hash to its id`);
    return object.content;
  });
}
