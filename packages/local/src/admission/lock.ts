/**
 * Checks what a lock says of an input, or a call of its pin, against the commit that was authenticated for it.
 *
 * Claims: an input that passes has the very tree of that commit, and each number that an expression can read of it
 * (`rev`, `lastModified`, `revCount`) is the commit's own. Against: a forge or mirror whose tarball differs from the
 * signed commit, and a lock that was written to say so. A difference is shown file by file where the other tree is at
 * hand. Leaves out whether the commit is authentic: asked before.
 */
import { existsSync } from "node:fs";
import { FormatError } from "@firstmile/formats/bytes/error";
import { type Commit, parseCommit } from "@firstmile/formats/git/commit";
import { type CommitId, hashObject, type ObjectId, objectHashOf } from "@firstmile/formats/git/object-id";
import { type FlakeLock, type LockedReference, parseFlakeLock } from "@firstmile/formats/nix/flake-lock";
import { type NarHash, sriHash } from "@firstmile/formats/nix/hash";
import { diffNars, type NarDifference } from "@firstmile/formats/nix/nar-parse";
import { type StorePath, sourceStorePath } from "@firstmile/formats/nix/store-path";
import { found, lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { GitTree, GitTreeError } from "../git/git-tree.ts";
import { inOrder } from "../git/in-order.ts";
import type { NeutralGit } from "../git/neutral.ts";
import type { GitObjects } from "../git/objects.ts";
import { narHashOfTree } from "../git/tree-nar-hash.ts";
import { runOk } from "../process/run.ts";
import { type ArchivedTree, addArchiveToStore, archivedTree, writeArchived } from "./archive.ts";
import { plainText } from "./evaluation-failure.ts";
import type { NixTools } from "./nix-tools.ts";
import { addTreeToStore, writeTree } from "./tree.ts";
import { differencesFromDirectory, directoryNode, MAX_DIFFERENCES } from "./tree-difference.ts";

export { lockedCommit, pathInsideTree, repositoryUrl, sourceForInput } from "./input-source.ts";

export type LockRead =
  /** Undefined: the flake has no flake.lock, and so may have no inputs. */
  | { readonly ok: true; readonly lock: FlakeLock | undefined }
  | { readonly ok: false; readonly reason: Reason };

/** The flake.lock beside the flake in directory `dir` ("" for the root) of a tree. */
export async function readFlakeLock(objects: GitObjects, tree: ObjectId, dir: string): Promise<LockRead> {
  const name = [...dir.split("/"), "flake.lock"].filter((part) => part !== "" && part !== ".").join("/");
  try {
    const content = await fileInTree(objects, tree, name);
    return { ok: true, lock: content === undefined ? undefined : parseFlakeLock(content) };
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof GitTreeError)) throw error;
    const remedy = `write it anew with nix flake lock, look at the change, and commit it`;
    return {
      ok: false,
      reason: lacking("lock-unreadable", `${name}: ${plainText(error.message)}`, { remedy }),
    };
  }
}

/** The content of a file in a tree; undefined where there is none. Throws `GitTreeError` for anything but a file. */
export async function fileInTree(
  objects: GitObjects,
  root: ObjectId,
  path: string,
): Promise<Buffer | undefined> {
  const tree = await GitTree.read(objects, root);
  for (const { path: at, step } of tree.leaves()) {
    if (at !== path) continue;
    if (step.kind !== "file") throw new GitTreeError("corrupt-object", `is a ${step.kind}, not a file`);
    for await (const { content } of inOrder(objects, [step], ({ id }) => ({ id, kind: "blob" })))
      return content;
  }
  return undefined;
}

export interface LockedTreeQuestion {
  /** As messages name it: `input nixpkgs`. */
  readonly label: string;
  readonly locked: LockedReference;
  /** What writes the lock anew, as a command or an instruction. */
  readonly renew: string;
  /** The tree's name in the store; default `source`. */
  readonly storeName?: string;
  /** The hash is not at hand: whatever evaluates will compare it, and find nothing where it is another. */
  readonly unhashed?: boolean;
  /** The repository in which the commit was authenticated. */
  readonly git: NeutralGit;
  readonly objects: GitObjects;
  readonly commit: CommitId;
  readonly nix: NixTools;
  /** A directory with the tree that the other side gives, such as an unpacked tarball; default: the store's. */
  readonly theirs?: string;
}

