/**
 * Claim: what names told an evaluation is covered under today's rules. A listing is, where enough people were shown a
 * listing of that directory whose entries are all still there, with its type; what came since is covered by its
 * content, or kept from the evaluation. A name that exists is covered by what was read there, in whichever version; one
 * that does not, by a listing or an answer without it. Against: a patch that is taken away from a directory that
 * is copied, and a new name that code takes for a command. Pure, like cover.ts, whose questions it asks in its order.
 *
 * Leaves out: a return to an older listing that people were shown, as files leave out a return to an older content.
 */

import type { NamedEntry } from "@firstmile/formats/statement/listing";
import {
  type AnswerType,
  answerContent,
  type EntryType,
  entryType,
} from "@firstmile/formats/statement/listing";
import { listingDifference } from "@firstmile/formats/statement/names";
import type { FileVersion } from "@firstmile/formats/statement/review";
import type { PrincipalName } from "../policy/names.ts";
import type { Policy, Rule, Source } from "../policy/policy.ts";
import type { Content } from "./approvals.ts";
import {
  type CoverageEvidence,
  type FileStanding,
  type PeopleOfFile,
  passes,
  SliceCoverage,
} from "./cover.ts";
import {
  ANSWERS,
  answerPath,
  isJudgedPath,
  judgedPath,
  type KnownListing,
  KnownListings,
  listingPath,
  reviewsOfNames,
} from "./known-names.ts";
import {
  contentOfNames,
  directoryOf,
  nameOf,
  pathIn,
  type SliceAnswer,
  type SliceListing,
  type SliceNames,
  typeIn,
} from "./names.ts";

/** What a listing or an answer comes to. Those of a file, and: */
export type NamesStanding =
  | FileStanding
  /** Something that exists, and that was read there. */
  | { readonly kind: "known" }
  /** The rule lets names pass unread. */
  | { readonly kind: "shown" }
  /** A listing with new names that decide what is evaluated. `have` were shown them and do not suffice. */
  | { readonly kind: "fresh"; readonly come: readonly NamedEntry[]; readonly have: readonly PrincipalName[] };

/** How a listing differs from the one that covers it; of one that is uncovered, from the covered one most like it. */
export interface ListingChange {
  readonly standing: FileStanding;
  readonly before: KnownListing;
  readonly gone: readonly NamedEntry[];
  readonly come: readonly NamedEntry[];
}

export interface JudgedNames {
  readonly names: SliceNames;
  readonly rule: Rule | undefined;
  readonly standing: NamesStanding;
  /** Of a listing: undefined where it is exactly what was shown, or there is nothing to compare it with. */
  readonly change?: ListingChange | undefined;
  /** Of an answer that is uncovered: what people were shown instead. */
  readonly instead?: AnswerType | undefined;
}

/** `found`: only to those who ask by this very name; `named`: a counting statement named this path. */
export interface Existence {
  readonly kind: "listed" | "found";
  readonly named: boolean;
}

export class NamesCoverage {
  readonly #evidence: CoverageEvidence;
  readonly #files: SliceCoverage;
  readonly #known: KnownListings;
  /** Names judged as if they were files, at paths that no file has. */
  readonly #asFiles: SliceCoverage;
  readonly #covered = new Map<string, readonly (KnownListing & { readonly standing: FileStanding })[]>();
  readonly #readAt = new Map<string, Content[]>();
  /** Where names are judged that some statement gives: of all others in a large tree nothing has to be asked. */
  readonly #stated: ReadonlySet<string>;
  #directories: ReadonlySet<string> | undefined;

