/**
 * Commits that were authenticated before. Claim: a later run skips exactly those commits that a run under the same
 * rules, keys, source, mode and program let through, and no other trust root ever profits. Against: a cache left by
 * another policy, a file cut short, a key that has expired meanwhile. Left out: somebody who can write this user's
 * files could as well replace the program.
 */
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { TakenBack } from "@firstmile/trust/history/review";
import { holds, type Ids, withMore } from "./id-set.ts";
import { PROGRAM_VERSION } from "./version.ts";

/** What an entry is good for; any difference means another file. */
export interface CacheKey {
  readonly policyDigest: string;
  readonly source: string;
  readonly mode: string;
  readonly introduction: string;
  /** Names the set of statements that speak against something. */
  readonly against: string;
}

interface Header {
  readonly key: CacheKey & { readonly program: string };
  readonly idBytes: number;
  readonly introduced: number;
  readonly others: number;
  readonly foreign: number;
  /** Commits that were asked for and allowed, newest last: where listing new commits may stop. */
  readonly tips: readonly CommitId[];
  /** Unix seconds: the entry is void from then on, because a key that it rests on has expired. */
  readonly validUntil: number | null;
  /** What is told of the newest tip each time that it is asked for. */
  readonly takenBack: readonly TakenBack[];
}

/** Most tips remembered. */
const MAX_TIPS = 32;

/** Most commits remembered that took something back. */
const MAX_TAKEN_BACK = 1000;

interface Sets {
  readonly introduced: Buffer;
  readonly others: Buffer;
  readonly foreign: Buffer;
  /** Bytes of an id. */
  readonly width: number;
  readonly tips: readonly CommitId[];
  readonly validUntil: number | undefined;
  readonly takenBack: readonly TakenBack[];
}

/** A set of commit ids as sorted bytes, so that a million of them load in milliseconds. */
export class AuthenticatedCommits {
  readonly sets: Sets;

  constructor(sets: Sets) {
    this.sets = sets;
  }

  static readonly none = new AuthenticatedCommits({
    introduced: Buffer.alloc(0),
    others: Buffer.alloc(0),
    foreign: Buffer.alloc(0),
    width: 20,
    tips: [],
    validUntil: undefined,
    takenBack: [],
  });

  get size(): number {
    const { introduced, others, foreign, width } = this.sets;
    return (introduced.length + others.length + foreign.length) / width;
  }

  get tips(): readonly CommitId[] {
    return this.sets.tips;
  }

  get validUntil(): number | undefined {
    return this.sets.validUntil;
  }

  /** Changes back to earlier versions that passed unread on the way to the newest tip. */
  get takenBack(): readonly TakenBack[] {
    return this.sets.takenBack;
  }

  /** The same, with other changes that passed unread. */
  telling(takenBack: readonly TakenBack[]): AuthenticatedCommits {
    return new AuthenticatedCommits({ ...this.sets, takenBack: takenBack.slice(0, MAX_TAKEN_BACK) });
  }

  /** Descends from the introduction and was authenticated. */
  isIntroduced(id: CommitId): boolean {
    return this.isOfWidth(id) && this.isIntroducedAt(Buffer.from(id, "hex"));
  }

  get hasForeign(): boolean {
    return this.sets.foreign.length > 0;
  }

  /** Was authenticated, and has no ancestor in common with the introduction. */
  isForeign(id: CommitId): boolean {
    return this.isOfWidth(id) && holds(this.sets.foreign, this.sets.width, Buffer.from(id, "hex"), 0);
  }

  has(id: CommitId): boolean {
    return this.isOfWidth(id) && this.hasAt(Buffer.from(id, "hex"));
  }

  /** As `isIntroduced`, for the id at an offset of some bytes. */
  isIntroducedAt(ids: Uint8Array, at = 0): boolean {
    return holds(this.sets.introduced, this.sets.width, ids, at);
  }

  /** As `has`, for the id at an offset of some bytes. */
  hasAt(ids: Uint8Array, at = 0): boolean {
    const { others, foreign, width } = this.sets;
    return this.isIntroducedAt(ids, at) || holds(others, width, ids, at) || holds(foreign, width, ids, at);
  }

  private isOfWidth(id: CommitId): boolean {
    return id.length === this.sets.width * 2;
  }

