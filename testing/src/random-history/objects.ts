/** A random history as Git objects, put together byte by byte, and as the statements of its reviewers. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { preAuthEncoding, renderEnvelope } from "@firstmile/formats/dsse/envelope";
import { type CommitId, hashObject, type ObjectId, type ObjectKind } from "@firstmile/formats/git/object-id";
import { storedZlib, writePack } from "@firstmile/formats/git/pack";
import type { FileVersion, ReviewStatement } from "@firstmile/formats/statement/review";
import {
  renderStatement,
  STATEMENT_PAYLOAD_TYPE,
  type Statement,
} from "@firstmile/formats/statement/statement";
import { STATEMENT_NAMESPACE } from "@firstmile/trust/statement/signature";
import { type SshSigner, sshSigner } from "../ssh-signer.ts";
import {
  type Commit,
  type File,
  type Files,
  LINK,
  PEOPLE,
  type Person,
  type RandomHistory,
  type Review,
} from "./history.ts";

/** One history in the repository. */
export interface MadeHistory {
  readonly history: RandomHistory;
  readonly ids: readonly CommitId[];
  readonly trees: readonly ObjectId[];
  readonly statements: readonly { readonly statement: Statement; readonly by: Person }[];
}

export const SIGNERS: ReadonlyMap<Person, SshSigner> = new Map(
  PEOPLE.map((name) => [
    name,
    sshSigner(name, createHash("sha256").update(`firstmile random ${name}`).digest()),
  ]),
);

export const emailOf = (name: Person) => `${name}@example.org`;

const BEGINNING = 1_735_689_600;

/** Collects objects and puts them into a bare repository, as many at once as there are. */
export class ObjectStore {
  readonly repository: string;
  private readonly known = new Set<string>();
  private waiting: { kind: ObjectKind; content: Uint8Array }[] = [];

  constructor(repository: string) {
    this.repository = repository;
    execFileSync("git", ["init", "--quiet", "--bare", "--template=", repository], { stdio: "pipe" });
  }

  add(kind: ObjectKind, content: Uint8Array): ObjectId {
    const id = hashObject(kind, content, "sha1") as string as ObjectId;
    if (this.known.has(id)) return id;
    this.known.add(id);
    this.waiting.push({ kind, content });
    return id;
  }

  flush(): void {
    if (this.waiting.length === 0) return;
    const hash = (bytes: Uint8Array) => createHash("sha1").update(bytes).digest();
    const input = writePack(this.waiting, { compress: storedZlib, hash });
    this.waiting = [];
    const args = ["-c", "core.fsync=none", "-C", this.repository, "index-pack", "--stdin"];
    execFileSync("git", args, { input, stdio: "pipe", maxBuffer: 1 << 28 });
  }
}

/** `signed`: with real signatures; else without any, for a judge that is told who signed. */
export function makeHistory(store: ObjectStore, history: RandomHistory, signed: boolean): MadeHistory {
  const ids: CommitId[] = [];
  const trees: ObjectId[] = [];
  for (const [at, commit] of history.commits.entries()) {
    const tree = treeOf(store, commit.files);
    trees.push(tree);
    ids.push(store.add("commit", commitBytes(commit, at, tree, ids, signed)) as string as CommitId);
  }
  const cosigned = history.commits.flatMap(({ cosigners }, at) =>
    cosigners.map((by) => ({
      by,
      statement: { kind: "cosign", commit: ids[at]!, narHash: undefined } as const,
    })),
  );
  return { history, ids, trees, statements: [...cosigned, ...reviewStatements(history.reviews)] };
}

/** A tree of envelopes, as `readStatements` takes them. */
export function statementTree(store: ObjectStore, { statements }: MadeHistory): ObjectId {
  const entries = statements.map(({ statement, by }, i) => {
    const payload = renderStatement(statement);
    const message = preAuthEncoding(STATEMENT_PAYLOAD_TYPE, payload);
    const sig = Buffer.from(SIGNERS.get(by)!.sign(message, STATEMENT_NAMESPACE));
    const envelope = renderEnvelope({
      payloadType: STATEMENT_PAYLOAD_TYPE,
      payload,
      signatures: [{ keyid: undefined, sig }],
    });
    return { name: `${String(i).padStart(4, "0")}.json`, mode: 0o100644, id: store.add("blob", envelope) };
  });
  return store.add("tree", treeBytes(entries));
}

