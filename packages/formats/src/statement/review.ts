/**
 * `urn:firstmile:review:1`: who signs has read a change.
 *
 * Claims: a review names what it read by content alone, path by path: the version before and the version after. So it
 * holds for whichever commit makes that change, squashed, rebased or cherry-picked, and for no other. The subjects are
 * the versions after, with SHA-256 beside Git's own id. Names that the reader was shown of directories are carried
 * whole (names.ts). Leaves out: what else a commit does, and how two changes that were read apart act together.
 */
import type { JsonMembers } from "../dsse/json-members.ts";
import type { ObjectId } from "../git/object-id.ts";
import type { JsonObject, JsonValue } from "../nix/json.ts";
import { readStatedNames, type StatedNames, statedNamesJson } from "./names.ts";
import { readNote } from "./note.ts";
import { parsePath, spellPath } from "./path.ts";
import { checkSourceName, readId, type StatementBody } from "./subject.ts";

export interface ReviewStatement {
  readonly kind: "review";
  readonly verdict: ReviewVerdict;
  readonly depth: ReviewDepth;
  /** Whether a machine read it, and its owner only signed. */
  readonly machine: boolean;
  readonly note: string | undefined;
  /** The source that it was read for; undefined: any. */
  readonly source: string | undefined;
  /** Sorted by the bytes of the path, each path once; at least one where there are no names. */
  readonly changes: readonly ReviewedChange[];
  /** What was shown of directories; sorted by the bytes of the path, each path once. Undefined: nothing. */
  readonly names?: readonly StatedNames[] | undefined;
}

export type ReviewVerdict = "approve" | "reject";
/** `read`: every line of the change. `skimmed`: looked over. */
export type ReviewDepth = "read" | "skimmed";

/** One file, before and after; undefined where there is none. Never both undefined, never equal. */
export interface ReviewedChange {
  /** Latin-1, one character a byte. */
  readonly path: string;
  /** With the SHA-256 of its content where the reader had it: then it is no other content of the same SHA-1. */
  readonly before: (FileVersion & Partial<ContentDigest>) | undefined;
  readonly after: (FileVersion & ContentDigest) | undefined;
}

export interface FileVersion {
  /** Of a blob; of a commit where the mode is a submodule's. */
  readonly id: ObjectId;
  /** One of `TREE_MODES`, but no directory's. */
  readonly mode: number;
}

export interface ContentDigest {
  /** SHA-256 of the blob's content, 64 lower-case hex digits; undefined for a submodule. */
  readonly sha256: string | undefined;
}

/** A statement over the limit on its size is reached first; this bounds work on small items. */
const MAX_CHANGES = 10_000;
const SUBMODULE = 0o160000;
const FILE_MODES: ReadonlyMap<string, number> = new Map(
  [0o100644, 0o100755, 0o120000, 0o100664, SUBMODULE].map((mode) => [mode.toString(8), mode]),
);

export function readReview(statement: JsonMembers): ReviewStatement {
  const contents = statement.objects("subject", MAX_CHANGES).map(readContent);
  const predicate = statement.object("predicate");
  const verdict = readWord(predicate, "verdict", ["approve", "reject"]);
  const depth = readWord(predicate, "depth", ["read", "skimmed"]);
  const machine = predicate.boolean("machine");
  const note = readNote(predicate, "note");
  const source = predicate.optionalString("source");
  if (source !== undefined) checkSourceName(predicate, "source", source);
  const digests = new Map(contents.map(({ path, sha256 }) => [path, sha256]));
  const changes = predicate.objects("changes", MAX_CHANGES).map((change) => readChange(change, digests));
  const names = readStatedNames(predicate);
  checkOrder(predicate, changes);
  if (changes.length + names.length === 0) predicate.fail("changes", "are none");
  if (verdict === "reject" && names.some(({ kind }) => kind === "change"))
    predicate.fail("names", "hold a change; a rejection must name whole listings");
  predicate.end();
  const said = { kind: "review", verdict, depth, machine, note, source, changes } as const;
  return names.length === 0 ? said : { ...said, names };
}

