/**
 * The rules that the gate decides by, read again whenever the machine's pin changes. Where there are none, or they
 * cannot be read or have run out, there is a reason instead, and everything is denied with it.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { type BuilderKeys, builderKeys } from "@firstmile/trust/consensus/agree";
import { type Freshness, freshnessAt } from "@firstmile/trust/freshness/judge-head";
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import { resolveImports } from "@firstmile/trust/imports/resolve";
import { judgeTime } from "@firstmile/trust/root/follow";
import type { Distrust } from "@firstmile/trust/slice/distrust";
import type { Waivers } from "@firstmile/trust/slice/waivers";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { gatherExceptions } from "../evidence/exceptions.ts";
import type { StatementPlace } from "../statements/place.ts";
import { followedStatements } from "../trust-repository/evidence.ts";
import { evidenceGeneration } from "../trust-repository/evidence-index.ts";
import { currentPolicy } from "../trust-repository/follow.ts";
import { importsGeneration, loadImports } from "../trust-repository/imports.ts";
import { noteSeen } from "../trust-repository/latest-seen.ts";
import type { SentStatements } from "./sent-statements.ts";

export interface RulesInForce {
  /** Without the keys that are distrusted. */
  readonly policy: ResolvedPolicy;
  /** Where statements are, beside the sources: of the trust repository itself, of imports, of evidence repositories. */
  readonly statements: readonly StatementPlace[];
  /** Names the state of these places: another one, and what was decided is decided again. */
  readonly evidence: string;
  /** How lately somebody said that these rules are the newest, where they ask for that. */
  readonly freshness: Freshness | undefined;
  readonly builders: BuilderKeys;
  /** What wardens speak against in these places. */
  readonly distrust: Distrust;
  /** What is accepted for now, by statements in these places. */
  readonly waivers: Waivers;
  /** Unix seconds from which on an import, a waiver or a key has run out, so that this has to be read anew. */
  readonly until: number;
  /** Why these rules hold. */
  readonly reason: Reason;
}

export type Rules =
  | { readonly ok: true; readonly rules: RulesInForce }
  | { readonly ok: false; readonly reason: Reason };

interface Loaded {
  readonly stamp: string;
  readonly latestSeen: number;
  readonly result: Rules;
}

export class RulesHolder {
  private readonly stateDir: string;
  private readonly clock: () => number;
  private loaded: Promise<Loaded> | undefined;
  private stamp = "";
  /** How often they were read, and until when what was read last holds. */
  private loads = 0;
  private until = Number.POSITIVE_INFINITY;
  private latestSeen = 0;
  /** Of that, what is on the disk. */
  private noted = 0;
  private readonly sent: SentStatements | undefined;

  /** `clock` gives Unix seconds; `sent`: what this machine's users bring. */
  constructor(stateDir: string, clock: () => number, sent?: SentStatements) {
    this.stateDir = stateDir;
    this.clock = clock;
    this.sent = sent;
  }

  /** Changes whenever the rules may have: two answers under one generation rest on the same rules. */
  generation(): string {
    return `${this.stampNow()} ${this.loads} ${this.clock() < this.until ? "" : "over"}`;
  }

  private stampNow(): string {
    try {
      const { mtimeMs, ino, size } = statSync(join(this.stateDir, "trust", "pin.json"));
      const { stateDir, sent } = this;
      const beside = [importsGeneration(stateDir), evidenceGeneration(stateDir), sent?.generation()];
      return [mtimeMs, ino, size, ...beside].join(" ");
    } catch {
      return "none";
    }
  }

  /** The rules in force right now, or why there are none. */
  async get(): Promise<Rules> {
    const stamp = this.stampNow();
    if (stamp !== this.stamp || !this.loaded) {
      this.stamp = stamp;
      this.loaded = this.load(stamp);
    }
    let loaded = await this.loaded;
    // What an import gives ends with the import's own rules, and a waiver when it says.
    if (loaded.result.ok && this.clock() >= loaded.result.rules.until) {
      this.loaded = this.load(stamp);
      loaded = await this.loaded;
    }
    const { result, latestSeen } = loaded;
    return result.ok ? this.inTime(result.rules, latestSeen) : result;
  }

  private inTime(rules: RulesInForce, latestSeen: number): Rules {
    const now = this.clock();
    const seen = Math.max(latestSeen, this.latestSeen);
    const reason = judgeTime(rules.policy, now, seen);
    this.noted = noteSeen(this.stateDir, Math.max(latestSeen, this.noted), now);
    this.latestSeen = Math.max(this.latestSeen, now);
    const fresh = rules.freshness && freshnessAt(rules.freshness, now);
    if (fresh && !fresh.ok) return { ok: false, reason: fresh };
    return reason.ok ? { ok: true, rules: { ...rules, reason } } : { ok: false, reason };
  }

  private async load(stamp: string): Promise<Loaded> {
    try {
      const current = await currentPolicy(this.stateDir, this.clock());
      if (!current) return { stamp, latestSeen: 0, result: { ok: false, reason: NO_POLICY } };
      const { pin, reasons, freshness } = current;
      const imports = await loadImports(this.stateDir, current.policy, this.clock());
      const listed = resolveImports(current.policy, imports, this.clock());
      const reason = reasons.at(-1)!;
      const heard = await followedStatements(this.stateDir, current, imports);
      const statements = [...heard.places, ...(this.sent?.places ?? [])];
      const evidence = `${heard.state} ${this.sent?.generation() ?? ""}`;
      const exceptions = await gatherExceptions(listed, statements, this.clock());
      const { policy, distrust, waivers, validUntil } = exceptions;
      const builders = builderKeys(listed, distrust);
      const until = Math.min(listed.resolvedUntil, validUntil);
      this.loads++;
      this.until = until;
      const rules = { policy, statements, evidence, builders, distrust, waivers, until, reason, freshness };
      return { stamp, latestSeen: pin.latestSeen, result: { ok: true, rules } };
    } catch (error) {
      this.loaded = undefined;
      const message = error instanceof Error ? error.message : String(error);
      return {
        stamp,
        latestSeen: 0,
        result: {
          ok: false,
          reason: lacking("policy-invalid", `the rules of this machine cannot be read: ${message}`),
        },
      };
    }
  }
}

const NO_POLICY = lacking("no-policy", "this machine follows no trust repository", {
  remedy: "firstmile trust add URL --introduction COMMIT --signed-by FINGERPRINT",
});
