/**
 * Objects of the database under test, each hashed before anything is made of it, and on their way into a database of
 * our own (`HashedObjects`): what Git then merges is byte by byte what was hashed here.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { parseCommit } from "@firstmile/formats/git/commit";
import { type CommitId, hashObject, type ObjectId, objectHashOf } from "@firstmile/formats/git/object-id";
import { parseTree, type TreeEntry } from "@firstmile/formats/git/tree";
import type { HashedObjects } from "../git/hashed-objects.ts";
import { type GitObject, type GitObjects, GitReadError } from "../git/objects.ts";

/** An object that is missing; or that is over a limit, of another kind, malformed, or not what its id says. */
export class UnreadableObject extends Error {
  readonly code: "missing-object" | "corrupt-object";

  constructor(code: UnreadableObject["code"], message: string) {
    super(message);
    this.name = "UnreadableObject";
    this.code = code;
  }
}

type Kind = "commit" | "tree" | "blob";

/** The bytes of an object that hash to its id. Throws `UnreadableObject`. */
export function hashedContent(kind: Kind, id: ObjectId, object: GitObject | undefined): Buffer {
  if (!object) throw new UnreadableObject("missing-object", `${kind} ${id} is not in the repository`);
  if (object.type !== kind)
    throw new UnreadableObject("corrupt-object", `${id} is a ${object.type}, not a ${kind}`);
  if (hashObject(kind, object.content, objectHashOf(id)) !== id)
    throw new UnreadableObject("corrupt-object", `the content of ${kind} ${id} does not hash to its id`);
  return object.content;
}

/** The entries of a tree. Throws `UnreadableObject`, which says which tree it is. */
export function parsedTree(id: ObjectId, content: Uint8Array): readonly TreeEntry[] {
  try {
    return parseTree(content, id.length === 64 ? 32 : 20);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new UnreadableObject("corrupt-object", `tree ${id} is malformed: ${error.message}`);
  }
}

/** What merging needs to know of a commit. */
export interface CommitLinks {
  readonly id: CommitId;
  readonly tree: ObjectId;
  readonly parents: readonly CommitId[];
  /** Unix seconds by the committer's own word, 0 where it says none: Git orders merge bases by it. */
  readonly time: number;
}

/** Commits kept, since many merges ask for the same ones. */
const MAX_COMMITS = 50_000;
/** Objects asked for at once. */
const AT_ONCE = 256;
/** Bytes that may wait in memory before Git takes them in. */
const MAX_WAITING = 64 * 1024 * 1024;

export class HashedReader {
  private readonly objects: GitObjects;
  private readonly hashed: HashedObjects;
  private readonly isForeign: (id: CommitId) => boolean;
  private readonly commits = new Map<CommitId, Promise<CommitLinks>>();

  /** `isForeign`: parents that are left out, of commits that have others. */
  constructor(
    objects: GitObjects,
    hashed: HashedObjects,
    isForeign: (id: CommitId) => boolean = () => false,
  ) {
    this.objects = objects;
    this.hashed = hashed;
    this.isForeign = isForeign;
  }

  /** Throws `UnreadableObject`, or `FormatError` where it is no commit. */
  commit(id: CommitId): Promise<CommitLinks> {
    const known = this.commits.get(id);
    if (known) return known;
    if (this.commits.size >= MAX_COMMITS) this.commits.clear();
    const links = this.readCommit(id);
    this.commits.set(id, links);
    return links;
  }

  /** Trees by id, taken into the hashed objects. Throws as `commit`. */
  async trees(ids: readonly ObjectId[]): Promise<Map<ObjectId, readonly TreeEntry[]>> {
    const trees = new Map<ObjectId, readonly TreeEntry[]>();
    await this.takeAll("tree", ids, (id, content) => trees.set(id, parsedTree(id, content)));
    return trees;
  }

  /** Files by id, taken into the hashed objects. Throws `UnreadableObject`. */
  async files(ids: readonly ObjectId[]): Promise<void> {
    await this.takeAll(
      "blob",
      ids.filter((id) => !this.hashed.has(id)),
      () => {},
    );
  }

  private async takeAll(
    kind: "tree" | "blob",
    ids: readonly ObjectId[],
    use: (id: ObjectId, content: Buffer) => void,
  ): Promise<void> {
    for (let start = 0; start < ids.length; start += AT_ONCE) {
      const some = ids.slice(start, start + AT_ONCE);
      for (const [i, content] of (await this.read(kind, some)).entries()) {
        this.hashed.add(kind, some[i]!, content);
        use(some[i]!, content);
      }
      if (this.hashed.pendingBytes > MAX_WAITING) await this.hashed.flush();
    }
  }

  private async readCommit(id: CommitId): Promise<CommitLinks> {
    const [content] = await this.read("commit", [id]);
    const { tree, parents: all, committer } = parseCommit(content!);
    const parents = this.isForeign(id) ? all : all.filter((parent) => !this.isForeign(parent));
    return { id, tree, parents, time: timeOf(committer) };
  }

  private async read(kind: Kind, ids: readonly ObjectId[]): Promise<Buffer[]> {
    const found = await this.objects.getAll(ids).catch((error: unknown) => {
      throw error instanceof GitReadError ? new UnreadableObject("corrupt-object", error.message) : error;
    });
    return ids.map((id, i) => hashedContent(kind, id, found[i]));
  }
}

/** A committer line that makes no sense is no reason to refuse: it only puts bases in some order. */
function timeOf(committer: { identity(): { readonly time: number } }): number {
  try {
    return Math.min(committer.identity().time, 0xffff_ffff);
  } catch {
    return 0;
  }
}