export function reviewBody(review: ReviewStatement): StatementBody {
  const { verdict, depth, machine, note, source } = review;
  const changes = review.changes.map(({ path, before, after }) => ({
    path: spellPath(path),
    before: versionJson(before, before?.sha256),
    after: versionJson(after),
  }));
  const optional = { ...(note === undefined ? {} : { note }), ...(source === undefined ? {} : { source }) };
  const subject = review.changes.flatMap(({ path, after }) => (after ? [contentJson(path, after)] : []));
  const names = statedNamesJson(review.names ?? []);
  return { subject, predicate: { verdict, depth, machine, ...optional, changes, ...names } };
}

/** A subject: the content that a path has after the change. */
function readContent(subject: JsonMembers): { path: string; sha256: string | undefined } {
  const path = parsePath(subject.string("name"));
  const digest = subject.object("digest");
  // That id and kind are the change's own is seen when the whole is rendered and compared.
  digest.take("gitBlob");
  digest.take("gitCommit");
  const sha256 = readDigest(digest);
  digest.end();
  subject.end();
  return { path, sha256 };
}

function readDigest(members: JsonMembers): string | undefined {
  const sha256 = members.optionalString("sha256");
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256))
    members.fail("sha256", "is not 64 hexadecimal digits");
  return sha256;
}

function contentJson(path: string, { id, mode, sha256 }: FileVersion & ContentDigest): JsonValue {
  const digest = mode === SUBMODULE ? { gitCommit: id } : { gitBlob: id };
  return { name: spellPath(path), digest: { ...digest, ...(sha256 === undefined ? {} : { sha256 }) } };
}

function readChange(change: JsonMembers, digests: ReadonlyMap<string, string | undefined>): ReviewedChange {
  const path = parsePath(change.string("path"));
  const [before, after] = [readVersion(change, "before"), readVersion(change, "after")];
  change.end();
  if (before?.id === after?.id && before?.mode === after?.mode) change.fail("after", "is what was before");
  if (after === undefined) return { path, before, after };
  const sha256 = digests.get(path);
  if ((sha256 === undefined) !== (after.mode === SUBMODULE)) {
    change.fail("after", "has no subject, or one without the SHA-256 of its content");
  }
  return { path, before, after: { ...after, sha256 } };
}

/** The digest of what comes after is in its subject. */
function readVersion(
  change: JsonMembers,
  key: "before" | "after",
): (FileVersion & Partial<ContentDigest>) | undefined {
  const version = change.nullableObject(key);
  if (version === undefined) return undefined;
  const mode = FILE_MODES.get(version.string("mode")) ?? version.fail("mode", "is not one of a file");
  const id = readId(version, mode === SUBMODULE ? "gitCommit" : "gitBlob");
  const sha256 = key === "before" && mode !== SUBMODULE ? readDigest(version) : undefined;
  version.end();
  return sha256 === undefined ? { id, mode } : { id, mode, sha256 };
}

function versionJson(version: FileVersion | undefined, sha256?: string): JsonObject | null {
  if (version === undefined) return null;
  const { id, mode } = version;
  const named = mode === SUBMODULE ? { gitCommit: id } : { gitBlob: id };
  return { ...named, mode: mode.toString(8), ...(sha256 === undefined ? {} : { sha256 }) };
}

function readWord<Word extends string>(members: JsonMembers, key: string, words: readonly Word[]): Word {
  const text = members.string(key);
  return words.find((word) => word === text) ?? members.fail(key, `is neither ${words.join(" nor ")}`);
}

/** Latin-1 strings compare as the bytes that they stand for. */
function checkOrder(predicate: JsonMembers, changes: readonly ReviewedChange[]): void {
  for (const [i, { path }] of changes.entries()) {
    if (i > 0 && changes[i - 1]!.path >= path) predicate.fail("changes", "are not sorted by path, each once");
  }
}
