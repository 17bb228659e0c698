/**
 * Claim: a slice is accepted only if every file that its evaluation read is covered under today's rules: read by the
 * people whom the rule of its path asks for, a bump of what they read, published whole by a channel that the source
 * accepts, or waived for now;
 * and nobody who is listened to speaks against it. Against: one changed file among thousands that nobody signs.
 *
 * The order of the questions: distrust, rejection, review, bump, channel, waiver. Pure: files and evidence in, standings out.
 * Leaves out: whether these are all files that were read, which whoever served them knows.
 */
import type { FileVersion } from "@firstmile/formats/statement/review";
import { doubtIn, type Speaker } from "../hearing/hearing.ts";
import type { PrincipalName } from "../policy/names.ts";
import { leadsOnIn, ruleFor, rulesAt } from "../policy/paths.ts";
import type { Policy, ReviewRule, Rule, Source } from "../policy/policy.ts";
import { isMet, meets, peopleOf } from "../policy/thresholds.ts";
import type { SignedReview } from "../statement/review-index.ts";
import { Approvals, type Content } from "./approvals.ts";
import { type BumpedFile, bumpReason } from "./bumped.ts";
import type { Vouched, VouchedNames } from "./channels.ts";
import { type Coverage, CoverageOfRule, type Weighing } from "./coverage-of-rule.ts";
import type { Distrust, Objection } from "./distrust.ts";
import { rejecters } from "./rejecters.ts";
import { Rejections } from "./rejections.ts";
import type { Waived, Waivers } from "./waivers.ts";

/** What one file comes to. Those that pass: `read`, `bumped`, `vouched` and `waived`. */
export type FileStanding =
  /** Enough people read it whole, or every change that led to it. */
  | {
      readonly kind: "read";
      readonly by: readonly PrincipalName[];
      readonly derived: boolean;
      /** Those of them who signed with a key that root has retired since. */
      readonly retired?: readonly PrincipalName[];
    }
  /** A change of version and hash alone, with the same author's signature. */
  | { readonly kind: "bumped"; readonly because: string }
  | { readonly kind: "vouched"; readonly by: readonly PrincipalName[] }
  /** For now. `since`: who read what changed since the content that is waived, where it is another. */
  | { readonly kind: "waived"; readonly waiver: Waived; readonly since?: readonly PrincipalName[] }
  | { readonly kind: "distrusted"; readonly objection: Objection }
  /** `doubt`: why root is asked whether the word may end; undefined where one of them is in no doubt. */
  | {
      readonly kind: "rejected";
      readonly by: readonly PrincipalName[];
      readonly doubt?: string | undefined;
    }
  /** `have` read it and do not suffice; `ended`: a waiver that no longer holds. */
  | {
      readonly kind: "uncovered";
      readonly have: readonly PrincipalName[];
      readonly ended: Waived | undefined;
      /** Who read this content with a key that was retired, so that it does not count. */
      readonly retired?: readonly PrincipalName[];
    }
  /** No rule covers the path. */
  | { readonly kind: "unruled" };

export interface PeopleOfFile {
  /** Who read it and counts. */
  readonly have: readonly PrincipalName[];
  /** Who had a part in it, so that their reading does not count. */
  readonly wrote: readonly PrincipalName[];
  /** Whose reading would count. */
  readonly left: readonly PrincipalName[];
}

export interface CoverageEvidence {
  readonly reviews: readonly SignedReview[];
  /** Approvals that do not count since a key was retired: told where they would have covered something. */
  readonly lapsed?: readonly SignedReview[];
  readonly distrust: Distrust;
  readonly waivers: Waivers;
  /** What a channel vouches for at this commit, by path: vouchedPaths. */
  readonly vouched: ReadonlyMap<string, Vouched>;
  /** What it vouches for of names at this commit, at the paths where these are judged. */
  readonly vouchedNames?: VouchedNames | undefined;
  /** Who had a part in bringing a content into the source. */
  readonly wrote: (version: FileVersion) => ReadonlySet<PrincipalName>;
  /** Files at this commit that are bumps of what people read, by path. */
  readonly bumped?: ReadonlyMap<string, BumpedFile> | undefined;
}

/** Answers for the files of one source under one policy; remembers what contents rest on. */
export class SliceCoverage {
  readonly approvals: Approvals;
  readonly #policy: Policy;
  readonly #source: Source;
  readonly #evidence: CoverageEvidence;
  readonly #rejections: Rejections;
  #lapsedApprovals: Approvals | undefined;
  readonly #ofRule = new Map<Rule, CoverageOfRule>();
  /** The same with what is waived to rest on. */
  readonly #onWaived = new Map<Rule, CoverageOfRule>();
  readonly #met = new Map<ReviewRule, Map<string, boolean>>();
  readonly #heard = new Map<ReviewRule, ReadonlySet<PrincipalName>>();

