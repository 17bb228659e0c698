/**
 * A bare Git repository that a test builds commit by commit. Objects are put together here byte by byte and written
 * into the object database, so that a test can also say what Git would never write; merging is Git's own.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { deflateSync } from "node:zlib";
import { type CommitId, hashObject, type ObjectId, type ObjectKind } from "@firstmile/formats/git/object-id";
import { run, runOk } from "@firstmile/local/process/run";
import { BEGINNING, type Person, type Signing } from "./world-people.ts";

/** A file's text or bytes; null takes it away. */
export type FileChange = string | Uint8Array | null | { readonly mode: number; readonly content: string };
export type Changes = Readonly<Record<string, FileChange>>;

export interface CommitSpec {
  /** Who signs it; nobody unless told. */
  readonly by?: Person;
  readonly signing?: Signing;
  /** Changes against the first parent; `whole`: everything that the tree holds. */
  readonly files?: Changes;
  readonly whole?: boolean;
  /** A tree in place of `files`, whatever it holds. What comes on top of it says its own `whole` or `tree`. */
  readonly tree?: ObjectId;
  /** Default: the tip of `branch`, or nothing for its first commit. */
  readonly parents?: readonly CommitId[];
  /** The ref that moves: `main` unless told. */
  readonly branch?: string;
  readonly message?: string | Uint8Array;
  /** Names; who signs, unless told. */
  readonly author?: string;
  readonly committer?: string;
  /** Unix seconds that it says it was made at; default: a minute after the one before. */
  readonly date?: number;
  /** Header lines behind the committer, signed with the rest. */
  readonly headers?: readonly string[];
  /** Changes the finished object, behind its signer's back. */
  readonly tamper?: (object: Buffer) => Buffer;
}

export interface MergeSpec extends Omit<CommitSpec, "parents" | "whole"> {
  /** What is merged, in order; two unless it is an octopus. */
  readonly parents: readonly [CommitId, CommitId, ...CommitId[]];
}

interface Entry {
  readonly mode: number;
  readonly id: ObjectId;
}
type Snapshot = ReadonlyMap<string, Entry>;

export class WorldRepository {
  readonly dir: string;
  readonly format: "sha1" | "sha256";
  private readonly tips = new Map<string, CommitId>();
  private readonly snapshots = new Map<CommitId, Snapshot>();
  private readonly notes = new Map<CommitId, string[]>();
  private clock = BEGINNING;

  private constructor(dir: string, format: "sha1" | "sha256") {
    this.dir = dir;
    this.format = format;
  }

  static async make(dir: string, format: "sha1" | "sha256" = "sha1"): Promise<WorldRepository> {
    const args = [
      "init",
      "--quiet",
      "--bare",
      "--template=",
      "--initial-branch=main",
      `--object-format=${format}`,
    ];
    await runOk("git", [...args, dir], { env: gitEnv() });
    return new WorldRepository(dir, format);
  }

  /** The newest commit of a branch. */
  tip(branch = "main"): CommitId {
    const id = this.tips.get(branch);
    if (id === undefined) throw new Error(`branch ${branch} has no commit`);
    return id;
  }

  async commit(spec: CommitSpec): Promise<CommitId> {
    const { branch = "main" } = spec;
    const before = this.tips.get(branch);
    const parents = spec.parents ?? (before === undefined ? [] : [before]);
    const start = spec.whole || parents[0] === undefined ? new Map() : this.snapshots.get(parents[0])!;
    return this.finish(
      spec,
      parents,
      changed(start, spec.files ?? {}, (bytes) => this.write("blob", bytes)),
    );
  }

  /** Git's own merge of the parents, one after the other, and then `files` over it. Conflicts keep their marks. */
  async merge(spec: MergeSpec): Promise<CommitId> {
    const [first, ...others] = spec.parents;
    let merged: string = first;
    for (const other of others) {
      const tree = await this.mergeTrees(merged, other);
      merged = await this.git("commit-tree", tree, "-p", merged, "-p", other, "-m", "between");
    }
    const listed = await this.list(merged);
    return this.finish(
      spec,
      spec.parents,
      changed(listed, spec.files ?? {}, (bytes) => this.write("blob", bytes)),
    );
  }

