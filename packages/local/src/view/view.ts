/**
 * Views: a command runs over trees that are served to it from Git objects, read-only, each at a path of its own. What
 * it opens is recorded, and refused where the rules of the tree do not allow it.
 *
 * Claims: no byte of a tree reaches the command but one whose object hashes to the id that the tree names, and whose
 * opening is in the record; with rules that enforce, a file whose content is not allowed cannot be opened, by root
 * neither. Against: a checkout that somebody touched, an object database that lies, and an expression that reads a
 * file nobody looked at. Leaves out a command that is out to get around it: one that runs as root can unmount, and
 * any may read other paths of the machine. It holds evaluators, not attackers with a shell.
 */
import type { ObjectId } from "@firstmile/formats/git/object-id";
import type { EntryType, NamedEntry } from "@firstmile/formats/statement/listing";
import { runMounted } from "./mounted.ts";
import { checkPlaces } from "./places.ts";
import { runTraced } from "./traced.ts";
import { ViewError } from "./view-error.ts";

export interface ViewTree {
  /** Path of a Git repository that has the tree's objects. */
  readonly repository: string;
  readonly tree: ObjectId;
  /**
   * Absolute path where the command sees it: a directory that is covered while the command runs, or one that is not
   * there yet in the directory for temporary files, which is then there as long as the command runs.
   */
  readonly at: string;
  readonly rules: ViewRules;
}

export type ViewRules =
  | { readonly kind: "observe"; readonly names?: ReadonlyMap<string, "listed" | "found"> | undefined }
  /** By path: SHA-256 of the contents that may be opened there. What is not in it may not be opened. */
  | {
      readonly kind: "enforce";
      readonly allowed: ReadonlyMap<string, readonly string[] | "any">;
      /**
       * By path: what exists. `listed`: also in the listing of its directory; `found`: only where it is asked for by
       * its name. What is not in it does not exist. Undefined: everything of the tree exists.
       */
      readonly names?: ReadonlyMap<string, "listed" | "found"> | undefined;
    };

/** A file that was opened, or a symbolic link that was followed: its mode is 0o120000. */
export interface OpenedFile {
  /** Which of the trees, counted from 0. */
  readonly tree: number;
  readonly path: string;
  /** As the tree names it. */
  readonly mode: number;
  readonly id: ObjectId;
  readonly sha256: string;
  readonly allowed: boolean;
  /** Who opened it first: 0 and "" where that was not seen. */
  readonly pid: number;
  readonly process: string;
}

/** A directory whose names were listed. */
export interface ListedDirectory {
  readonly tree: number;
  /** "" for the root. */
  readonly path: string;
  /** What the listing said, sorted by the bytes of the names. */
  readonly entries: readonly NamedEntry[];
}

/** A name that was looked up. */
export interface AskedName {
  readonly tree: number;
  readonly path: string;
  /** As the tree names it; undefined: the answer was that nothing has this name. */
  readonly entry: { readonly type: EntryType; readonly mode: number; readonly id: ObjectId } | undefined;
}

/** A name of the tree that was kept from the command: it was looked up, or its directory was listed. */
export interface HiddenName {
  readonly tree: number;
  readonly path: string;
  readonly type: EntryType;
}

/** A file that could not be served as what its tree names. */
export interface BrokenFile {
  readonly tree: number;
  readonly path: string;
  readonly id: ObjectId;
  readonly reason: string;
}

export interface ViewRecord {
  /** Each path once, as it was first opened; refused ones too. */
  readonly files: readonly OpenedFile[];
  readonly directories: readonly ListedDirectory[];
  /** Each path once. Names that a directory's listing brought along need not be in it. */
  readonly asked: readonly AskedName[];
  readonly hidden: readonly HiddenName[];
  readonly broken: readonly BrokenFile[];
}

export interface ViewCommand {
  readonly argv: readonly string[];
  /** Absolute, and may be inside a view. Default: this process's own. */
  readonly cwd?: string;
  /** The whole environment of the command. Default: this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  readonly stdio: "inherit" | { readonly timeoutMs: number; readonly maxBytes: number };
}

export interface ViewResult {
  /** The command's exit code; 128 + the signal's number where one ended it. */
  readonly code: number;
  /** Empty where the command had this process's own. */
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly record: ViewRecord;
  readonly how: "fuse" | "strace";
  /** Why it was not mounted. */
  readonly because?: string;
}

/**
 * Mounts the trees and runs the command; where this machine lets nobody mount, writes them down and traces it. Throws
 * `ViewError`, `GitTreeError`, `RepositoryError`, and `ProcessError` where a limit was passed.
 */
export async function runInView(trees: readonly ViewTree[], command: ViewCommand): Promise<ViewResult> {
  checkPlaces(trees);
  try {
    return await runMounted(trees, command);
  } catch (error) {
    if (!(error instanceof ViewError) || error.code !== "view-unavailable") throw error;
    return await runTraced(trees, command, error.message);
  }
}
