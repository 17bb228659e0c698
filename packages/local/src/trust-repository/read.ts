/** Commits of the trust repository with the files that rules are made of, from objects that hash to their ids. */

import { latin1 } from "@firstmile/formats/bytes/text";
import { parseCommit } from "@firstmile/formats/git/commit";
import {
  type CommitId,
  hashObject,
  type ObjectId,
  type ObjectKind,
  objectHashOf,
} from "@firstmile/formats/git/object-id";
import { parseTree, type TreeEntry } from "@firstmile/formats/git/tree";
import type { TrustCommit } from "@firstmile/trust/root/authenticate";
import { type NeutralGit, RepositoryError } from "../git/neutral.ts";
import { readCosignatures } from "../git/notes.ts";
import { GitObjects } from "../git/objects.ts";

const TREE_MODE = 0o40000;
const FILE_MODES: ReadonlySet<number> = new Set([0o100644, 0o100755]);
const MAX_KEY_FILES = 2000;

/** Reads commits in the order given, each with its rules, keys and co-signatures. Throws `RepositoryError`. */
export async function readTrustCommits(
  repository: string,
  git: NeutralGit,
  ids: readonly CommitId[],
): Promise<TrustCommit[]> {
  const wanted = new Set<string>(ids);
  const { signatures } = await readCosignatures(repository, git, (id) => wanted.has(id));
  using objects = new GitObjects(git.env);
  return await Promise.all(ids.map((id) => new CommitReader(objects, id).read(signatures.get(id) ?? [])));
}

class CommitReader {
  private readonly objects: GitObjects;
  private readonly id: CommitId;

  constructor(objects: GitObjects, id: CommitId) {
    this.objects = objects;
    this.id = id;
  }

  async read(cosignatures: readonly Uint8Array[]): Promise<TrustCommit> {
    const content = await this.object("commit", this.id);
    const files = new Map<string, Uint8Array>();
    for (const entry of await this.tree(parseCommit(content).tree)) {
      const name = latin1(entry.name);
      if (name === "firstmile.toml" && FILE_MODES.has(entry.mode))
        files.set(name, await this.object("blob", entry.id));
      if (name === "keys" && entry.mode === TREE_MODE) await this.addKeys(files, entry.id, "keys/");
    }
    return { id: this.id, content, files, cosignatures };
  }

  private async addKeys(files: Map<string, Uint8Array>, tree: ObjectId, prefix: string): Promise<void> {
    for (const entry of await this.tree(tree)) {
      const path = prefix + Buffer.from(entry.name).toString("utf8");
      if (entry.mode === TREE_MODE && prefix.length < 200) await this.addKeys(files, entry.id, `${path}/`);
      else if (FILE_MODES.has(entry.mode)) files.set(path, await this.object("blob", entry.id));
      if (files.size > MAX_KEY_FILES)
        throw new RepositoryError(`${this.id}: more than ${MAX_KEY_FILES} files in keys/`);
    }
  }

  private async tree(id: ObjectId): Promise<TreeEntry[]> {
    return parseTree(await this.object("tree", id), id.length === 64 ? 32 : 20);
  }

  private async object(kind: ObjectKind, id: ObjectId): Promise<Buffer> {
    const object = await this.objects.get(id);
    if (object?.type !== kind) throw new RepositoryError(`the trust repository has no ${kind} ${id}`);
    if (hashObject(kind, object.content, objectHashOf(id)) !== id)
      throw new RepositoryError(`${kind} ${id} does not hash to its id`);
    return object.content;
  }
}
