/**
 * A file as 64 bytes, so that two files share about as many of them as they share text (MinHash: one permutation, and
 * further rounds for what it leaves empty; Dahlgaard, Knudsen, Thorup, "Fast Similarity Sketching", 2017).
 *
 * Claims: what text was edited in a few lines, indented anew or given other line ends keeps most of its bytes, and
 * unrelated text has one in 64 by chance. Time is linear and memory is fixed, whatever the bytes are. Leaves out:
 * anything that a verdict could rest on. Whoever writes a file chooses its sketch, so it finds what to compare and
 * says nothing of whether it is good; and data without words (pictures, base64) is found only while it begins alike.
 */

/** Bytes of a sketch, one a bin. */
export const BINS = 64;
/** Raised whenever a file's sketch comes out differently: older sketches are then no use. */
export const SKETCH_VERSION = 1;
/** What stands behind these many bytes of a file is not looked at. */
export const MAX_SKETCHED = 16 << 20;

const WORD = 2;
const SPACE = 0;
/** Letters, digits, `_` and all that is not ASCII make words; white space counts for nothing; the rest is its word's. */
const KIND = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte <= 0x20 || byte === 0x7f) return SPACE;
  return byte >= 0x80 || /\w/.test(String.fromCharCode(byte)) ? WORD : 1;
});

const FREE = 0xffff_ffff;
/** Shingles remembered for further rounds: with as many different ones, no bin is empty. */
const MAX_KEPT = 1024;
/** One shingle alone fills nearly all bins in as many rounds. */
const MAX_ROUNDS = 256;
const FNV_START = 0x811c_9dc5 | 0;
const FNV_PRIME = 0x0100_0193;

/** The least hash in each bin, and the first shingles: used by one call after the other. */
const least = new Uint32Array(BINS);
const kept = new Int32Array(MAX_KEPT);

/** The sketch of a file; undefined where there is not a single word in it. */
export function sketchOf(content: Uint8Array): Uint8Array | undefined {
  least.fill(FREE);
  const shingles = takeShingles(content.subarray(0, MAX_SKETCHED));
  if (shingles === 0) return undefined;
  fillEmpty(Math.min(shingles, MAX_KEPT));
  return Uint8Array.from(least, (value) => mixed(value) >>> 24);
}

/**
 * Each word with the two before it is a shingle, with the punctuation between them. One pass over the bytes without a
 * call in it: this loop is what indexing costs.
 */
function takeShingles(content: Uint8Array): number {
  let [word, before, beforeThat] = [FNV_START, 0, 0];
  let inWord = false;
  let count = 0;
  for (let i = 0; i <= content.length; i++) {
    const byte = i < content.length ? content[i]! : 0;
    const kind = KIND[byte]!;
    if (kind !== WORD && inWord) {
      const pair = word ^ Math.imul(before, 0x9e37_79b1);
      const shingle = mixed((Math.imul(pair ^ (pair >>> 15), 0x85eb_ca6b) + beforeThat) | 0);
      const value = shingle >>> 6;
      if (value < least[shingle & 63]!) least[shingle & 63] = value;
      if (count < MAX_KEPT) kept[count] = shingle;
      count++;
      [beforeThat, before, word, inWord] = [before, word, FNV_START, false];
    }
    if (kind === SPACE) continue;
    word = Math.imul(word ^ byte, FNV_PRIME);
    inWord = kind === WORD;
  }
  return count;
}

/** Small files have fewer shingles than bins: each goes into another bin in each round, until all are taken. */
function fillEmpty(count: number): void {
  for (let round = 1; round <= MAX_ROUNDS && least.includes(FREE); round++) {
    const before = least.slice();
    for (let i = 0; i < count; i++) {
      const again = mixed(kept[i]! ^ Math.imul(round, 0x9e37_79b1));
      const bin = again & 63;
      if (before[bin] === FREE) least[bin] = Math.min(least[bin]!, again >>> 6);
    }
  }
}

/** The finaliser of MurmurHash3: every bit of the result depends on every bit of the number. */
function mixed(number: number): number {
  let x = Math.imul(number ^ (number >>> 16), 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35);
  return x ^ (x >>> 16);
}
