/**
 * What one's own rules need, so that a curator's published slices of a source are accepted: an import of the curator's
 * trust repository, a role that stands for the curators there, and the source that accepts it. Only what is missing is
 * added, and nothing that is there is changed: where that would be needed, a person does it.
 */

import type { Amendment } from "@firstmile/trust/policy/amend";
import { isName, type RoleName, type SourceName } from "@firstmile/trust/policy/names";
import type { Group, Import, Policy, Source } from "@firstmile/trust/policy/policy";
import { tomlKey } from "@firstmile/trust/policy/toml-key";
import type { Introduction } from "@firstmile/trust/root/authenticate";

export interface FollowRequest {
  readonly url: string;
  readonly introduction: Introduction;
  /** Of the curators, there. */
  readonly role: string;
  readonly source: Source;
  /** What the import is called here, unless it is there already. */
  readonly name: string | undefined;
  /** Whose reviews cover what was not published; for a source that is new here. */
  readonly review: string | undefined;
}

export type FollowPlan =
  | { readonly kind: "amend"; readonly amendment: Amendment; readonly role: string }
  /** The rules accept it already. */
  | { readonly kind: "there" }
  | { readonly kind: "refused"; readonly problem: string; readonly help: string };

/** `own`: the rules as they are; `curator`: those of the other repository. */
export function planToFollow(own: Policy, curator: Policy, request: FollowRequest): FollowPlan {
  const { role, source } = request;
  if (!curator.roles.has(role as RoleName))
    return refused(
      `${curator.name} has no role ${role}`,
      `its roles: ${[...curator.roles.keys()].join(", ")}`,
    );
  const known = importOf(own, request);
  const from = known?.name ?? request.name ?? nameFrom(curator.name);
  if (known && !known.roles.includes(role as RoleName))
    return refused(
      `[import.${tomlKey(known.name)}] does not take the role ${role}`,
      `add "${role}" to its roles`,
    );
  if (!known && (!isName(from) || own.imports.has(from as never)))
    return refused(`an import cannot be called ${from} here`, "choose another name: --name NAME");
  const local = roleFor(own, from, role);
  const mine = own.sources.get(source.name);
  if (mine && mine.authenticate !== "slice")
    return refused(
      `source ${source.name} is judged by its commits here`,
      `set authenticate = "slice" in [source.${tomlKey(source.name)}], with rules that ask for reviews`,
    );
  if (mine?.channel === local.name && known) return { kind: "there" };
  if (mine?.channel !== undefined)
    return refused(
      `source ${source.name} follows the role ${mine.channel} already`,
      `add "${from}/${role}" to that role, if either may suffice`,
    );
  const review = request.review ?? (own.roles.has("reviewer" as RoleName) ? "reviewer" : "root");
  return {
    kind: "amend",
    role: local.name,
    amendment: {
      into: [
        ...(local.isNew ? [{ table: ["role"], line: roleLine(local.name, from, role) }] : []),
        ...(mine ? [{ table: ["source", source.name], line: `channel = ${quoted(local.name)}` }] : []),
      ],
      behind: [
        ...(known ? [] : [importLines(from, request)]),
        ...(mine ? [] : [sourceLines(source, local.name, review)]),
      ],
    },
  };
}

function refused(problem: string, help: string): FollowPlan {
  return { kind: "refused", problem, help };
}

function importOf(own: Policy, { introduction }: FollowRequest): Import | undefined {
  const keys = (signedBy: readonly string[]) => signedBy.toSorted().join(" ");
  return [...own.imports.values()].find(
    (one) =>
      (one.introduction.commit as string) === introduction.commit &&
      keys(one.introduction.signedBy) === keys(introduction.signedBy),
  );
}

/** `ACME Corp` may be no name of an import: `acme-corp` is. */
function nameFrom(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, 64);
}

/** A role that is these curators and nobody else, or a name for one. */
function roleFor(own: Policy, from: string, role: string): { name: string; isNew: boolean } {
  for (const name of [role, `${from}-${role}`]) {
    const group = own.roles.get(name as RoleName);
    if (group && isThem(group, from, role)) return { name, isNew: false };
    if (!group && !own.principals.has(name as never)) return { name, isNew: true };
  }
  return { name: `${from}-${role}-1`, isNew: true };
}

function isThem({ of }: Group, from: string, role: string): boolean {
  const [member] = of;
  return of.length === 1 && member?.kind === "imported" && member.from === from && member.role === role;
}

function roleLine(name: string, from: string, role: string): string {
  return `${tomlKey(name)} = { any = 1, of = [${quoted(`${from}/${role}`)}] }`;
}

function importLines(name: string, { url, introduction, role }: FollowRequest): string[] {
  const signedBy = introduction.signedBy.map(quoted).join(", ");
  return [
    `[import.${tomlKey(name)}]`,
    `urls = [${quoted(url)}]`,
    `introduction = { commit = ${quoted(introduction.commit)}, signed_by = [${signedBy}] }`,
    `roles = [${quoted(role)}]`,
  ];
}

/** As the curator has it, with rules of one's own: what was not published is covered by one's own people. */
function sourceLines({ name, urls, introduction }: Source, role: string, review: string): string[] {
  return [
    `[source.${tomlKey(name)}]`,
    `urls = [${urls.map(quoted).join(", ")}]`,
    'authenticate = "slice"',
    `introduction = { commit = ${quoted(introduction.commit)} }`,
    `channel = ${quoted(role)}`,
    `[[source.${tomlKey(name)}.rule]]`,
    'paths = ["**"]',
    `review = ${quoted(review)}`,
  ];
}

/** As a basic string of TOML, which JSON's are. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

/** The source that is meant: the one named, or the only one that is judged by what is read of it. */
export function sourceToFollow(curator: Policy, name: string | undefined): Source | undefined {
  if (name !== undefined) return curator.sources.get(name as SourceName);
  const slices = [...curator.sources.values()].filter(({ authenticate }) => authenticate === "slice");
  return slices.length === 1 ? slices[0] : undefined;
}
