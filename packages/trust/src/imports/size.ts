/**
 * Whether a group is still simple enough to be counted once imported roles are spelled out in it. Against: two
 * repositories, each of which loads, that together make a decision slow.
 */
import { MAX_ACTIVATIONS, MAX_GROUPS, MAX_MEMBERS } from "../policy/assignment.ts";
import type { RoleName } from "../policy/names.ts";
import type { Group, Member } from "../policy/policy.ts";

interface Size {
  readonly members: number;
  readonly groups: number;
  /** In how many ways inner groups can be the ones that are met. */
  readonly activations: number;
}

const SINGLE: Size = { members: 1, groups: 0, activations: 1 };

export class GroupSizes {
  readonly #roles: ReadonlyMap<RoleName, Group>;
  readonly #sizes = new Map<Group, Size>();

  constructor(roles: ReadonlyMap<RoleName, Group>) {
    this.#roles = roles;
  }

  isSimpleEnough(group: Group): boolean {
    const { members, groups, activations } = this.#sizeOf(group);
    return members <= MAX_MEMBERS && groups <= MAX_GROUPS && activations <= MAX_ACTIVATIONS;
  }

  #sizeOf(group: Group): Size {
    const known = this.#sizes.get(group);
    if (known) return known;
    const sizes = group.of.map((member) => this.#sizeOfMember(member));
    const inner = sizes.filter(({ groups }) => groups > 0);
    const size = {
      members: sizes.reduce((sum, { members }) => sum + members, 0),
      groups: 1 + inner.reduce((sum, { groups }) => sum + groups, 0),
      activations: choices(
        inner.map(({ activations }) => activations),
        group.any,
      ),
    };
    this.#sizes.set(group, size);
    return size;
  }

  #sizeOfMember(member: Member): Size {
    if (member.kind === "group") return this.#sizeOf(member.group);
    const role = member.kind === "role" ? this.#roles.get(member.name) : undefined;
    return role ? this.#sizeOf(role) : SINGLE;
  }
}

/** The sum over all choices of at most `any` of `ways`, each choice counting the product of its ways. */
function choices(ways: readonly number[], any: number): number {
  const bySize = [1];
  for (const way of ways) {
    for (let size = Math.min(any, bySize.length); size > 0; size--) {
      bySize[size] = (bySize[size] ?? 0) + bySize[size - 1]! * way;
    }
  }
  return bySize.reduce((a, b) => a + b, 0);
}
