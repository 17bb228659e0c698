/**
 * Claim: what an admitted evaluation downloads meets the rules for downloads: at admission, and under the rules of
 * the day whenever Nix asks to build something that rests on it. As soon as a source is in the store, its author's
 * signature is checked over the source itself, and the handoff's word is no longer what counts. Against: rules, handoffs
 * and distrusts that came after the admission. Where the policy has no such rules, and no warden speaks, nothing of
 * this costs anything.
 */

import { existsSync } from "node:fs";
import type { HandoffStatement } from "@firstmile/formats/statement/handoff";
import { decideDownloads } from "@firstmile/trust/handoff/decide";
import type { Download } from "@firstmile/trust/handoff/download";
import { isMeant, outputKey, outputKeys } from "@firstmile/trust/handoff/matching";
import type { HandoffContent, VerifiedHandoff } from "@firstmile/trust/handoff/verify";
import type { RoleName } from "@firstmile/trust/policy/names";
import { found, lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { NixTools } from "../admission/nix-tools.ts";
import { ArchiveRefused } from "../archives/refused.ts";
import type { RulesInForce } from "../gate/rules-in-force.ts";
import { unreadableReason } from "../statements/unread.ts";
import { type GatheredHandoffs, gatherHandoffs } from "./evidence.ts";
import { contentInStore, validPaths } from "./store-content.ts";

export interface DownloadJudgeOptions {
  readonly nix: NixTools;
  /** Unix seconds. */
  readonly clock: () => number;
}

interface Known {
  readonly reason: Reason;
  /** Whether the source itself was looked at, or there is nothing to look at in it. */
  readonly final: boolean;
}

/** Answers under one state of rules and evidence. */
interface State {
  readonly key: string;
  readonly gathered: Promise<GatheredHandoffs>;
  readonly known: Map<string, Known>;
}

export class DownloadJudge {
  readonly #options: DownloadJudgeOptions;
  #state: State | undefined;

  constructor(options: DownloadJudgeOptions) {
    this.#options = options;
  }

  /** One reason each, in their order. What was refused before is asked again with the evidence of now. */
  async judge(rules: RulesInForce, downloads: readonly Download[]): Promise<Reason[]> {
    if (isSilent(rules)) return downloads.map(() => SILENT);
    const first = await this.#judged(await this.#current(rules), downloads);
    if (first.every(({ ok }) => ok)) return first;
    this.#state = undefined;
    return this.#judged(await this.#current(rules), downloads);
  }

  async #judged(state: State, downloads: readonly Download[]): Promise<Reason[]> {
    const gathered = await state.gathered;
    const unreadable = unreadableReason(gathered.broken);
    if (unreadable) return downloads.map(() => unreadable);
    const open = downloads.filter(({ drvPath }) => !state.known.get(drvPath)?.final);
    const fresh = open.filter(({ drvPath }) => !state.known.has(drvPath));
    const evidence = { ...gathered, now: this.#options.clock() };
    const reasons = decideDownloads(gathered.policy, fresh, gathered.handoffs, evidence);
    fresh.forEach(({ drvPath }, i) => {
      const reason = reasons[i]!;
      state.known.set(drvPath, { reason, final: reason.code !== "handed-off" });
    });
    await this.#lookInStore(state, gathered, open);
    return downloads.map(({ drvPath }) => state.known.get(drvPath)!.reason);
  }

  /** Of what passed by a handoff, what is in the store by now is checked itself, one after the other. */
  async #lookInStore(state: State, gathered: GatheredHandoffs, open: readonly Download[]): Promise<void> {
    const passed = open.filter(({ drvPath }) => !state.known.get(drvPath)!.final);
    if (passed.length === 0) return;
    // Nix is asked only about what is there at all: most hooks are answered without.
    const there = passed.map(({ output }) => output).filter((path) => existsSync(path));
    const valid = there.length === 0 ? new Set() : await validPaths(this.#options.nix, there);
    for (const download of passed.filter(({ output }) => valid.has(output))) {
      state.known.set(download.drvPath, { reason: await this.#checked(gathered, download), final: true });
    }
  }

  async #checked(gathered: GatheredHandoffs, download: Download): Promise<Reason> {
    const handoffs = handoffsFor(download, gathered.handoffs);
    try {
      const contents = new Map<HandoffStatement, HandoffContent | undefined>();
      for (const { statement } of handoffs)
        contents.set(statement, await contentInStore(download, statement));
      const contentOf = (_: Download, statement: HandoffStatement) => contents.get(statement);
      const evidence = { ...gathered, now: this.#options.clock(), contentOf };
      return decideDownloads(gathered.policy, [download], handoffs, evidence)[0]!;
    } catch (error) {
      if (!(error instanceof ArchiveRefused)) throw error;
      return lacking("archive-refused", `download ${download.name}: ${error.message}`);
    }
  }

  /** The state of now: another one for other rules, other evidence beside them, or once something has run out. */
  async #current(rules: RulesInForce): Promise<State> {
    const key = `${rules.policy.digest} ${rules.evidence}`;
    const state = this.#state;
    if (state?.key === key && this.#options.clock() < (await state.gathered).validUntil) return state;
    const gathered = gatherHandoffs(rules.policy, rules.statements, this.#options.clock());
    const next = { key, gathered, known: new Map<string, Known>() };
    this.#state = next;
    // What cannot be read now may be readable for the next question.
    gathered.catch(() => {
      if (this.#state === next) this.#state = undefined;
    });
    return next;
  }
}

/** Whether neither a rule nor a warden has a word in what is downloaded. */
export function isSilent({ policy }: RulesInForce): boolean {
  return policy.upstreams.length === 0 && !policy.roles.has("warden" as RoleName);
}

const SILENT = found("pinned", "it is pinned by its hash");

function handoffsFor(download: Download, handoffs: readonly VerifiedHandoff[]): VerifiedHandoff[] {
  const key = outputKey(download);
  return handoffs.filter(
    ({ statement }) =>
      key !== undefined && outputKeys(statement.output).includes(key) && isMeant(statement, download),
  );
}

/** Refusals shown below one finding. */
const SHOWN = 20;

/** All downloads of one admission as one finding. */
export function downloadsReason(reasons: readonly Reason[]): Reason {
  const bad = reasons.filter(({ ok }) => !ok);
  const count = (code: Reason["code"]) => reasons.filter((reason) => reason.code === code).length;
  const told = reasons.filter(({ code }) => code === "waived" || code === "handed-off");
  if (bad.length === 0) {
    const parts = (["handed-off", "pinned", "waived"] as const).filter((code) => count(code) > 0);
    const text = parts.map((code) => `${count(code)} ${WORDS[code]}`).join(", ");
    return found(
      told.length > 0 ? "handed-off" : "pinned",
      `${downloadsText(reasons.length)}: ${text}`,
      told,
    );
  }
  const more = bad.length > SHOWN ? `, ${SHOWN} of them shown` : "";
  const message = `${bad.length} of ${downloadsText(reasons.length)} ${bad.length === 1 ? "does" : "do"} not meet the rules for downloads${more}`;
  return lacking(bad[0]!.code, message, { because: bad.slice(0, SHOWN), remedy: bad[0]!.remedy });
}

const WORDS = {
  "handed-off": "signed by their authors and handed on",
  pinned: "pinned by hash",
  waived: "waived",
} as const;

function downloadsText(count: number): string {
  return count === 1 ? "1 download" : `${count} downloads`;
}
