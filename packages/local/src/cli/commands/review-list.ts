/** `firstmile review --list` and `--suggest`: what a team has to read, and in which order it does the most. */
import type { PrincipalName } from "@firstmile/trust/policy/names";
import type { Policy } from "@firstmile/trust/policy/policy";
import { neutralGit } from "../../git/neutral.ts";
import { GitObjects } from "../../git/objects.ts";
import { type GoneFile, goneFiles } from "../../reviewing/gone-files.ts";
import { type NamesWork, namesForReader, namesWork } from "../../reviewing/names-work.ts";
import { besides, placeFor } from "../../reviewing/place-for.ts";
import { type QueuedWork, queueOf } from "../../reviewing/queue.ts";
import { type FoundWork, findWork, isOpen } from "../../reviewing/work.ts";
import { named } from "../../slicing/files-at.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput } from "../failure.ts";
import type { ReviewFlags } from "./review.command.ts";
import { isFlake, type ReviewFiles, ReviewReader } from "./review-files.ts";
import { orderJson, showOrder } from "./review-order-shown.ts";
import { queueJson, showQueue } from "./review-queue-shown.ts";
import { tellUnreadable } from "./review-sitting-shown.ts";

export async function listReviews(
  context: FirstmileContext,
  flags: ReviewFlags,
  named: string | undefined,
  revision: string | undefined,
): Promise<void> {
  const { terminal, cwd } = context;
  const reader = await ReviewReader.open(context, flags);
  const name = named ?? ".";
  const all = await reader.read(name, revision, besides(placeFor(cwd, flags.to, cwd)));
  const shown: ShownQueue[] = [];
  for (const read of all) shown.push(await queueIn(context, flags, read));
  if (flags.json) {
    const values = shown.map(flags.suggest ? orderJson : queueJson);
    return terminal.json(isFlake(name) ? values : values[0]);
  }
  for (const one of shown) (flags.suggest ? showOrder : showQueue)(terminal, one);
}

async function queueIn(
  context: FirstmileContext,
  flags: ReviewFlags,
  read: ReviewFiles,
): Promise<ShownQueue> {
  const found = await findIn(context, read);
  tellUnreadable(context.terminal, read, found);
  const { coverage, policy } = read.gathered;
  const queue = queueOf(found.work, coverage);
  const own = flags.for === undefined ? queue : forPerson(queue, flags.for, policy);
  const open = namesWork(read.names);
  const names =
    flags.for === undefined ? open : namesForReader(open, read.gathered.names, flags.for as PrincipalName);
  return { read, queue: own, names, gone: await goneIn(read, flags), all: flags.all, for: flags.for };
}

async function goneIn(
  { gathered: { coverage }, target: { repository, commit } }: ReviewFiles,
  { path: paths = [] }: ReviewFlags,
): Promise<GoneFile[]> {
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const isWanted = paths.length === 0 ? () => true : named(paths);
    return await goneFiles({ objects, coverage, commit, isWanted });
  } finally {
    git.dispose();
  }
}

export interface ShownQueue {
  readonly read: ReviewFiles;
  /** The smallest first. */
  readonly queue: readonly QueuedWork[];
  readonly names: readonly NamesWork[];
  /** What people read, and what the commit no longer has. */
  readonly gone: readonly GoneFile[];
  /** Whether all of it is listed. */
  readonly all: boolean;
  /** For whom it is. */
  readonly for: string | undefined;
}

async function findIn({ terminal, stateDir }: FirstmileContext, read: ReviewFiles): Promise<FoundWork> {
  terminal.progress("looking for what was read before");
  const git = await neutralGit(read.target.repository);
  try {
    using objects = new GitObjects(git.env);
    return await findWork(read.files.filter(isOpen), { objects, coverage: read.gathered.coverage, stateDir });
  } finally {
    git.dispose();
  }
}

/** What this person's reading would count for. */
function forPerson(queue: readonly QueuedWork[], name: string, policy: Policy): QueuedWork[] {
  if (!policy.principals.has(name as PrincipalName))
    throw badInput(
      `${name} is no principal of these rules`,
      `they name ${[...policy.principals.keys()].join(", ")}`,
    );
  return queue.filter(({ left }) => left.includes(name as PrincipalName));
}
