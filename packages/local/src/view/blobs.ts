/**
 * Contents of files, each hashed to its Git id and by SHA-256 as it is read, and kept for a while.
 *
 * Claims: what is handed out hashes to the id that the tree names; read a second time, it is the same bytes, also
 * where two contents share a SHA-1. Leaves out files over 1 GiB, which are refused.
 */
import { hash } from "node:crypto";
import { hashObject, objectHashOf } from "@firstmile/formats/git/object-id";
import { MAX_BYTES } from "../git/batch-parser.ts";
import { BlobError, type BlockingGit, type SizedBlob } from "./blocking-git.ts";
import type { InodeTable } from "./inode-table.ts";

export interface Blob {
  readonly content: Buffer;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Bytes kept. The kernel keeps what it has read anyway; this bridges the time between OPEN and READ. */
const KEPT_BYTES = 128 << 20;

/** Small enough that all of them fit a pipe: Git has done its work when they are wanted. */
const AHEAD = 4;
const SMALL = 12 << 10;

export class Blobs {
  private readonly table: InodeTable;
  private readonly git: (node: number) => BlockingGit;
  /** By node; the one used last stands last. */
  private readonly kept = new Map<number, Blob>();
  private keptBytes = 0;
  private readonly seen = new Map<number, string>();

  /** `git` gives the database of the tree that a node is in. */
  constructor(table: InodeTable, git: (node: number) => BlockingGit) {
    this.table = table;
    this.git = git;
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
    const size = this.table.size(node);
    if (Number.isNaN(size)) throw new BlobError(`blob ${id} is not in the repository`);
    if (size > MAX_BYTES.blob) throw new BlobError(`blob ${id} has ${size} bytes, over the limit`);
    const content = this.git(node).content({ id, size }, this.following(node + 1, this.table.parent(node)));
    if (hashObject("blob", content, objectHashOf(id)) !== id)
      throw new BlobError(`${id}: its content does not hash to its id`);
    const sha256 = hash("sha256", content, "hex");
    if ((this.seen.get(node) ?? sha256) !== sha256)
      throw new BlobError(`${id}: its content is another than before`);
    this.seen.set(node, sha256);
    return { content, sha256 };
  }

  /** Whoever lists a directory mostly reads its files next, in their order. */
  expect(directory: number): void {
    const likely = this.following(this.table.entries(directory).first, directory);
    try {
      if (likely.length > 0) this.git(directory).expect(likely);
    } catch (error) {
      // Whoever wants one is told so.
      if (!(error instanceof BlobError)) throw error;
    }
  }

  /** The next small files of a directory, from a row on. */
  private following(from: number, directory: number): SizedBlob[] {
    const { first, count } = this.table.entries(directory);
    const found: SizedBlob[] = [];
    for (let next = from; next < first + count && found.length < AHEAD; next++) {
      const size = this.table.size(next);
      if (this.table.hasContent(next) && !this.seen.has(next) && size <= SMALL)
        found.push({ id: this.table.id(next), size });
    }
    return found;
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
