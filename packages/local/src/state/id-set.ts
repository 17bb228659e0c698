/**
 * Sorted sets of object ids as bytes, one id behind the other: a million load as fast as the file is read, and take a
 * few milliseconds to look anything up in. Sorting takes no longer where somebody chose the ids.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";

/** Ids to put in: in hex, or as bytes one behind the other. */
export type Ids = Iterable<CommitId> | Buffer;

/** Whether a sorted set holds the id at an offset of some bytes. */
export function holds(set: Buffer, width: number, bytes: Uint8Array, at = 0): boolean {
  const place = position(set, width, bytes, at);
  return place < set.length / width && compareAt(set, place * width, bytes, at, width) === 0;
}

/** A sorted set with more ids in it, each once. */
export function withMore(set: Buffer, more: Ids, width: number): Buffer {
  const bytes = Buffer.isBuffer(more) ? more : bytesOf(more, width);
  let merged = set;
  for (let at = 0; at < bytes.length; at += MOST_AT_ONCE * width) {
    merged = merge(merged, sorted(bytes.subarray(at, at + MOST_AT_ONCE * width), width), width);
  }
  return merged;
}

function bytesOf(ids: Iterable<CommitId>, width: number): Buffer {
  let bytes = Buffer.alloc(1024 * width);
  let at = 0;
  for (const id of ids) {
    if (at === bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(bytes.length)]);
    at += bytes.write(id, at, width, "hex");
  }
  return bytes.subarray(0, at);
}

/** What three bytes can count. */
const MOST_AT_ONCE = 1 << 24;

/**
 * By the first five bytes and the place, as one number each, which the machine sorts by itself; what is equal in
 * these five is put right one by one.
 */
function sorted(ids: Buffer, width: number): Buffer {
  const count = ids.length / width;
  const keys = new BigUint64Array(count);
  const halves = new Uint32Array(keys.buffer);
  for (let i = 0; i < count; i++) {
    halves[2 * i + 1] = ids.readUInt32BE(i * width);
    halves[2 * i] = ((ids[i * width + 4]! << 24) | i) >>> 0;
  }
  keys.sort();
  const places = Uint32Array.from({ length: count }, (_, i) => halves[2 * i]! & 0xffffff);
  sortTies(ids, width, places, halves);
  const out = Buffer.alloc(ids.length);
  places.forEach((place, i) => {
    ids.copy(out, i * width, place * width, (place + 1) * width);
  });
  return out;
}

function sortTies(ids: Buffer, width: number, places: Uint32Array, halves: Uint32Array): void {
  const tied = (i: number, j: number) =>
    halves[2 * i + 1] === halves[2 * j + 1] && halves[2 * i]! >>> 24 === halves[2 * j]! >>> 24;
  for (let from = 0; from < places.length; ) {
    let to = from + 1;
    while (to < places.length && tied(from, to)) to++;
    const byId = (a: number, b: number) => compareAt(ids, a * width, ids, b * width, width);
    if (to - from > 1) places.subarray(from, to).sort(byId);
    from = to;
  }
}

/** Two sorted lists as one, without what either holds twice. */
function merge(a: Buffer, b: Buffer, width: number): Buffer {
  const out = Buffer.alloc(a.length + b.length);
  let end = 0;
  const put = (from: Buffer, start: number, stop: number) => {
    if (end > 0 && compareAt(out, end - width, from, start, width) === 0) return;
    end += from.copy(out, end, start, stop);
  };
  let at = 0;
  for (let i = 0; i < b.length; i += width) {
    // What is already there is long and new commits are few: whole stretches of it are copied at once.
    const upTo = position(a, width, b, i, at / width) * width;
    if (upTo > at) put(a, at, upTo);
    at = upTo;
    if (at === a.length || compareAt(a, at, b, i, width) !== 0) put(b, i, i + width);
  }
  if (a.length > at) put(a, at, a.length);
  return out.subarray(0, end);
}

/** Index of the first id of a set that is not less, from `low` on. */
function position(set: Buffer, width: number, bytes: Uint8Array, at: number, low = 0): number {
  let high = set.length / width;
  let from = low;
  while (from < high) {
    const middle = (from + high) >>> 1;
    if (compareAt(set, middle * width, bytes, at, width) < 0) from = middle + 1;
    else high = middle;
  }
  return from;
}

function compareAt(a: Uint8Array, atA: number, b: Uint8Array, atB: number, width: number): number {
  for (let i = 0; i < width; i++) {
    const difference = a[atA + i]! - b[atB + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
