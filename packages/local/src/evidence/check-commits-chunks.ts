/** Cuts a listing into chunks and hands each to whichever checker asks first. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { IdListing } from "../git/rev-list.ts";

export interface Chunk {
  /** Counted from 0 in the order of the listing. */
  readonly place: number;
  readonly ids: Uint8Array;
  /** Bytes of an id. */
  readonly width: number;
}

/** Small enough that no core has much left when the others are done. */
const CHUNK = 64;

export class Chunks {
  /** How many ids came so far. */
  listed = 0;
  private readonly ready: Chunk[] = [];
  private taken = 0;
  private ended = false;
  private failure: unknown;
  private changed = Promise.withResolvers<void>();

  constructor(listing: IdListing) {
    // Its failure is told to whoever asks for the next chunk.
    void this.readAll(listing);
  }

  /** The next chunk; undefined behind the last. Rejects where the listing failed. */
  async next(): Promise<Chunk | undefined> {
    while (this.taken === this.ready.length && !this.ended) await this.changed.promise;
    if (this.failure) throw this.failure;
    const chunk = this.ready[this.taken];
    // A chunk that was handed out is its checker's: its bytes may go to another thread.
    if (chunk) delete this.ready[this.taken++];
    return chunk;
  }

  /** Whether as many ids come as this; answers as soon as that is sure. */
  async reach(count: number): Promise<boolean> {
    while (this.listed < count && !this.ended) await this.changed.promise;
    return this.listed >= count;
  }

  private async readAll({ width, pieces }: IdListing): Promise<void> {
    try {
      for await (const ids of pieces) this.add(ids, width);
    } catch (error) {
      this.failure = error ?? new Error("the listing failed");
    }
    this.ended = true;
    this.wake();
  }

  private add(ids: Buffer, width: number): void {
    const bytes = CHUNK * width;
    for (let at = 0; at < ids.length; at += bytes) {
      const place = this.ready.length;
      this.ready.push({ place, ids: Uint8Array.from(ids.subarray(at, at + bytes)), width });
    }
    this.listed += ids.length / width;
    this.wake();
  }

  private wake(): void {
    this.changed.resolve();
    this.changed = Promise.withResolvers<void>();
  }
}

/** A listing of ids that are known one by one. */
export function listingOf(ids: readonly CommitId[]): IdListing {
  const pieces = ids.length === 0 ? [] : [Buffer.from(ids.join(""), "hex")];
  return { width: (ids[0]?.length ?? 40) / 2, pieces };
}