  /** A signature by somebody over a commit's id, as a line of its note. `over`: the commit signed instead. */
  async cosign(commit: CommitId, by: Person, over: CommitId = commit): Promise<void> {
    const signature = await by.sign(Buffer.from(`${over}\n`), { namespace: "firstmile-cosign" });
    this.notes.set(commit, [...(this.notes.get(commit) ?? []), signature.toString("base64")]);
    const files = Object.fromEntries([...this.notes].map(([id, lines]) => [id, `${lines.join("\n")}\n`]));
    const tree = this.writeTree(changed(new Map(), files, (bytes) => this.write("blob", bytes)));
    this.ref(
      "refs/notes/signatures",
      this.write("commit", Buffer.from(`tree ${tree}\n${this.people()}\nnotes\n`)),
    );
  }

  /** Writes an object; its id is what it hashes to. */
  write(kind: ObjectKind, content: Uint8Array): ObjectId {
    const id = hashObject(kind, content, this.format);
    this.plant(id, kind, content);
    return id;
  }

  /** Puts an object where another one should be: the database then answers with it. */
  plant(id: ObjectId, kind: ObjectKind, content: Uint8Array): void {
    const file = this.objectFile(id);
    mkdirSync(dirname(file), { recursive: true });
    const head = Buffer.from(`${kind} ${content.length}\0`);
    writeFileSync(file, deflateSync(Buffer.concat([head, content]), { level: 1 }));
  }

  objectFile(id: string): string {
    return join(this.dir, "objects", id.slice(0, 2), id.slice(2));
  }

  /** A whole commit object as given, on a branch. */
  raw(content: Uint8Array | string, branch = "main"): CommitId {
    const id = this.write("commit", Buffer.from(content as string)) as CommitId;
    this.move(branch, id);
    return id;
  }

  /** Points a branch at a commit. */
  move(branch: string, id: CommitId): void {
    this.tips.set(branch, id);
    this.ref(`refs/heads/${branch}`, id);
  }

