/** The groups that rules rest on, by what their members have to sign: whoever loads a policy sees whether they can. */
import { child, type Node } from "./document.ts";
import type { GroupReader } from "./groups.ts";
import type { RoleName } from "./names.ts";
import type { Group } from "./policy.ts";
import type { GroupShape } from "./shape.ts";

/** A group that a rule rests on, and where the policy says so. */
export interface GroupUse {
  readonly group: Group;
  readonly role: RoleName | undefined;
  readonly node: Node;
}

export class GroupUses {
  readonly #groups: GroupReader;
  /** Groups whose members sign commits. */
  readonly signing: GroupUse[] = [];
  /** Groups whose members sign outputs. */
  readonly building: GroupUse[] = [];

  constructor(groups: GroupReader) {
    this.#groups = groups;
  }

  /** A role of people, by name. */
  signers(name: string, node: Node): RoleName | undefined {
    return this.#named(name, node, this.signing);
  }

  /** A role of builders, by name. */
  builders(name: string, node: Node): RoleName | undefined {
    return this.#named(name, node, this.building);
  }

  /** The role whose waivers count for what a table is about. */
  waive(role: string | undefined, table: Node): RoleName | undefined {
    return role === undefined ? undefined : this.signers(role, child(table, "waive")!);
  }

  /** People by a role's name, or a group in place. */
  who(shape: string | GroupShape, node: Node): { group: Group; role: RoleName | undefined } | undefined {
    const role = typeof shape === "string" ? this.#groups.named(shape, node.at) : undefined;
    const group =
      typeof shape === "string" ? role && this.#groups.group(role) : this.#groups.inline(shape, node);
    if (!group) return undefined;
    this.signing.push({ group, role, node });
    return { group, role };
  }

  #named(name: string, node: Node, uses: GroupUse[]): RoleName | undefined {
    const role = this.#groups.named(name, node.at);
    const group = role && this.#groups.group(role);
    if (group) uses.push({ group, role, node });
    return role;
  }
}
