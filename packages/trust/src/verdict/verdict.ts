/**
 * The one value that every question ends in. It is a tree: what was asked, what was found, what is missing, what
 * would help. The command line, the JSON, the gate and its hook all show this same value.
 */
import type { ReasonCode } from "./codes.ts";

/** What a verdict is about, named so that it can be asked for again. */
export type Subject =
  | { readonly kind: "commit"; readonly source: string; readonly id: string }
  | { readonly kind: "trust repository"; readonly name: string; readonly commit: string }
  | { readonly kind: "derivation"; readonly path: string }
  | { readonly kind: "store path"; readonly path: string }
  | { readonly kind: "request"; readonly words: string };

/** One finding. `ok` says which way it points; `because` holds what it rests on, in reading order. */
export interface Reason {
  readonly ok: boolean;
  readonly code: ReasonCode;
  /** One sentence for a person: what was found, naming people, keys, commits and paths. */
  readonly message: string;
  /** What would turn it: a command, or what to change. */
  readonly remedy?: string;
  readonly because?: readonly Reason[];
}

export interface Verdict {
  readonly allowed: boolean;
  readonly subject: Subject;
  readonly reasons: readonly Reason[];
}

export function found(code: ReasonCode, message: string, because: readonly Reason[] = []): Reason {
  return { ok: true, code, message, ...(because.length > 0 ? { because } : {}) };
}

export function lacking(
  code: ReasonCode,
  message: string,
  more: { remedy?: string | undefined; because?: readonly Reason[] } = {},
): Reason {
  return {
    ok: false,
    code,
    message,
    ...(more.remedy === undefined ? {} : { remedy: more.remedy }),
    ...(more.because?.length ? { because: more.because } : {}),
  };
}

/** Allowed only where there is something that speaks for it and nothing against: an empty list denies. */
export function verdict(subject: Subject, reasons: readonly Reason[]): Verdict {
  return { allowed: reasons.length > 0 && reasons.every((reason) => reason.ok), subject, reasons };
}

/** The first refusal at the bottom of the tree: what a one-line answer names. */
export function firstRefusal(reasons: readonly Reason[]): Reason | undefined {
  for (const reason of reasons) {
    if (reason.ok) continue;
    return firstRefusal(reason.because ?? []) ?? reason;
  }
  return undefined;
}
