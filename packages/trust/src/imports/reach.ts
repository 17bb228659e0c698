/** Whom and what a role rests on in its own repository, at any depth. */
import type { OpenPgpCertificate } from "@firstmile/formats/openpgp/certificate";
import type { ImportName, PrincipalName, RoleName } from "../policy/names.ts";
import type { Group, Member, Policy } from "../policy/policy.ts";

export interface Reach {
  readonly principals: Set<PrincipalName>;
  /** Roles of further repositories, by the import they come from. */
  readonly imported: Map<ImportName, Set<RoleName>>;
  /** Those by which somebody may be certified. */
  readonly certificates: Set<OpenPgpCertificate>;
}

/** What the groups reach together. Roles contain no cycles: loading refuses them. */
export function reachOf(groups: Iterable<Group>, roles: Policy["roles"]): Reach {
  const reach: Reach = { principals: new Set(), imported: new Map(), certificates: new Set() };
  const found = new Set(groups);
  // What is added while going through a set is gone through as well.
  for (const group of found)
    for (const member of group.of) for (const inner of enter(member, reach, roles)) found.add(inner);
  return reach;
}

/** Notes the member; what it consists of is still to be looked at. */
function enter(
  member: Member,
  { principals, imported, certificates }: Reach,
  roles: Policy["roles"],
): readonly Group[] {
  switch (member.kind) {
    case "principal":
      principals.add(member.name);
      return [];
    case "imported":
      imported.set(member.from, (imported.get(member.from) ?? new Set()).add(member.role));
      return [];
    case "role": {
      const group = roles.get(member.name);
      return group ? [group] : [];
    }
    case "certified":
      for (const certificate of member.certified.certificates) certificates.add(certificate);
      return [member.certified.by];
    case "group":
      return [member.group];
  }
}
