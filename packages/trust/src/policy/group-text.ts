/** A group as one line for a person: `2 of alice, packager, (1 of bob, carol)`. */
import type { Group, Member } from "./policy.ts";

export function groupText({ any, of }: Group): string {
  return `${any} of ${of.map(memberText).join(", ")}`;
}

export function memberText(member: Member): string {
  switch (member.kind) {
    case "principal":
    case "role":
      return member.name;
    case "group":
      return `(${groupText(member.group)})`;
    case "imported":
      return `${member.from}/${member.role}`;
    case "certified":
      return `whoever is certified by ${groupText(member.certified.by)}`;
  }
}
