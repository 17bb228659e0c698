/**
 * Claim: a commit of the trust repository that passes was signed by the `root` role of each of its parents, as that
 * parent's own policy defines it, in an unbroken line from the introduction that the machine pins. Against: anybody
 * with write access to the repository and too few root keys; a root that tries to shrink itself. Left out: whether
 * these are the newest rules (see follow.ts), and what they say.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { type CommitFacts, type CorruptCommit, commitFacts } from "../history/facts.ts";
import { NOTHING_OLD, Standing } from "../history/standing.ts";
import { filledAt } from "../policy/electorate.ts";
import { loadPolicy } from "../policy/load.ts";
import type { Policy, PolicyResult } from "../policy/policy.ts";
import { meets, type Tally } from "../policy/thresholds.ts";
import { verifyCosignature } from "../signature/cosignature.ts";
import { type Identities, identitiesOf, peopleBehind } from "../signature/identities.ts";
import type { Fingerprint, SignatureOutcome } from "../signature/outcome.ts";
import { found, lacking, type Reason } from "../verdict/verdict.ts";

/** One commit of a trust repository, with its tree's rules and keys. */
export interface TrustCommit {
  readonly id: CommitId;
  /** The commit object's content. */
  readonly content: Uint8Array;
  /** firstmile.toml and the files below keys/, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Signatures over the commit's id by others, from notes. */
  readonly cosignatures: readonly Uint8Array[];
}

/** What a machine pins: a commit, and the keys that must have signed it. */
export interface Introduction {
  readonly commit: CommitId;
  readonly signedBy: readonly Fingerprint[];
}

/** An authentic commit of the trust repository and the policy in its tree. */
export interface AuthenticPolicy {
  readonly commit: CommitId;
  readonly policy: Policy;
  readonly identities: Identities;
  readonly why: Reason;
}

interface Loaded {
  readonly policy: Policy;
  readonly identities: Identities;
  readonly facts: CommitFacts;
}

/**
 * Walks the history once, parents before children, keeping the policies of what passed. The introduction is let in
 * by its pin; everything else by its parents.
 */
export class RootOfTrust {
  private readonly authentic = new Map<CommitId, AuthenticPolicy>();
  private readonly now: number;

  constructor(now: number) {
    this.now = now;
  }

  /** The authentic policy of a commit already added. */
  get(id: CommitId): AuthenticPolicy | undefined {
    return this.authentic.get(id);
  }

  /** Lets the introduction in, if the keys pinned with it signed it. Returns the reason either way. */
  introduce(commit: TrustCommit, introduction: Introduction): Reason {
    const loaded = this.load(commit);
    if ("ok" in loaded) return loaded;
    const outcomes = this.signatures(commit, loaded.facts, loaded.identities);
    const signed = new Set(
      outcomes.flatMap((outcome) => (outcome.valid ? [outcome.key, outcome.signingKey] : [])),
    );
    const absent = introduction.signedBy.filter((key) => !signed.has(key));
    const nobody = introduction.signedBy.length === 0;
    if (commit.id !== introduction.commit || nobody || absent.length > 0)
      return notIntroduced(commit.id, absent, loaded.facts);
    const why = found(
      "introduced",
      `${short(commit.id)} is the introduction that this machine pins, signed by ${introduction.signedBy.join(", ")}`,
    );
    return this.enter(commit, loaded, why);
  }

  /** Lets a commit in that the machine authenticated before, so that later ones can be judged by its policy. */
  resume(commit: TrustCommit): Reason {
    const loaded = this.load(commit);
    if ("ok" in loaded) return loaded;
    const why = found("followed", `${short(commit.id)} was authenticated by this machine before`);
    return this.enter(commit, loaded, why);
  }

  /** Judges a commit by the root role of each of its parents, all of which were added before. */
  add(commit: TrustCommit): Reason {
    const loaded = this.load(commit);
    if ("ok" in loaded) return loaded;
    if (loaded.facts.parents.length === 0)
      return lacking(
        "not-a-descendant",
        `${short(commit.id)} has no parents, so nobody's root vouches for it`,
      );
    const reasons = loaded.facts.parents.map((parent) => this.judgeBy(parent, commit, loaded.facts));
    if (!reasons.every((reason) => reason.ok)) {
      return lacking("root-not-met", `${short(commit.id)} is not authentic`, { because: reasons });
    }
    const why = found("authentic", `${short(commit.id)} is signed by root of its parents`, reasons);
    return this.enter(commit, loaded, why);
  }

