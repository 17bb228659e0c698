/** Statements that people of a world sign, and the ref on which a repository carries them. */
import { createHash } from "node:crypto";
import { preAuthEncoding, renderEnvelope } from "@firstmile/formats/dsse/envelope";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { parseNarHash } from "@firstmile/formats/nix/hash";
import { type ChannelStatement, contentsDigest } from "@firstmile/formats/statement/channel";
import type { DistrustStatement } from "@firstmile/formats/statement/distrust";
import { entryType, type NamedEntry, sortedEntries } from "@firstmile/formats/statement/listing";
import type { StatedNames } from "@firstmile/formats/statement/names";
import type { ReviewedChange, ReviewStatement } from "@firstmile/formats/statement/review";
import {
  renderStatement,
  STATEMENT_PAYLOAD_TYPE,
  type Statement,
} from "@firstmile/formats/statement/statement";
import { sortedTargets, type Target } from "@firstmile/formats/statement/target";
import type { WaiverStatement } from "@firstmile/formats/statement/waiver";
import { GitObjects } from "@firstmile/local/git/objects";
import { runOk } from "@firstmile/local/process/run";
import { writeStatement } from "@firstmile/local/statements/write";
import { directoryOf, nameOf } from "@firstmile/trust/slice/names";
import { STATEMENT_NAMESPACE } from "@firstmile/trust/statement/signature";
import { BEGINNING, type Person } from "./world-people.ts";
import { gitEnv, type WorldRepository } from "./world-repository.ts";

/** One envelope with a signature of each. */
export async function signedBy(statement: Statement, people: readonly Person[]): Promise<Uint8Array> {
  const payload = renderStatement(statement);
  const message = preAuthEncoding(STATEMENT_PAYLOAD_TYPE, payload);
  const signatures = await Promise.all(
    people.map(async (person) => ({
      keyid: undefined,
      sig: await person.sign(message, { namespace: STATEMENT_NAMESPACE }),
    })),
  );
  return renderEnvelope({ payloadType: STATEMENT_PAYLOAD_TYPE, payload, signatures });
}

/** Puts a statement where everybody who fetches the repository finds it. */
export async function publish(repository: WorldRepository, statement: Statement, ...people: Person[]) {
  await writeStatement({ kind: "ref", repository: repository.dir }, await signedBy(statement, people));
}

/** What somebody signs who read all that differs between two commits. */
export async function reviewOf(
  repository: WorldRepository,
  from: CommitId,
  to: CommitId,
  said: Partial<Omit<ReviewStatement, "changes">> = {},
): Promise<ReviewStatement> {
  const listed = await repository.git("diff-tree", "-r", "-z", "--no-renames", from, to);
  const fields = listed.split("\0").filter(Boolean);
  const changes: ReviewedChange[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    changes.push(await changeOf(repository, fields[i]!, fields[i + 1]!));
  }
  return saying(changes, said);
}

/**
 * What a person signs who read files from their first line to their last; all files, and the names of all directories,
 * unless `paths` says which files.
 */
export async function wholeReviewOf(
  repository: WorldRepository,
  commit: CommitId,
  paths?: readonly string[],
  said: Partial<Omit<ReviewStatement, "changes">> = {},
): Promise<ReviewStatement> {
  const files = await filesAt(repository, commit, paths);
  const changes = files.map(({ path, ...after }) => ({ path, before: undefined, after }));
  const names = paths === undefined ? await namesAt(repository, commit) : [];
  return saying(changes, names.length === 0 ? said : { names, ...said });
}

/** What a person was shown of directories at a commit: whole listings; of all directories unless told. */
export async function namesAt(
  repository: WorldRepository,
  commit: CommitId,
  directories?: readonly string[],
): Promise<StatedNames[]> {
  const args = ["-C", repository.dir, "ls-tree", "-r", "-t", "-z", commit];
  const listed = (await runOk("git", args, { env: gitEnv() })).toString("latin1").split("\0").filter(Boolean);
  const found = new Map<string, NamedEntry[]>([["", []]]);
  for (const line of listed) {
    const [, mode, path] = /^(\d+) [^\t]*\t(.*)$/s.exec(line)!;
    const type = entryType(Number.parseInt(mode!, 8));
    if (type === "d" || type === "s") found.set(path!, []);
    found.get(directoryOf(path!))!.push({ type, name: nameOf(path!) });
  }
  const wanted = directories?.map((path) => Buffer.from(path).toString("latin1")) ?? [...found.keys()];
  return wanted.sort().map((path) => ({ kind: "listing", path, entries: sortedEntries(found.get(path)!) }));
}

function saying(
  changes: readonly ReviewedChange[],
  said: Partial<Omit<ReviewStatement, "changes">>,
): ReviewStatement {
  return {
    kind: "review",
    verdict: "approve",
    depth: "read",
    machine: false,
    note: undefined,
    source: undefined,
    ...said,
    changes: changes.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
  };
}

