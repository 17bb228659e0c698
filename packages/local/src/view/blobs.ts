/**
 * Contents of files, each hashed to its Git id and by SHA-256 as it is read, and kept for a while.
 *
 * Claims: what is handed out hashes to the id that the tree names; read a second time, it is the same bytes, also
 * where two contents share a SHA-1; a link's target is what Linux follows. Leaves out files over 1 GiB, which are
 * refused.
 */
import { hash } from "node:crypto";
import { linkDefect, linkSizeDefect } from "@firstmile/formats/git/link-target";
import { hashObject, type ObjectId, objectHashOf } from "@firstmile/formats/git/object-id";
import { MAX_BYTES } from "../git/batch-parser.ts";
import { BlobError, type BlockingGit } from "./blocking-git.ts";
import type { BulkBlobs } from "./bulk-blobs.ts";
import { type InodeTable, SYMLINK } from "./inode-table.ts";

export interface Blob {
  readonly content: Buffer;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Where the contents of one tree come from. */
export interface BlobSource {
  readonly bulk: BulkBlobs;
  readonly single: BlockingGit;
}

/** Bytes kept. The kernel keeps what it has read anyway; this bridges the time between OPEN and READ. */
const KEPT_BYTES = 128 << 20;

export class Blobs {
  private readonly table: InodeTable;
  private readonly sources: readonly BlobSource[];
  /** By node; the one used last stands last. */
  private readonly kept = new Map<number, Blob>();
  private keptBytes = 0;
  private readonly seen = new Map<number, string>();

  /** `sources`: one for each tree. */
  constructor(table: InodeTable, sources: readonly BlobSource[]) {
    this.table = table;
    this.sources = sources;
  }

  /** Throws `BlobError`. */
  get(node: number): Blob {
    const kept = this.kept.get(node);
    if (kept) return kept;
    const blob = this.read(node);
    this.keep(node, blob);
    return blob;
  }

  private read(node: number): Blob {
    const id = this.table.id(node);
    const content = this.verified(node, id);
    const sha256 = hash("sha256", content, "hex");
    if ((this.seen.get(node) ?? sha256) !== sha256)
      throw new BlobError(`${id}: its content is another than before`);
    this.seen.set(node, sha256);
    return { content, sha256 };
  }

  private verified(node: number, id: ObjectId): Buffer {
    const size = this.table.size(node);
    if (Number.isNaN(size)) throw new BlobError(`blob ${id} is not in the repository`);
    const isLink = this.table.mode(node) === SYMLINK;
    refuseLink(id, isLink ? linkSizeDefect(size) : undefined);
    if (size > MAX_BYTES.blob) throw new BlobError(`blob ${id} has ${size} bytes, over the limit`);
    const { bulk, single } = this.sources[this.table.place(node)!.tree]!;
    const early = bulk.read(node, size);
    const isEarly = early !== undefined && isContentOf(id, early);
    const content = isEarly ? early : single.content(id, size);
    if (!isEarly && !isContentOf(id, content))
      throw new BlobError(`${id}: its content does not hash to its id`);
    refuseLink(id, isLink ? linkDefect(content) : undefined);
    return content;
  }

  private keep(node: number, blob: Blob): void {
    this.kept.set(node, blob);
    this.keptBytes += blob.content.length;
    for (const [oldest, { content }] of this.kept) {
      if (this.keptBytes <= KEPT_BYTES || oldest === node) return;
      this.kept.delete(oldest);
      this.keptBytes -= content.length;
    }
  }
}

/** The kernel would cut such a target, and follow what is left. */
function refuseLink(id: ObjectId, defect: string | undefined): void {
  if (defect !== undefined) throw new BlobError(`link ${id}: ${defect}`);
}

function isContentOf(id: ObjectId, content: Buffer): boolean {
  return hashObject("blob", content, objectHashOf(id)) === id;
}