export type LockedTree =
  | {
      readonly ok: true;
      readonly reason: Reason;
      readonly narHash: NarHash;
      readonly narSize: number;
      readonly path: StorePath;
      /** Whether these are the commit's own files, and not what git archive makes of them. */
      readonly isPlain: boolean;
      /** Puts the tree where Nix looks for this input. Needs the question's `objects` to be open still. */
      addToStore(): Promise<StorePath>;
      /** Writes it into a directory that must not be there yet. Needs the same. */
      writeTo(dir: string): Promise<unknown>;
    }
  | { readonly ok: false; readonly reason: Reason };

/** Throws what Git or the file system say where they cannot be read at all. */
export async function checkLockedTree(question: LockedTreeQuestion): Promise<LockedTree> {
  const { objects, commit } = question;
  try {
    const read = await readCommit(objects, commit);
    const faults = await lockFaults(question, read);
    if (faults.length > 0) return { ok: false, reason: lockDiffers(question, faults) };
    return await compareTrees(question, await GitTree.read(objects, read.tree));
  } catch (error) {
    // A commit may be signed and still be no commit that Nix or Git could use.
    if (!(error instanceof GitTreeError || error instanceof FormatError)) throw error;
    const remedy = "check the repository with git fsck, and fetch it anew";
    const code = error instanceof GitTreeError ? error.code : "corrupt-object";
    return { ok: false, reason: lacking(code, error.message, { remedy }) };
  }
}

async function readCommit(objects: GitObjects, id: CommitId): Promise<Commit> {
  const object = await objects.get(id);
  if (!object) throw new GitTreeError("missing-object", `commit ${id} is not in the repository`);
  if (object.type !== "commit" || hashObject("commit", object.content, objectHashOf(id)) !== id)
    throw new GitTreeError("corrupt-object", `${id} is not the commit that its id names`);
  return parseCommit(object.content);
}

/** What an expression can read of the input, next to its files. */
async function lockFaults(question: LockedTreeQuestion, read: Commit): Promise<string[]> {
  const { locked, commit, git, unhashed = false } = question;
  const faults: string[] = [];
  const { rev, lastModified, revCount, narHash } = locked;
  // Of a tarball older Nix locks no revision: its address names it, and an expression sees none.
  const isUnsaid = rev === undefined && locked.type === "tarball";
  if (rev !== commit && !isUnsaid) faults.push(`rev is ${rev ?? "missing"}, the commit is ${commit}`);
  const { time } = read.committer.identity();
  if (lastModified !== undefined && lastModified !== time)
    faults.push(`lastModified is ${lastModified}, the commit's is ${time}`);
  if (revCount !== undefined) {
    const count = await countCommits(git, commit);
    if (revCount !== count) faults.push(`revCount is ${revCount}, the history has ${count} commits`);
  }
  if (narHash === undefined && !unhashed) faults.push("narHash is missing, so that any tree would do");
  return faults;
}

/** How many commits there are up to this one, itself included. */
export async function countCommits(git: NeutralGit, commit: CommitId): Promise<number> {
  const args = ["rev-list", "--count", "--end-of-options", commit];
  return Number((await runOk("git", args, { env: git.env })).toString().trim());
}

function lockDiffers({ label, commit, renew }: LockedTreeQuestion, faults: readonly string[]): Reason {
  const message = `the lock of ${label} says what commit ${commit} does not: ${faults.join("; ")}`;
  return lacking("lock-differs", message, {
    because: faults.map((fault) => lacking("lock-differs", fault)),
    remedy: `write the lock anew and commit it: ${renew}`,
  });
}

