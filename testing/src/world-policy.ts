/** Rules as a test writes them -> the files of a trust repository. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Person } from "./world-people.ts";
import { emailOf } from "./world-repository.ts";

/** `any` of `of`; a list alone means any one of it. */
export type GroupSpec =
  | readonly (Person | string)[]
  | {
      readonly any: number;
      readonly of: readonly (Person | string)[];
      /** Whom people certify, as its table stands: `{ by = "masters", any = 2, keyring = "keys/ring.gpg" }`. */
      readonly certified?: string;
    };

export interface RuleSpec {
  readonly paths: readonly string[];
  /** Absent: a rule of a slice. */
  readonly write?: string | { readonly any: number; readonly of: readonly (Person | string)[] };
  readonly review?: NonNullable<RuleSpec["write"]>;
  readonly mergeIsReview?: boolean;
  readonly anywhere?: boolean;
  readonly waive?: string;
  /** Lines of the rule's table, as they stand. */
  readonly more?: string;
}

export interface SourceSpec {
  readonly introduction: CommitId;
  /** Role that signed the introduction: `writer` unless told, and nobody for a slice. */
  readonly signedBy?: string;
  readonly authenticate?: "every-commit" | "first-parent" | "tip" | "slice";
  /** Default: role `writer` writes everything, or has to have read it for a slice. */
  readonly rules?: readonly RuleSpec[];
  readonly url?: string;
  /** In place of `url`, where there are several. */
  readonly urls?: readonly string[];
  readonly goodlist?: readonly CommitId[];
  /** Lines of the source's table, as they stand. */
  readonly more?: string;
}

export interface PolicySpec {
  readonly name?: string;
  /** Unix seconds. Default: 2090. */
  readonly expires?: number;
  /** One key each, or several keys to one name. */
  readonly people: readonly Person[] | Readonly<Record<string, readonly Person[]>>;
  /** `root` and `writer` are everybody, any one, unless told. */
  readonly roles?: Readonly<Record<string, GroupSpec>>;
  readonly sources?: Readonly<Record<string, SourceSpec>>;
  /** FIDO keys of these people must prove a touch, or a PIN. */
  readonly touch?: readonly Person[];
  readonly pin?: readonly Person[];
  /** What root says of a key's life, as it stands in its table: `retired = { after = "..." }`. */
  readonly life?: ReadonlyMap<Person, string>;
  /** Everybody has the address that they commit under. */
  readonly emails?: boolean;
  /** Lines at the top, as they stand. */
  readonly top?: string;
  /** Lines at the end, as they stand. */
  readonly more?: string;
}

const IN_2090 = 3_786_912_000;

/** firstmile.toml and the key files, by path. */
export async function policyFiles(spec: PolicySpec): Promise<Map<string, Uint8Array>> {
  const people = Array.isArray(spec.people)
    ? Object.fromEntries(spec.people.map((person: Person) => [person.name, [person]]))
    : (spec.people as Readonly<Record<string, readonly Person[]>>);
  const files = new Map<string, Uint8Array>([["firstmile.toml", Buffer.from(rules(spec, people))]]);
  for (const person of Object.values(people).flat()) files.set(person.keyFile, await person.publicKey());
  return files;
}

function rules(spec: PolicySpec, people: Readonly<Record<string, readonly Person[]>>): string {
  const everybody = { any: 1, of: Object.keys(people) };
  const roles: Record<string, GroupSpec> = { root: everybody, writer: everybody, ...spec.roles };
  return [
    "format = 1",
    `name = ${JSON.stringify(spec.name ?? "world")}`,
    `expires = ${new Date((spec.expires ?? IN_2090) * 1000).toISOString().replace(".000", "")}`,
    spec.top ?? "",
    ...Object.entries(people).map(
      ([name, keys]) =>
        `[principal.${name}]\n${spec.emails ? `email = "${emailOf(name)}"\n` : ""}keys = [${keys.map((key) => keyEntry(spec, key)).join(", ")}]`,
    ),
    "[role]",
    ...Object.entries(roles).map(([name, group]) => `${name} = ${groupText(group)}`),
    ...Object.entries(spec.sources ?? {}).map(([name, source]) => sourceText(name, source)),
    spec.more ?? "",
  ].join("\n");
}

function keyEntry({ touch, pin, life }: PolicySpec, key: Person): string {
  const said = [
    touch?.includes(key) ? "touch = true" : "",
    pin?.includes(key) ? "pin = true" : "",
    life?.get(key) ?? "",
  ];
  const demands = said.filter(Boolean);
  const file = JSON.stringify(key.keyFile);
  return demands.length === 0 ? file : `{ file = ${file}, ${demands.join(", ")} }`;
}

function groupText(group: GroupSpec): string {
  const { any, of, certified } = "any" in group ? group : { any: 1, of: group, certified: undefined };
  const members = of.map((member) => JSON.stringify(typeof member === "string" ? member : member.name));
  return `{ any = ${any}, of = [${members.join(", ")}]${certified === undefined ? "" : `, certified = ${certified}`} }`;
}

function sourceText(name: string, source: SourceSpec): string {
  const isSlice = source.authenticate === "slice";
  const list = source.rules ?? [{ paths: ["**"], ...(isSlice ? { review: "writer" } : { write: "writer" }) }];
  const signedBy = source.signedBy ?? (isSlice ? undefined : "writer");
  const signed = signedBy === undefined ? "" : `, signed_by = "${signedBy}"`;
  return [
    `[source.${name}]`,
    `urls = ${JSON.stringify(source.urls ?? [source.url ?? `https://example.org/${name}`])}`,
    `authenticate = ${JSON.stringify(source.authenticate ?? "every-commit")}`,
    `introduction = { commit = "${source.introduction}"${signed} }`,
    source.goodlist ? `goodlist = ${JSON.stringify(source.goodlist)}` : "",
    source.more ?? "",
    ...list.map((rule) => ruleText(name, rule)),
  ].join("\n");
}

function ruleText(source: string, rule: RuleSpec): string {
  const { paths, write, review, mergeIsReview, anywhere, waive, more } = rule;
  const who = (group: NonNullable<RuleSpec["write"]>) =>
    typeof group === "string" ? JSON.stringify(group) : groupText(group);
  return [
    `[[source.${source}.rule]]`,
    `paths = ${JSON.stringify(paths)}`,
    ...(write === undefined ? [] : [`write = ${who(write)}`]),
    ...(review === undefined ? [] : [`review = ${who(review)}`]),
    ...(mergeIsReview === undefined ? [] : [`merge_is_review = ${mergeIsReview}`]),
    ...(anywhere === undefined ? [] : [`anywhere = ${anywhere}`]),
    ...(waive === undefined ? [] : [`waive = "${waive}"`]),
    ...(more === undefined ? [] : [more]),
  ].join("\n");
}
