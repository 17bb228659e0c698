/** Where benchmarks find the program, the data and room of their own. */
import { existsSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "..");
export const FIRSTMILE = join(ROOT, "firstmile");
/** Made by a run, and used by the next. */
export const CACHE = join(ROOT, ".cache/bench");
/** Real signatures; see `FIRSTMILE_DATA`. */
export const DATA = process.env.FIRSTMILE_DATA ?? join(ROOT, "../shared/data");
/** A tree with other tools, from `scripts/sid-tree --peers`. */
export const PEERS = join(ROOT, ".cache/sid");

export function hasPeers(): boolean {
  return existsSync(join(PEERS, ".sid-tree-peers"));
}
