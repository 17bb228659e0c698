/** What another trust repository comes to for this machine: its authentic policy, or why there is none. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { ImportName } from "../policy/names.ts";
import type { Group, Policy } from "../policy/policy.ts";
import type { ImportCode } from "../verdict/codes.ts";
import type { Reason } from "../verdict/verdict.ts";

/** Deepest chain of imports: the fourth repository that vouches for the fifth is known to nobody any more. */
export const MAX_IMPORT_DEPTH = 8;
/** Most repositories that one policy rests on in the end: chains that fork at every step would be without end. */
export const MAX_REPOSITORIES = 64;

/** Authenticated by whoever reads repositories; `imported` holds what it imports in turn. */
export interface AuthenticImport {
  readonly ok: true;
  /** The newest commit of it that this machine followed. */
  readonly commit: CommitId;
  readonly policy: Policy;
  readonly imported: ReadonlyMap<ImportName, ImportedPolicy>;
}

/** Never fetched, not authentic, rolled back, past its end, or unreadable. */
export interface UnavailableImport {
  readonly ok: false;
  readonly reason: Reason;
  /** The last authentic state that is held: it gives nothing, and what it says against something is heard. */
  readonly held?: Omit<AuthenticImport, "ok">;
  /** Whether something was held that cannot be read now. */
  readonly isUnreadable?: boolean;
  /** Root took the import out of the rules: its people are in doubt, and what it says of keys counts no more. */
  readonly isRemoved?: boolean;
}

export type ImportedPolicy = AuthenticImport | UnavailableImport;

/** The last authentic state that is held, whether or not it gives anything today. */
export function heldState(one: ImportedPolicy): Omit<AuthenticImport, "ok"> | undefined {
  return one.ok ? one : one.held;
}

/** One thing of an import that does not count, in words for a person. */
export interface ImportFinding {
  readonly ok: false;
  readonly code: ImportCode;
  readonly message: string;
  readonly remedy?: string;
  readonly because?: readonly Reason[];
}

/** A policy whose members are principals, roles, certified people and groups: nothing is left to be fetched. */
export interface ResolvedPolicy extends Policy {
  /** By what it concerns, `acme/packager`, a role or a rule of this policy: why it, or somebody in it, cannot count. */
  readonly findings: ReadonlyMap<string, readonly ImportFinding[]>;
  /** Unix seconds from which on an import has run out, so that this has to be resolved anew. */
  readonly resolvedUntil: number;
  /** Why nothing may be decided by these rules: words against something that could not be heard. */
  readonly unusable?: Reason;
}

/** Met by nobody, whoever signs. */
export const NOBODY: Group = { any: 1, of: [] };

export function finding(
  code: ImportCode,
  message: string,
  more: { remedy?: string; because?: readonly Reason[] } = {},
): ImportFinding {
  return { ok: false, code, message, ...more };
}
