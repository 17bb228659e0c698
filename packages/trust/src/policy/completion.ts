/** The cheapest remedy for an unmet group: the smallest sets of further people who would meet it. */
import { assign, type Demands, type GroupTree, type Voter } from "./assignment.ts";
import type { PrincipalName } from "./names.ts";

/** Most sets listed. */
export const MAX_COMPLETIONS = 8;
/** Most matchings tried: this only explains a decision, so where it ends early the list is shorter. */
const BUDGET = 2_000;

type People = readonly PrincipalName[];

export function completions(
  tree: GroupTree,
  choices: readonly Demands[],
  who: ReadonlySet<PrincipalName>,
  voter: Voter,
): People[] {
  const search = new Search(tree, choices, who, voter);
  for (let size = 1; size <= search.candidates.length; size++) {
    const found = search.ofSize(size);
    if (found.length > 0 || search.spent) return found;
  }
  return [];
}

class Search {
  readonly candidates: People;
  readonly #tree: GroupTree;
  readonly #choices: readonly Demands[];
  readonly #who: ReadonlySet<PrincipalName>;
  readonly #voter: Voter;
  #left = BUDGET;

  constructor(tree: GroupTree, choices: readonly Demands[], who: ReadonlySet<PrincipalName>, voter: Voter) {
    this.#tree = tree;
    this.#who = who;
    this.#voter = voter;
    this.candidates = tree.people.filter((name) => !who.has(name));
    const everyone = new Set([...who, ...this.candidates]);
    this.#choices = choices.filter((demands) => this.#short(demands, everyone) === 0);
  }

  get spent(): boolean {
    return this.#left <= 0;
  }

  ofSize(size: number): People[] {
    const found = new Map<string, People>();
    for (const demands of this.#choices) this.#extend(demands, [], 0, size, found);
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, people]) => people);
  }

  /** Each further person fills at most one demand more: a choice that is short of more than are to come is left. */
  #extend(demands: Demands, added: People, from: number, size: number, found: Map<string, People>): void {
    if (found.size >= MAX_COMPLETIONS || this.spent) return;
    const short = this.#short(demands, new Set([...this.#who, ...added]));
    if (added.length === size) {
      if (short === 0) found.set(added.join(" "), added);
      return;
    }
    if (short > size - added.length) return;
    const rest = new Set([...this.#who, ...added, ...this.candidates.slice(from)]);
    if (this.#short(demands, rest) > 0) return;
    for (let i = from; i < this.candidates.length; i++) {
      this.#extend(demands, [...added, this.candidates[i]!], i + 1, size, found);
    }
  }

  #short(demands: Demands, who: ReadonlySet<PrincipalName>): number {
    this.#left--;
    return demands.reduce((a, b) => a + b, 0) - assign(this.#tree, demands, who, this.#voter).length;
  }
}
