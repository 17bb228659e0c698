/**
 * Which commits of sources the gate hands out as archives, for flakes to be locked to.
 *
 * Claims: of a source that is judged by its commits, an authentic commit; of one that is judged by what is read of it, a
 * commit of which a channel that the rules accept published something. What comes with it (hash, count, time) was worked
 * out here, from objects that were re-hashed. Against: a forge that serves another tree. Leaves out whether what an
 * evaluation reads of the tree is covered: admission asks that, file by file.
 */
import { parseCommit } from "@firstmile/formats/git/commit";
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import type { NarHash } from "@firstmile/formats/nix/hash";
import type { SourceName } from "@firstmile/trust/policy/names";
import type { Source } from "@firstmile/trust/policy/policy";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { Authenticator } from "../admission/authenticator.ts";
import { ensureCommit } from "../admission/locked-trees.ts";
import type { SourceRepositories } from "../admission/source-repositories.ts";
import { treeOf } from "../admission/tree-of.ts";
import { acceptedAt, type ChannelQuestion, publishedCommits } from "../channel/list.ts";
import { newestAccepted } from "../channel/newest.ts";
import { GitTreeError } from "../git/git-tree.ts";
import { neutralGit, RepositoryError } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { treeNarHash } from "../git/tree-nar-hash.ts";
import { runOk } from "../process/run.ts";
import type { RulesHolder, RulesInForce } from "./rules-in-force.ts";

export interface SourceArchivesOptions {
  readonly rules: RulesHolder;
  readonly authenticator: Authenticator;
  readonly repositories: SourceRepositories;
  /** Unix seconds. */
  readonly clock: () => number;
}

/** What a lock says of a commit: none of it changes. */
export interface CommitFacts {
  readonly tree: ObjectId;
  readonly narHash: NarHash;
  readonly revCount: number;
  /** Committer's time, Unix seconds. */
  readonly lastModified: number;
}

export interface SourceArchive extends CommitFacts {
  readonly source: Source;
  readonly commit: CommitId;
  readonly repository: string;
}

export type FoundArchive =
  | { readonly ok: true; readonly archive: SourceArchive }
  | { readonly ok: false; readonly reason: Reason };

const MAX_FACTS = 1000;

export class SourceArchives {
  readonly #options: SourceArchivesOptions;
  readonly #facts = new Map<CommitId, CommitFacts>();
  /** One answer a question, however many ask it at once. */
  readonly #asked = new Map<string, Promise<FoundArchive>>();

  constructor(options: SourceArchivesOptions) {
    this.#options = options;
  }

  /** `which`: a commit, or the newest that the source's channel published. */
  find(name: string, which: CommitId | "channel"): Promise<FoundArchive> {
    const key = `${name} ${which}`;
    const known = this.#asked.get(key);
    if (known) return known;
    const asked = this.#find(name, which).finally(() => this.#asked.delete(key));
    this.#asked.set(key, asked);
    return asked;
  }

  async #find(name: string, which: CommitId | "channel"): Promise<FoundArchive> {
    const rules = await this.#options.rules.get();
    if (!rules.ok) return refused(rules.reason);
    const source = rules.rules.policy.sources.get(name as SourceName);
    if (!source) return refused(lacking("unknown-source", `the policy has no source ${name}`));
    try {
      const commit = which === "channel" ? await this.#newest(rules.rules, source) : which;
      if (typeof commit !== "string") return refused(commit);
      const absent = await ensureCommit(this.#options.repositories, source, commit);
      if (absent) return refused(absent);
      const denied = await this.#denied(rules.rules, source, commit);
      if (denied) return refused(denied);
      const repository = await this.#options.repositories.directory(source);
      return {
        ok: true,
        archive: { source, commit, repository, ...(await this.#factsOf(repository, commit)) },
      };
    } catch (error) {
      if (error instanceof GitTreeError) return refused(lacking(error.code, error.message));
      if (error instanceof RepositoryError) return refused(lacking("source-unavailable", error.message));
      throw error;
    }
  }

  async #newest(rules: RulesInForce, source: Source): Promise<CommitId | Reason> {
    if (source.channel === undefined) return noChannel(source);
    const question = await this.#question(rules, source);
    const found = await newestAccepted(question, async (commit) => {
      await ensureCommit(this.#options.repositories, source, commit);
    });
    return typeof found === "string" ? found : nothingPublished(source, "at any commit", found);
  }

  async #denied(rules: RulesInForce, source: Source, commit: CommitId): Promise<Reason | undefined> {
    if (source.authenticate !== "slice") {
      const reason = await this.#options.authenticator.authenticate(rules, { source: source.name, commit });
      return reason.ok ? undefined : reason;
    }
    if (source.channel === undefined) return noChannel(source);
    const question = await this.#question(rules, source);
    const published = (await publishedCommits(question)).find((one) => one.commit === commit);
    const at = `at ${commit.slice(0, 12)}`;
    if (!published) return nothingPublished(source, at, []);
    const { accepted, problem } = await acceptedAt(question, published);
    return accepted ? undefined : nothingPublished(source, at, [problem ?? ""]);
  }

  async #question({ policy, statements }: RulesInForce, source: Source): Promise<ChannelQuestion> {
    const repository = await this.#options.repositories.directory(source);
    return { repository, policy, source, statements, now: this.#options.clock() };
  }

  async #factsOf(repository: string, commit: CommitId): Promise<CommitFacts> {
    const known = this.#facts.get(commit) ?? (await factsOf(repository, commit));
    if (this.#facts.size >= MAX_FACTS) this.#facts.clear();
    this.#facts.set(commit, known);
    return known;
  }
}

async function factsOf(repository: string, commit: CommitId): Promise<CommitFacts> {
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const tree = await treeOf(objects, commit);
    const { narHash } = await treeNarHash(objects, tree);
    const count = await runOk("git", ["rev-list", "--count", "--end-of-options", commit], { env: git.env });
    const lastModified = parseCommit((await objects.get(commit))!.content).committer.identity().time;
    return { tree, narHash, revCount: Number(count.toString()), lastModified };
  } finally {
    git.dispose();
  }
}

function refused(reason: Reason): FoundArchive {
  return { ok: false, reason };
}

function noChannel({ name }: Source): Reason {
  return lacking("not-published", `source ${name} is judged by what is read of it, and follows no channel`, {
    remedy: "firstmile channel follow URL; or lock the input to the repository itself (git+https)",
  });
}

function nothingPublished({ name, channel }: Source, where: string, problems: readonly string[]): Reason {
  return lacking(
    "not-published",
    `role ${channel} has published nothing of source ${name} ${where} that holds`,
    {
      because: problems.map((problem) => lacking("not-published", problem)),
      remedy: `firstmile channel list ${name}`,
    },
  );
}