  /** The same, with no tip where listing may stop. */
  withoutTips(): AuthenticatedCommits {
    return new AuthenticatedCommits({ ...this.sets, tips: [] });
  }

  /** With more commits and an allowed tip; void as soon as the first key that either rests on expires. */
  with(
    more: { readonly introduced: Ids; readonly others: Ids; readonly foreign: Ids },
    tip: CommitId | undefined,
    validUntil: number | undefined,
    width: number,
  ): AuthenticatedCommits {
    const until = Math.min(
      this.validUntil ?? Number.POSITIVE_INFINITY,
      validUntil ?? Number.POSITIVE_INFINITY,
    );
    return new AuthenticatedCommits({
      takenBack: this.takenBack,
      introduced: withMore(this.sets.introduced, more.introduced, width),
      others: withMore(this.sets.others, more.others, width),
      foreign: withMore(this.sets.foreign, more.foreign, width),
      width,
      tips: tip === undefined ? this.tips : [...this.tips.filter((id) => id !== tip), tip].slice(-MAX_TIPS),
      validUntil: Number.isFinite(until) ? until : undefined,
    });
  }
}

/** What was authenticated under exactly this key and is still good at `now`; a damaged file counts as none. */
export function loadAuthenticated(dir: string, key: CacheKey, now: number): AuthenticatedCommits {
  try {
    const bytes = readFileSync(fileOf(dir, key));
    const end = bytes.indexOf(10);
    const header = JSON.parse(bytes.toString("utf8", 0, end)) as Header;
    if (JSON.stringify(header.key) !== JSON.stringify(fullKey(key))) return AuthenticatedCommits.none;
    if (!Array.isArray(header.takenBack)) return AuthenticatedCommits.none;
    if (header.validUntil !== null && now >= header.validUntil) return AuthenticatedCommits.none;
    const middle = end + 1 + header.introduced * header.idBytes;
    const last = middle + header.others * header.idBytes;
    if (bytes.length !== last + header.foreign * header.idBytes + DIGEST) return AuthenticatedCommits.none;
    const [body, digest] = [bytes.subarray(0, -DIGEST), bytes.subarray(-DIGEST)];
    if (!sha256(body).equals(digest)) return AuthenticatedCommits.none;
    return new AuthenticatedCommits({
      introduced: body.subarray(end + 1, middle),
      others: body.subarray(middle, last),
      foreign: body.subarray(last),
      width: header.idBytes,
      tips: header.tips,
      validUntil: header.validUntil ?? undefined,
      takenBack: header.takenBack,
    });
  } catch {
    return AuthenticatedCommits.none;
  }
}

/** Written whole, by rename, or not at all. A directory that cannot be written only costs time: errors are kept quiet. */
export function saveAuthenticated(dir: string, key: CacheKey, commits: AuthenticatedCommits): void {
  const { introduced, others, foreign, width, tips, takenBack } = commits.sets;
  const header: Header = {
    key: fullKey(key),
    idBytes: width,
    introduced: introduced.length / width,
    others: others.length / width,
    foreign: foreign.length / width,
    tips,
    validUntil: commits.validUntil ?? null,
    takenBack,
  };
  const parts = [Buffer.from(`${JSON.stringify(header)}\n`), introduced, others, foreign];
  const file = fileOf(dir, key);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeWhole(`${file}.${process.pid}`, [...parts, sha256(...parts)]);
    renameSync(`${file}.${process.pid}`, file);
  } catch {
    return;
  }
}

/** Part by part: a million ids need not be copied together first. */
function writeWhole(file: string, parts: readonly Uint8Array[]): void {
  const handle = openSync(file, "w", 0o600);
  try {
    for (const part of parts) writeFileSync(handle, part);
  } finally {
    closeSync(handle);
  }
}

const DIGEST = 32;

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const state = createHash("sha256");
  for (const part of parts) state.update(part);
  return state.digest();
}

function fullKey(key: CacheKey): Header["key"] {
  const { policyDigest, source, mode, introduction, against } = key;
  return { policyDigest, source, mode, introduction, against, program: PROGRAM_VERSION };
}

function fileOf(dir: string, key: CacheKey): string {
  return join(
    dir,
    "authenticated",
    sha256(Buffer.from(JSON.stringify(fullKey(key))))
      .toString("hex")
      .slice(0, 32),
  );
}
