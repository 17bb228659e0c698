/** Asks this project's own code the question of a history vector. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCommit } from "@firstmile/formats/git/commit";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { authenticateHistory } from "@firstmile/local/evidence/history";
import { chooseSource } from "@firstmile/local/evidence/sources";
import { neutralGit } from "@firstmile/local/git/neutral";
import { exactRevList } from "@firstmile/local/git/rev-list";
import { addTrust, updateTrust } from "@firstmile/local/trust-repository/follow";
import { readTrustCommits } from "@firstmile/local/trust-repository/read";
import type { HistoryVector, Question } from "@firstmile/testing/history-vector";
import { writeVectorRepository } from "@firstmile/testing/history-vector-repository";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { RootOfTrust } from "@firstmile/trust/root/authenticate";
import type { Fingerprint } from "@firstmile/trust/signature/outcome";
import { firstRefusal, type Verdict } from "@firstmile/trust/verdict/verdict";

export interface Answer {
  readonly allowed: boolean;
  /** Code and commit, sorted by commit. */
  readonly denied: readonly (readonly [string, string])[];
}

export async function answerTo(vector: HistoryVector): Promise<Answer> {
  const dir = mkdtempSync(join(tmpdir(), "vector-"));
  try {
    const repository = join(dir, "repository.git");
    writeVectorRepository(vector, repository);
    return vector.question.kind === "source"
      ? await aboutSource(vector, vector.question, repository)
      : await aboutTrust(vector, vector.question, dir, repository);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function aboutSource(
  { policy: files, now, mode }: HistoryVector,
  { name, tip }: Question & { kind: "source" },
  repository: string,
): Promise<Answer> {
  const loaded = loadPolicy(files);
  if (!loaded.ok) throw new Error(loaded.defects.map(({ message }) => message).join("\n"));
  const source = await chooseSource(loaded.policy, repository, name);
  if (source.authenticate !== mode)
    throw new Error(`the policy says ${source.authenticate}, the header ${mode}`);
  const verdict = await authenticateHistory({
    repository,
    tip: tip as CommitId,
    policy: loaded.policy,
    source,
    now,
    cacheDir: undefined,
  });
  const denied = verdict.denied.map(({ code, commit }) => [code, commit] as const);
  return { allowed: verdict.allowed, denied: denied.sort(([, a], [, b]) => (a < b ? -1 : 1)) };
}

/**
 * A machine pins the introduction, follows what it followed before, and is then offered the head. Which commit it
 * refuses is asked of the walk itself; where the walk passes, the refusal is of the head.
 */
async function aboutTrust(
  vector: HistoryVector,
  question: Question & { kind: "trust" },
  dir: string,
  repository: string,
): Promise<Answer> {
  const { allowed, code } = await offered(vector, question, join(dir, "machine"), repository);
  if (allowed) return { allowed, denied: [] };
  const walked = await firstRefused(vector, question, repository);
  return { allowed, denied: [walked ?? [code ?? "no code", question.head]] };
}

async function offered(
  { now, seen = now }: HistoryVector,
  { introduction, signedBy, followed, head }: Question & { kind: "trust" },
  state: string,
  repository: string,
): Promise<{ allowed: boolean; code: string | undefined }> {
  const pin = { commit: introduction as CommitId, signedBy: signedBy as readonly Fingerprint[] };
  await point(repository, followed ?? head);
  const added = await addTrust(state, repository, pin, followed ? seen : now, {});
  if (followed === undefined) return outcome(added.verdict);
  if (!added.verdict.allowed) throw new Error("what the machine followed before is not authentic");
  await point(repository, head);
  return outcome((await updateTrust(state, now)).verdict);
}

function outcome({ allowed, reasons }: Verdict): { allowed: boolean; code: string | undefined } {
  return { allowed, code: firstRefusal(reasons)?.code };
}

async function point(repository: string, commit: string): Promise<void> {
  const { execFileSync } = await import("node:child_process");
  execFileSync("git", ["-C", repository, "update-ref", "--no-deref", "refs/heads/main", commit]);
  execFileSync("git", ["-C", repository, "symbolic-ref", "HEAD", "refs/heads/main"]);
}

async function firstRefused(
  { now }: HistoryVector,
  { introduction, signedBy, head }: Question & { kind: "trust" },
  repository: string,
): Promise<readonly [string, string] | undefined> {
  const git = await neutralGit(repository);
  try {
    const fresh = (await exactRevList(git, [head as CommitId], [introduction as CommitId])).reverse();
    const ids = [introduction as CommitId, ...fresh];
    const [first, ...rest] = await readTrustCommits(repository, git, ids);
    if (rest.some(({ content }) => parseCommit(content).parents.length === 0)) return undefined;
    const root = new RootOfTrust(now);
    const pin = { commit: introduction as CommitId, signedBy: signedBy as readonly Fingerprint[] };
    const begin = root.introduce(first!, pin);
    if (!begin.ok) return [begin.code, introduction];
    for (const commit of rest) {
      const reason = root.add(commit);
      if (!reason.ok) return [reason.code, commit.id];
    }
    return undefined;
  } finally {
    git.dispose();
  }
}
