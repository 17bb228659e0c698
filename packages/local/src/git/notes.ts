/**
 * Co-signatures that travel as Git notes, in the format of git-signatures: below refs/notes/signatures (or
 * refs/signatures), for each commit a note with one Base64 signature a line. Nothing here is trusted: a line that
 * is no Base64 is passed over, and what a signature is worth is asked elsewhere.
 */

import { FormatError } from "@firstmile/formats/bytes/error";
import { latin1 } from "@firstmile/formats/bytes/text";
import { parseTree } from "@firstmile/formats/git/tree";
import { runOk } from "../process/run.ts";
import { type NeutralGit, ownRepositoriesEnv } from "./neutral.ts";
import { type GitObject, GitObjects } from "./objects.ts";

export const NOTE_REFS = ["refs/notes/signatures", "refs/signatures", "refs/firstmile/notes"] as const;

/**
 * Limits against notes made to be expensive. No sender can use them to keep another's co-signatures from being read: the date of
 * a commit of notes is not looked at, and lines that are not signatures are not counted. What is left out is told.
 */
const MAX_TIPS = 20_000;
const MAX_NOTE_BYTES = 4 << 20;
const MAX_SIGNATURES = 4096;
const MAX_NOTES = 200_000;
/** Two levels of two digits have 65,793. */
const MAX_DIRECTORIES = 200_000;
/** Directories that are read for all commits of notes together. */
const MAX_DIRECTORIES_OF_ALL = 2_000_000;

export interface ReadNotes {
  /** Decoded co-signatures by the id of the commit they are for. */
  readonly signatures: Map<string, Uint8Array[]>;
  /** Whether a limit was reached, so that there may be more. */
  readonly isWhole: boolean;
}

/** Co-signatures in notes, for the ids that `wanted` lets through. */
export async function readCosignatures(
  repository: string,
  git: NeutralGit,
  wanted: (commit: string) => boolean,
): Promise<ReadNotes> {
  const tips = await noteTips(repository);
  const reader = new NotesReader(wanted);
  if (tips.length === 0) return reader;
  using objects = new GitObjects(git.env);
  for (const tip of tips.slice(0, MAX_TIPS)) await reader.read(objects, tip);
  return { signatures: reader.signatures, isWhole: reader.isWhole && tips.length <= MAX_TIPS };
}

class NotesReader implements ReadNotes {
  readonly signatures = new Map<string, Uint8Array[]>();
  isWhole = true;
  private readonly wanted: (commit: string) => boolean;
  private directories = 0;

  constructor(wanted: (commit: string) => boolean) {
    this.wanted = wanted;
  }

  async read(objects: GitObjects, tip: string): Promise<void> {
    const [commit] = await objects.getReadable([tip]);
    if (commit?.type !== "commit") return;
    const notes = await this.notesBelow(objects, commit.content.toString("latin1", 5, 5 + tip.length));
    const mine = notes.filter(({ subject }) => this.wanted(subject));
    const blobs = await objects.getReadable(mine.map(({ id }) => id));
    for (const [i, { subject }] of mine.entries()) this.add(subject, this.signaturesIn(blobs[i]?.content));
  }

  /** Several places serve the same co-signature. */
  private add(subject: string, more: readonly Uint8Array[]): void {
    const known = this.signatures.get(subject) ?? [];
    const all = new Map([...known, ...more].map((bytes) => [Buffer.from(bytes).toString("latin1"), bytes]));
    if (all.size > MAX_SIGNATURES) this.isWhole = false;
    this.signatures.set(subject, [...all.values()].slice(0, MAX_SIGNATURES));
  }

  /** A notes tree spreads a commit's id over directories of two digits. */
  private async notesBelow(objects: GitObjects, root: string): Promise<Note[]> {
    const notes: Note[] = [];
    const open = [{ tree: root, prefix: "" }];
    const seen = new Set<string>();
    for (let next = open.pop(); next; next = open.pop()) {
      // One directory sixteen times in each of sixty levels is a few thousand bytes, and no end. Honest notes have no
      // directory twice: what is in it is the rest of commits' ids.
      if (seen.has(next.tree)) continue;
      const size = seen.add(next.tree).size;
      if (
        size > MAX_DIRECTORIES ||
        ++this.directories > MAX_DIRECTORIES_OF_ALL ||
        notes.length >= MAX_NOTES
      ) {
        this.isWhole = false;
        break;
      }
      const [tree] = await objects.getReadable([next.tree]);
      for (const { mode, name, id } of entriesOf(tree)) {
        const digits = next.prefix + latin1(name);
        if (!/^[0-9a-f]{1,64}$/.test(digits)) continue;
        if (mode === 0o40000) open.push({ tree: id, prefix: digits });
        else notes.push({ subject: digits, id });
      }
    }
    return notes;
  }

  private signaturesIn(note: Buffer | undefined): Uint8Array[] {
    if (!note) return [];
    if (note.length > MAX_NOTE_BYTES) this.isWhole = false;
    const lines = note.toString("latin1", 0, MAX_NOTE_BYTES).split("\n");
    const decoded = lines
      .map((line) => line.trim())
      .filter((line) => /^[A-Za-z0-9+/]+={0,2}$/.test(line))
      .map((line) => Buffer.from(line, "base64"));
    return decoded.filter(isSignature);
  }
}

/** Own notes first. */
async function noteTips(repository: string): Promise<string[]> {
  const format = "--format=%(objectname)";
  const listed = await Promise.all(
    NOTE_REFS.map((refs) => {
      const args = ["-C", repository, "for-each-ref", `--count=${MAX_TIPS + 1}`, format, refs];
      return runOk("git", args, { env: ownRepositoriesEnv() });
    }),
  );
  return [...new Set(listed.flatMap((tips) => tips.toString("latin1").split("\n").filter(Boolean)))];
}

/** Armor of either kind, or the first packet of a binary OpenPGP signature. */
function isSignature(bytes: Buffer): boolean {
  const text = bytes.toString("latin1", 0, 40);
  return /^-----BEGIN (?:SSH|PGP) SIGNATURE-----/.test(text) || OPENPGP_SIGNATURE.has(bytes[0] ?? 0);
}

/** Packet type 2, in the old format with each length of length, and in the new one. */
const OPENPGP_SIGNATURE: ReadonlySet<number> = new Set([0x88, 0x89, 0x8a, 0x8b, 0xc2]);

interface Note {
  readonly subject: string;
  readonly id: string;
}

function entriesOf(object: GitObject | undefined): ReturnType<typeof parseTree> {
  if (object?.type !== "tree") return [];
  try {
    return parseTree(object.content, object.id.length === 64 ? 32 : 20);
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}
