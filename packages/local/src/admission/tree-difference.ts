/** What lies between a commit's tree and a directory that claims to be it, file by file. For people to read. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { latin1 } from "@firstmile/formats/bytes/text";
import { hashObject, type ObjectId, objectHashOf } from "@firstmile/formats/git/object-id";
import type { NarDirectory, NarEntry, NarNode } from "@firstmile/formats/nix/nar";
import type { NarDifference } from "@firstmile/formats/nix/nar-parse";
import type { GitTree, TreeLeaf } from "../git/git-tree.ts";

/** Differences shown; whoever changed one file is as guilty as whoever changed thousands. */
export const MAX_DIFFERENCES = 200;

/**
 * Where `dir` differs from the tree, in order of path, up to `MAX_DIFFERENCES`. "First" is the tree. Files are
 * compared by the id that Git gives to their content, so nothing is read from Git. Throws what the file system says.
 */
export function differencesFromDirectory(tree: GitTree, dir: string): NarDifference[] {
  const missing = new Map<string, TreeLeaf>();
  for (const { path, step } of tree.leaves()) missing.set(path, step);
  const found: NarDifference[] = [];
  for (const { path, node } of filesBelow(directoryNode(dir))) {
    if (found.length >= MAX_DIFFERENCES) break;
    const step = missing.get(path);
    missing.delete(path);
    const problem = step ? differs(step, node) : "only in the second";
    if (problem !== undefined) found.push({ path, problem });
  }
  if (found.length < MAX_DIFFERENCES) {
    for (const path of missing.keys()) found.push({ path, problem: "only in the first" });
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1)).slice(0, MAX_DIFFERENCES);
}

function differs(step: TreeLeaf, node: NarNode): NarDifference["problem"] | undefined {
  if (step.kind === "submodule") return node.kind === "directory" ? undefined : "kind";
  if (step.kind === "symlink") {
    if (node.kind !== "symlink") return "kind";
    return blobId(node.target, step.id) === step.id ? undefined : "target";
  }
  if (node.kind !== "regular") return "kind";
  if (blobId(Buffer.concat([...node.content]), step.id) !== step.id) return "content";
  return node.executable === step.executable ? undefined : "executable";
}

function blobId(content: Uint8Array, like: ObjectId): ObjectId {
  return hashObject("blob", content, objectHashOf(like));
}

/** Files, links and empty directories with their paths. */
function* filesBelow(root: NarDirectory, prefix = ""): Generator<{ path: string; node: NarNode }> {
  for (const { name, node } of root.entries) {
    const path = prefix + latin1(name);
    if (node.kind !== "directory") yield { path, node };
    else {
      const entries = [...node.entries];
      if (entries.length === 0) yield { path, node };
      else yield* filesBelow({ kind: "directory", entries }, `${path}/`);
    }
  }
}

/** A directory on disk as a tree whose files are read when they are asked for. Links are not followed. */
export function directoryNode(dir: string | Buffer): NarDirectory {
  return { kind: "directory", entries: entriesOf(Buffer.from(dir)) };
}

function entriesOf(dir: Buffer): NarEntry[] {
  const names = readdirSync(dir, { encoding: "buffer" }).sort(Buffer.compare);
  return names.map((name) => {
    const path = Buffer.concat([dir, Buffer.from("/"), name]);
    return { name, node: nodeAt(path) };
  });
}

function nodeAt(path: Buffer): NarNode {
  const stat = lstatSync(path);
  if (stat.isDirectory()) {
    const lazy = {
      kind: "directory" as const,
      get entries() {
        return entriesOf(path);
      },
    };
    return lazy;
  }
  if (stat.isSymbolicLink()) return { kind: "symlink", target: readlinkSync(path, { encoding: "buffer" }) };
  if (!stat.isFile()) throw new Error(`${path} is neither file, link nor directory`);
  const content = {
    *[Symbol.iterator]() {
      yield readFileSync(path);
    },
  };
  return { kind: "regular", executable: (stat.mode & 0o100) !== 0, size: stat.size, content };
}
