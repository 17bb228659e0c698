/**
 * The tree that an archive's entries make, in memory.
 *
 * Claims: each path is in the tree once and lies in it, whatever order the entries come in and whichever program
 * unpacks them. Against: `..` and absolute names, a file below a link that leads elsewhere, a second entry for one
 * path, hard links to what is not in the archive, and trees made to be expensive.
 */
import type { NarDirectory, NarNode } from "@firstmile/formats/nix/nar";
import { NAR_MAX_DEPTH, NAR_MAX_NAME, NAR_MAX_TARGET } from "@firstmile/formats/nix/nar";
import { ArchiveRefused, shownName } from "./refused.ts";
import type { TarEntry } from "./tar.ts";

/** Most entries; the kernel has some 90,000. */
export const MAX_ENTRIES = 500_000;

type Directory = Map<string, Directory | Leaf>;
type Leaf = Exclude<NarNode, NarDirectory>;

export class TreeBuilder {
  readonly #root: Directory = new Map();
  #entries = 0;

  /** Throws `ArchiveRefused`. */
  add(entry: TarEntry): void {
    if (++this.#entries > MAX_ENTRIES) refuse(`it has over ${MAX_ENTRIES} entries`);
    const names = namesOf(entry.path);
    if (entry.kind === "directory") return void this.#directory(names, entry.path);
    const last = names.pop();
    if (last === undefined) refuse("its root is no directory");
    const directory = this.#directory(names, entry.path);
    if (directory.has(last)) refuse(`it has ${shownName(entry.path)} twice`);
    directory.set(last, this.#leaf(entry));
  }

  /** Without the directory on top, if there is one and nothing beside it: as Nix and its fetchers unpack. */
  stripped(): NarDirectory {
    const [top, ...more] = this.#root.values();
    if (top === undefined) refuse("it is empty");
    if (more.length > 0) return asNode(this.#root);
    return top instanceof Map ? asNode(top) : refuse("it holds one file and no directory");
  }

  whole(): NarDirectory {
    return asNode(this.#root);
  }

  #leaf(entry: Exclude<TarEntry, { kind: "directory" }>): Leaf {
    switch (entry.kind) {
      case "file": {
        const { executable, content } = entry;
        return { kind: "regular", executable, size: content.length, content: [content] };
      }
      case "symlink": {
        const { target, path } = entry;
        if (target.length === 0 || target.length > NAR_MAX_TARGET)
          refuse(`${shownName(path)} links to no name`);
        return { kind: "symlink", target };
      }
      case "hardlink":
        return this.#linked(entry.target, entry.executable);
    }
  }

  /** The one file has both names; what it is was said where it came first. */
  #linked(target: string, executable: boolean): Leaf {
    // To the kernel a slash at the end asks for a directory: some readers leave it there.
    if (target.endsWith("/")) refuse(`it has a hard link to ${shownName(target)}, which ends in a slash`);
    const names = namesOf(target);
    const last = names.pop() ?? refuse("it has a hard link to its root");
    let directory: Directory | Leaf | undefined = this.#root;
    for (const name of names) directory = directory instanceof Map ? directory.get(name) : undefined;
    const leaf = directory instanceof Map ? directory.get(last) : undefined;
    if (leaf === undefined || leaf instanceof Map || leaf.kind !== "regular")
      refuse(`it has a hard link to ${shownName(target)}, which is no file that came before`);
    if (leaf.executable !== executable)
      refuse(`it has ${shownName(target)} executable under one of its names only`);
    return leaf;
  }

  #directory(names: readonly string[], path: string): Directory {
    if (names.length >= NAR_MAX_DEPTH)
      refuse(`${shownName(path)} lies over ${NAR_MAX_DEPTH} directories deep`);
    let directory = this.#root;
    for (const name of names) {
      const below = directory.get(name) ?? new Map();
      // A link here would have what follows written wherever it leads.
      if (!(below instanceof Map)) refuse(`it has ${shownName(path)} below what is no directory`);
      directory.set(name, below);
      directory = below;
    }
    return directory;
  }
}

/** The names on the way, without `.` and repeated slashes. */
function namesOf(path: string): string[] {
  if (path.startsWith("/")) refuse(`it has the absolute name ${shownName(path)}`);
  // `hello/f/.` is a directory to the kernel; in front a dot is how `tar` itself names what lies below `.`.
  if (/\/\.(?:\/|$)/.test(path.replace(/^(?:\.\/)+/, "")))
    refuse(`it has the name ${shownName(path)}, with a dot in it`);
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) refuse(`it has the name ${shownName(path)}, which climbs out`);
  if (names.some((name) => name.length > NAR_MAX_NAME)) refuse(`it has a name over ${NAR_MAX_NAME} bytes`);
  if (names.some(isGitDirectory))
    refuse(`it has the name ${shownName(path)}, which Git's own readers refuse`);
  return names;
}

/** Nix 2.34 unpacks into a Git repository, which takes no `.git`, in none of the spellings of other file systems. */
function isGitDirectory(name: string): boolean {
  const spelt = name.toLowerCase().replace(IGNORED_BY_HFS, "");
  return /^(?:\.git|git~\d+)(?:[:\\].*|[ .]*)$/.test(spelt);
}

/** Code points that HFS+ leaves out of names (U+200C to U+200F, U+202A to U+202E, U+206A to U+206F, U+FEFF), in UTF-8. */
const IGNORED_BY_HFS = /\xe2\x80[\x8c-\x8f\xaa-\xae]|\xe2\x81[\xaa-\xaf]|\xef\xbb\xbf/g;

function asNode(directory: Directory): NarDirectory {
  const sorted = [...directory].sort(([a], [b]) => (a < b ? -1 : 1));
  const entries = sorted.map(([name, node]) => ({
    name: Buffer.from(name, "latin1"),
    node: node instanceof Map ? asNode(node) : node,
  }));
  return { kind: "directory", entries };
}

function refuse(problem: string): never {
  throw new ArchiveRefused(problem);
}
