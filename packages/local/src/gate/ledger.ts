/**
 * What the gate has admitted and decided, in one SQLite file. Claim: an admission that was confirmed survives a
 * crash, and one that was not confirmed is not there (one transaction each, written through to disk). Whether an
 * admission still holds is not remembered here: it is decided again under each policy.
 */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { decodeHex, encodeHex } from "@firstmile/formats/bytes/text";
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import type { DrvPath, StorePath } from "@firstmile/formats/nix/store-path";
import type { Download } from "@firstmile/trust/handoff/download";
import type { SliceFile } from "@firstmile/trust/slice/file";
import type { SliceNames } from "@firstmile/trust/slice/names";
import type { Verdict } from "@firstmile/trust/verdict/verdict";

/** A commit of a source that an admission rests on. */
export interface Basis {
  readonly source: string;
  readonly commit: CommitId;
  /** Of a source that is judged by what is read of it: names what was read, by its SHA-256 in hex. */
  readonly slice?: string;
  /** Arguments that a user other than root gave: allowed only while the source's rules allow them. */
  readonly given?: Readonly<Record<string, string>>;
}

/** As an admission brings it: with the files and names that were read, where they are what is judged. */
export interface BroughtBasis extends Omit<Basis, "slice"> {
  readonly files?: readonly SliceFile[];
  readonly names?: readonly SliceNames[];
}

/** What was read of a source. */
export interface NotedSlice {
  readonly files: readonly SliceFile[];
  /** Undefined: the admission was made before names were noted. */
  readonly names: readonly SliceNames[] | undefined;
}

/** One evaluation that was admitted. */
export interface Admission {
  readonly id: number;
  /** What was asked, for people: `default.nix -A hello`. */
  readonly request: string;
  readonly basis: readonly Basis[];
  /** Unix seconds. */
  readonly time: number;
}

export interface AdmittedDerivation {
  readonly path: DrvPath;
  /** Without `.drv`. */
  readonly name: string;
  /** Path of each output by name, where it is known before building. */
  readonly outputs: ReadonlyMap<string, StorePath>;
  readonly fixed: boolean;
  /** Of a fixed one: what it fetches. */
  readonly download?: Download | undefined;
}

/** A derivation with every admission that it is part of. */
export interface AdmittedBy {
  readonly path: DrvPath;
  /** At least one. */
  readonly admissions: readonly number[];
  readonly outputs: readonly StorePath[];
  readonly download: Download | undefined;
}

export type Question = "build" | "substitute" | "admit";

/** One decision as it was given, newest first in lists. */
export interface Decision {
  readonly time: number;
  readonly question: Question;
  readonly verdict: Verdict;
}

