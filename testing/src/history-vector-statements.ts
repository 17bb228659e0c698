/** Statements and signed tags of a case: made, signed by its people, and put where readers look. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { preAuthEncoding, renderEnvelope } from "@firstmile/formats/dsse/envelope";
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import type { ReviewedChange, ReviewStatement } from "@firstmile/formats/statement/review";
import {
  renderStatement,
  STATEMENT_PAYLOAD_TYPE,
  type Statement,
} from "@firstmile/formats/statement/statement";
import type { Person, WorldRepository } from "./world.ts";
import { gitEnv } from "./world-repository.ts";

export interface StatementOptions {
  /** Changes the payload behind its signers' backs. */
  readonly tamper?: (payload: string) => string;
  readonly namespace?: string;
}

const kept = new WeakMap<WorldRepository, Map<string, ObjectId>>();

/** Adds an envelope with these people's signatures to refs/firstmile/statements. */
export async function state(
  repository: WorldRepository,
  statement: Statement,
  signers: readonly Person[],
  { tamper = (payload) => payload, namespace = "firstmile-statement" }: StatementOptions = {},
): Promise<void> {
  const signed = renderStatement(statement);
  const message = preAuthEncoding(STATEMENT_PAYLOAD_TYPE, signed);
  const signatures = await Promise.all(
    signers.map(async (person) => ({ keyid: undefined, sig: await person.sign(message, { namespace }) })),
  );
  const payload = Buffer.from(tamper(Buffer.from(signed).toString()));
  const envelope = renderEnvelope({ payloadType: STATEMENT_PAYLOAD_TYPE, payload, signatures });
  keep(repository, envelope);
}

function keep(repository: WorldRepository, envelope: Uint8Array): void {
  const files = kept.get(repository) ?? new Map<string, ObjectId>();
  kept.set(repository, files);
  const name = createHash("sha256").update(envelope).digest("hex");
  files.set(`${name}.json`, repository.write("blob", envelope));
  const entries = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  const tree = repository.write(
    "tree",
    Buffer.concat(
      entries.map(([file, id]) => Buffer.concat([Buffer.from(`100644 ${file}\0`), Buffer.from(id, "hex")])),
    ),
  );
  const who = "someone <someone@example.org> 1735689600 +0000";
  const commit = `tree ${tree}\nauthor ${who}\ncommitter ${who}\n\nstatements\n`;
  repository.ref("refs/firstmile/statements", repository.write("commit", Buffer.from(commit)));
}

export type ReviewTerms = Partial<Omit<ReviewStatement, "kind" | "changes">>;

/** What somebody who read the change of these paths between two commits states. */
export function reviewOf(
  repository: WorldRepository,
  before: CommitId | undefined,
  after: CommitId,
  paths: readonly string[],
  terms: ReviewTerms = {},
): ReviewStatement {
  const changes = [...paths].sort().map((path): ReviewedChange => {
    const was = before && versionOf(repository, before, path);
    return { path, before: was && { id: was.id, mode: was.mode }, after: versionOf(repository, after, path) };
  });
  const base = {
    verdict: "approve",
    depth: "read",
    machine: false,
    note: undefined,
    source: undefined,
  } as const;
  return { kind: "review", ...base, ...terms, changes };
}

function versionOf(repository: WorldRepository, commit: CommitId, path: string) {
  const git = (...args: string[]) => execFileSync("git", ["-C", repository.dir, ...args], { env: gitEnv() });
  const [mode, , id] = git("ls-tree", commit, "--", path).toString().split(/[ \t]/, 3) as [
    string,
    string,
    string,
  ];
  if (!id) return undefined;
  const sha256 = createHash("sha256")
    .update(git("cat-file", "blob", id))
    .digest("hex");
  return { id: id as ObjectId, mode: Number.parseInt(mode, 8), sha256 };
}

/** A signed tag on a commit. `tamper` changes the finished object. */
export async function tag(
  repository: WorldRepository,
  name: string,
  commit: CommitId,
  by: Person,
  tamper: (text: string) => string = (text) => text,
): Promise<void> {
  const who = `${by.name} <${by.name.replace(/[^a-z]/g, "")}@example.org> 1735689600 +0000`;
  const text = `object ${commit}\ntype commit\ntag ${name}\ntagger ${who}\n\n${name}\n`;
  const signature = (await by.sign(Buffer.from(text))).toString("latin1");
  repository.ref(
    `refs/tags/${name}`,
    repository.write("tag", Buffer.from(tamper(text + signature), "latin1")),
  );
}
