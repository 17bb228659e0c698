/**
 * The newest commit of a source that a channel published and the rules accept. Claim: no other accepted one descends from
 * it. Against: a commit that dates itself into the future; dates only choose between histories that went apart. Leaves
 * out what nobody serves: whoever withholds a later publication keeps this machine at an earlier one.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { type NeutralGit, neutralGit } from "../git/neutral.ts";
import { runOk } from "../process/run.ts";
import { acceptedAt, type ChannelQuestion, type PublishedCommit, publishedCommits } from "./list.ts";

/** Most commits that are judged until one is accepted. */
const MAX_JUDGED = 64;

/** `bring`: has a commit of the source fetched. The problems of those that come first, where none is accepted. */
export async function newestAccepted(
  question: ChannelQuestion,
  bring: (commit: CommitId) => Promise<void>,
): Promise<CommitId | readonly string[]> {
  let published = metIn(await publishedCommits(question));
  const [absent] = published.filter(({ time }) => time === undefined);
  if (absent) {
    await bring(absent.commit);
    published = metIn(await publishedCommits(question));
  }
  const problems: string[] = [];
  const open = new Map(published.filter(({ time }) => time !== undefined).map((one) => [one.commit, one]));
  const git = await neutralGit(question.repository);
  try {
    while (open.size > 0 && problems.length < MAX_JUDGED) {
      const next = await newestOf(git, open);
      const { accepted, problem } = await acceptedAt(question, next);
      if (accepted) return next.commit;
      problems.push(`${next.commit.slice(0, 12)}: ${problem}`);
      open.delete(next.commit);
    }
  } finally {
    git.dispose();
  }
  return problems;
}

function metIn(published: readonly PublishedCommit[]): PublishedCommit[] {
  return published.filter(({ publications }) => publications.some(({ met }) => met));
}

/** One that no other descends from: the latest of these, by what they say of themselves. */
async function newestOf(
  git: NeutralGit,
  open: ReadonlyMap<CommitId, PublishedCommit>,
): Promise<PublishedCommit> {
  const args = ["merge-base", "--independent", ...[...open.keys()].slice(0, MAX_JUDGED)];
  const told = (await runOk("git", args, { env: git.env })).toString().split("\n");
  const heads = [...open.values()].filter(({ commit }) => told.includes(commit));
  return heads.reduce((a, b) => (b.time! > a.time! ? b : a));
}
