/**
 * Tree objects that hold some files and nothing else, as Git would write them: for showing files by themselves,
 * whatever else lay beside them.
 */
import { hashObject, type ObjectHash, type ObjectId } from "./object-id.ts";

export interface FileEntry {
  /** Latin-1, one character a byte; no name in it is empty. */
  readonly path: string;
  readonly mode: number;
  readonly id: ObjectId;
}

export interface TreeObject {
  readonly id: ObjectId;
  readonly content: Uint8Array;
}

const DIRECTORY = 0o40000;

/** The trees of these files, each below what holds it; the last one is the root. No path may lie below another. */
export function treesOfFiles(files: readonly FileEntry[], hash: ObjectHash): TreeObject[] {
  const below = new Map<string, FileEntry[]>();
  const entries: FileEntry[] = [];
  for (const file of files) {
    const slash = file.path.indexOf("/");
    if (slash < 0) entries.push(file);
    else {
      const rest = { ...file, path: file.path.slice(slash + 1) };
      const name = file.path.slice(0, slash);
      const inner = below.get(name);
      if (inner) inner.push(rest);
      else below.set(name, [rest]);
    }
  }
  const trees: TreeObject[] = [];
  for (const [name, inner] of below) {
    for (const tree of treesOfFiles(inner, hash)) trees.push(tree);
    entries.push({ path: name, mode: DIRECTORY, id: trees.at(-1)!.id });
  }
  const content = rendered(entries);
  return [...trees, { id: hashObject("tree", content, hash), content }];
}

/** Git sorts bytes, directories as if a slash ended their name. Latin-1 strings compare as their bytes. */
function rendered(entries: readonly FileEntry[]): Uint8Array {
  const key = ({ path, mode }: FileEntry) => (mode === DIRECTORY ? `${path}/` : path);
  const sorted = entries.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  const parts = sorted.map(({ path, mode, id }) =>
    Buffer.concat([Buffer.from(`${mode.toString(8)} ${path}\0`, "latin1"), Buffer.from(id, "hex")]),
  );
  return Buffer.concat(parts);
}
