/**
 * Co-signatures that travel as Git notes, in the format of git-signatures: below refs/notes/signatures (or
 * refs/signatures), for each commit a note with one Base64 signature a line. Nothing here is trusted: a line that
 * is no Base64 is passed over, and what a signature is worth is asked elsewhere.
 */

import { FormatError } from "@firstmile/formats/bytes/error";
import { latin1 } from "@firstmile/formats/bytes/text";
import { parseTree } from "@firstmile/formats/git/tree";
import { run } from "../process/run.ts";
import { type NeutralGit, ownRepositoriesEnv } from "./neutral.ts";
import { GitObjects } from "./objects.ts";

export const NOTE_REFS = ["refs/notes/signatures", "refs/signatures", "refs/firstmile/notes"] as const;

/** Most notes histories looked at: the gate keeps one for each that was sent to it. */
const MAX_TIPS = 32;

/** Limits against notes made to be expensive. */
const MAX_NOTE_BYTES = 1 << 20;
const MAX_SIGNATURES = 64;
const MAX_NOTES = 200_000;
/** Two levels of two digits have 65,793. */
const MAX_DIRECTORIES = 200_000;

/** Decoded co-signatures by the id of the commit they are for, for the ids that `wanted` lets through. */
export async function readCosignatures(
  repository: string,
  git: NeutralGit,
  wanted: (commit: string) => boolean,
): Promise<Map<string, Uint8Array[]>> {
  const tips = await noteTips(repository);
  const found = new Map<string, Uint8Array[]>();
  if (tips.length === 0) return found;
  using objects = new GitObjects(git.env);
  for (const tip of tips) {
    const commit = await objects.get(tip);
    if (commit?.type !== "commit") continue;
    const notes = await notesBelow(objects, commit.content.toString("latin1", 5, 5 + tip.length));
    const mine = notes.filter(({ subject }) => wanted(subject));
    const blobs = await objects.getAll(mine.map(({ id }) => id));
    for (const [i, { subject }] of mine.entries()) {
      found.set(subject, distinct([...(found.get(subject) ?? []), ...signaturesIn(blobs[i]?.content)]));
    }
  }
  return found;
}

/** Several places serve the same co-signature; each is bounded by itself, so that none crowds out another's. */
function distinct(signatures: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(signatures.map((bytes) => [Buffer.from(bytes).toString("latin1"), bytes])).values()];
}

async function noteTips(repository: string): Promise<string[]> {
  const args = [
    "-C",
    repository,
    "for-each-ref",
    "--sort=-creatordate",
    "--format=%(objectname)",
    ...NOTE_REFS,
  ];
  const listed = await run("git", args, { env: ownRepositoriesEnv() });
  return listed.stdout.toString("latin1").split("\n").filter(Boolean).slice(0, MAX_TIPS);
}

interface Note {
  readonly subject: string;
  readonly id: string;
}

/** A notes tree spreads a commit's id over directories of two digits. */
async function notesBelow(objects: GitObjects, root: string): Promise<Note[]> {
  const notes: Note[] = [];
  const open = [{ tree: root, prefix: "" }];
  const seen = new Set<string>();
  for (let next = open.pop(); next && notes.length < MAX_NOTES; next = open.pop()) {
    // One directory sixteen times in each of sixty levels is a few thousand bytes, and no end. Honest notes have no
    // directory twice: what is in it is the rest of commits' ids.
    if (seen.has(next.tree)) continue;
    if (seen.add(next.tree).size > MAX_DIRECTORIES) break;
    for (const { mode, name, id } of entriesOf(await objects.get(next.tree))) {
      const digits = next.prefix + latin1(name);
      if (!/^[0-9a-f]{1,64}$/.test(digits)) continue;
      if (mode === 0o40000) open.push({ tree: id, prefix: digits });
      else notes.push({ subject: digits, id });
    }
  }
  return notes;
}

function entriesOf(object: Awaited<ReturnType<GitObjects["get"]>>): ReturnType<typeof parseTree> {
  if (object?.type !== "tree") return [];
  try {
    return parseTree(object.content, object.id.length === 64 ? 32 : 20);
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}

function signaturesIn(note: Buffer | undefined): Uint8Array[] {
  if (!note || note.length > MAX_NOTE_BYTES) return [];
  const lines = note
    .toString("latin1")
    .split("\n")
    .map((line) => line.trim());
  const decoded = lines
    .filter((line) => /^[A-Za-z0-9+/]+={0,2}$/.test(line))
    .map((line) => Buffer.from(line, "base64"));
  return decoded.slice(0, MAX_SIGNATURES);
}