/** Files of a commit with their content's SHA-256, sorted by their path's bytes. `paths` as the commit was given them. */
export async function filesAt(repository: WorldRepository, commit: CommitId, paths?: readonly string[]) {
  const listed = await runOk("git", ["-C", repository.dir, "ls-tree", "-r", "-z", commit], { env: gitEnv() });
  const entries = listed.toString("latin1").split("\0").filter(Boolean).map(entryOf);
  const wanted = paths?.map((path) => Buffer.from(path).toString("latin1")).sort();
  const chosen = wanted?.map((path) => {
    const entry = entries.find((one) => one.path === path);
    if (!entry) throw new Error(`${commit} has no file ${path}`);
    return entry;
  });
  return withDigests(repository, chosen ?? entries.sort((a, b) => (a.path < b.path ? -1 : 1)));
}

/** `mode type id`, a tab and the path, as git-ls-tree writes it. */
function entryOf(line: string) {
  const [, mode, id, path] = /^(\d+) \w+ (\w+)\t(.*)$/s.exec(line)!;
  return { path: path!, mode: Number.parseInt(mode!, 8), id: id as never };
}

async function withDigests<T extends { readonly id: string }>(
  { dir }: WorldRepository,
  entries: readonly T[],
) {
  using objects = new GitObjects({ ...gitEnv(), GIT_DIR: dir });
  const blobs = await objects.getAll(entries.map(({ id }) => id));
  return entries.map((entry, i) => ({ ...entry, sha256: sha256Of(blobs[i]!.content) }));
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The content of a file, as waivers and distrusts name it: at its path alone, or wherever it lies. */
export async function contentTarget(
  repository: WorldRepository,
  commit: CommitId,
  path: string,
  where: "there" | "anywhere" = "there",
): Promise<Target> {
  const [file] = await filesAt(repository, commit, [path]);
  const { sha256, id } = file!;
  return { kind: "content", sha256, id, path: where === "there" ? file!.path : undefined };
}

/** A derivation or an output, by its path. */
export function storeTarget(path: string): Target {
  return { kind: "store", baseName: path.slice(path.lastIndexOf("/") + 1) };
}

/** A waiver, good for the first month after a world's questions are asked. */
export function waiverOf(scope: Partial<Omit<WaiverStatement, "kind">>): WaiverStatement {
  const { targets = [], paths = [], source, because = "not read yet" } = scope;
  const { until = BEGINNING + 181 * 86_400 } = scope;
  const sorted = sortedTargets(targets);
  return { kind: "waiver", targets: sorted, paths: [...paths].sort(), source, until, because };
}

export function distrustOf(against: Partial<Omit<DistrustStatement, "kind">>): DistrustStatement {
  const { targets = [], keys = [], because = "it is bad" } = against;
  return { kind: "distrust", targets: sortedTargets(targets), keys: [...keys].sort(), because };
}

/** What a curator signs who publishes files of a commit; all of them unless `paths` says which. */
export async function channelOf(
  repository: WorldRepository,
  commit: CommitId,
  source: string,
  paths?: readonly string[],
  said: Partial<Pick<ChannelStatement, "attributes" | "system">> = {},
): Promise<ChannelStatement> {
  const files = await filesAt(repository, commit, paths);
  const { attributes = ["hello"], system = "x86_64-linux" } = said;
  const contents = contentsDigest(files);
  return {
    kind: "channel",
    commit,
    source,
    attributes,
    system,
    paths: files.map(({ path }) => path),
    contents,
  };
}

/** `:old-mode new-mode old-id new-id letter`, as git-diff-tree writes it. */
async function changeOf(repository: WorldRepository, line: string, path: string): Promise<ReviewedChange> {
  const [oldMode, mode, oldId, id] = line.slice(1).split(" ") as [string, string, string, string];
  const version = (digits: string, blob: string) =>
    digits === "000000" ? undefined : { mode: Number.parseInt(digits, 8), id: blob as never };
  return {
    path: Buffer.from(path).toString("latin1"),
    before: await withDigest(repository, version(oldMode, oldId)),
    after: await withDigest(repository, version(mode, id)),
  };
}

async function withDigest<V extends { readonly id: string }>(
  { dir }: WorldRepository,
  version: V | undefined,
) {
  if (version === undefined) return undefined;
  const content = await runOk("git", ["-C", dir, "cat-file", "blob", version.id], { env: gitEnv() });
  return { ...version, sha256: sha256Of(content) };
}

/** A co-signature that names the content of the commit's tree. */
export function cosignStatement(commit: CommitId, narHash?: string): Statement {
  return { kind: "cosign", commit, narHash: narHash === undefined ? undefined : parseNarHash(narHash) };
}
