/** Makes a history that fails as small as it gets while it still fails in the same way. */
import { type Commit, type File, pathsOf, type RandomHistory, reached } from "./history.ts";

/** Which of some histories fail; undefined: none. Asked about many at once, since that costs little more than one. */
export type Failing = (candidates: readonly RandomHistory[]) => Promise<RandomHistory | undefined>;

const MOST_ROUNDS = 200;

export async function shrunk(history: RandomHistory, failing: Failing): Promise<RandomHistory> {
  let smallest = history;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const smaller = await failing([...smallerThan(smallest)]);
    if (!smaller) return smallest;
    smallest = smaller;
  }
  return smallest;
}

/** Candidates, those that leave out most first. */
function* smallerThan(history: RandomHistory): Generator<RandomHistory> {
  const { commits, introduction, reviews } = history;
  for (const at of commits.keys()) if (at > introduction && at < commits.length - 1) yield upTo(history, at);
  for (const path of pathsOf(commits.map(({ files }) => files))) yield withoutPath(history, path);
  for (const at of commits.keys())
    if (at !== introduction && at < commits.length - 1) yield withoutCommit(history, at);
  for (const [at, { parents }] of commits.entries())
    for (const [i] of parents.entries())
      if (parents.length > 1) yield kept(history, parentsAs(commits, at, parents.toSpliced(i, 1)));
  for (const share of [2, 4])
    for (let i = 0; i < share && reviews.length > share; i++)
      yield {
        ...history,
        reviews: reviews.filter((_, at) => Math.floor((at * share) / reviews.length) !== i),
      };
  for (const i of reviews.keys()) yield { ...history, reviews: reviews.toSpliced(i, 1) };
  for (const [at, commit] of commits.entries())
    for (const simpler of simplified(commit)) yield { ...history, commits: commits.with(at, simpler) };
  for (const line of new Set(
    commits.flatMap(({ files }) => [...files.values()].flatMap(({ lines }) => lines)),
  ))
    yield withoutLine(history, line);
}

function upTo(history: RandomHistory, tip: number): RandomHistory {
  return kept({ ...history }, history.commits.slice(0, tip + 1));
}

function withoutPath(history: RandomHistory, path: string): RandomHistory {
  const commits = history.commits.map((commit) => ({
    ...commit,
    files: new Map([...commit.files].filter(([one]) => one !== path)),
  }));
  return { ...history, commits, reviews: history.reviews.filter((review) => review.path !== path) };
}

/** Its children are on its parents instead. */
function withoutCommit(history: RandomHistory, gone: number): RandomHistory {
  const { parents: instead } = history.commits[gone]!;
  const commits = history.commits.map((commit) => ({
    ...commit,
    parents: [...new Set(commit.parents.flatMap((parent) => (parent === gone ? instead : [parent])))],
  }));
  return kept(history, commits, gone);
}

function parentsAs(commits: readonly Commit[], at: number, parents: readonly number[]): readonly Commit[] {
  return commits.with(at, { ...commits[at]!, parents });
}

/** Only what the last commit and the introduction reach, numbered anew. */
function kept(history: RandomHistory, commits: readonly Commit[], gone?: number): RandomHistory {
  const needed = reached(commits, [commits.length - 1, history.introduction]);
  const places = [...commits.keys()].filter((at) => needed.has(at) && at !== gone);
  const numbers = new Map(places.map((at, i) => [at, i]));
  return {
    ...history,
    introduction: numbers.get(history.introduction)!,
    commits: places.map((at) => ({
      ...commits[at]!,
      parents: commits[at]!.parents.map((parent) => numbers.get(parent)!),
    })),
  };
}

function* simplified(commit: Commit): Generator<Commit> {
  const { signer, author, committer, coAuthors, cosigners } = commit;
  if (author !== signer) yield { ...commit, author: signer };
  if (committer !== signer) yield { ...commit, committer: signer };
  if (coAuthors.length > 0) yield { ...commit, coAuthors: [] };
  if (cosigners.length > 0) yield { ...commit, cosigners: [] };
}

function withoutLine(history: RandomHistory, line: string): RandomHistory {
  const less = (file: File): File | undefined => {
    const lines = file.lines.filter((one) => one !== line);
    return lines.length > 0 ? { ...file, lines } : undefined;
  };
  return {
    ...history,
    commits: history.commits.map((commit) => ({
      ...commit,
      files: new Map(
        [...commit.files].flatMap(([path, file]) => {
          const left = less(file);
          return left ? [[path, left] as const] : [];
        }),
      ),
    })),
    reviews: history.reviews.map((review) => ({
      ...review,
      before: review.before && less(review.before),
      after: review.after && less(review.after),
    })),
  };
}
