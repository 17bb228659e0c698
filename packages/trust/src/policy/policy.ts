/** A policy as it is decided by: immutable, every name resolved, every key parsed. `loadPolicy` is the only door. */
import type { OpenPgpCertificate } from "@firstmile/formats/openpgp/certificate";
import type { SshPublicKey } from "@firstmile/formats/ssh/public-key";
import type { Defect } from "./defect.ts";
import type { Operator, PrincipalName, RoleName, SourceName } from "./names.ts";
import type { Glob } from "./paths.ts";

/** What loading comes to: a policy without a single defect, or all defects in the order of the file. */
export type PolicyResult =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly defects: readonly Defect[] };

declare const digestBrand: unique symbol;
/** SHA-256, 64 lower-case hex digits, over firstmile.toml and the key files it names: spec/policy.md, "Digest". */
export type PolicyDigest = string & { readonly [digestBrand]: true };

declare const commitBrand: unique symbol;
/** A full Git commit id: 40 (SHA-1) or 64 (SHA-256) lower-case hex digits. */
export type IntroductionCommit = string & { readonly [commitBrand]: true };

export interface Policy {
  readonly name: string;
  readonly mode: "enforce";
  /** Unix seconds from which on nothing is decided by this policy any more. */
  readonly expires: number;
  readonly digest: PolicyDigest;
  readonly principals: ReadonlyMap<PrincipalName, Principal>;
  /** Holds `root` at least. */
  readonly roles: ReadonlyMap<RoleName, Group>;
  readonly sources: ReadonlyMap<SourceName, Source>;
  /** Absent: no output of any builder counts. */
  readonly output: OutputRules | undefined;
}

export interface Principal {
  readonly name: PrincipalName;
  readonly emails: readonly string[];
  /** Its own name unless the policy says otherwise. */
  readonly operator: Operator;
  readonly keys: readonly Key[];
}

export type Key = OpenPgpKey | SshKey | NixKey;

export interface OpenPgpKey {
  readonly kind: "openpgp";
  /** Path in the trust repository. */
  readonly file: string;
  readonly certificate: OpenPgpCertificate;
}

export interface SshKey {
  readonly kind: "ssh";
  readonly file: string;
  readonly key: SshPublicKey;
  /** Signatures must prove that the token was touched, or its PIN given. */
  readonly touch: boolean;
  readonly pin: boolean;
}

export interface NixKey {
  readonly kind: "nix";
  /** As before the colon of a narinfo's `Sig`: `cache.nixos.org-1`. A hint where to look, never evidence. */
  readonly name: string;
  /** The Ed25519 public key, 32 bytes. */
  readonly key: Uint8Array;
}

/** `any` of the members, each by people of its own: thresholds.ts. */
export interface Group {
  readonly any: number;
  readonly of: readonly Member[];
}

export type Member =
  | { readonly kind: "principal"; readonly name: PrincipalName }
  | { readonly kind: "role"; readonly name: RoleName }
  | { readonly kind: "group"; readonly group: Group };

export interface Source {
  readonly name: SourceName;
  readonly urls: readonly string[];
  /** Which commits must be authentic: each, those on the first-parent line, or only the one in use. */
  readonly authenticate: "every-commit" | "first-parent" | "tip";
  readonly introduction: { readonly commit: IntroductionCommit; readonly signedBy: RoleName };
  /** In the order of the file: the last one that matches a path holds. */
  readonly rules: readonly Rule[];
}

export interface Rule {
  readonly paths: readonly Glob[];
  readonly write: Group;
  /** Where `write` was given by name. */
  readonly role: RoleName | undefined;
  /** Line of the rule in firstmile.toml, from 1. */
  readonly line: number;
}

export interface OutputRules {
  readonly builders: RoleName;
  /** What a builder's vote must name. */
  readonly level: "path";
  /** Binary caches to ask, in order. */
  readonly caches: readonly string[];
  /** Whether this machine may build admitted derivations itself; what it built needs no vote. */
  readonly localBuilds: boolean;
  readonly conflict: "deny";
}
