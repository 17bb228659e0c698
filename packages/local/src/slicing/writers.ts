/**
 * Who had a part in bringing which contents into a source, by the addresses that its commits give.
 *
 * Claims: a content that some commit since the introduction brought in is known with everybody whom that commit names
 * as author, committer or co-author; of a merge, what is in it as no parent has it. Used only against people, since
 * nobody reviews what they wrote, so naming too many is safe. Against: an author who is a reviewer too. Leaves out:
 * whoever writes under an address that the policy does not list, since addresses prove nothing; whose lines others
 * took along, in a merge or a change of their own, since a content is its last hand's; and whether the objects have the
 * ids that the database says.
 *
 * Contents are told by Git's id alone, whatever their mode: a person who makes a file executable is not its author. The
 * authors of a listing brought in or took away one of its names; those of an answer did so with the name it is about.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { parseCommit } from "@firstmile/formats/git/commit";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { FileVersion } from "@firstmile/formats/statement/review";
import { addressesIn, peopleByEmail, whoWrote } from "@firstmile/trust/history/people";
import type { PrincipalName } from "@firstmile/trust/policy/names";
import type { Policy } from "@firstmile/trust/policy/policy";
import { Lines } from "../git/lines.ts";
import { type NeutralGit, RepositoryError } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { broughtIn, isContent } from "./brought-in.ts";
import { NamesWritten } from "./names-written.ts";

type People = ReadonlySet<PrincipalName>;
type ByEmail = ReadonlyMap<string, PrincipalName>;

const NOBODY: People = new Set();

/**
 * Who had a part in a content, by the commits that `tip` reaches and `introduction` does not. Throws `RepositoryError`
 * where not all of them are there.
 */
export async function writersOf(
  git: NeutralGit,
  policy: Pick<Policy, "principals">,
  introduction: CommitId,
  tip: CommitId,
): Promise<(version: FileVersion) => People> {
  const byEmail = peopleByEmail(policy);
  if (byEmail.size === 0) return () => NOBODY;
  const parts = await exactly(git, await naming(git, introduction, tip, byEmail), byEmail);
  const writers = new Map<string, Set<PrincipalName>>();
  const wrote = (id: string, commit: CommitId) => {
    const known = writers.get(id) ?? new Set();
    for (const name of parts.get(commit)!) known.add(name);
    writers.set(id, known);
  };
  const names = new NamesWritten();
  for await (const one of broughtIn(git, [...parts.keys()])) {
    names.enter(one);
    if (isContent(one)) wrote(one.id, one.commit);
  }
  for await (const { commit, id } of names.contents(git)) wrote(id, commit);
  return ({ id }) => writers.get(id) ?? NOBODY;
}

/**
 * Commits in whose text the address of anybody stands, wherever it does, with whose: the few among all that are worth
 * taking apart. Left out is what follows a NUL in a message, which no command of Git's shows.
 */
async function naming(
  git: NeutralGit,
  introduction: CommitId,
  tip: CommitId,
  byEmail: ByEmail,
): Promise<Map<CommitId, People>> {
  const found = new Map<CommitId, Set<PrincipalName>>();
  const args = ["rev-list", "--header", "--encoding=none", tip, `^${introduction}`, "--"];
  const listing = new Lines("git", args, git.env, "");
  let commit = "";
  for await (const piece of listing.pieces()) {
    for (const [i, text] of piece.split("\0").entries()) {
      // Each commit opens with its id, and ends with a NUL.
      if (i > 0 || commit === "") commit = text.slice(0, text.indexOf("\n"));
      for (const email of addressesIn(text)) {
        const name = byEmail.get(email);
        if (name !== undefined)
          found.set(commit as CommitId, (found.get(commit as CommitId) ?? new Set()).add(name));
      }
    }
  }
  if (listing.code !== 0) throw new RepositoryError(`the history since ${introduction} is not all there`);
  return found;
}

/** Of the people whom a commit names, those who had a part in it: all of them where it cannot be read. */
async function exactly(
  git: NeutralGit,
  named: ReadonlyMap<CommitId, People>,
  byEmail: ByEmail,
): Promise<Map<CommitId, People>> {
  const parts = new Map(named);
  const ids = [...named.keys()];
  using objects = new GitObjects(git.env);
  await objects.each(ids, (object, place) => {
    if (object && "content" in object)
      parts.set(ids[place]!, partIn(object.content, named.get(ids[place]!)!, byEmail));
  });
  return new Map([...parts].filter(([, people]) => people.size > 0));
}

function partIn(content: Uint8Array, named: People, byEmail: ByEmail): People {
  try {
    return new Set(whoWrote(parseCommit(content), byEmail));
  } catch (error) {
    if (error instanceof FormatError) return named;
    throw error;
  }
}