  private enter({ id }: TrustCommit, { policy, identities }: Loaded, why: Reason): Reason {
    this.authentic.set(id, { commit: id, policy, identities, why });
    return why;
  }

  private judgeBy(parent: CommitId, commit: TrustCommit, facts: CommitFacts): Reason {
    const before = this.authentic.get(parent);
    if (!before) return lacking("not-a-descendant", `its parent ${short(parent)} is not authentic`);
    const again = readFacts(commit, before.identities, this.now);
    const outcomes = "corrupt" in again ? [] : this.signatures(commit, again, before.identities);
    const people = peopleBehind(outcomes, before.identities.ownerOf);
    const policy = filledAt(before.policy, this.now);
    const tally = meets(policy.roles.get(ROOT)!, people, policy);
    const signers = outcomes.map((outcome) => describe(outcome, before.identities));
    if (tally.met)
      return found("signed", `root of ${short(parent)} is met by ${[...people].join(", ")}`, signers);
    return lacking("root-not-met", `root of ${short(parent)} is not met: ${shortfall(tally)}`, {
      because: signers,
      remedy: `have another root sign it: firstmile cosign REPO ${short(facts.id)}`,
    });
  }

  private load(commit: TrustCommit): Loaded | (Reason & { ok: false }) {
    const result = loadPolicy(commit.files);
    if (!result.ok)
      return refusal(
        "policy-invalid",
        `the rules in ${short(commit.id)} are not valid: ${defectsOf(result)}`,
      );
    const identities = identitiesOf(filledAt(result.policy, this.now));
    const facts = readFacts(commit, identities, this.now);
    if ("corrupt" in facts) return refusal("corrupt-object", `${short(commit.id)}: ${facts.corrupt}`);
    return { policy: result.policy, identities, facts };
  }

  /** A key that root itself retired or called compromised says nothing more of the rules. */
  private signatures(commit: TrustCommit, facts: CommitFacts, identities: Identities): SignatureOutcome[] {
    const { keys } = identities;
    const others = commit.cosignatures.map((signature) =>
      verifyCosignature(signature, commit.id, keys, this.now),
    );
    const standing = new Standing(identities, NOTHING_OLD);
    return [facts.signature, ...others].map((outcome) => standing.weigh(outcome, commit.id));
  }
}

const ROOT = "root" as Parameters<Policy["roles"]["get"]>[0];

function readFacts(commit: TrustCommit, { keys }: Identities, now: number): CommitFacts | CorruptCommit {
  return commitFacts(commit.id, commit.content, keys, now);
}

function describe(outcome: SignatureOutcome, { ownerOf }: Identities): Reason {
  if (!outcome.valid) return lacking(outcome.code, `a signature that does not count: ${outcome.message}`);
  return found("signed", `signed by ${ownerOf.get(outcome.key) ?? "a key of nobody"} with ${outcome.key}`);
}

function notIntroduced(id: CommitId, absent: readonly string[], facts: CommitFacts): Reason {
  const own = facts.signature.valid
    ? `it is signed by ${facts.signature.key}`
    : `its own does not count: ${facts.signature.message}`;
  return lacking("introduction-not-vouched", `${short(id)} is not signed by ${absent.join(", ")}: ${own}`, {
    remedy: "compare commit and fingerprints with those that the trust repository's owners published",
  });
}

function shortfall(tally: Tally): string {
  const who = tally.counted.length > 0 ? `${tally.counted.join(", ")} signed` : "nobody of it signed";
  const sets = tally.completions.map((people) => people.join(" and ")).join(", or ");
  return sets ? `${who}; missing ${sets}` : who;
}

function refusal(code: "policy-invalid" | "corrupt-object", message: string): Reason & { ok: false } {
  return { ok: false, code, message };
}

function defectsOf(result: PolicyResult & { ok: false }): string {
  const [first, ...rest] = result.defects;
  const more = rest.length > 0 ? ` (and ${rest.length} more)` : "";
  return first ? `${first.file}:${first.line}:${first.column}: ${first.message}${more}` : "no reason given";
}

function short(id: CommitId): string {
  return id.slice(0, 12);
}
