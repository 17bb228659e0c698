/**
 * Statements that people on this machine have in their checkouts, and send along with what they ask to be admitted.
 *
 * Claims: what is kept was signed by somebody whom the rules know, so that nobody who may ask can fill the room of
 * others with words that count for nobody; and it is kept apart from what mirrors and evidence repositories serve.
 * Against: any user of the machine. Leaves out what the statements say, and those of people who come into the rules
 * later: their checkouts send them again.
 */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ObjectId } from "@firstmile/formats/git/object-id";
import type { Policy } from "@firstmile/trust/policy/policy";
import { statementIdentities } from "@firstmile/trust/statement/identities";
import { verifyStatement } from "@firstmile/trust/statement/verify";
import { electorateNow } from "../evidence/electorate.ts";
import { RepositoryError } from "../git/neutral.ts";
import { type FoundStatement, LIMITS, shardedPath } from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";
import { writeStatement } from "../statements/write.ts";

/** In one tree that is sent. */
const MAX_SENT = { files: 10_000, bytes: 32 << 20 };
/** Kept in all: the people of a policy are few, and may still be many machines' programs. */
const MAX_KEPT = 20_000;
/** Trees that need not be sent again. */
const MAX_REMEMBERED = 256;

export class SentStatements {
  readonly #directory: string;
  /** Trees that were looked through under the rules of this digest. */
  readonly #taken = new Set<string>();
  #digest = "";
  #kept: number;
  #changes = 0;

  constructor(directory: string) {
    this.#directory = directory;
    this.#kept = countFiles(directory);
  }

  /** Changes whenever there are more. */
  generation(): string {
    return `${this.#kept} ${this.#changes}`;
  }

  /** Trees that hold nothing new under these rules. */
  taken({ digest }: Pick<Policy, "digest">): readonly string[] {
    return digest === this.#digest ? [...this.#taken] : [];
  }

  /** Takes each tree. What cannot be taken is missing, and keeps nobody from asking: the problems are given back. */
  async takeAll(
    repository: string,
    trees: readonly ObjectId[],
    policy: Policy,
    now: number,
  ): Promise<string[]> {
    const problems =
      trees.length > LIMITS.refs ? [`only ${LIMITS.refs} trees of statements are taken at once`] : [];
    for (const tree of trees.slice(0, LIMITS.refs)) {
      try {
        await this.take(repository, tree, policy, now);
      } catch (error) {
        if (!(error instanceof RepositoryError)) throw error;
        problems.push(error.message);
      }
    }
    return problems;
  }

  /** Keeps those of a tree that somebody of the rules signed; gives how many are new. Throws `RepositoryError`. */
  async take(repository: string, tree: ObjectId, policy: Policy, now: number): Promise<number> {
    const { found, incomplete, unreadable } = await readStatements(
      [{ kind: "tree", repository, tree }],
      MAX_SENT,
    );
    if (incomplete.length > 0)
      throw new RepositoryError(`the statements of the checkout cannot be taken: ${unreadable[0]?.problem}`);
    const { keys } = statementIdentities(electorateNow(policy, now).policy);
    const isSigned = ({ envelope }: FoundStatement) => {
      const verified = verifyStatement(envelope, keys, now);
      return verified.ok && verified.outcomes.some((one) => one.valid || one.lapsed);
    };
    const fresh = found.filter((one) => !this.#has(one) && isSigned(one));
    if (this.#kept + fresh.length > MAX_KEPT)
      throw new RepositoryError(`this machine keeps ${MAX_KEPT} statements of checkouts, and takes no more`);
    mkdirSync(this.#directory, { recursive: true, mode: 0o755 });
    for (const { envelope } of fresh)
      await writeStatement({ kind: "directory", path: this.#directory }, envelope);
    this.#kept += fresh.length;
    if (fresh.length > 0) this.#changes++;
    this.#remember(tree, policy);
    return fresh.length;
  }

  #has({ name }: FoundStatement): boolean {
    return existsSync(join(this.#directory, ...shardedPath(name)));
  }

  #remember(tree: ObjectId, { digest }: Policy): void {
    if (digest !== this.#digest || this.#taken.size >= MAX_REMEMBERED) this.#taken.clear();
    this.#digest = digest;
    this.#taken.add(tree);
  }
}

function countFiles(directory: string): number {
  if (!existsSync(directory)) return 0;
  const names = readdirSync(directory, { recursive: true }).map(String);
  return names.filter((name) => name.endsWith(".json")).length;
}