  constructor(policy: Policy, source: Source, evidence: CoverageEvidence) {
    this.#policy = policy;
    this.#source = source;
    this.#evidence = evidence;
    this.approvals = new Approvals(evidence.reviews);
    this.#rejections = new Rejections(evidence.reviews);
  }

  /** `path` in Latin-1. */
  standing(path: string, content: Content): FileStanding {
    const objection = this.#evidence.distrust.ofContent(content.sha256, path);
    if (objection) return { kind: "distrusted", objection };
    const all = this.#rulesAt(path, content).map((rule) => this.#standingBy(rule, path, content));
    return all.find((standing) => !passes(standing)) ?? all[0] ?? { kind: "unruled" };
  }

  #standingBy(rule: Rule, path: string, content: Content): FileStanding {
    if (!rule.review) return { kind: "unruled" };
    const against = this.#rejected(rule.review, path, content);
    if (against.length > 0)
      return { kind: "rejected", by: against.map(({ name }) => name), doubt: doubtIn(against) };
    const coverage = this.#coverage(rule, rule.review).of(path, content);
    if (coverage.covered) return this.#read(coverage, content);
    return this.#otherwise(rule, path, content, coverage);
  }

  /**
   * Which contents (SHA-256 in hex) may be read at a path whose Git id is known, before its content is: of those that
   * some evidence names. "any": a waiver covers the path, whatever is there, and nobody speaks against this id. Only for
   * holding files back; what was read is judged by its `standing`.
   */
  allowed(path: string, { id, mode }: FileVersion): readonly string[] | "any" {
    const rule = this.ruleOf(path);
    if (!rule?.review) return [];
    const { distrust, waivers, vouched, bumped } = this.#evidence;
    const against = distrust.ids.has(id) || this.#rejected(rule.review, path, { id, mode }).length > 0;
    const rules = this.#rulesAt(path, { mode });
    const isWaived = rules.every(({ waive }) => waivers.coversPath(waive, this.#source.name, path));
    if (!against && isWaived) return "any";
    const named = this.approvals.named({ id, mode }).map(({ sha256 }) => sha256);
    const published = vouched.get(path)?.sha256 ?? [];
    const next = bumped?.get(path)?.content.sha256 ?? [];
    const all = new Set([named, waivers.contentsOf(id), published, next].flat());
    return [...all].filter((sha256) => passes(this.standing(path, { id, mode, sha256 })));
  }

  ruleOf(path: string): Rule | undefined {
    return ruleFor(path, this.#source.rules);
  }

  #rulesAt(path: string, { mode }: Pick<Content, "mode">): Rule[] {
    return rulesAt(path, this.#source.rules, leadsOnIn(mode));
  }

  /** The rule that keeps a content from passing, where several hold for its path. */
  #failing(path: string, content: Content): Rule | undefined {
    const rules = this.#rulesAt(path, content);
    return rules.find((rule) => !passes(this.#standingBy(rule, path, content))) ?? rules[0];
  }

  /** The smallest sets of people who would have to read an uncovered content besides those who have. */
  completions(path: string, content: Content): readonly (readonly PrincipalName[])[] {
    const rule = this.#failing(path, content);
    if (!rule?.review) return [];
    const { people } = this.#coverage(rule, rule.review).of(path, content);
    const wrote = this.#evidence.wrote(content);
    const sets = meets(rule.review.by, people, this.#policy).completions;
    return sets.filter((set) => set.every((name) => !wrote.has(name)));
  }

  /** Everybody whom the rule of a path names, by what they have to do with an uncovered content there. */
  people(path: string, content: Content): PeopleOfFile {
    const rule = this.#failing(path, content);
    if (!rule?.review) return { have: [], wrote: [], left: [] };
    const { people } = this.#coverage(rule, rule.review).of(path, content);
    const { missing } = meets(rule.review.by, people, this.#policy);
    const authors = this.#evidence.wrote(content);
    const wrote = missing.filter((name) => authors.has(name));
    return { have: [...people].sort(), wrote, left: missing.filter((name) => !authors.has(name)) };
  }

  /** Contents that are waived by name at a path, with Git's id, as if they had this mode. */
  waivedAt(path: string, mode: number): readonly { readonly content: Content; readonly waiver: Waived }[] {
    const { waivers } = this.#evidence;
    const rule = this.ruleOf(path);
    if (!rule?.review) return [];
    return waivers.contentsAt(path).flatMap(({ id, sha256 }) => {
      const content = { mode, id, sha256 };
      const standing = this.standing(path, content);
      return standing.kind === "waived" && standing.since === undefined
        ? [{ content, waiver: standing.waiver }]
        : [];
    });
  }

  /** Covered contents from which changes that people approved lead to this one; none where it was read whole. */
  origins(path: string, content: Content): readonly Content[] {
    const rule = this.ruleOf(path);
    return rule?.review ? [...this.#coverage(rule, rule.review).of(path, content).from] : [];
  }

  #otherwise(rule: Rule, path: string, content: Content, { people }: Coverage): FileStanding {
    // Bumps were judged by the rule of the path itself.
    const takesBumps = rule === this.ruleOf(path) || rule.review?.bump !== undefined;
    const bumped = takesBumps ? this.#evidence.bumped?.get(path) : undefined;
    const because = bumpReason(bumped, content, (before) => this.#isCovered(rule, path, before));
    if (because !== undefined) return { kind: "bumped", because };
    const vouched = this.#evidence.vouched.get(path);
    if (vouched && vouched.sha256 === content.sha256 && vouched.mode === content.mode)
      return { kind: "vouched", by: vouched.by };
    const { holds, ended } = this.#evidence.waivers.ofFile(
      rule.waive,
      this.#source.name,
      path,
      content.sha256,
    );
    if (holds) return { kind: "waived", waiver: holds };
    const since = this.#sinceWaived(rule, path, content);
    if (since?.waiver) return { kind: "waived", waiver: since.waiver, since: [...since.people].sort() };
    const retired = this.#lapsed(rule.review, content).filter((name) => !people.has(name));
    const open = { kind: "uncovered", have: [...people].sort(), ended } as const;
    return retired.length > 0 ? { ...open, retired } : open;
  }

  #read({ people, whole }: Coverage, content: Content): FileStanding {
    const retired = this.approvals.all(content, content.sha256).flatMap((one) => one.retired(people));
    const standing = { kind: "read", by: [...people].sort(), derived: !whole } as const;
    return retired.length > 0 ? { ...standing, retired: retired.sort() } : standing;
  }

  /** People of the rule who approved this content by a key that was retired; told, and counted for nothing. */
  #lapsed(review: ReviewRule | undefined, content: Content): PrincipalName[] {
    if (!review || !this.#evidence.lapsed) return [];
    this.#lapsedApprovals ??= new Approvals(this.#evidence.lapsed);
    const all = this.#lapsedApprovals.all(content, content.sha256).flatMap(({ approvals }) => approvals);
    const heard = this.#heardBy(review);
    return [...new Set(all.flatMap(({ by }) => [...by]))].filter((name) => heard.has(name)).sort();
  }

  #isCovered(rule: Rule, path: string, content: Content): boolean {
    return rule.review !== undefined && this.#coverage(rule, rule.review).of(path, content).covered;
  }

  #coverage(rule: Rule, review: ReviewRule): CoverageOfRule {
    const made = this.#ofRule.get(rule) ?? this.#coverageOf(review);
    this.#ofRule.set(rule, made);
    return made;
  }

  #coverageOf(review: ReviewRule, waived?: Weighing["waived"]): CoverageOfRule {
    const reach = { source: this.#source.name, anywhere: review.anywhere };
    return new CoverageOfRule(this.approvals, reach, {
      suffices: (people) => this.#suffices(review, people),
      heard: this.#heardBy(review),
      wrote: this.#evidence.wrote,
      isFlagged: (path, content) => this.#isFlagged(review, path, content),
      waived,
    });
  }

  /** Changes that enough people read, from a content that a waiver names: no longer than that holds. */
  #sinceWaived(rule: Rule, path: string, content: Content): Coverage | undefined {
    if (rule.review === undefined || rule.waive === undefined) return undefined;
    const { waivers } = this.#evidence;
    const { name } = this.#source;
    const made =
      this.#onWaived.get(rule) ??
      this.#coverageOf(
        rule.review,
        (at, { sha256 }) => waivers.ofNamedContent(rule.waive, name, at, sha256).holds,
      );
    this.#onWaived.set(rule, made);
    const coverage = made.of(path, content);
    return coverage.covered ? coverage : undefined;
  }

  /** Each set of people is asked about once. */
  #suffices(review: ReviewRule, people: ReadonlySet<PrincipalName>): boolean {
    const known = this.#met.get(review) ?? new Map<string, boolean>();
    this.#met.set(review, known);
    const [first] = people;
    const key = people.size === 1 ? first! : [...people].sort().join(" ");
    const answer = known.get(key) ?? isMet(review.by, people, this.#policy);
    known.set(key, answer);
    return answer;
  }

  #isFlagged(review: ReviewRule, path: string, content: Content): boolean {
    if (this.#evidence.distrust.ofContent(content.sha256, path)) return true;
    return this.#rejected(review, path, content).length > 0;
  }

  #rejected(review: ReviewRule, path: string, content: FileVersion): readonly Speaker[] {
    const said = this.#rejections.of(path, content, review.anywhere);
    if (said.length === 0) return [];
    return rejecters(said, { policy: this.#policy, source: this.#source.name, path, by: review.by });
  }

  #heardBy(review: ReviewRule): ReadonlySet<PrincipalName> {
    const heard = this.#heard.get(review) ?? peopleOf(review.by, this.#policy);
    this.#heard.set(review, heard);
    return heard;
  }
}

/** Whether a file of this standing passes. */
export function passes({ kind }: FileStanding): boolean {
  return kind === "read" || kind === "bumped" || kind === "vouched" || kind === "waived";
}
