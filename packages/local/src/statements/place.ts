/**
 * Where statements are kept. No place is trusted: what counts in a statement is signed. `first`: it is filled by the
 * people who make the rules, and so is read before all other places, and shares its room with none.
 */
import { createHash } from "node:crypto";
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";

export type StatementPlace =
  /** Files `*.json` below a directory. `kept`: this machine wrote them, each named by its SHA-256 (`Kept`). */
  | {
      readonly kind: "directory";
      readonly path: string;
      readonly first?: true;
      readonly kept?: true;
      readonly called?: string;
    }
  /**
   * Files `*.json` in the tree of a ref of its own, or of each ref below that name. `called`: by people. `tips`: where
   * its refs must point, because they did when it was fetched.
   */
  | {
      readonly kind: "ref";
      readonly repository: string;
      readonly ref?: string;
      readonly called?: string;
      readonly tips?: readonly string[];
    }
  /** Files `*.json` below `statements/` in the tree of a commit. */
  | {
      readonly kind: "commit";
      readonly repository: string;
      readonly commit: CommitId;
      readonly first?: true;
      readonly called?: string;
    }
  /** Files `*.json` in a tree. */
  | { readonly kind: "tree"; readonly repository: string; readonly tree: ObjectId };

export const STATEMENTS_REF = "refs/firstmile/statements";
/** Folder of a trust repository's own tree. */
export const STATEMENTS_FOLDER = "statements";

/** One file that was found; whether it is an envelope is asked of `verifyStatement`. */
export interface FoundStatement {
  readonly envelope: Uint8Array;
  /** SHA-256 of the envelope in hex. */
  readonly name: string;
  /** For a person: where it was found first. */
  readonly where: string;
}

/** Something that could not be read, and so says nothing. */
export interface UnreadableStatement {
  readonly where: string;
  readonly problem: string;
}

/** A place that is damaged, or that this user may not read: what it held against something is not known. */
export interface UnreadablePlace {
  /** As a person knows it. */
  readonly place: string;
  readonly problem: string;
}

/** What is read at most, of all places together, and shared among them; more is left unread, and said. */
export const LIMITS = { files: 50_000, bytes: 256 << 20, depth: 8, refs: 32 } as const;

/** SHA-256 of an envelope in hex: what its file is called by. */
export function envelopeName(envelope: Uint8Array): string {
  return createHash("sha256").update(envelope).digest("hex");
}

/** `ab/cdef….json`: two digits a folder keep each listing short. */
export function shardedPath(name: string): [folder: string, file: string] {
  return [name.slice(0, 2), `${name.slice(2)}.json`];
}
