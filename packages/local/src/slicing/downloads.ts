/** The sources that a slice downloads, each with what speaks for it. */
import { decideDownloads, handoffsOf } from "@firstmile/trust/handoff/decide";
import { type Download, downloadOf } from "@firstmile/trust/handoff/download";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import type { GatheredCase } from "./gather.ts";
import type { Slice } from "./slice-of.ts";

export interface JudgedDownload {
  readonly download: Download;
  readonly reason: Reason;
}

/** In the order of the derivations. `now` in Unix seconds. */
export function judgedDownloads(
  { derivations }: Pick<Slice, "derivations">,
  { policy, statements, waivers, distrust }: GatheredCase,
  now: number,
): JudgedDownload[] {
  const downloads = [...derivations].flatMap(
    ([path, { name, derivation }]) => downloadOf(path, name, derivation) ?? [],
  );
  const evidence = { now, waivers, distrust };
  const reasons = decideDownloads(policy, downloads, handoffsOf(statements), evidence);
  return downloads.map((download, i) => ({ download, reason: reasons[i]! }));
}
