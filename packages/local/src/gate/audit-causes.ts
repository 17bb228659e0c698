/** What stands against what, gathered by cause: one finding a reason, however much it touches. */
import type { DrvPath, StorePath } from "@firstmile/formats/nix/store-path";
import type { ReasonCode } from "@firstmile/trust/verdict/codes";
import type { Reason } from "@firstmile/trust/verdict/verdict";

/** One thing that stands against what was admitted. */
export interface AuditFinding {
  readonly kind: "distrusted" | "key" | "waiver" | "rule";
  readonly code: ReasonCode;
  readonly message: string;
  readonly remedy: string | undefined;
  readonly derivations: readonly DrvPath[];
  /** Of these derivations, as far as their paths were known before building. */
  readonly outputs: readonly StorePath[];
  /** What was asked for, in a person's words, and does not hold any more. */
  readonly requests: readonly string[];
}

interface Gathered {
  readonly reason: Reason;
  readonly derivations: Set<DrvPath>;
  readonly requests: Set<string>;
}

export class AuditCauses {
  readonly #found = new Map<string, Gathered>();

  touch(reason: Reason, derivation: DrvPath): void {
    this.#of(reason).derivations.add(derivation);
  }

  /** Something that was asked for does not hold by itself. */
  asked(reason: Reason, request: string): void {
    this.#of(reason).requests.add(request);
  }

  /** Those that touch something, the gravest first, and then what touches most. */
  findings(outputs: ReadonlyMap<DrvPath, readonly StorePath[]>): AuditFinding[] {
    const touching = [...this.#found.values()].filter(({ derivations }) => derivations.size > 0);
    const findings = touching.map(({ reason, derivations, requests }) => ({
      kind: kindOf(reason.code),
      code: reason.code,
      message: reason.message,
      remedy: reason.remedy,
      derivations: [...derivations].sort(),
      outputs: [...derivations].flatMap((path) => outputs.get(path) ?? []).sort(),
      requests: [...requests].sort(),
    }));
    return findings.sort(
      (a, b) => GRAVITY[a.kind] - GRAVITY[b.kind] || b.derivations.length - a.derivations.length,
    );
  }

  #of(reason: Reason): Gathered {
    const key = `${reason.code}\0${reason.message}`;
    const known = this.#found.get(key) ?? { reason, derivations: new Set(), requests: new Set() };
    this.#found.set(key, known);
    return known;
  }
}

const GRAVITY = { distrusted: 0, key: 1, waiver: 2, rule: 3 } as const;

const OF_KEYS: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  "compromised-key",
  "revoked-key",
  "retired-key",
  "expired-key",
  "expired-signature",
  "unknown-key",
  "weak-key",
]);

function kindOf(code: ReasonCode): AuditFinding["kind"] {
  if (code === "distrusted") return "distrusted";
  if (code === "waiver-expired") return "waiver";
  return OF_KEYS.has(code) ? "key" : "rule";
}

/** The refusals at the bottom of each tree. */
export function refusalsIn(reasons: readonly Reason[]): Reason[] {
  return reasons.flatMap((reason) => {
    if (reason.ok) return [];
    const below = refusalsIn(reason.because ?? []);
    return below.length > 0 ? below : [reason];
  });
}
