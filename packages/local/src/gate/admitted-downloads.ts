/**
 * Whether what an admitted derivation is built from, as far as it is downloaded, meets the rules of today. All downloads
 * of its admission are asked about; only where one is refused does it matter which of them the derivation needs.
 */
import type { DrvPath } from "@firstmile/formats/nix/store-path";
import type { Download } from "@firstmile/trust/handoff/download";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { readDerivation } from "../admission/derivation-reader.ts";
import { type DownloadJudge, downloadsReason, isSilent } from "../handoff/downloads.ts";
import type { Admission, Ledger } from "./ledger.ts";
import type { RulesInForce } from "./rules-in-force.ts";

export interface AdmittedDownloadsOptions {
  readonly ledger: Ledger;
  readonly downloads: DownloadJudge;
  readonly storeDir: string;
}

export class AdmittedDownloads {
  readonly #options: AdmittedDownloadsOptions;
  /** By admission: the ledger never changes one. */
  readonly #fetched = new Map<number, ReturnType<Ledger["downloadsOf"]>>();

  constructor(options: AdmittedDownloadsOptions) {
    this.#options = options;
  }

  /** Undefined where there is nothing to say: no download, or no rule that speaks of downloads. */
  async judge(rules: RulesInForce, { id }: Admission, derivation: DrvPath): Promise<Reason | undefined> {
    if (isSilent(rules)) return undefined;
    const fetched = this.#fetched.get(id) ?? this.#options.ledger.downloadsOf(id);
    this.#fetched.set(id, fetched);
    const downloads = fetched.flatMap(({ download }) => download ?? []);
    const reasons = await this.#options.downloads.judge(rules, downloads);
    const refused = new Map(
      downloads.flatMap(({ drvPath }, i) => (reasons[i]!.ok ? [] : [[drvPath, reasons[i]!]])),
    );
    for (const { path, download } of fetched) if (!download) refused.set(path, unknown(path));
    if (refused.size === 0) return reasons.length === 0 ? undefined : downloadsReason(reasons);
    return this.#needed(derivation, refused);
  }

  /** Of the refused ones, those below the derivation; all of them where that cannot be read. */
  #needed(derivation: DrvPath, refused: ReadonlyMap<DrvPath, Reason>): Reason | undefined {
    const below = this.#below(derivation);
    const needed = [...refused].filter(([path]) => below === undefined || below.has(path));
    return needed.length === 0 ? undefined : downloadsReason(needed.map(([, reason]) => reason));
  }

  #below(derivation: DrvPath): ReadonlySet<DrvPath> | undefined {
    const seen = new Set<DrvPath>([derivation]);
    const open = [derivation];
    try {
      for (let path = open.pop(); path !== undefined; path = open.pop()) {
        for (const input of readDerivation(path, this.#options.storeDir).inputDrvs.keys()) {
          if (seen.size !== seen.add(input).size) open.push(input);
        }
      }
      return seen;
    } catch {
      return undefined;
    }
  }
}

/** Admitted before downloads were noted. */
function unknown(path: Download["drvPath"]): Reason {
  return lacking("no-upstream-rule", `what ${path} downloads was not noted when it was admitted`, {
    remedy: "admit it again",
  });
}
