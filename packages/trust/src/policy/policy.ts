/** A policy as it is decided by: immutable, every name resolved, every key parsed. `loadPolicy` is the only door. */

import type { OpenPgpCertificate } from "@firstmile/formats/openpgp/certificate";
import type { NumberedKey } from "@firstmile/formats/signify/key";
import type { SshPublicKey } from "@firstmile/formats/ssh/public-key";
import type { ArgumentRule } from "./arguments.ts";
import type { Defect } from "./defect.ts";
import type { ImportName, Operator, PrincipalName, RoleName, SourceName } from "./names.ts";
import type { Glob } from "./paths.ts";
import type { UpstreamRule } from "./upstream.ts";

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
  /** Other trust repositories whose roles members here name as `IMPORT/ROLE`. */
  readonly imports: ReadonlyMap<ImportName, Import>;
  /** Where else this trust repository is served, and how old a statement of its newest head may be. */
  readonly mirrors: readonly string[];
  readonly head: HeadRule | undefined;
  /** For fixed outputs, in the order of the file. Empty: a hash in an authentic expression is enough. */
  readonly upstreams: readonly UpstreamRule[];
  /** Absent: no output of any builder counts. */
  readonly output: OutputRules | undefined;
  /** Git repositories in which people keep statements that the sources themselves do not carry. */
  readonly evidence: readonly string[];
  /** Keys that wardens speak against, by fingerprint: slice/distrust.ts puts them there, no text does. */
  readonly distrusted?: ReadonlyMap<string, DistrustedKey>;
}

export interface Principal {
  readonly name: PrincipalName;
  readonly emails: readonly string[];
  /** Its own name unless the policy says otherwise. */
  readonly operator: Operator;
  readonly keys: readonly Key[];
}

export type Key = OpenPgpKey | SshKey | SshAuthority | SigstoreIdentity | NixKey | AuthorKey;

export interface OpenPgpKey {
  readonly kind: "openpgp";
  /** Path in the trust repository. */
  readonly file: string;
  readonly certificate: OpenPgpCertificate;
  readonly life: readonly KeyEvent[];
}

/** A key whose word counts nowhere because wardens say so. */
export type DistrustedKey = KeyEvent & { readonly kind: "distrusted" };

/** What root or a warden says of a key that its owner's own statements do not. */
export type KeyEvent = {
  /** The one key meant, of several in a file: a primary key, a subkey, an SSH key. Undefined: all of the file. */
  readonly key: string | undefined;
} & (
  | { readonly kind: "retired"; readonly after: readonly IntroductionCommit[] }
  | { readonly kind: "compromised"; readonly reason: string }
  | { readonly kind: "distrusted"; readonly reason: string; readonly by: readonly PrincipalName[] }
);

export interface SshKey {
  readonly kind: "ssh";
  readonly file: string;
  readonly key: SshPublicKey;
  /** Signatures must prove that the token was touched, or its PIN given. */
  readonly touch: boolean;
  readonly pin: boolean;
  readonly life: readonly KeyEvent[];
}

/** An SSH certification authority: whoever holds its certificate for one of `certifiedAs` is this principal. */
export interface SshAuthority {
  readonly kind: "ssh-authority";
  readonly file: string;
  readonly key: SshPublicKey;
  /** Names in certificates ("principals" of OpenSSH), exactly. */
  readonly certifiedAs: readonly string[];
  readonly life: readonly KeyEvent[];
}

/** Whoever an OpenID Connect issuer calls by exactly this name, vouched for by a pinned Sigstore instance. */
export interface SigstoreIdentity {
  readonly kind: "sigstore";
  /** Path of the trusted root, JSON. */
  readonly file: string;
  readonly trustedRoot: Uint8Array;
  /** Subject alternative name, exactly: an e-mail address or a URI. */
  readonly identity: string;
  /** URL of the issuer, exactly. */
  readonly issuer: string;
  readonly life: readonly KeyEvent[];
}

export interface NixKey {
  readonly kind: "nix";
  /** As before the colon of a narinfo's `Sig`: `cache.nixos.org-1`. A hint where to look, never evidence. */
  readonly name: string;
  /** The Ed25519 public key, 32 bytes. */
  readonly key: Uint8Array;
}

/** A key that signs releases and nothing else. */
export interface AuthorKey extends NumberedKey {
  readonly kind: "minisign" | "signify";
  /** Said elsewhere, of the same numbers in another format. */
  readonly life: readonly KeyEvent[];
}

