/**
 * Roles and inline groups: names resolved, cycles and impossible thresholds refused. A role that is broken, or names
 * a broken one, is left out here, so that its defect is told once and not again wherever it is used.
 */

import { MAX_ACTIVATIONS, MAX_GROUPS, MAX_MEMBERS } from "./assignment.ts";
import { checkShape } from "./check.ts";
import type { DefectList, Position } from "./defect.ts";
import { child, entries, type Node } from "./document.ts";
import { isName, NAME_RULE, type PrincipalName, type RoleName } from "./names.ts";
import { listed, nearest, quoted } from "./nearest.ts";
import type { Group, Member } from "./policy.ts";
import { type GroupShape, groupShape } from "./shape.ts";

/** Most roles and most principals of a policy. */
export const MAX_NAMED = 500;

export class GroupReader {
  readonly #principals: ReadonlySet<string>;
  readonly #roles: ReadonlyMap<string, Node>;
  readonly #defects: DefectList;
  /** Sound roles; undefined while a role is being read, and where it is broken. */
  readonly #read = new Map<string, Group | undefined>();
  readonly #sizes = new Map<Group, GroupSize>();
  readonly #path: string[] = [];

  constructor(principals: ReadonlySet<string>, roleTable: Node | undefined, defects: DefectList) {
    this.#principals = principals;
    this.#roles = new Map(entries(roleTable).slice(0, MAX_NAMED));
    this.#defects = defects;
  }

  /** Every sound role, in the order of the file. */
  roles(): Map<RoleName, Group> {
    const sound = new Map<RoleName, Group>();
    for (const [name, node] of this.#roles) {
      this.#checkName(name, node);
      const group = this.#role(name, node.keyAt);
      if (group) sound.set(name as RoleName, group);
    }
    return sound;
  }

  /** A role by name from outside of `[role]`: whether it is defined at all. */
  named(name: string, at: Position): RoleName | undefined {
    if (this.#roles.has(name)) return name as RoleName;
    if (this.#principals.has(name)) {
      const help = `define a role with this member: NAME = { any = 1, of = [${quoted(name)}] }`;
      this.#defects.add(at, "unknown-role", `${quoted(name)} is a principal, not a role`, help);
      return undefined;
    }
    this.#defects.add(
      at,
      "unknown-role",
      `there is no role ${quoted(name)}`,
      known(name, this.#roles.keys()),
    );
    return undefined;
  }

  /** The group of a sound role; undefined where it is broken. */
  group(name: RoleName): Group | undefined {
    return this.#read.get(name);
  }

  /** An inline group: undefined, with its defects listed, where it is broken. */
  inline(shape: GroupShape, node: Node): Group | undefined {
    return this.#resolve(shape, node);
  }

  #checkName(name: string, node: Node): void {
    if (!isName(name))
      this.#defects.add(node.keyAt, "bad-name", `${quoted(name)} is no role's name`, NAME_RULE);
    if (this.#principals.has(name)) {
      const problem = `${quoted(name)} is a principal and a role`;
      this.#defects.add(node.keyAt, "name-clash", problem, "rename one: members could not tell them apart");
    }
  }

