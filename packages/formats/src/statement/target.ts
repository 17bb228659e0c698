/**
 * What waivers and distrusts are about: content, outputs and derivations, each by a digest.
 *
 * Claims: one target for each subject and one subject for each target; lists of them are sorted and without
 * repetitions. Content is named by its SHA-256, and so is meant wherever it lies: as a file of a source, or as a
 * download. A path narrows it.
 */
import type { JsonMembers } from "../dsse/json-members.ts";
import type { ObjectId } from "../git/object-id.ts";
import type { JsonValue } from "../nix/json.ts";
import { parsePath, spellPath } from "./path.ts";
import { readId } from "./subject.ts";

export type Target = ContentTarget | StoreTarget;

export interface ContentTarget {
  readonly kind: "content";
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  /** The same content as Git names it, by which it is found in a tree; undefined where it lies in none. */
  readonly id: ObjectId | undefined;
  /** Latin-1: only there. Undefined: wherever it lies. */
  readonly path: string | undefined;
}

/** A derivation or an output, by its base name in the store. */
export interface StoreTarget {
  readonly kind: "store";
  /** `HASH-NAME`, or `HASH-NAME.drv`. */
  readonly baseName: string;
}

/** A statement has room for no more. */
const MAX_TARGETS = 5_000;
const BASE_NAME = /^[0-9a-df-np-sv-z]{32}-[0-9a-zA-Z+._?=-]{1,211}$/;

export function readTargets(statement: JsonMembers): Target[] {
  const targets = statement.objects("subject", MAX_TARGETS).map(readTarget);
  const spelled = targets.map((target) => sortKey(target));
  if (spelled.some((text, i) => i > 0 && spelled[i - 1]! >= text)) {
    statement.fail("subject", "is not sorted, or names something twice");
  }
  return targets;
}

export function targetSubjects(targets: readonly Target[]): JsonValue[] {
  return targets.map(targetJson);
}

/** In the order that statements ask for, each once. */
export function sortedTargets(targets: readonly Target[]): Target[] {
  const unique = new Map(targets.map((target) => [sortKey(target), target]));
  return [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, target]) => target);
}

function readTarget(subject: JsonMembers): Target {
  const digest = subject.object("digest");
  const name = subject.optionalString("name");
  const baseName = digest.optionalString("nixStorePath");
  const target = baseName === undefined ? readContent(digest, name) : readStore(digest, baseName, name);
  digest.end();
  subject.end();
  return target;
}

function readContent(digest: JsonMembers, name: string | undefined): ContentTarget {
  const id = digest.has("gitBlob") ? readId(digest, "gitBlob") : undefined;
  const sha256 = digest.string("sha256");
  if (!/^[0-9a-f]{64}$/.test(sha256)) digest.fail("sha256", "is not 64 hexadecimal digits");
  return { kind: "content", sha256, id, path: name === undefined ? undefined : parsePath(name) };
}

function readStore(digest: JsonMembers, baseName: string, name: string | undefined): StoreTarget {
  if (!BASE_NAME.test(baseName)) digest.fail("nixStorePath", "is no base name of a store path");
  if (name !== undefined) digest.fail("nixStorePath", "has a path beside it");
  return { kind: "store", baseName };
}

function targetJson(target: Target): JsonValue {
  if (target.kind === "store") return { digest: { nixStorePath: target.baseName } };
  const { sha256, id, path } = target;
  const digest = id === undefined ? { sha256 } : { gitBlob: id, sha256 };
  return path === undefined ? { digest } : { digest, name: spellPath(path) };
}

/** By digest first. Latin-1 strings compare as the bytes that they stand for. */
function sortKey(target: Target): string {
  if (target.kind === "store") return `1${target.baseName}`;
  return `0${target.sha256} ${target.id ?? ""} ${target.path ?? ""}`;
}
