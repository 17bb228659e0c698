/**
 * Who can stand for which member of a group, so that nobody stands for two. A group is met when `any` of its members
 * are, each by people of its own; so the people chosen in the whole tree below it all differ. For a fixed choice of
 * the inner groups to be met this is a bipartite matching between voters and groups; the choices are enumerated, and
 * loading refuses policies in which there are many.
 */
import type { PrincipalName, RoleName } from "./names.ts";
import type { Group, Member } from "./policy.ts";

/** Most inner groups of a group, most members of the whole tree, most choices of inner groups. */
export const MAX_GROUPS = 32;
export const MAX_MEMBERS = 500;
export const MAX_ACTIVATIONS = 256;

/** The tree of a group, roles spelled out, parents before children. */
export interface GroupTree {
  readonly groups: readonly TreeGroup[];
  /** Every principal in it, sorted. */
  readonly people: readonly PrincipalName[];
}

export interface TreeGroup {
  readonly any: number;
  readonly parent: number;
  readonly people: readonly PrincipalName[];
}

export function spellOut(group: Group, roles: ReadonlyMap<RoleName, Group>): GroupTree {
  const groups: { any: number; parent: number; people: PrincipalName[] }[] = [];
  const people = new Set<PrincipalName>();
  const visit = (inner: Group, parent: number) => {
    const index = groups.push({ any: inner.any, parent, people: [] }) - 1;
    for (const member of inner.of) {
      if (member.kind === "principal") groups[index]!.people.push(member.name);
      else visit(groupOf(member, roles), index);
    }
    for (const name of groups[index]!.people) people.add(name);
  };
  visit(group, -1);
  return { groups, people: [...people].sort() };
}

/** Members that are still to be filled in, or that nothing could be had for, are met by nobody. */
function groupOf(member: Exclude<Member, { kind: "principal" }>, roles: ReadonlyMap<RoleName, Group>): Group {
  if (member.kind === "group") return member.group;
  return (member.kind === "role" ? roles.get(member.name) : undefined) ?? NOBODY;
}

const NOBODY: Group = { any: 1, of: [] };

/** For each group how many people it needs itself, besides the inner groups chosen to be met; 0 where it is not chosen. */
export type Demands = readonly number[];

/** Every choice of inner groups, the one with the fewest first at each step. */
export function activations(tree: GroupTree): Demands[] {
  const found: Demands[] = [];
  const demands = tree.groups.map((_, i) => (i === 0 ? tree.groups[0]!.any : 0));
  const active = tree.groups.map((_, i) => i === 0);
  const choose = (index: number) => {
    if (index >= tree.groups.length) {
      if (demands.every((need, i) => need <= tree.groups[i]!.people.length)) found.push([...demands]);
      return;
    }
    choose(index + 1);
    const { parent, any } = tree.groups[index]!;
    if (!active[parent] || demands[parent] === 0) return;
    active[index] = true;
    demands[parent]!--;
    demands[index] = any;
    choose(index + 1);
    demands[index] = 0;
    demands[parent]!++;
    active[index] = false;
  };
  choose(1);
  return found;
}

export type Voter = (name: PrincipalName) => string;

/** The most demands that `who` can fill, each voter once: the principals that fill them, by voter. */
export function assign(
  tree: GroupTree,
  demands: Demands,
  who: ReadonlySet<PrincipalName>,
  voter: Voter,
): PrincipalName[] {
  const held = new Map<string, { group: number; name: PrincipalName }>();
  const seekers = tree.groups.map(({ people }) => people.filter((name) => who.has(name)));
  const fill = (group: number, tried: Set<string>): boolean => {
    for (const name of seekers[group]!) {
      const vote = voter(name);
      if (tried.has(vote)) continue;
      tried.add(vote);
      const holder = held.get(vote);
      if (holder && !fill(holder.group, tried)) continue;
      held.set(vote, { group, name });
      return true;
    }
    return false;
  };
  demands.forEach((need, group) => {
    for (let n = 0; n < need && fill(group, new Set()); n++);
  });
  return [...held.values()].map(({ name }) => name);
}