type FileRow = readonly [string, number, ObjectId, string, SliceFile["use"]];

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  CREATE TABLE IF NOT EXISTS admission (id INTEGER PRIMARY KEY, request TEXT NOT NULL, basis TEXT NOT NULL, time INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS derivation (path TEXT NOT NULL, admission INTEGER NOT NULL REFERENCES admission, name TEXT NOT NULL,
    fixed INTEGER NOT NULL, PRIMARY KEY (path, admission)) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS derivation_name ON derivation (name);
  CREATE TABLE IF NOT EXISTS output (hash_part TEXT NOT NULL, path TEXT NOT NULL, derivation TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (hash_part, derivation, name)) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS derivation_fixed ON derivation (admission) WHERE fixed = 1;
  CREATE TABLE IF NOT EXISTS download (path TEXT PRIMARY KEY, said TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS slice (digest TEXT PRIMARY KEY, files TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS resolution (origin TEXT NOT NULL, resolved TEXT NOT NULL, PRIMARY KEY (origin, resolved)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS decision (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, question TEXT NOT NULL, subject TEXT NOT NULL,
    allowed INTEGER NOT NULL, verdict TEXT NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS decision_subject ON decision (subject);
`;

/** Decisions kept; the oldest go first. */
const MAX_DECISIONS = 20_000;
const PRUNE_EVERY = 1_000;

/** The file is there and is no ledger: without it nothing counts as admitted, so nothing is built. */
export class LedgerError extends Error {
  readonly help: string;

  constructor(file: string, problem: string, options?: ErrorOptions) {
    super(`the ledger ${file} cannot be used: ${problem}`, options);
    this.name = "LedgerError";
    this.help = `move it away (${file}, ${file}-wal, ${file}-shm) and admit again what is needed`;
  }
}

export class Ledger implements Disposable {
  private readonly db: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  private decisions = 0;

  /** Opens or makes it. Throws `LedgerError`. */
  constructor(file: string) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    this.db = open(file);
  }

  /** Records an admission with its whole closure; when this returns it is on disk. */
  admit(
    request: string,
    brought: readonly BroughtBasis[],
    derivations: Iterable<AdmittedDerivation>,
    time: number,
  ): number {
    this.db.exec("BEGIN IMMEDIATE");
    try {
      const basis = brought.map((one) => this.keepSlice(one));
      const { lastInsertRowid } = this.sql(
        "INSERT INTO admission (request, basis, time) VALUES (?, ?, ?)",
      ).run(request, JSON.stringify(basis), time);
      const id = Number(lastInsertRowid);
      for (const derivation of derivations) this.insert(id, derivation);
      this.db.exec("COMMIT");
      return id;
    } catch (error) {
      this.db.exec("ROLLBACK");
      throw error;
    }
  }

  /** What was read is kept once, however many admissions rest on it. */
  private keepSlice({ files, names, ...rest }: BroughtBasis): Basis {
    if (files === undefined) return rest;
    const rows = files.map(({ path, mode, id, sha256, use }) => [path, mode, id, sha256, use]);
    const text = JSON.stringify(names === undefined ? rows : { files: rows, names });
    const slice = createHash("sha256").update(text).digest("hex");
    this.sql("INSERT OR IGNORE INTO slice (digest, files) VALUES (?, ?)").run(slice, text);
    return { ...rest, slice };
  }

  /** What was read; undefined where nothing of this name was kept, or it is not what its name says. */
  slice(slice: string): NotedSlice | undefined {
    const text = this.sql("SELECT files FROM slice WHERE digest = ?").get(slice)?.files;
    if (typeof text !== "string" || createHash("sha256").update(text).digest("hex") !== slice)
      return undefined;
    const kept = JSON.parse(text) as FileRow[] | { files: FileRow[]; names: SliceNames[] };
    const { files, names } = Array.isArray(kept) ? { files: kept, names: undefined } : kept;
    return { files: files.map(([path, mode, id, sha256, use]) => ({ path, mode, id, sha256, use })), names };
  }

  /** What the fixed outputs of an admission fetch; undefined of one that was admitted before that was noted. */
  downloadsOf(admission: number): { path: DrvPath; download: Download | undefined }[] {
    const rows = this.sql(
      "SELECT d.path, w.said FROM derivation d LEFT JOIN download w ON w.path = d.path WHERE d.admission = ? AND d.fixed = 1",
    ).all(admission);
    return rows.map(({ path, said }) => ({
      path: String(path) as DrvPath,
      download: typeof said === "string" ? readDownload(said) : undefined,
    }));
  }

  private insert(admission: number, derivation: AdmittedDerivation): void {
    const { path, name, outputs, fixed, download } = derivation;
    if (download)
      this.sql(
        "INSERT INTO download (path, said) VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET said = excluded.said",
      ).run(path, downloadText(download));
    this.sql("INSERT OR IGNORE INTO derivation (path, admission, name, fixed) VALUES (?, ?, ?, ?)").run(
      path,
      admission,
      name,
      fixed ? 1 : 0,
    );
    for (const [output, outputPath] of outputs) {
      this.sql("INSERT OR IGNORE INTO output (hash_part, path, derivation, name) VALUES (?, ?, ?, ?)").run(
        hashPart(outputPath),
        outputPath,
        path,
        output,
      );
    }
  }

  /** Admissions that a derivation is part of, newest first. */
  admissionsOf(derivation: string): Admission[] {
    const rows = this.sql(
      "SELECT a.id, a.request, a.basis, a.time FROM derivation d JOIN admission a ON a.id = d.admission WHERE d.path = ? ORDER BY a.id DESC",
    ).all(derivation);
    return rows.map(readAdmission);
  }

  /** Every admission, newest first. */
  admissions(): Admission[] {
    return this.sql("SELECT id, request, basis, time FROM admission ORDER BY id DESC")
      .all()
      .map(readAdmission);
  }

  /** Every admitted derivation, in no particular order. */
  derivations(): AdmittedBy[] {
    const outputs = new Map<string, StorePath[]>();
    for (const { derivation, path } of this.sql("SELECT derivation, path FROM output").all()) {
      const known = outputs.get(String(derivation));
      if (known) known.push(String(path) as StorePath);
      else outputs.set(String(derivation), [String(path) as StorePath]);
    }
    const rows = this.sql(
      "SELECT d.path, group_concat(d.admission) AS ids, w.said FROM derivation d LEFT JOIN download w ON w.path = d.path GROUP BY d.path",
    ).all();
    return rows.map(({ path, ids, said }) => ({
      path: String(path) as DrvPath,
      admissions: String(ids).split(",").map(Number),
      outputs: outputs.get(String(path)) ?? [],
      download: typeof said === "string" ? readDownload(said) : undefined,
    }));
  }

  /** Admitted derivations of a name, newest first. */
  derivationsNamed(name: string): DrvPath[] {
    const rows = this.sql(
      "SELECT path FROM derivation WHERE name = ? GROUP BY path ORDER BY max(admission) DESC",
    ).all(name);
    return rows.map((row) => String(row.path) as DrvPath);
  }

  /** Notes that a derivation, made again from an admitted one, is its resolution: true for good. */
  noteResolution(origin: DrvPath, resolved: DrvPath): void {
    this.sql("INSERT OR IGNORE INTO resolution (origin, resolved) VALUES (?, ?)").run(origin, resolved);
  }

  /** All derivations that the gate found to be resolutions of this one. */
  resolutionsOf(origin: DrvPath): DrvPath[] {
    const rows = this.sql("SELECT resolved FROM resolution WHERE origin = ?").all(origin);
    return rows.map((row) => String(row.resolved) as DrvPath);
  }

  isFixed(derivation: string): boolean {
    return (
      this.sql("SELECT 1 FROM derivation WHERE path = ? AND fixed = 1 LIMIT 1").get(derivation) !== undefined
    );
  }

  /** Derivations of which the path with this hash part is an output. */
  derivationsGiving(part: string): { path: StorePath; derivation: DrvPath; output: string }[] {
    const rows = this.sql("SELECT path, derivation, name FROM output WHERE hash_part = ?").all(part);
    return rows.map((row) => ({
      path: String(row.path) as StorePath,
      derivation: String(row.derivation) as DrvPath,
      output: String(row.name),
    }));
  }

  /** Remembers a decision for `why`. */
  note(question: Question, subject: string, verdict: Verdict, time: number): void {
    this.sql("INSERT INTO decision (time, question, subject, allowed, verdict) VALUES (?, ?, ?, ?, ?)").run(
      time,
      question,
      subject,
      verdict.allowed ? 1 : 0,
      JSON.stringify(verdict),
    );
    if (++this.decisions % PRUNE_EVERY === 0) {
      this.sql("DELETE FROM decision WHERE id <= (SELECT max(id) FROM decision) - ?").run(MAX_DECISIONS);
    }
  }

  /** Decisions on one subject, or refusals on any, newest first. */
  decisionsOn(subject: string | undefined, limit: number): Decision[] {
    const rows =
      subject === undefined
        ? this.sql(
            "SELECT time, question, verdict FROM decision WHERE allowed = 0 ORDER BY id DESC LIMIT ?",
          ).all(limit)
        : this.sql(
            "SELECT time, question, verdict FROM decision WHERE subject = ? ORDER BY id DESC LIMIT ?",
          ).all(subject, limit);
    return rows.map((row) => ({
      time: Number(row.time),
      question: String(row.question) as Question,
      verdict: JSON.parse(String(row.verdict)) as Verdict,
    }));
  }

  counts(): { admissions: number; derivations: number; refusals: number } {
    const count = (sql: string) => Number(this.sql(sql).get()?.n ?? 0);
    return {
      admissions: count("SELECT count(*) AS n FROM admission"),
      derivations: count("SELECT count(DISTINCT path) AS n FROM derivation"),
      refusals: count("SELECT count(*) AS n FROM decision WHERE allowed = 0"),
    };
  }

  [Symbol.dispose](): void {
    this.statements.clear();
    this.db.close();
  }

  private sql(text: string): StatementSync {
    const statement = this.statements.get(text) ?? this.db.prepare(text);
    this.statements.set(text, statement);
    return statement;
  }
}

function open(file: string): DatabaseSync {
  try {
    const db = new DatabaseSync(file);
    db.exec(SCHEMA);
    const { quick_check: found } = db.prepare("PRAGMA quick_check(1)").get() ?? {};
    if (found !== "ok") throw new Error(String(found));
    return db;
  } catch (error) {
    throw new LedgerError(file, error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function readAdmission({ id, request, basis, time }: Readonly<Record<string, unknown>>): Admission {
  return {
    id: Number(id),
    request: String(request),
    basis: JSON.parse(String(basis)) as Basis[],
    time: Number(time),
  };
}

export function downloadText({ hash, revision, ...rest }: Download): string {
  const known = { ...rest, revision: revision ?? null };
  return JSON.stringify({ ...known, algorithm: hash.algorithm, digest: encodeHex(hash.digest) });
}

/**
 * Written by `downloadText`; what a derivation path stands for never changes. Undefined of what an older version wrote
 * without the revision, which says what was asked of a repository: without it any tag of that repository would do.
 */
export function readDownload(text: string): Download | undefined {
  const { algorithm, digest, revision, ...rest } = JSON.parse(text) as Omit<Download, "hash" | "revision"> & {
    algorithm: Download["hash"]["algorithm"];
    digest: string;
    revision?: string | null;
  };
  if (revision === undefined) return undefined;
  return { ...rest, ...(revision !== null && { revision }), hash: { algorithm, digest: decodeHex(digest) } };
}

function hashPart(path: string): string {
  const base = path.slice(path.lastIndexOf("/") + 1);
  return base.slice(0, 32);
}
