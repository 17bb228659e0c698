/**
 * What is wrong with a policy, for the person who mends it: every defect at once, each with its place and with what
 * to write instead. A policy with a single defect is not loaded at all.
 */

/** Closed: each code has a vector in vectors/policy that provokes it and a line in spec/policy.md. */
export type DefectCode =
  | "missing-file"
  | "too-large"
  | "not-utf8"
  | "malformed-toml"
  | "too-deep"
  | "unknown-key"
  | "missing-key"
  | "wrong-type"
  | "bad-value"
  | "unsupported"
  | "bad-name"
  | "name-clash"
  | "bad-date"
  | "missing-role"
  | "unknown-member"
  | "unknown-role"
  | "duplicate-member"
  | "empty-group"
  | "bad-threshold"
  | "threshold-too-high"
  | "role-cycle"
  | "group-too-complex"
  | "never-met"
  | "never-met-without-keys"
  | "principal-without-keys"
  | "ambiguous-operator"
  | "path-outside-keys"
  | "missing-key-file"
  | "malformed-key"
  | "private-key"
  | "duplicate-key"
  | "duplicate-key-name"
  | "impossible-demand"
  | "bad-url"
  | "duplicate-url"
  | "bad-commit"
  | "bad-glob"
  | "source-without-rules"
  | "bad-duration"
  | "unknown-author"
  | "bad-signature-url"
  | "duplicate-email"
  | "impossible-key"
  | "unknown-import"
  | "role-not-imported"
  | "root-imported";

/** A place in a text file. Both count from 1; columns count UTF-16 code units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Defect extends Position {
  readonly code: DefectCode;
  /** Path in the trust repository. */
  readonly file: string;
  /** One sentence: what is wrong. */
  readonly message: string;
  /** What to write instead. */
  readonly help: string;
}

/** The file that holds the rules. */
export const POLICY_FILE = "firstmile.toml";

/** Most defects kept: whoever has this many mends the first ones first. */
export const MAX_DEFECTS = 200;

/** Gathers the defects of `firstmile.toml` while the readers go on past each of them. */
export class DefectList {
  readonly #found: Defect[] = [];
  readonly #seen = new Set<string>();

  add(at: Position, code: DefectCode, message: string, help: string): void {
    const key = `${at.line}:${at.column}:${code}:${message}`;
    if (this.#seen.has(key) || this.#found.length >= MAX_DEFECTS) return;
    this.#seen.add(key);
    this.#found.push({ code, file: POLICY_FILE, line: at.line, column: at.column, message, help });
  }

  get count(): number {
    return this.#found.length;
  }

  /** In the order of the file. */
  sorted(): Defect[] {
    return this.#found.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }
}
