/** Statements that people of a world sign, and the ref on which a repository carries them. */
import { createHash } from "node:crypto";
import { preAuthEncoding, renderEnvelope } from "@firstmile/formats/dsse/envelope";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { parseNarHash } from "@firstmile/formats/nix/hash";
import type { ReviewedChange, ReviewStatement } from "@firstmile/formats/statement/review";
import {
  renderStatement,
  STATEMENT_PAYLOAD_TYPE,
  type Statement,
} from "@firstmile/formats/statement/statement";
import { runOk } from "@firstmile/local/process/run";
import { writeStatement } from "@firstmile/local/statements/write";
import { STATEMENT_NAMESPACE } from "@firstmile/trust/statement/signature";
import type { Person } from "./world-people.ts";
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
  changes.sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    kind: "review",
    verdict: "approve",
    depth: "read",
    machine: false,
    note: undefined,
    source: undefined,
    ...said,
    changes,
  };
}

/** `:old-mode new-mode old-id new-id letter`, as git-diff-tree writes it. */
async function changeOf(repository: WorldRepository, line: string, path: string): Promise<ReviewedChange> {
  const [oldMode, mode, oldId, id] = line.slice(1).split(" ") as [string, string, string, string];
  const version = (digits: string, blob: string) =>
    digits === "000000" ? undefined : { mode: Number.parseInt(digits, 8), id: blob as never };
  const after = version(mode, id);
  const content =
    after && (await runOk("git", ["-C", repository.dir, "cat-file", "blob", id], { env: gitEnv() }));
  const sha256 = content && createHash("sha256").update(content).digest("hex");
  return {
    path: Buffer.from(path).toString("latin1"),
    before: version(oldMode, oldId),
    after: after && { ...after, sha256 },
  };
}

/** A co-signature that names the content of the commit's tree. */
export function cosignStatement(commit: CommitId, narHash?: string): Statement {
  return { kind: "cosign", commit, narHash: narHash === undefined ? undefined : parseNarHash(narHash) };
}
