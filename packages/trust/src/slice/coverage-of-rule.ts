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
  readonly from: ReadonlySet<Content>;
  /** Whether somebody who counts read it whole. */
  readonly whole: boolean;
}

interface Node {
  readonly path: string;
  readonly approved: Approved;
  readonly people: Set<PrincipalName>;
  readonly from: Set<Content>;
  /** Changes from here, which count once this content is covered. */
  readonly onward: { readonly to: Node; readonly by: ReadonlySet<PrincipalName> }[];
  /** Whether the approvals that lead here were looked at. */
  entered: boolean;
  whole: boolean;
  covered: boolean;
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
  /** Newly covered contents, whose onward changes are still to be counted. */
  readonly #ready: Node[] = [];

  constructor(approvals: Approvals, reach: Reach, weighing: Weighing) {
    this.#approvals = approvals;
    this.#reach = reach;
    this.#weighing = weighing;
  }

  of(path: string, content: Content): Coverage {
    const approved = this.#approvals.all(content, content.sha256)[0];
    if (!approved) return NOBODY;
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
    for (const approval of this.#towards(node)) {
      const { path, before, by } = approval;
      if (before === undefined) {
        if (this.#vouch(node, by)) node.whole = true;
        continue;
      }
      for (const approved of this.#approvals.all(before, before.sha256)) {
        const earlier = this.#node(path, approved);
        if (earlier.covered) this.#rest(node, earlier, by);
        else earlier.onward.push({ to: node, by });
        if (!earlier.entered) open.push(earlier);
      }
    }
  }

  #towards({ path, approved }: Node): readonly Approval[] {
    const { source, anywhere } = this.#reach;
    if (anywhere) return approved.approvals;
    return approved
      .near(path)
      .filter((one) => one.path === path && (one.source === undefined || one.source === source));
  }

  #spread(node: Node): void {
    for (const { to, by } of node.onward.splice(0)) this.#rest(to, node, by);
  }

  /** A change of what is covered counts. */
  #rest(node: Node, on: Node, by: ReadonlySet<PrincipalName>): void {
    if (this.#vouch(node, by)) node.from.add(on.approved.content);
  }

  /** Whether any of them counts. */
  #vouch(node: Node, by: ReadonlySet<PrincipalName>): boolean {
    const { wrote, hears } = this.#weighing;
    const authors = wrote(node.approved.content);
    let counted = false;
    for (const name of by) {
      if (!hears(name) || authors.has(name)) continue;
      node.people.add(name);
      counted = true;
    }
    if (counted && !node.covered && this.#holds(node)) {
      node.covered = true;
      this.#ready.push(node);
    }
    return counted;
  }

  #holds({ path, approved, people }: Node): boolean {
    return !this.#weighing.isFlagged(path, approved.content) && this.#weighing.suffices(people);
  }
}

const NOBODY: Coverage = { covered: false, people: new Set(), from: new Set(), whole: false };

function newNode(path: string, approved: Approved): Node {
  return {
    path,
    approved,
    people: new Set(),
    from: new Set(),
    onward: [],
    entered: false,
    whole: false,
    covered: false,
  };
}
