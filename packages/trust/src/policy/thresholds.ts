/**
 * Counting people. A group `{ any = N, of = [...] }` is met when N of its members are met, each by people of its own:
 * nobody stands for two members of one group, however roles and groups are nested, so that one person can never be
 * two. A principal as a member is met by that principal; a role or group as a member is met as it says itself, and
 * then is one member met.
 *
 * Among builders an operator is what counts: principals of one operator are one vote.
 */
import { activations, assign, type Demands, type GroupTree, spellOut, type Voter } from "./assignment.ts";
import { completions } from "./completion.ts";
import type { PrincipalName } from "./names.ts";
import type { Group, Policy } from "./policy.ts";

/** What counting needs of a policy. */
export type Electorate = Pick<Policy, "principals" | "roles">;

/** How a count came out, and why. Lists are sorted and without duplicates. */
export interface Tally {
  readonly met: boolean;
  /** The group's own threshold, in members. */
  readonly any: number;
  /** Met: people who meet it, as few as suffice. Not met: the most of those present who count towards it. */
  readonly counted: readonly PrincipalName[];
  /** Everybody in the group, at any depth, who is not among those present. */
  readonly missing: readonly PrincipalName[];
  /** Not met: the smallest sets of people who would complete it, at most `MAX_COMPLETIONS`; empty if nobody could. */
  readonly completions: readonly (readonly PrincipalName[])[];
}

/** Whether `who` meet the group, counted by person. Names that are not in the group change nothing. */
export function meets(group: Group, who: ReadonlySet<PrincipalName>, policy: Electorate): Tally {
  return tally(group, who, policy, byPerson);
}

/** The same, counted by operator. */
export function meetsByOperator(group: Group, who: ReadonlySet<PrincipalName>, policy: Electorate): Tally {
  return tally(group, who, policy, byOperator(policy));
}

/** The same answer without its explanation, for whoever needs no more: explaining costs the most where it is "no". */
export function isMet(group: Group, who: ReadonlySet<PrincipalName>, policy: Electorate): boolean {
  return holds(group, who, policy, byPerson);
}

/** As `isMet`, counted by operator. */
export function isMetByOperator(group: Group, who: ReadonlySet<PrincipalName>, policy: Electorate): boolean {
  return holds(group, who, policy, byOperator(policy));
}

/** Everybody in the group, at any depth: whose word is heard where one word is enough, as for a rejection. */
export function peopleOf(group: Group, { roles }: Pick<Electorate, "roles">): ReadonlySet<PrincipalName> {
  return new Set(spellOut(group, roles).people);
}

const byPerson: Voter = (name) => name;
const byOperator =
  (policy: Electorate): Voter =>
  (name) =>
    policy.principals.get(name)?.operator ?? name;

function holds(group: Group, who: ReadonlySet<PrincipalName>, policy: Electorate, voter: Voter): boolean {
  const tree = spellOut(group, policy.roles);
  const votes = new Set(tree.people.filter((name) => who.has(name)).map(voter)).size;
  return activations(tree).some((demands) => {
    const needed = demands.reduce((a, b) => a + b, 0);
    // Matching is what costs: without enough votes it cannot succeed.
    return needed <= votes && assign(tree, demands, who, voter).length === needed;
  });
}

function tally(group: Group, who: ReadonlySet<PrincipalName>, policy: Electorate, voter: Voter): Tally {
  const tree = spellOut(group, policy.roles);
  const choices = activations(tree);
  const missing = tree.people.filter((name) => !who.has(name));
  const best = closest(tree, choices, who, voter);
  const met = best.short === 0;
  return {
    met,
    any: group.any,
    counted: best.counted.toSorted(),
    missing,
    completions: met ? [] : completions(tree, choices, who, voter),
  };
}

function closest(
  tree: GroupTree,
  choices: readonly Demands[],
  who: ReadonlySet<PrincipalName>,
  voter: Voter,
) {
  let best: { short: number; counted: PrincipalName[] } = { short: Number.POSITIVE_INFINITY, counted: [] };
  for (const demands of choices) {
    const counted = assign(tree, demands, who, voter);
    const short = demands.reduce((a, b) => a + b, 0) - counted.length;
    if (short < best.short) best = { short, counted };
    if (short === 0) break;
  }
  return best;
}
