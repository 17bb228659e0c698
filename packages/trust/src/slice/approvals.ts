/**
 * Which contents of a path people have read, from nothing or from what they had read before.
 *
 * Claims: an approval of a change vouches for what comes after it only where what was before is covered itself, or was
 * nothing. So a content is covered when the people who approved a change to it, each from a covered content or from
 * none, together meet the rule; and a circle of changes that begins nowhere covers nothing. Against: a diff that looks
 * harmless on top of a file that nobody has read. Whoever had a part in bringing a content into the source
 * does not count for it. Leaves out: rejections and distrust, which the caller asks about first, for every content on the way.
 *
 * Changes are named by content, so this needs no history: a squash, a rebase or another branch make no difference. What
 * was before is told from another content of the same SHA-1 where the review gives its SHA-256.
 */
import type { FileVersion, ReviewedChange } from "@firstmile/formats/statement/review";
import type { PrincipalName } from "../policy/names.ts";
import type { SignedReview } from "../statement/review-index.ts";

/** A version whose content's SHA-256 is known. */
export interface Content extends FileVersion {
  readonly sha256: string;
}

/** One approved change, towards a content. */
interface Approval {
  readonly path: string;
  readonly before: ReviewedChange["before"];
  readonly after: Content;
  readonly source: string | undefined;
  readonly by: ReadonlySet<PrincipalName>;
}

/** Where approvals are looked for: at the path alone, for this source alone, or wherever the content is the same. */
export interface Reach {
  readonly source: string;
  readonly anywhere: boolean;
}

/** What a question needs to know beyond approvals. */
export interface Weighing {
  /** Whether people suffice. */
  readonly suffices: (people: ReadonlySet<PrincipalName>) => boolean;
  /** Whether somebody's word counts at all. */
  readonly hears: (name: PrincipalName) => boolean;
  /** Who had a part in a commit that brought this content into the source, at whichever path. */
  readonly wrote: (version: FileVersion) => ReadonlySet<PrincipalName>;
  /** Whether something speaks against a content, so that nothing may rest on it. */
  readonly isFlagged: (path: string, content: Content) => boolean;
}

/** Who vouches for a content, and how they came to it. */
export interface Coverage {
  readonly covered: boolean;
  readonly people: ReadonlySet<PrincipalName>;
  /** Covered contents that approved changes lead from; none where it was read whole. */
  readonly from: readonly Content[];
  /** Whether somebody who counts read it whole. */
  readonly whole: boolean;
}

/** Approvals by the content that they lead to. Each is entered once. */
export class Approvals {
  readonly #byContent = new Map<string, Approval[]>();
  /** Contents with this Git id and mode, whose SHA-256 only statements tell. */
  readonly #contents = new Map<string, Map<string, Content>>();

  constructor(reviews: Iterable<SignedReview>) {
    for (const { review, by } of reviews) {
      if (review.verdict !== "approve" || review.machine || review.depth !== "read") continue;
      for (const change of review.changes) this.#enter(change, review.source, by);
    }
  }

