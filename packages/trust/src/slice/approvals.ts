/**
 * Which changes people approved, by the content that each leads to.
 *
 * Claims: what counts was read line by line, by a person. A content is a mode, Git's id and the SHA-256, all three: of two
 * contents made to have one SHA-1 each has its own readers. Changes are named by content, so this needs no history: a
 * squash, a rebase or another branch make no difference. Leaves out: what a change was made to (coverage-of-rule.ts).
 */
import type { FileVersion, ReviewedChange } from "@firstmile/formats/statement/review";
import type { PrincipalName } from "../policy/names.ts";
import type { SignedReview } from "../statement/review-index.ts";

/** A version whose content's SHA-256 is known. */
export interface Content extends FileVersion {
  readonly sha256: string;
}

/** One approved change, towards a content. */
export interface Approval {
  readonly path: string;
  readonly before: ReviewedChange["before"];
  readonly source: string | undefined;
  readonly by: ReadonlySet<PrincipalName>;
  /** Those of them who signed it with a key alone that root has retired since. */
  readonly retired?: ReadonlySet<PrincipalName> | undefined;
}

/** A content that some approval leads to. One object for each content, so that it can be a key. */
export class Approved {
  readonly content: Content;
  readonly approvals: Approval[] = [];
  /** Made when it is first asked for, where there are many: an empty file lies at thousands of paths. */
  #byPath: Map<string, Approval[]> | undefined;

  constructor(content: Content) {
    this.content = content;
  }

  /** Those at one path; others too, where there are few. */
  near(path: string): readonly Approval[] {
    if (this.approvals.length < MANY) return this.approvals;
    this.#byPath ??= Map.groupBy(this.approvals, (one) => one.path);
    return this.#byPath.get(path) ?? [];
  }

  /** Of these people, who approved it with keys alone that root has retired since. */
  retired(people: Iterable<PrincipalName>): PrincipalName[] {
    return [...people].filter((name) => {
      const theirs = this.approvals.filter(({ by }) => by.has(name));
      return theirs.length > 0 && theirs.every(({ retired }) => retired?.has(name));
    });
  }

  is({ mode, id, sha256 }: Content): boolean {
    return this.content.mode === mode && this.content.id === id && this.content.sha256 === sha256;
  }
}

const MANY = 16;

/** Each approval is entered once. */
export class Approvals {
  /** By Git's id: more than one content of a mode, and somebody has broken SHA-1. */
  readonly #byId = new Map<string, Approved[]>();
  /** Path and content of each removal. */
  readonly #removed = new Set<string>();

  constructor(reviews: Iterable<SignedReview>) {
    for (const { review, by, retired } of reviews) {
      if (review.verdict !== "approve" || review.machine || review.depth !== "read") continue;
      for (const { path, before, after } of review.changes) {
        if (after === undefined && before?.sha256 !== undefined)
          this.#removed.add(`${path}\0${contentKey(before as Content)}`);
        if (hasDigest(after))
          this.#approved(after).approvals.push({ path, before, source: review.source, by, retired });
      }
    }
  }

  #approved(content: Content): Approved {
    const same = this.#byId.get(content.id);
    const known = same?.find((one) => one.is(content));
    if (known) return known;
    const made = new Approved(content);
    if (same) same.push(made);
    else this.#byId.set(content.id, [made]);
    return made;
  }

  /** Whether a person approved that this content goes from this path. It lets nothing pass, and need not be asked again. */
  isRemoved(path: string, content: Content): boolean {
    return this.#removed.has(`${path}\0${contentKey(content)}`);
  }

  /** Every content that some approval leads to, with the paths it was read at. */
  *contents(): Generator<{ readonly content: Content; readonly paths: ReadonlySet<string> }> {
    for (const { content, approvals } of [...this.#byId.values()].flat()) {
      yield { content, paths: new Set(approvals.map(({ path }) => path)) };
    }
  }

  /** Whether any approval leads to a content of this Git id: what is not spoken of need not be read. */
  speaksOf(version: FileVersion): boolean {
    return this.all(version, undefined).length > 0;
  }

  /** Contents that statements give for a Git id and mode. */
  named(version: FileVersion): Content[] {
    return this.all(version, undefined).map(({ content }) => content);
  }

  /** The same with what leads to them; of one SHA-256 alone where it is known. */
  all({ id, mode }: FileVersion, sha256: string | undefined): readonly Approved[] {
    const same = this.#byId.get(id) ?? NONE;
    const isMeant = ({ content }: Approved) =>
      content.mode === mode && (sha256 === undefined || content.sha256 === sha256);
    if (same.length === 1) return isMeant(same[0]!) ? same : NONE;
    return same.filter(isMeant);
  }
}

const NONE: readonly Approved[] = [];

function hasDigest(after: ReviewedChange["after"]): after is Content {
  return after?.sha256 !== undefined;
}

/** Names a content as the three parts of it do. */
export function contentKey({ mode, id, sha256 }: Content): string {
  return `${mode.toString(8)} ${id} ${sha256}`;
}