/** `any` of the members, each by people of its own: thresholds.ts. */
export interface Group {
  readonly any: number;
  readonly of: readonly Member[];
}

export type Member =
  | { readonly kind: "principal"; readonly name: PrincipalName }
  | { readonly kind: "role"; readonly name: RoleName }
  | { readonly kind: "imported"; readonly from: ImportName; readonly role: RoleName }
  /** Everybody whom enough of `by` certify: filled in for a time by electorate.ts. */
  | { readonly kind: "certified"; readonly certified: Certified }
  | { readonly kind: "group"; readonly group: Group };

/** Owners of certificates in a keyring that `any` people of the group `by` certified (OpenPGP certifications). */
export interface Certified {
  readonly by: Group;
  readonly keyring: string;
  readonly certificates: readonly OpenPgpCertificate[];
}

/** Roles taken over from another trust repository. */
export interface Import {
  readonly name: ImportName;
  readonly urls: readonly string[];
  readonly introduction: { readonly commit: IntroductionCommit; readonly signedBy: readonly string[] };
  /** Names of roles there; never more than these. */
  readonly roles: readonly RoleName[];
  /** Whether these roles may rest on roles that the other repository imports in turn. */
  readonly transitive: boolean;
}

/** Who must have said, and how long ago at most, that a commit is the newest. */
export interface HeadRule {
  readonly signedBy: RoleName;
  /** Seconds. */
  readonly maxAge: number;
}

export interface Source {
  readonly name: SourceName;
  readonly urls: readonly string[];
  /**
   * Which commits must be authentic: each, those on the first-parent line, or only the one in use. `slice`: none, but
   * each file that an evaluation reads must be covered by reviews.
   */
  readonly authenticate: "every-commit" | "first-parent" | "tip" | "slice";
  /** `signedBy` is undefined only with `slice`: there the commit bounds how far back one may go. */
  readonly introduction: { readonly commit: IntroductionCommit; readonly signedBy: RoleName | undefined };
  /** Single commits that root accepts in spite of all. */
  readonly goodlist: ReadonlySet<string>;
  readonly head: HeadRule | undefined;
  /** Only with `slice`: whose published slices are accepted whole. */
  readonly channel: RoleName | undefined;
  /** What people may give its expressions by `--argstr`. */
  readonly arguments: ArgumentRule;
  /** In the order of the file: the last one that matches a path holds. */
  readonly rules: readonly Rule[];
}

export interface Rule {
  readonly paths: readonly Glob[];
  /** With `slice` nobody: no commit counts there for who signed it. */
  readonly write: Group;
  /** Where `write` was given by name. */
  readonly role: RoleName | undefined;
  readonly review: ReviewRule | undefined;
  /** Whose waivers count for these paths; undefined: nobody's. */
  readonly waive: RoleName | undefined;
  /** Of a slice: `shown`: names that a directory lists, and names that are asked for, pass unread. Undefined: they count. */
  readonly listings?: "shown" | undefined;
  /** Line of the rule in firstmile.toml, from 1. */
  readonly line: number;
}

/** Who, besides everybody who took part in a change, must have read it. */
export interface ReviewRule {
  readonly by: Group;
  readonly role: RoleName | undefined;
  /** Whether signing a merge is reviewing what it merges. */
  readonly mergeIsReview: boolean;
  /** Whether a change of version and hash alone needs no reader where the same author signed both sources. */
  readonly bump?: "upstream-signed" | undefined;
  /** Whether a change back to an earlier version needs no reader. Undefined: it is read like any other. */
  readonly reverts?: "free" | undefined;
  /** Whether a review of the same content counts that was made at another path, or for another source. */
  readonly anywhere: boolean;
}

export interface OutputRules {
  readonly builders: RoleName;
  /** What a builder's vote must name. */
  readonly level: "path";
  /** Binary caches to ask, in order. */
  readonly caches: readonly string[];
  /** Whether this machine may build admitted derivations itself; what it built needs no vote. */
  readonly localBuilds: boolean;
  /** Whether derivations may be admitted that fetch from the network without a hash (`__impure`). */
  readonly impure: boolean;
  readonly conflict: "deny";
  /** Whose waivers count for outputs that too few builders agree on; undefined: nobody's. */
  readonly waive: RoleName | undefined;
}