  #role(name: string, at: Position): Group | undefined {
    const open = this.#path.indexOf(name);
    if (open >= 0) {
      const cycle = [...this.#path.slice(open), name].join(" -> ");
      this.#defects.add(
        at,
        "role-cycle",
        `roles contain each other: ${cycle}`,
        "remove one of these members",
      );
      return undefined;
    }
    if (this.#read.has(name)) return this.#read.get(name);
    const node = this.#roles.get(name)!;
    this.#path.push(name);
    const shape = checkShape(groupShape, node, "group", this.#defects);
    const group = shape && this.#resolve(shape, node);
    this.#path.pop();
    this.#read.set(name, group);
    return group;
  }

  #resolve(shape: GroupShape, node: Node): Group | undefined {
    const sound = this.#checkThreshold(shape, node);
    const list = child(node, "of") ?? node;
    const members = shape.of.map((member, i) => this.#member(member, child(list, i) ?? list));
    const complete = members.filter((member) => member !== undefined);
    if (!sound || complete.length < members.length) return undefined;
    if (this.#hasDuplicates(complete, list)) return undefined;
    const group = { any: shape.any, of: complete };
    return this.#isSimpleEnough(group, node) ? group : undefined;
  }

  #checkThreshold({ any, of }: GroupShape, node: Node): boolean {
    const at = child(node, "any")?.at ?? node.at;
    if (of.length === 0) {
      const problem = "the group has no members, so nobody could ever meet it";
      this.#defects.add(child(node, "of")?.at ?? at, "empty-group", problem, "list at least one member");
      return false;
    }
    if (any < 1) {
      const problem = `any = ${any} would be met by nobody at all`;
      this.#defects.add(at, "bad-threshold", problem, "write 1 or more");
      return false;
    }
    if (any <= of.length) return true;
    const problem = `any = ${any}, but the group has ${of.length} member${of.length === 1 ? "" : "s"}`;
    this.#defects.add(at, "threshold-too-high", problem, `write ${of.length} or less, or add members`);
    return false;
  }

  #member(member: string | GroupShape, node: Node): Member | undefined {
    if (typeof member !== "string") {
      const group = this.#resolve(member, node);
      return group && { kind: "group", group };
    }
    if (this.#principals.has(member)) return { kind: "principal", name: member as PrincipalName };
    if (this.#roles.has(member)) {
      return this.#role(member, node.at) && { kind: "role", name: member as RoleName };
    }
    const names = [...this.#principals, ...this.#roles.keys()];
    const problem = `there is no principal or role ${quoted(member)}`;
    this.#defects.add(node.at, "unknown-member", problem, known(member, names));
    return undefined;
  }

  /** Listed twice, one person would seem to be two members. */
  #hasDuplicates(members: readonly Member[], list: Node): boolean {
    const seen = new Set<string>();
    let found = false;
    for (const [i, member] of members.entries()) {
      if (member.kind === "group") continue;
      if (seen.has(member.name)) {
        const at = child(list, i)?.at ?? list.at;
        const problem = `${quoted(member.name)} is listed twice in this group`;
        this.#defects.add(at, "duplicate-member", problem, "remove one: it would still count once");
        found = true;
      }
      seen.add(member.name);
    }
    return found;
  }

  /** Whoever writes the policy must not make a decision slow: roles within roles can double at each step. */
  #isSimpleEnough(group: Group, node: Node): boolean {
    const sizes = group.of.map((member) => this.#sizeOf(member));
    const inner = sizes.filter((size) => size.groups > 0);
    const total: GroupSize = {
      members: sum(sizes.map((size) => size.members)),
      groups: 1 + sum(inner.map((size) => size.groups)),
      activations: chosen(
        inner.map((size) => size.activations),
        group.any,
      ),
    };
    this.#sizes.set(group, total);
    if (total.members <= MAX_MEMBERS && total.groups <= MAX_GROUPS && total.activations <= MAX_ACTIVATIONS) {
      return true;
    }
    const problem = `the group comes to ${total.members} members in ${total.groups} groups that could be met in ${total.activations} ways`;
    const help = `stay within ${MAX_MEMBERS} members, ${MAX_GROUPS} groups and ${MAX_ACTIVATIONS} ways: list people directly`;
    this.#defects.add(node.keyAt, "group-too-complex", problem, help);
    return false;
  }

  #sizeOf(member: Member): GroupSize {
    if (member.kind === "principal") return { members: 1, groups: 0, activations: 1 };
    const group = member.kind === "group" ? member.group : this.#read.get(member.name);
    return this.#sizes.get(group!)!;
  }
}

interface GroupSize {
  readonly members: number;
  readonly groups: number;
  /** In how many ways inner groups can be the ones that are met. */
  readonly activations: number;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** The sum over all choices of at most `any` of `ways`, each choice counting the product of its ways. */
function chosen(ways: readonly number[], any: number): number {
  const bySize = [1];
  for (const way of ways) {
    for (let size = Math.min(any, bySize.length); size > 0; size--) {
      bySize[size] = (bySize[size] ?? 0) + bySize[size - 1]! * way;
    }
  }
  return sum(bySize);
}

function known(word: string, names: Iterable<string>): string {
  const all = [...names];
  if (all.length === 0) return "define it first";
  const near = nearest(word, all);
  return `${near === undefined ? "" : `did you mean ${quoted(near)}? `}known: ${listed(all)}`;
}
