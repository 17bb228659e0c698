import { FormatError } from "@firstmile/formats/bytes/error";

/** Runs of each fuzz test; `FIRSTMILE_FUZZ_RUNS` raises or lowers it. */
export const FUZZ_RUNS = Number(process.env.FIRSTMILE_FUZZ_RUNS ?? 10_000);

/**
 * Feeds `parse` mutations of `seeds`: truncations, flipped bits, spliced, repeated, inserted and random bytes, from
 * a fixed pseudo-random sequence so that a failure repeats. Anything but a value or a `FormatError` is rethrown
 * with the input in hex; so is a single run over `maxMs`.
 */
export function fuzz(
  name: string,
  seeds: readonly Uint8Array[],
  parse: (bytes: Uint8Array) => unknown,
  maxMs = 2_000,
) {
  if (seeds.length === 0) throw new Error(`${name}: fuzzing needs a seed`);
  const random = mulberry32(0xf1e57);
  for (let run = 0; run < FUZZ_RUNS; run++) {
    const input = mutate(seeds[run % seeds.length]!, seeds, random);
    const start = performance.now();
    try {
      parse(input);
    } catch (error) {
      if (!(error instanceof FormatError)) {
        throw new Error(`${name}: run ${run}: ${String(error)}\n${Buffer.from(input).toString("hex")}`, {
          cause: error,
        });
      }
    }
    if (performance.now() - start > maxMs) {
      throw new Error(`${name}: run ${run} took over ${maxMs} ms\n${Buffer.from(input).toString("hex")}`);
    }
  }
}

export type Random = () => number;

export function mulberry32(seed: number): Random {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function mutate(seed: Uint8Array, seeds: readonly Uint8Array[], random: Random): Uint8Array {
  const below = (n: number) => Math.floor(random() * n);
  let bytes: Uint8Array = Buffer.from(seed);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(bytes.length + 1);
    const other = seeds[below(seeds.length)]!;
    switch (below(7)) {
      case 0:
        bytes = bytes.subarray(0, at);
        break;
      case 1:
        if (at < bytes.length) bytes[at]! ^= 1 << below(8);
        break;
      case 2:
        if (at < bytes.length) bytes[at] = [0, 0x7f, 0x80, 0xff][below(4)]!;
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(below(other.length + 1))]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(below(at + 1))]);
        break;
      case 5:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(Array.from({ length: 1 + below(8) }, () => below(256))),
          bytes.subarray(at),
        ]);
        break;
      default:
        if (below(20) === 0) bytes = Buffer.from(Array.from({ length: below(200) }, () => below(256)));
    }
  }
  return bytes;
}