  ref(name: string, id: string): void {
    const file = join(this.dir, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${id}\n`);
  }

  async content(id: string): Promise<Buffer> {
    return runOk("git", ["-C", this.dir, "cat-file", "commit", id], { env: gitEnv() });
  }

  /** Id of a file in a commit. */
  blob(commit: CommitId, path: string): ObjectId {
    return this.snapshots.get(commit)!.get(path)!.id;
  }

  async git(...args: readonly string[]): Promise<string> {
    return (await runOk("git", ["-C", this.dir, ...args], { env: gitEnv() })).toString().trim();
  }

  private async finish(spec: CommitSpec, parents: readonly CommitId[], files: Snapshot): Promise<CommitId> {
    const header = [
      `tree ${spec.tree ?? this.writeTree(files)}`,
      ...parents.map((id) => `parent ${id}`),
      this.people(spec.author ?? spec.by?.name, spec.committer ?? spec.by?.name, spec.date).trimEnd(),
      ...(spec.headers ?? []),
    ].join("\n");
    const message = Buffer.from((spec.message ?? "a change\n") as string);
    const payload = Buffer.concat([Buffer.from(`${header}\n\n`), message]);
    const signature = await spec.by?.sign(payload, spec.signing);
    const signed = signature
      ? Buffer.concat([Buffer.from(`${header}\n${this.signatureHeader(signature)}\n\n`), message])
      : payload;
    const id = this.write("commit", spec.tamper?.(signed) ?? signed) as CommitId;
    this.snapshots.set(id, files);
    this.move(spec.branch ?? "main", id);
    return id;
  }

  /** As Git folds it into a header. */
  signatureHeader(signature: Uint8Array): string {
    const name = this.format === "sha256" ? "gpgsig-sha256" : "gpgsig";
    return `${name} ${Buffer.from(signature).toString("latin1").trimEnd().replaceAll("\n", "\n ")}`;
  }

  private people(name = "someone", committer = name, date?: number): string {
    if (date === undefined) this.clock += 60;
    const at = `${date ?? this.clock} +0000`;
    return `author ${name} <${emailOf(name)}> ${at}\ncommitter ${committer} <${emailOf(committer)}> ${at}\n`;
  }

  private writeTree(files: Snapshot): ObjectId {
    const below = new Map<string, Map<string, Entry>>();
    const entries: { name: Buffer; mode: number; id: ObjectId }[] = [];
    for (const [path, entry] of files) {
      const slash = path.indexOf("/");
      if (slash < 0) entries.push({ name: Buffer.from(path), ...entry });
      else {
        const dir = path.slice(0, slash);
        below.set(dir, (below.get(dir) ?? new Map()).set(path.slice(slash + 1), entry));
      }
    }
    for (const [dir, inner] of below)
      entries.push({ name: Buffer.from(dir), mode: 0o40000, id: this.writeTree(inner) });
    entries.sort((a, b) => Buffer.compare(sortKey(a), sortKey(b)));
    const bytes = entries.map(({ name, mode, id }) =>
      Buffer.concat([Buffer.from(`${mode.toString(8)} `), name, Buffer.of(0), Buffer.from(id, "hex")]),
    );
    return this.write("tree", Buffer.concat(bytes));
  }

  private async mergeTrees(ours: string, theirs: string): Promise<string> {
    const args = ["-C", this.dir, "merge-tree", "--write-tree", "--allow-unrelated-histories", ours, theirs];
    const merged = await run("git", args, { env: gitEnv() });
    if (merged.code > 1) throw new Error(`git merge-tree: ${merged.stderr}`);
    return merged.stdout.toString().split("\n")[0]!;
  }

  private async list(commit: string): Promise<Snapshot> {
    const listed = await runOk("git", ["-C", this.dir, "ls-tree", "-r", "-z", commit], { env: gitEnv() });
    const lines = listed.toString().split("\0").filter(Boolean);
    return new Map(
      lines.map((line) => {
        const [mode, , id, path] = line.split(/[ \t]/, 4) as [string, string, string, string];
        return [path, { mode: Number.parseInt(mode, 8), id: id as ObjectId }];
      }),
    );
  }
}

/** The address that somebody commits under. */
export function emailOf(name: string): string {
  return `${name.replace(/[^a-z]/g, "")}@example.org`;
}

/** Git without anybody's configuration. */
export function gitEnv(): NodeJS.ProcessEnv {
  const who = { NAME: "someone", EMAIL: "someone@example.org", DATE: `${BEGINNING} +0000` };
  return {
    PATH: process.env.PATH,
    HOME: "/nonexistent",
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    ...Object.fromEntries(
      Object.entries(who).flatMap(([key, value]) => [
        [`GIT_AUTHOR_${key}`, value],
        [`GIT_COMMITTER_${key}`, value],
      ]),
    ),
  };
}

function changed(start: Snapshot, changes: Changes, blob: (bytes: Uint8Array) => ObjectId): Snapshot {
  const files = new Map(start);
  for (const [path, change] of Object.entries(changes)) {
    if (change === null) files.delete(path);
    else if (typeof change === "object" && "mode" in change) {
      files.set(path, { mode: change.mode, id: blob(Buffer.from(change.content)) });
    } else files.set(path, { mode: 0o100644, id: blob(Buffer.from(change as string)) });
  }
  return files;
}

function sortKey({ name, mode }: { name: Buffer; mode: number }): Buffer {
  return mode === 0o40000 ? Buffer.concat([name, Buffer.from("/")]) : name;
}
