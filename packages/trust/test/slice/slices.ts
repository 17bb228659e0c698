/** Slices as values: people, contents and what is said of them, in a few words. */
import { createHash } from "node:crypto";
import type { ReviewStatement } from "@firstmile/formats/statement/review";
import type { Statement } from "@firstmile/formats/statement/statement";
import type { PrincipalName, RoleName, SourceName } from "../../src/policy/names.ts";
import { compileGlob, type Glob } from "../../src/policy/paths.ts";
import type { IntroductionCommit, Policy, Rule, Source } from "../../src/policy/policy.ts";
import { identitiesOf } from "../../src/signature/identities.ts";
import type { Fingerprint, SignatureOutcome } from "../../src/signature/outcome.ts";
import type { Content } from "../../src/slice/approvals.ts";
import { type CoverageEvidence, SliceCoverage } from "../../src/slice/cover.ts";
import { Distrust } from "../../src/slice/distrust.ts";
import { Waivers } from "../../src/slice/waivers.ts";
import type { SignedReview } from "../../src/statement/review-index.ts";
import type { VerifiedStatement } from "../../src/statement/verify.ts";
import { groupOf, policy, type Short, ssh } from "../imports/policies.ts";

export const NOW = 1_800_000_000;
export const NAMES = ["alice", "bob", "carol", "dave", "mallory"] as const;
export type Name = (typeof NAMES)[number];

/** Everybody with a key; `root` is alice's, `warden` carol's or dave's, both of them for one word too few. */
export const POLICY: Policy = policy("test", {
  people: Object.fromEntries(NAMES.map((name) => [name, [ssh(name)]])),
  roles: {
    root: { any: 1, of: ["alice"] },
    reader: { any: 1, of: ["alice", "bob", "carol"] },
    readers: { any: 2, of: ["alice", "bob", "carol"] },
    warden: { any: 2, of: ["carol", "dave"] },
    waiver: { any: 1, of: ["alice", "bob"] },
    waivers: { any: 2, of: ["alice", "bob"] },
    curator: { any: 1, of: ["carol"] },
    curators: { any: 2, of: ["carol", "dave", "alice"] },
  },
});

export const IDENTITIES = identitiesOf(POLICY);

/** The key of somebody, as outcomes name it. */
export function keyOf(name: Name): Fingerprint {
  return [...IDENTITIES.ownerOf].find(([, owner]) => owner === name)![0];
}

/** What a file may hold: `text` decides ids and digest. */
export function content(text: string, mode = 0o100644): Content {
  const hash = (algorithm: string) => createHash(algorithm).update(text).digest("hex");
  return { id: hash("sha1") as Content["id"], mode, sha256: hash("sha256") };
}

/** Another content that has the same SHA-1. */
export function twin({ id, mode }: Content, text = "twin"): Content {
  return { id, mode, sha256: content(text).sha256 };
}

interface Said extends Partial<Omit<ReviewStatement, "changes" | "kind">> {
  readonly path?: string;
  /** Whether the SHA-256 of what was before is told: it is unless told otherwise. */
  readonly exact?: boolean;
}

/** Somebody read a change; `before` undefined: the whole file. */
export function read(
  by: Name | readonly Name[],
  before: Content | undefined,
  after: Content,
  said: Said = {},
): SignedReview {
  const { path = "a.nix", exact = true, ...more } = said;
  const was = before && (exact ? before : { id: before.id, mode: before.mode });
  return {
    review: {
      kind: "review",
      verdict: "approve",
      depth: "read",
      machine: false,
      note: undefined,
      source: undefined,
      ...more,
      changes: [{ path, before: was, after }],
    },
    by: new Set([by].flat() as PrincipalName[]),
  };
}

export function rejected(by: Name, what: Content, said: Said = {}): SignedReview {
  return read(by, undefined, what, { ...said, verdict: "reject" });
}

export interface RuleSketch {
  readonly paths?: readonly string[];
  readonly review?: string | (Short & object);
  readonly anywhere?: boolean;
  readonly waive?: string;
}

/** A source of one rule, which asks for one of alice, bob and carol unless told otherwise. */
export function source(rules: readonly RuleSketch[] = [{}], more: Partial<Source> = {}): Source {
  return {
    name: "pkgs" as SourceName,
    urls: [],
    authenticate: "slice",
    introduction: { commit: "0".repeat(40) as IntroductionCommit, signedBy: undefined },
    goodlist: new Set(),
    head: undefined,
    channel: undefined,
    arguments: { kind: "none" },
    rules: rules.map(ruleOf),
    ...more,
  };
}

function ruleOf({ paths = ["**"], review = "reader", anywhere = false, waive }: RuleSketch, i: number): Rule {
  const byName = typeof review === "string";
  const role = byName ? (review as RoleName) : undefined;
  const by = byName ? POLICY.roles.get(review as RoleName)! : groupOf(review);
  return {
    paths: paths.map((text) => compileGlob(text) as Glob),
    write: { any: 1, of: [] },
    role: undefined,
    review: { by, role, mergeIsReview: false, anywhere },
    waive: waive as RoleName | undefined,
    line: 10 * (i + 1),
  };
}

export interface CaseSketch extends Partial<Omit<CoverageEvidence, "reviews" | "distrust" | "waivers">> {
  readonly reviews?: readonly SignedReview[];
  readonly rules?: readonly RuleSketch[];
  /** Distrusts and waivers. */
  readonly statements?: readonly VerifiedStatement[];
  readonly now?: number;
}

export function coverage({
  reviews = [],
  rules,
  statements = [],
  now = NOW,
  ...more
}: CaseSketch): SliceCoverage {
  return new SliceCoverage(POLICY, source(rules), {
    reviews,
    distrust: new Distrust(POLICY, statements),
    waivers: new Waivers(POLICY, IDENTITIES.ownerOf, statements, now),
    vouched: new Map(),
    wrote: () => new Set(),
    ...more,
  });
}

/** A statement that these people signed well. Its digest is told by what it says. */
export function signed(statement: Statement, ...by: readonly Name[]): VerifiedStatement {
  const digest = createHash("sha256").update(JSON.stringify(statement)).digest("hex");
  return { ok: true, statement, digest, outcomes: by.map((name) => valid(keyOf(name))) };
}

export function valid(key: Fingerprint, signingKey = key): SignatureOutcome {
  return { valid: true, key, signingKey, validUntil: undefined };
}

/** For a table: who wrote which contents. */
export function wroteOf(...parts: readonly (readonly [Name, Content])[]): CoverageEvidence["wrote"] {
  return ({ id }) =>
    new Set(parts.filter(([, what]) => what.id === id).map(([name]) => name as string as PrincipalName));
}
