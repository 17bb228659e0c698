import type { SignatureCode } from "../signature/outcome.ts";

/** Why a commit of a source is not authentic, beyond what is wrong with its signature. */
export type CommitCode =
  | SignatureCode
  | "not-in-role"
  | "outside-paths"
  | "merge-smuggles"
  | "too-few-signers"
  | "not-reviewed"
  | "review-rejected"
  | "corrupt-object"
  | "missing-object"
  | "too-many-parents"
  | "not-a-descendant"
  | "introduction-not-vouched";

/** Why a trust repository, or a new state of it, is not followed. */
export type TrustCode =
  | CommitCode
  | "no-policy"
  | "policy-invalid"
  | "policy-expired"
  | "root-not-met"
  | "rollback"
  | "clock-behind"
  | "equivocation"
  | "stale-head"
  | "mirror-behind"
  | "mirror-unreachable"
  | "mirror-unauthentic";

/** Why a role of another trust repository cannot be had. */
export type ImportCode =
  | "import-unavailable"
  | "import-cycle"
  | "import-not-transitive"
  | "import-role-missing"
  | "import-too-complex"
  | "import-contested"
  | "import-in-root";

/** Why an evaluation does not become an admission. */
export type AdmissionCode =
  | CommitCode
  | "unknown-source"
  | "source-unavailable"
  | "dirty-tree"
  | "tree-differs"
  | "lock-differs"
  | "lock-unreadable"
  | "evaluation-failed"
  | "outside-access"
  | "import-from-derivation"
  | "seal-unavailable"
  | "derivation-corrupt";

/** Why a slice is not accepted: one of the files that an evaluation read. */
export type SliceCode =
  | "not-covered"
  | "listing-not-covered"
  | "listings-not-noted"
  | "odd-name"
  | "review-rejected"
  | "distrusted"
  | "waiver-expired"
  | "not-published"
  | "view-unavailable";

/** Why Nix may not build or substitute something. */
export type StoreCode =
  | "not-admitted"
  | "not-a-resolution"
  | "not-an-output"
  | "too-few-builders"
  | "builders-conflict"
  | "no-builder-answered"
  | "local-builds-off"
  | "impure-derivation"
  | "arguments-not-allowed"
  | "narinfo-invalid"
  | "nar-differs"
  | "gate-unreachable";

/** Why a fixed output is not what its author released, as far as anybody vouches. */
export type HandoffCode =
  | "no-upstream-rule"
  | "no-handoff"
  | "handoff-invalid"
  | "not-the-author"
  | "archive-refused";

/** What a decision was made without. */
export type UnheardCode = "statements-unread";

/** What speaks for something. */
export type ProofCode =
  | "authentic"
  | "introduced"
  | "signed"
  | "reviewed"
  | "goodlisted"
  | "taken-back"
  | "admitted"
  | "agreed"
  | "vote"
  | "resolved"
  | "followed"
  | "fresh"
  | "handed-off"
  | "pinned"
  | "covered"
  | "derived"
  | "vouched"
  | "waived"
  | "bumped"
  | "shown"
  | "no-influence";

/** Every code a verdict can carry. A closed list: docs/codes.md has a line for each. */
export type ReasonCode =
  | CommitCode
  | TrustCode
  | ImportCode
  | AdmissionCode
  | SliceCode
  | StoreCode
  | HandoffCode
  | UnheardCode
  | ProofCode;
