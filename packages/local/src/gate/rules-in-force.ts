/**
 * The rules that the gate decides by, read again whenever the machine's pin changes. Where there are none, or they
 * cannot be read or have run out, there is a reason instead, and everything is denied with it.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { type BuilderKeys, builderKeys } from "@firstmile/trust/consensus/agree";
import type { Policy } from "@firstmile/trust/policy/policy";
import { judgeTime } from "@firstmile/trust/root/follow";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { currentPolicy } from "../trust-repository/follow.ts";

export interface RulesInForce {
  readonly policy: Policy;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly builders: BuilderKeys;
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
  private latestSeen = 0;

  /** `clock` gives Unix seconds. */
  constructor(stateDir: string, clock: () => number) {
    this.stateDir = stateDir;
    this.clock = clock;
  }

  /** Changes whenever the rules may have: two answers under one generation rest on the same rules. */
  generation(): string {
    try {
      const { mtimeMs, ino, size } = statSync(join(this.stateDir, "trust", "pin.json"));
      return `${mtimeMs} ${ino} ${size}`;
    } catch {
      return "none";
    }
  }

  /** The rules in force right now, or why there are none. */
  async get(): Promise<Rules> {
    const stamp = this.generation();
    if (stamp !== this.stamp || !this.loaded) {
      this.stamp = stamp;
      this.loaded = this.load(stamp);
    }
    const { result, latestSeen } = await this.loaded;
    return result.ok ? this.inTime(result.rules, latestSeen) : result;
  }

  private inTime(rules: RulesInForce, latestSeen: number): Rules {
    const now = this.clock();
    const reason = judgeTime(rules.policy, now, Math.max(latestSeen, this.latestSeen));
    this.latestSeen = Math.max(this.latestSeen, now);
    return reason.ok ? { ok: true, rules: { ...rules, reason } } : { ok: false, reason };
  }

  private async load(stamp: string): Promise<Loaded> {
    try {
      const current = await currentPolicy(this.stateDir, this.clock());
      if (!current) return { stamp, latestSeen: 0, result: { ok: false, reason: NO_POLICY } };
      const { policy, files, pin, reasons } = current;
      const rules = { policy, files, builders: builderKeys(policy), reason: reasons.at(-1)! };
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