  constructor(policy: Policy, source: Source, evidence: CoverageEvidence, files: SliceCoverage) {
    this.#evidence = evidence;
    this.#files = files;
    const { reviews, waivers, vouchedNames } = evidence;
    const stated = reviews.flatMap(({ review }) => review.names ?? []);
    this.#known = new KnownListings([...stated, ...waivers.names, ...(vouchedNames?.listings ?? [])]);
    const ofNames = reviewsOfNames(reviews, this.#known.entriesOf);
    const vouched = vouchedNames?.vouched ?? new Map();
    const own = { ...evidence, reviews: ofNames, vouched, bumped: undefined };
    this.#asFiles = new SliceCoverage(policy, atOwnPaths(source), own);
    const read = ofNames.flatMap(({ review }) => review.changes.map(({ path }) => path));
    this.#stated = new Set([...read, ...vouched.keys(), ...waivers.paths()]);
    for (const { content, paths } of files.approvals.contents())
      for (const path of paths) this.#readAt.set(path, [...(this.#readAt.get(path) ?? []), content]);
  }

  ruleOf(names: SliceNames): Rule | undefined {
    return this.#files.ruleOf(judgedPath(names));
  }

  /** `deciding`: paths of names that nothing covers, and that decide what is evaluated. */
  judge(all: readonly SliceNames[], deciding: ReadonlySet<string> = NONE): JudgedNames[] {
    return all.map((names) => {
      const rule = this.ruleOf(names);
      const own = this.#asFiles.standing(judgedPath(names), contentOfNames(names));
      const decided = own.kind !== "uncovered";
      if (decided) return { names, rule, standing: own };
      if (rule?.listings === "shown") return { names, rule, standing: { kind: "shown" } };
      const judged =
        names.kind === "listing" ? this.#listing(names, own, deciding) : this.#answer(names, own);
      return { names, rule, ...judged };
    });
  }

  /** The smallest sets of people who would have to be shown it besides those who were. */
  completions(names: SliceNames) {
    return this.#asFiles.completions(judgedPath(names), contentOfNames(names));
  }

  people(names: SliceNames): PeopleOfFile {
    return this.#asFiles.people(judgedPath(names), contentOfNames(names));
  }

  #listing(
    { path, entries }: SliceListing,
    own: FileStanding,
    deciding: ReadonlySet<string>,
  ): Pick<JudgedNames, "standing" | "change"> {
    const changes = this.#coveredAt(path).map((before) => ({
      standing: before.standing,
      before,
      ...listingDifference(before.entries, entries),
    }));
    const least = changes.toSorted((a, b) => weight(a) - weight(b))[0];
    if (least === undefined || least.gone.length > 0) return { standing: own, change: least };
    const come = least.come.filter(({ name }) => deciding.has(pathIn(path, name)));
    if (come.length === 0) return { standing: least.standing, change: least };
    const have = own.kind === "uncovered" ? own.have : [];
    return { standing: { kind: "fresh", come, have }, change: least };
  }

  #answer(answer: SliceAnswer, own: FileStanding): Pick<JudgedNames, "standing" | "instead"> {
    const { path, type, version } = answer;
    const listing = this.#coveredAt(directoryOf(path)).find(
      ({ entries }) => (typeIn(entries, nameOf(path)) ?? "-") === type,
    );
    if (listing) return { standing: listing.standing };
    if (type !== "-" && this.existence(path, type, version)?.kind === "listed")
      return { standing: { kind: "known" } };
    return { standing: own, instead: ANSWERS.find((other) => other !== type && this.#wasShown(path, other)) };
  }

  #wasShown(path: string, type: AnswerType): boolean {
    if (passes(this.#asFiles.standing(answerPath(path), answerContent(type, path)))) return true;
    const listings = this.#coveredAt(directoryOf(path));
    if (listings.some(({ entries }) => (typeIn(entries, nameOf(path)) ?? "-") === type)) return true;
    return type !== "-" && this.existence(path, type, undefined) !== undefined;
  }

  /**
   * Whether an entry of the tree exists for an evaluation that is to see only what is covered. `version`: what the tree
   * has there; undefined for a directory, whose own files the caller asks about as well.
   */
  existence(path: string, type: EntryType, version: FileVersion | undefined): Existence | undefined {
    if (this.#isNamed(path, type)) return { kind: "listed", named: true };
    const rule = this.#files.ruleOf(answerPath(path));
    const shown = rule?.listings === "shown" || this.#isWaived(path, type);
    const own = version === undefined || type === "s" ? undefined : this.#byVersion(path, version);
    if (shown) return { kind: "listed", named: own?.named ?? false };
    return own;
  }

  /** By a listing or an answer that names it, or by a reading of what was there, in whichever version. */
  #isNamed(path: string, type: EntryType): boolean {
    const name = nameOf(path);
    if (this.#coveredAt(directoryOf(path)).some(({ entries }) => typeIn(entries, name) === type)) return true;
    if (this.#isNamedAnswer(path, type)) return true;
    if (type === "d") return this.#knownDirectories().has(path);
    const read = this.#readAt.get(path) ?? [];
    return read.some(
      (one) => entryType(one.mode) === type && this.#files.standing(path, one).kind === "read",
    );
  }

  #isNamedAnswer(path: string, type: EntryType): boolean {
    const judged = answerPath(path);
    return this.#stated.has(judged) && this.#isByName(judged, answerContent(type, path));
  }

  /** A waiver of paths covers whatever is there, and names nothing. */
  #isByName(judged: string, content: Content): boolean {
    const standing = this.#asFiles.standing(judged, content);
    if (standing.kind !== "waived" || standing.since !== undefined) return passes(standing);
    return this.#evidence.waivers.contentsAt(judged).some(({ sha256 }) => sha256 === content.sha256);
  }

  #isWaived(path: string, type: EntryType): boolean {
    if (!this.#evidence.waivers.isForPaths && !this.#stated.has(answerPath(path))) return false;
    return this.#asFiles.standing(answerPath(path), answerContent(type, path)).kind === "waived";
  }

  /** By what is there now: at this path, or wherever the same content lies. */
  #byVersion(path: string, version: FileVersion): Existence | undefined {
    const allowed = this.#files.allowed(path, version);
    if (allowed === "any") return { kind: "listed", named: this.#isWaivedByName(path, version) };
    if (allowed.length === 0) return undefined;
    const here = allowed.map((sha256) => this.#files.standing(path, { ...version, sha256 }));
    const named = here.some(({ kind }) => kind === "vouched" || kind === "bumped");
    if (named || this.#isWaivedByName(path, version)) return { kind: "listed", named: true };
    // Read, or waived, wherever it lies: that says nothing of this name.
    return { kind: "found", named: false };
  }

  #isWaivedByName(path: string, { id, mode }: FileVersion): boolean {
    return this.#files.waivedAt(path, mode).some(({ content }) => content.id === id);
  }

  /** Directories above something that was read, published or waived by name at its path. */
  #knownDirectories(): ReadonlySet<string> {
    if (this.#directories) return this.#directories;
    const found = new Set<string>();
    const above = (path: string) => {
      for (let at = directoryOf(path); at !== "" && !found.has(at); at = directoryOf(at)) found.add(at);
    };
    for (const [path, contents] of this.#readAt)
      if (contents.some((one) => passes(this.#files.standing(path, one)))) above(path);
    for (const path of this.#evidence.vouched.keys()) above(path);
    for (const path of this.#evidence.waivers.paths())
      if (!isJudgedPath(path) && this.#files.waivedAt(path, 0o100644).length > 0) above(path);
    this.#directories = found;
    return found;
  }

  /** Covered listings of a directory; those by waiver come last. */
  #coveredAt(directory: string): readonly (KnownListing & { readonly standing: FileStanding })[] {
    const known = this.#covered.get(directory);
    if (known) return known;
    const judged = listingPath(directory);
    const covered = this.#known
      .at(directory)
      .filter(({ content }) => this.#isByName(judged, content))
      .map((one) => ({ ...one, standing: this.#asFiles.standing(judged, one.content) }))
      .sort((a, b) => (a.standing.kind === "waived" ? 1 : 0) - (b.standing.kind === "waived" ? 1 : 0));
    this.#covered.set(directory, covered);
    return covered;
  }
}

const NONE: ReadonlySet<string> = new Set();

/** What covers is nearer than what differs least; what differs by what came, nearer than by what went. */
function weight({ gone, come, standing }: ListingChange): number {
  return gone.length * 1e6 + (standing.kind === "waived" ? 1e5 : 0) + come.length;
}

/** A listing that was read elsewhere says nothing of another directory, and a listing has no bump. */
function atOwnPaths(source: Source): Source {
  const rules = source.rules.map((rule) =>
    rule.review ? { ...rule, review: { ...rule.review, anywhere: false, bump: undefined } } : rule,
  );
  return { ...source, rules };
}

export function passesNames({ kind }: NamesStanding): boolean {
  return kind === "known" || kind === "shown" || kind === "read" || kind === "vouched" || kind === "waived";
}