async function compareTrees(question: LockedTreeQuestion, tree: GitTree): Promise<LockedTree> {
  const { label, git, objects, commit, nix, locked, unhashed = false, storeName = "source" } = question;
  const plain = await narHashOfTree(objects, tree);
  const isPlain = locked.narHash === plain.narHash;
  const archived = isPlain ? undefined : await archivedTree(git, objects, commit, tree);
  // Without a hash to go by, what a forge would serve.
  const isArchived = archived && (unhashed || archived.narHash === locked.narHash);
  if (isPlain || (unhashed && !archived)) {
    const reason = found("authentic", `${label} is the tree of commit ${commit}`);
    const addToStore = () => addTreeToStore(nix, objects, tree.root, storeName);
    const writeTo = (dir: string) => writeTree(objects, tree.root, dir);
    return { ok: true, reason, ...stored(question, plain), isPlain: true, addToStore, writeTo };
  }
  if (!isArchived) return { ok: false, reason: treeDiffers(question, plain.narHash, tree, archived) };
  const message = `${label} is the tree of commit ${commit} as git archive gives it, by the tree's own attributes`;
  const changes = archived.changes.map((change) => found("authentic", change));
  const addToStore = () => addArchiveToStore(nix, archived, storeName);
  return {
    ok: true,
    reason: found("authentic", message, changes),
    ...stored(question, archived),
    isPlain: false,
    addToStore,
    writeTo: async (dir) => writeArchived(dir, archived),
  };
}

function stored(
  { nix, storeName = "source" }: LockedTreeQuestion,
  { narHash, narSize }: { readonly narHash: NarHash; readonly narSize: number },
): { narHash: NarHash; narSize: number; path: StorePath } {
  return { narHash, narSize, path: sourceStorePath(narHash, storeName, [], false, nix.storeDir) };
}

function treeDiffers(
  question: LockedTreeQuestion,
  plain: NarHash,
  tree: GitTree,
  archived: ArchivedTree | undefined,
): Reason {
  const { label, commit, renew } = question;
  const locked = question.locked.narHash!;
  const hashes = [`the lock has ${sriHash(locked)}`, `commit ${commit} has ${sriHash(plain)}`];
  if (archived) hashes.push(`git archive gives ${sriHash(archived.narHash)}`);
  const because = hashes.map((text) => lacking("tree-differs", text));
  because.push(...differences(question, locked, tree, archived));
  return lacking("tree-differs", `${label} is not the tree of the commit that it is locked to, ${commit}`, {
    because,
    remedy:
      `do not build it. Write the lock anew (${renew}); if the hash stays, ` +
      "where it is downloaded from serves something other than the signed commit",
  });
}

function differences(
  { theirs, nix, label, storeName = "source" }: LockedTreeQuestion,
  locked: NarHash,
  tree: GitTree,
  archived: ArchivedTree | undefined,
): Reason[] {
  const dir = theirs ?? sourceStorePath(locked, storeName, [], false, nix.storeDir);
  if (!existsSync(dir)) {
    const message = `only the hashes were compared: ${dir}, which the lock names, is not on this machine`;
    return [lacking("tree-differs", message, { remedy: `bring it into the store to look at it: ${label}` })];
  }
  const found = archived
    ? diffNars(archived.root, directoryNode(dir)).slice(0, MAX_DIFFERENCES)
    : differencesFromDirectory(tree, dir);
  if (found.length === 0)
    return [lacking("tree-differs", `${dir} has the commit's files: it is not what the lock's hash names`)];
  const shown = found.map((difference) => lacking("tree-differs", describe(difference)));
  return found.length < MAX_DIFFERENCES ? shown : [...shown, lacking("tree-differs", "and more")];
}

const PROBLEMS: Readonly<Record<NarDifference["problem"], string>> = {
  "only in the first": "is in the commit only",
  "only in the second": "is in what the lock names only",
  kind: "is another kind of file",
  executable: "differs in whether it can be executed",
  content: "has other content",
  target: "links elsewhere",
};

function describe({ path, problem }: NarDifference): string {
  const name = plainText(Buffer.from(path, "latin1").toString("utf8")).replaceAll("\n", "\\n");
  return `${name} ${PROBLEMS[problem]}`;
}
