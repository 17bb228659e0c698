/**
 * Which contents people have read, from nothing or from what they had read before.
 *
 * Claims: an approval of a change vouches for what comes after it only where what was before is covered itself, or was
 * nothing. So a content is covered when the people who approved a change to it, each from a covered content or from
 * none, together meet the rule; and a circle of changes that begins nowhere covers nothing. Against: a diff that looks
 * harmless on top of a file that nobody has read. Whoever had a part in bringing a content into the source does not
 * count for it. Leaves out whether what was before is another content of the same SHA-1, where the review does not say.
 */
import type { FileVersion } from "@firstmile/formats/statement/review";
import type { PrincipalName } from "../policy/names.ts";
import type { Approval, Approvals, Approved, Content } from "./approvals.ts";
import type { Waived } from "./waivers.ts";

type People = ReadonlySet<PrincipalName>;

/** Where approvals are looked for: at the path alone, for this source alone, or wherever the content is the same. */
export interface Reach {
  readonly source: string;
  readonly anywhere: boolean;
}

/** What a question needs to know beyond approvals. */
export interface Weighing {
  /** Whether people suffice. */
  readonly suffices: (people: People) => boolean;
  /** Whose word counts at all. */
  readonly heard: People;
  /** Who had a part in a commit that brought this content into the source, at whichever path. */
  readonly wrote: (version: FileVersion) => People;
  /** Whether something speaks against a content, so that nothing may rest on it. */
  readonly isFlagged: (path: string, content: Content) => boolean;
  /** Contents that changes may rest on though nobody read them; undefined: none. */
  readonly waived?: ((path: string, content: Content) => Waived | undefined) | undefined;
}

/** Who vouches for a content, and how they came to it. */
export interface Coverage {
  readonly covered: boolean;
  readonly people: People;
  /** Covered contents that approved changes lead from, each once. */
  readonly from: readonly Content[];
  /** Whether somebody who counts read it whole. */
  readonly whole: boolean;
  /** What the first of these changes rests on, where nobody read that. */
  readonly waiver: Waived | undefined;
}

interface Node {
  readonly path: string;
  readonly approved: Approved;
  /** Never changed, but exchanged: most are the readers of one review. */
  people: People;
  from: readonly Content[];
  /** Changes from here, which count once this content is covered. */
  onward: Onward[] | undefined;
  /** Whether the approvals that lead here were looked at. */
  entered: boolean;
  whole: boolean;
  waiver: Waived | undefined;
  covered: boolean;
}

interface Onward {
  readonly to: Node;
  readonly by: People;
}

/**
 * Answers for one rule, and remembers. Approvals are followed back from what is asked about, each content once;
 * coverage spreads forward from what was read whole, so that the order in which circles are walked, and questions are
 * asked, makes no difference.
 */
export class CoverageOfRule {
  readonly #approvals: Approvals;
  readonly #reach: Reach;
  readonly #weighing: Weighing;
  readonly #nodes = new Map<string, Map<Approved, Node>>();
  /** Of the readers of a review those whose word counts. */
  readonly #counting = new Map<People, People>();
  /** Newly covered contents, whose onward changes are still to be counted. */
  readonly #ready: Node[] = [];

  constructor(approvals: Approvals, reach: Reach, weighing: Weighing) {
    this.#approvals = approvals;
    this.#reach = reach;
    this.#weighing = weighing;
  }

  of(path: string, content: Content): Coverage {
    const approved = this.#approvals.all(content, content.sha256)[0];
    if (!approved) return UNREAD;
    const asked = this.#node(path, approved);
    const open = [asked];
    for (let node = open.pop(); node; node = open.pop()) if (!node.entered) this.#enter(node, open);
    for (let node = this.#ready.pop(); node; node = this.#ready.pop()) this.#spread(node);
    return asked;
  }

  #node(path: string, approved: Approved): Node {
    const here = this.#nodes.get(path) ?? new Map<Approved, Node>();
    if (here.size === 0) this.#nodes.set(path, here);
    const known = here.get(approved) ?? newNode(path, approved);
    if (!known.entered) here.set(approved, known);
    return known;
  }

  /** Takes in the approvals that lead to a content, and opens the contents before it. */
  #enter(node: Node, open: Node[]): void {
    node.entered = true;
    const { anywhere } = this.#reach;
    const { approvals } = node.approved;
    for (const approval of anywhere ? approvals : node.approved.near(node.path)) {
      if (anywhere || this.#isNear(approval, node.path)) this.#take(approval, node, open);
    }
  }

  #isNear({ path, source }: Approval, at: string): boolean {
    return path === at && (source === undefined || source === this.#reach.source);
  }

  #take({ path, before, by }: Approval, node: Node, open: Node[]): void {
    if (before === undefined) {
      if (this.#vouch(node, by)) node.whole = true;
      return;
    }
    const waiver = this.#waived(path, before);
    if (waiver && this.#vouch(node, by)) node.waiver ??= waiver;
    for (const approved of this.#approvals.all(before, before.sha256)) {
      const earlier = this.#node(path, approved);
      if (earlier.covered) this.#rest(node, earlier, by);
      else if (earlier.onward) earlier.onward.push({ to: node, by });
      else earlier.onward = [{ to: node, by }];
      if (!earlier.entered) open.push(earlier);
    }
  }

  #waived(path: string, { mode, id, sha256 }: NonNullable<Approval["before"]>): Waived | undefined {
    if (sha256 === undefined || !this.#weighing.waived) return undefined;
    const content = { mode, id, sha256 };
    return this.#weighing.isFlagged(path, content) ? undefined : this.#weighing.waived(path, content);
  }

  #spread(node: Node): void {
    const { onward = [] } = node;
    node.onward = undefined;
    for (const { to, by } of onward) this.#rest(to, node, by);
  }

  /** A change of what is covered counts. */
  #rest(node: Node, { approved: { content }, waiver }: Node, by: People): void {
    if (!this.#vouch(node, by)) return;
    node.waiver ??= waiver;
    if (!node.from.includes(content)) node.from = [...node.from, content];
  }

  /** Whether any of them counts. */
  #vouch(node: Node, by: People): boolean {
    const counted = without(this.#counted(by), this.#weighing.wrote(node.approved.content));
    if (counted.size === 0) return false;
    node.people = together(node.people, counted);
    if (!node.covered && this.#holds(node)) {
      node.covered = true;
      this.#ready.push(node);
    }
    return true;
  }

  #counted(by: People): People {
    const known = this.#counting.get(by) ?? by.intersection(this.#weighing.heard);
    this.#counting.set(by, known);
    return known;
  }

  #holds({ path, approved, people }: Node): boolean {
    return !this.#weighing.isFlagged(path, approved.content) && this.#weighing.suffices(people);
  }
}

function without(people: People, others: People): People {
  return others.size === 0 ? people : people.difference(others);
}

function together(a: People, b: People): People {
  if (b.isSubsetOf(a)) return a;
  return a.size === 0 ? b : a.union(b);
}

const NOBODY: People = new Set();
const UNREAD: Coverage = { covered: false, people: NOBODY, from: [], whole: false, waiver: undefined };

function newNode(path: string, approved: Approved): Node {
  return {
    path,
    approved,
    people: NOBODY,
    from: UNREAD.from,
    onward: undefined,
    entered: false,
    whole: false,
    waiver: undefined,
    covered: false,
  };
}