  #enter(
    { path, before, after }: ReviewedChange,
    source: string | undefined,
    by: ReadonlySet<PrincipalName>,
  ): void {
    if (after?.sha256 === undefined) return;
    const content: Content = { id: after.id, mode: after.mode, sha256: after.sha256 };
    const approval = { path, before, after: content, source, by };
    const known = this.#byContent.get(contentKey(content));
    if (known) known.push(approval);
    else this.#byContent.set(contentKey(content), [approval]);
    const same = this.#contents.get(versionKey(content));
    if (same) same.set(content.sha256, content);
    else this.#contents.set(versionKey(content), new Map([[content.sha256, content]]));
  }

  /** Every content that some approval leads to, with the paths it was read at. */
  *contents(): Generator<{ readonly content: Content; readonly paths: ReadonlySet<string> }> {
    for (const approvals of this.#byContent.values()) {
      yield { content: approvals[0]!.after, paths: new Set(approvals.map(({ path }) => path)) };
    }
  }

  /** Whether any approval leads to a content of this Git id: what is not spoken of need not be read. */
  speaksOf(version: FileVersion): boolean {
    return this.#contents.has(versionKey(version));
  }

  /** Contents that statements give for a Git id and mode. More than one: somebody has broken SHA-1. */
  named(version: FileVersion): Content[] {
    return [...(this.#contents.get(versionKey(version))?.values() ?? [])];
  }

  towards(path: string, content: Content, reach: Reach): Approval[] {
    const all = this.#byContent.get(contentKey(content)) ?? [];
    return reach.anywhere ? all : all.filter((one) => one.path === path && counts(one.source, reach.source));
  }
}

function counts(named: string | undefined, source: string): boolean {
  return named === undefined || named === source;
}

/** Answers for one rule; remembers what it found on the way. */
export class CoverageOfRule {
  readonly #approvals: Approvals;
  readonly #reach: Reach;
  readonly #weighing: Weighing;
  readonly #settled = new Map<string, Coverage>();

  constructor(approvals: Approvals, reach: Reach, weighing: Weighing) {
    this.#approvals = approvals;
    this.#reach = reach;
    this.#weighing = weighing;
  }

  of(path: string, content: Content): Coverage {
    const known = this.#settled.get(nodeKey(path, content));
    if (known) return known;
    const part = new Part(this.#approvals, this.#reach, this.#weighing, path, content);
    for (const [key, coverage] of part.settle()) this.#settled.set(key, coverage);
    return this.#settled.get(nodeKey(path, content))!;
  }
}

interface Node {
  readonly path: string;
  readonly content: Content;
  readonly people: Set<PrincipalName>;
  readonly from: Content[];
  /** Changes from here, which count once this content is covered. */
  readonly onward: { readonly to: Node; readonly by: ReadonlySet<PrincipalName> }[];
  whole: boolean;
  covered: boolean;
}

/**
 * The contents from which approved changes lead to one content, however many steps back. Coverage spreads forward from
 * what was read whole, so that the order in which circles are walked makes no difference.
 */
class Part {
  readonly #approvals: Approvals;
  readonly #reach: Reach;
  readonly #weighing: Weighing;
  readonly #nodes = new Map<string, Node>();
  readonly #ready: Node[] = [];

  constructor(approvals: Approvals, reach: Reach, weighing: Weighing, path: string, content: Content) {
    this.#approvals = approvals;
    this.#reach = reach;
    this.#weighing = weighing;
    const open = [this.#node(path, content)];
    for (let node = open.pop(); node; node = open.pop()) open.push(...this.#enter(node));
  }

  /** What everything here comes to. */
  settle(): Map<string, Coverage> {
    for (let node = this.#ready.pop(); node; node = this.#ready.pop()) {
      for (const { to, by } of node.onward) {
        to.from.push(node.content);
        this.#vouch(to, by);
      }
    }
    return this.#nodes;
  }

  #node(path: string, content: Content): Node {
    const key = nodeKey(path, content);
    const known = this.#nodes.get(key);
    if (known) return known;
    const node = {
      path,
      content,
      people: new Set<PrincipalName>(),
      from: [],
      onward: [],
      whole: false,
      covered: false,
    };
    this.#nodes.set(key, node);
    return node;
  }

  /** Enters the approvals that lead to a content; gives the contents before it that are new here. */
  #enter(node: Node): Node[] {
    const fresh: Node[] = [];
    for (const { path, before, by } of this.#approvals.towards(node.path, node.content, this.#reach)) {
      if (before === undefined) {
        if (this.#vouch(node, by)) node.whole = true;
        continue;
      }
      for (const content of this.#approvals.named(before)) {
        if (before.sha256 !== undefined && before.sha256 !== content.sha256) continue;
        const size = this.#nodes.size;
        const earlier = this.#node(path, content);
        if (this.#nodes.size > size) fresh.push(earlier);
        earlier.onward.push({ to: node, by });
      }
    }
    return fresh;
  }

  /** Whether anybody was added who counts. */
  #vouch(node: Node, by: ReadonlySet<PrincipalName>): boolean {
    const { wrote, hears } = this.#weighing;
    const authors = wrote(node.content);
    const counted = [...by].filter((name) => hears(name) && !authors.has(name));
    for (const name of counted) node.people.add(name);
    if (!node.covered && counted.length > 0 && this.#holds(node)) {
      node.covered = true;
      this.#ready.push(node);
    }
    return counted.length > 0;
  }

  #holds({ path, content, people }: Node): boolean {
    return !this.#weighing.isFlagged(path, content) && this.#weighing.suffices(people);
  }
}

export function contentKey({ mode, id, sha256 }: Content): string {
  return `${mode.toString(8)} ${id} ${sha256}`;
}

/** No path holds a NUL. */
function nodeKey(path: string, content: Content): string {
  return `${path}\0${contentKey(content)}`;
}

function versionKey({ mode, id }: FileVersion): string {
  return `${mode.toString(8)} ${id}`;
}
