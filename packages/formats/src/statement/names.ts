/**
 * The member `names` of reviews and waivers: what the signer was shown of directories.
 *
 * Claims: a whole listing and single answers carry every name, so no repository is needed to read them. A change of a
 * listing names the listing before it by its SHA-256 and says which entries went and came; it says something only to a
 * reader who knows the listing before, and is compared with the SHA-256 of the one after. Leaves out contents.
 */
import type { JsonMembers } from "../dsse/json-members.ts";
import type { JsonObject, JsonValue } from "../nix/json.ts";
import {
  type AnswerType,
  listingContent,
  type NamedEntry,
  parseDirectory,
  parseEntry,
  spellDirectory,
  spellEntry,
} from "./listing.ts";

export type StatedNames = StatedListing | StatedListingChange | StatedAnswers;

/** Every name of a directory. */
export interface StatedListing {
  readonly kind: "listing";
  /** Latin-1; "" for the root. */
  readonly path: string;
  /** Sorted by the bytes of the names, each name once; may be none. */
  readonly entries: readonly NamedEntry[];
}

/** How a listing differs from one that was shown before. An entry whose type changed is in both lists. */
export interface StatedListingChange {
  readonly kind: "change";
  readonly path: string;
  /** SHA-256 of the listing's text, 64 lower-case hex digits. Never equal. */
  readonly before: string;
  readonly after: string;
  readonly gone: readonly NamedEntry[];
  readonly come: readonly NamedEntry[];
}

/** Some names of a directory, and for each what is there. */
export interface StatedAnswers {
  readonly kind: "answers";
  readonly path: string;
  /** At least one. */
  readonly answers: readonly NamedEntry<AnswerType>[];
}

/** Directories of one statement, and entries of one item. A statement over the limit on its size is reached first. */
export const MAX_NAMES = 10_000;
const MAX_ENTRIES = 100_000;

/** None where the member is absent; it is never empty. */
export function readStatedNames(predicate: JsonMembers): StatedNames[] {
  if (!predicate.has("names")) return [];
  const names = predicate.objects("names", MAX_NAMES).map(readItem);
  if (names.length === 0) predicate.fail("names", "are none");
  if (names.some(({ path }, i) => i > 0 && names[i - 1]!.path >= path))
    predicate.fail("names", "are not sorted by path, each once");
  return names;
}

export function statedNamesJson(names: readonly StatedNames[]): JsonObject {
  return names.length === 0 ? {} : { names: names.map(itemJson) };
}

function readItem(item: JsonMembers): StatedNames {
  const path = parseDirectory(item.string("path"));
  const names = item.has("listing")
    ? ({ kind: "listing", path, entries: readEntries(item, "listing") } as const)
    : item.has("asked")
      ? ({ kind: "answers", path, answers: readAnswers(item) } as const)
      : readChange(item, path);
  item.end();
  return names;
}

function readAnswers(item: JsonMembers): NamedEntry<AnswerType>[] {
  const answers = readAll(item, "asked");
  return answers.length === 0 ? item.fail("asked", "is empty") : answers;
}

function readChange(item: JsonMembers, path: string): StatedListingChange {
  const [before, after] = [readDigest(item, "before"), readDigest(item, "after")];
  const [gone, come] = [readEntries(item, "gone"), readEntries(item, "come")];
  if (before === after || gone.length + come.length === 0) item.fail("after", "is what was before");
  const types = new Map(gone.map(({ name, type }) => [name, type]));
  if (come.some(({ name, type }) => types.get(name) === type)) item.fail("come", "has what is gone");
  return { kind: "change", path, before, after, gone, come };
}

function readDigest(item: JsonMembers, key: string): string {
  const sha256 = item.string(key);
  return /^[0-9a-f]{64}$/.test(sha256) ? sha256 : item.fail(key, "is not 64 hexadecimal digits");
}

function readEntries(item: JsonMembers, key: string): NamedEntry[] {
  const entries = readAll(item, key);
  if (entries.some(({ type }) => type === "-")) item.fail(key, "has a name that is not there");
  return entries as NamedEntry[];
}

function readAll(item: JsonMembers, key: string): NamedEntry<AnswerType>[] {
  const entries = item.strings(key, MAX_ENTRIES).map(parseEntry);
  if (entries.some(({ name }, i) => i > 0 && entries[i - 1]!.name >= name))
    item.fail(key, "is not sorted by name, each once");
  return entries;
}

function itemJson(names: StatedNames): JsonValue {
  const path = spellDirectory(names.path);
  switch (names.kind) {
    case "listing":
      return { path, listing: names.entries.map(spellEntry) };
    case "answers":
      return { path, asked: names.answers.map(spellEntry) };
    case "change": {
      const { before, after, gone, come } = names;
      return { path, before, after, gone: gone.map(spellEntry), come: come.map(spellEntry) };
    }
  }
}

/** The listing after a change; undefined where the change does not lead from these entries to what it names. */
export function changedListing(
  entries: readonly NamedEntry[],
  { after, gone, come }: StatedListingChange,
): NamedEntry[] | undefined {
  const now = new Map(entries.map((entry) => [entry.name, entry]));
  for (const { name, type } of gone) {
    if (now.get(name)?.type !== type) return undefined;
    now.delete(name);
  }
  for (const entry of come) {
    if (now.has(entry.name)) return undefined;
    now.set(entry.name, entry);
  }
  const changed = [...now.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return listingContent(changed).sha256 === after ? changed : undefined;
}

/** What leads from one listing to another. Both must be sorted. */
export function listingDifference(
  before: readonly NamedEntry[],
  after: readonly NamedEntry[],
): { readonly gone: readonly NamedEntry[]; readonly come: readonly NamedEntry[] } {
  const [old, now] = [byName(before), byName(after)];
  return {
    gone: before.filter(({ name, type }) => now.get(name) !== type),
    come: after.filter(({ name, type }) => old.get(name) !== type),
  };
}

function byName(entries: readonly NamedEntry[]): Map<string, NamedEntry["type"]> {
  return new Map(entries.map(({ name, type }) => [name, type]));
}
