/**
 * Archives with something in them that readers could take in two ways: a real one, changed where the formats have room.
 * The same seed gives the same archives.
 */

import { mulberry32, type Random } from "../fuzz.ts";
import { fieldChange } from "./field-changes.ts";
import { BLOCK, blocksOf, type Member, padded, setSum, taken } from "./members.ts";
import { joined, packed } from "./pack.ts";

export class Mutations {
  readonly #random: Random;
  readonly #seeds: readonly (readonly Member[])[];

  /** `seeds`: real archives, uncompressed. */
  constructor(seeds: readonly Buffer[], seed: number) {
    this.#seeds = seeds.map(blocksOf);
    this.#random = mulberry32(seed);
  }

  next(): Buffer {
    const random = this.#random;
    let members: Member[] = taken(this.#seeds, random).map(({ header, content }) => ({
      header: Buffer.from(header),
      content,
    }));
    let end = Buffer.alloc(taken([1, 2, 2, 2, 2, 2, 2, 2, 2, 20], random) * BLOCK);
    for (let changes = taken([1, 1, 1, 2, 3], random); changes > 0; changes--) {
      if (members.length === 0) break;
      if (random() < 0.75) fieldChange(taken(members, random), random);
      else members = structureChange(members, this.#seeds, random);
    }
    if (random() < 0.03)
      end = Buffer.concat([end, taken([Buffer.from("x"), this.next(), Buffer.alloc(100)], random)]);
    const archive = joined(members, end);
    if (random() < 0.02 && archive.length > 0) {
      const at = Math.floor(random() * archive.length);
      archive[at]! ^= 1 << Math.floor(random() * 8);
      if (random() < 0.7) setSum(archive.subarray(at - (at % BLOCK), at - (at % BLOCK) + BLOCK));
    }
    return random() < 0.02 ? packed(archive, random) : archive;
  }
}

/** Members moved, repeated, taken away, or put in from another archive. */
function structureChange(
  members: readonly Member[],
  seeds: readonly (readonly Member[])[],
  random: Random,
): Member[] {
  const at = Math.floor(random() * members.length);
  const other = taken(taken(seeds, random), random);
  const copy = { header: Buffer.from(other.header), content: other.content };
  switch (Math.floor(random() * 6)) {
    case 0:
      return members.toSpliced(at, 1);
    case 1:
      return members.toSpliced(at, 0, copy);
    case 2:
      return members.toSpliced(at, 0, { ...members[at]!, header: Buffer.from(members[at]!.header) });
    case 3:
      return [...members.slice(at), ...members.slice(0, at)];
    case 4:
      return members.toSpliced(at, 1, {
        header: members[at]!.header,
        content: padded(members[at]!.content, random),
      });
    default:
      return members.toSpliced(at, 0, { header: Buffer.alloc(BLOCK), content: Buffer.alloc(0) });
  }
}