/** Reviews of one person and one verdict go into as few statements as name each path once. */
function reviewStatements(reviews: readonly Review[]): { statement: ReviewStatement; by: Person }[] {
  const made: { by: Person; verdict: Review["verdict"]; changes: Map<string, Review> }[] = [];
  for (const review of reviews) {
    const open = made.find(
      ({ by, verdict, changes }) =>
        by === review.by && verdict === review.verdict && !changes.has(review.path),
    );
    if (open) open.changes.set(review.path, review);
    else made.push({ by: review.by, verdict: review.verdict, changes: new Map([[review.path, review]]) });
  }
  return made.map(({ by, verdict, changes }) => ({
    by,
    statement: {
      kind: "review",
      verdict,
      depth: "read",
      machine: false,
      note: undefined,
      source: undefined,
      changes: [...changes.values()]
        .map(({ path, before, after }) => ({
          path,
          before: before && versionIn(before),
          after: after && {
            ...versionIn(after),
            sha256: createHash("sha256").update(bytesOf(after)).digest("hex"),
          },
        }))
        .sort((a, b) => (a.path < b.path ? -1 : 1)),
    },
  }));
}

function versionIn(file: File): FileVersion {
  return { mode: file.mode, id: hashObject("blob", bytesOf(file), "sha1") as string as ObjectId };
}

export function bytesOf({ mode, lines }: File): Uint8Array {
  return Buffer.from(mode === LINK ? lines.join("") : lines.map((line) => `${line}\n`).join(""));
}

interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly id: ObjectId;
}

const DIRECTORY = 0o40000;

function treeOf(store: ObjectStore, files: Files): ObjectId {
  const entries: Entry[] = [];
  const below = new Map<string, Map<string, File>>();
  for (const [path, file] of files) {
    const slash = path.indexOf("/");
    if (slash < 0) entries.push({ name: path, mode: file.mode, id: store.add("blob", bytesOf(file)) });
    else {
      const inner = below.get(path.slice(0, slash)) ?? new Map<string, File>();
      below.set(path.slice(0, slash), inner.set(path.slice(slash + 1), file));
    }
  }
  for (const [name, inner] of below) entries.push({ name, mode: DIRECTORY, id: treeOf(store, inner) });
  return store.add("tree", treeBytes(entries));
}

/** Sorted as Git sorts them: a directory as if its name ended in a slash. */
function treeBytes(entries: readonly Entry[]): Uint8Array {
  const key = ({ name, mode }: Entry) => (mode === DIRECTORY ? `${name}/` : name);
  const sorted = entries.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  return Buffer.concat(
    sorted.flatMap(({ name, mode, id }) => [
      Buffer.from(`${mode.toString(8)} ${name}\0`),
      Buffer.from(id, "hex"),
    ]),
  );
}

function commitBytes(
  commit: Commit,
  at: number,
  tree: ObjectId,
  ids: readonly CommitId[],
  signed: boolean,
): Uint8Array {
  const person = (name: Person) => `${name} <${emailOf(name)}> ${BEGINNING + at * 60} +0000`;
  const headers = [
    `tree ${tree}`,
    ...commit.parents.map((parent) => `parent ${ids[parent]!}`),
    `author ${person(commit.author)}`,
    `committer ${person(commit.committer)}`,
  ];
  const trailers = commit.coAuthors.map((name) => `Co-authored-by: ${name} <${emailOf(name)}>\n`);
  const message = `\n${at}: ${commit.move}\n${trailers.length > 0 ? `\n${trailers.join("")}` : ""}`;
  if (!signed) return Buffer.from(`${headers.join("\n")}\n${message}`);
  const signature = SIGNERS.get(commit.signer)!.sign(Buffer.from(`${headers.join("\n")}\n${message}`));
  const folded = signature.trimEnd().replaceAll("\n", "\n ");
  return Buffer.from(`${headers.join("\n")}\ngpgsig ${folded}\n${message}`);
}
