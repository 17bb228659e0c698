/**
 * Roles and inline groups: names resolved, cycles and impossible thresholds refused. A role that is broken, or names
 * a broken one, is left out here, so that its defect is told once and not again wherever it is used.
 */

import type { OpenPgpCertificate } from "@firstmile/formats/openpgp/certificate";
import { MAX_ACTIVATIONS, MAX_GROUPS, MAX_MEMBERS } from "./assignment.ts";
import { checkShape } from "./check.ts";
import type { DefectList, Position } from "./defect.ts";
import { child, entries, type Node } from "./document.ts";
import { type ImportName, isName, NAME_RULE, type PrincipalName, type RoleName } from "./names.ts";
import { listed, nearest, quoted } from "./nearest.ts";
import type { Group, Import, Member } from "./policy.ts";
import { type CertifiedShape, type GroupShape, groupShape } from "./shape.ts";
import { tomlKey } from "./toml-key.ts";

/** Most roles and most principals of a policy. */
export const MAX_NAMED = 500;

/** Where members come from that are neither principals nor roles of this file. */
export interface Beyond {
  readonly imports: ReadonlyMap<ImportName, Pick<Import, "roles"> | undefined>;
  /** The certificates of a keyring file; undefined where it is broken, which is told. */
  readonly keyring: (file: string, at: Position) => readonly OpenPgpCertificate[] | undefined;
}

export class GroupReader {
  readonly #principals: ReadonlySet<string>;
  readonly #roles: ReadonlyMap<string, Node>;
  readonly #defects: DefectList;
  /** Sound roles; undefined while a role is being read, and where it is broken. */
  readonly #read = new Map<string, Group | undefined>();
  readonly #sizes = new Map<Group, GroupSize>();
  readonly #path: string[] = [];
  readonly #beyond: Beyond;

  constructor(
    principals: ReadonlySet<string>,
    roleTable: Node | undefined,
    beyond: Beyond,
    defects: DefectList,
  ) {
    this.#principals = principals;
    this.#roles = new Map(entries(roleTable).slice(0, MAX_NAMED));
    this.#beyond = beyond;
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
    const listed = (shape.of ?? []).map((member, i) => this.#member(member, child(list, i) ?? list));
    const certified = shape.certified && this.#certified(shape.certified, child(node, "certified")!);
    const members = shape.certified === undefined ? listed : [...listed, certified];
    const complete = members.filter((member) => member !== undefined);
    if (!sound || complete.length < members.length) return undefined;
    if (this.#hasDuplicates(complete, list)) return undefined;
    const group = { any: shape.any, of: complete };
    return this.#isSimpleEnough(group, node) ? group : undefined;
  }

  #checkThreshold({ any, of = [], certified }: GroupShape, node: Node): boolean {
    const at = child(node, "any")?.at ?? node.at;
    if (certified !== undefined && any >= 1) return true;
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
    if (member.includes("/")) return this.#imported(member, node.at);
    const names = [...this.#principals, ...this.#roles.keys()];
    const problem = `there is no principal or role ${quoted(member)}`;
    this.#defects.add(node.at, "unknown-member", problem, known(member, names));
    return undefined;
  }

  #imported(member: string, at: Position): Member | undefined {
    const [from, role, ...more] = member.split("/") as [ImportName, RoleName, ...string[]];
    const known = this.#beyond.imports.get(from);
    if (!known && this.#beyond.imports.has(from)) return undefined;
    if (!known || more.length > 0) {
      const help = `write IMPORT/ROLE; imports: ${listed([...this.#beyond.imports.keys()]) || "none"}`;
      this.#defects.add(at, "unknown-import", `there is no import for the member ${quoted(member)}`, help);
      return undefined;
    }
    if (known.roles.includes(role)) return { kind: "imported", from, role };
    const help = `add ${quoted(role)} to roles of [import.${tomlKey(from)}], or use ${listed([...known.roles])}`;
    this.#defects.add(
      at,
      "role-not-imported",
      `the import ${from} does not take the role ${quoted(role)}`,
      help,
    );
    return undefined;
  }

  #certified(shape: CertifiedShape, node: Node): Member | undefined {
    const by = child(node, "by")!;
    const group = typeof shape.by === "string" ? this.#roleFor(shape.by, by) : this.#resolve(shape.by, by);
    const certificates = this.#beyond.keyring(shape.keyring, child(node, "keyring")!.at);
    if (!group || !certificates) return undefined;
    if (!this.#isOfListedPeople(group)) {
      const problem =
        "certifiers must be principals of this file: whoever is certified or imported certifies nobody";
      this.#defects.add(by.at, "bad-value", problem, "name a role of listed people");
      return undefined;
    }
    const counted = shape.any === undefined ? group : { any: shape.any, of: group.of };
    if (shape.any !== undefined && !this.#checkThreshold({ any: shape.any, of: group.of.map(String) }, node))
      return undefined;
    this.#isSimpleEnough(counted, node);
    return { kind: "certified", certified: { by: counted, keyring: shape.keyring, certificates } };
  }

  #isOfListedPeople(group: Group): boolean {
    return group.of.every((member) => {
      if (member.kind === "principal") return true;
      if (member.kind === "group") return this.#isOfListedPeople(member.group);
      const inner = member.kind === "role" ? this.#read.get(member.name) : undefined;
      return inner !== undefined && this.#isOfListedPeople(inner);
    });
  }

  /** A role that another one rests on, read now where it was not yet. */
  #roleFor(name: string, node: Node): Group | undefined {
    return this.named(name, node.at) && this.#role(name, node.at);
  }

  /** Listed twice, one person would seem to be two members. */
  #hasDuplicates(members: readonly Member[], list: Node): boolean {
    const seen = new Set<string>();
    let found = false;
    for (const [i, member] of members.entries()) {
      const name = nameOf(member);
      if (name === undefined) continue;
      if (seen.has(name)) {
        const at = child(list, i)?.at ?? list.at;
        const problem = `${quoted(name)} is listed twice in this group`;
        this.#defects.add(at, "duplicate-member", problem, "remove one: it would still count once");
        found = true;
      }
      seen.add(name);
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
    if (member.kind !== "role" && member.kind !== "group") return { members: 1, groups: 0, activations: 1 };
    const group = member.kind === "group" ? member.group : this.#read.get(member.name);
    return this.#sizes.get(group!)!;
  }
}

function nameOf(member: Member): string | undefined {
  if (member.kind === "imported") return `${member.from}/${member.role}`;
  return member.kind === "principal" || member.kind === "role" ? member.name : undefined;
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
