/**
 * Listings and answers that commits bring in, as contents: of each directory whose names a commit changed the listing
 * that it came to, and of each name that came or went what a look-up of it says.
 */
import { latin1 } from "@firstmile/formats/bytes/text";
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import { parseTree } from "@firstmile/formats/git/tree";
import {
  answerContent,
  entryType,
  listingContent,
  sortedEntries,
} from "@firstmile/formats/statement/listing";
import { directoryOf } from "@firstmile/trust/slice/names";
import { treeOf } from "../admission/tree-of.ts";
import type { NeutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import type { BroughtIn } from "./brought-in.ts";

interface Written {
  readonly commit: CommitId;
  readonly id: ObjectId;
}

const DIRECTORY = 0o40000;

export class NamesWritten {
  readonly #answers: Written[] = [];
  /** By commit: directories whose names changed, and trees as the commit has them. */
  readonly #changed = new Map<CommitId, Set<string>>();
  readonly #trees = new Map<string, ObjectId>();

  enter({ commit, path, id, mode, isRenamed }: BroughtIn): void {
    if (mode === DIRECTORY && id !== undefined) this.#trees.set(`${commit} ${path}`, id);
    if (!isRenamed) return;
    const type = id === undefined ? "-" : entryType(mode);
    this.#answers.push({ commit, id: answerContent(type, path).id });
    const directories = this.#changed.get(commit) ?? new Set();
    this.#changed.set(commit, directories.add(directoryOf(path)));
  }

  async *contents(git: NeutralGit): AsyncGenerator<Written> {
    yield* this.#answers;
    using objects = new GitObjects(git.env);
    for (const [commit, directories] of this.#changed) {
      for (const path of directories) {
        const tree = path === "" ? await treeOf(objects, commit) : this.#trees.get(`${commit} ${path}`);
        // A directory that went with its last name has no listing any more.
        const content = tree === undefined ? undefined : (await objects.get(tree))?.content;
        if (tree !== undefined && content) yield { commit, id: listingOf(tree, content) };
      }
    }
  }
}

function listingOf(tree: ObjectId, content: Uint8Array): ObjectId {
  const entries = parseTree(content, tree.length === 64 ? 32 : 20);
  const named = entries.map(({ mode, name }) => ({ type: entryType(mode), name: latin1(name) }));
  return listingContent(sortedEntries(named)).id;
}
