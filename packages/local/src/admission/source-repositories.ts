/**
 * The gate's own copies of the sources' histories, one bare repository each. Objects arrive as packs from whoever
 * asks for an admission, or are fetched from the source's URLs; Git names them by their content while it takes
 * them in, and nothing is believed because it is here.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type CommitId, parseCommitId } from "@firstmile/formats/git/object-id";
import type { Source } from "@firstmile/trust/policy/policy";
import { gitFetch } from "../git/fetch.ts";
import { initBare, type ObjectFormat, quietGitEnv, RepositoryError } from "../git/neutral.ts";
import { ProcessError, run, runOk } from "../process/run.ts";
import { bringStatements, holdsStatements, type Keep, type SourceMirror } from "./source-statements.ts";

/** Largest pack taken in one go, in bytes. */
const MAX_PACK_BYTES = 4 * 2 ** 30;

/** What becomes of the statements that mirrors carry. */
export interface MirrorStatements {
  readonly keep: Keep;
  /** One line of what a mirror dropped, or why nothing was taken of it. */
  readonly tell: (line: string) => void;
}

/** Without a place to keep words in, none may be dropped. */
const KEEPS_NOTHING: MirrorStatements = {
  keep: async ({ from }) => {
    throw new RepositoryError(`what ${from} dropped cannot be kept here, so nothing new is taken of it`);
  },
  tell: () => {},
};

export class SourceRepositories {
  private readonly root: string;
  private readonly statements: MirrorStatements;
  private readonly fetches = new Map<string, number>();
  /** Git's own lock would refuse the second of two that make one copy. */
  private readonly making = new Map<string, Promise<void>>();
  /** One fetch of a source at a time. */
  private readonly busy = new Map<string, Promise<unknown>>();

  constructor(root: string, statements: MirrorStatements = KEEPS_NOTHING) {
    this.root = root;
    this.statements = statements;
  }

  /** Where the source's copy is, made empty when it is not there yet. */
  async directory(source: Source): Promise<string> {
    const dir = join(this.root, `${source.name}.git`);
    if (["HEAD", "refs", "objects"].every((name) => existsSync(join(dir, name)))) return dir;
    const making = this.making.get(dir) ?? initBare(dir, formatOf(source));
    this.making.set(dir, making);
    await making.finally(() => this.making.delete(dir));
    return dir;
  }

  async has(source: Source, commit: CommitId): Promise<boolean> {
    const found = await run(
      "git",
      ["-C", await this.directory(source), "cat-file", "-e", `${commit}^{commit}`],
      { env: quietGitEnv() },
    );
    return found.code === 0;
  }

  /** Commits kept from earlier admissions: what a sender need not send again. */
  async kept(source: Source): Promise<CommitId[]> {
    const listed = await runOk(
      "git",
      ["-C", await this.directory(source), "for-each-ref", "--format=%(objectname)", "refs/firstmile/kept"],
      { env: quietGitEnv() },
    );
    return listed.toString().split("\n").filter(Boolean).map(parseCommitId);
  }

  /** Keeps a commit's objects from being collected. */
  async keep(source: Source, commit: CommitId): Promise<void> {
    await runOk(
      "git",
      ["-C", await this.directory(source), "update-ref", `refs/firstmile/kept/${commit}`, commit],
      { env: quietGitEnv() },
    );
  }

  /** Keeps a tree of co-signatures beside those of others; what they are worth is found by checking them. */
  async keepNotes(source: Source, notes: CommitId): Promise<void> {
    await runOk(
      "git",
      ["-C", await this.directory(source), "update-ref", `refs/firstmile/notes/${notes}`, notes],
      { env: quietGitEnv() },
    );
  }

  /** Takes in a pack, which may lean on objects that are here already. */
  async receive(source: Source, pack: Readable): Promise<void> {
    const args = [
      "-C",
      await this.directory(source),
      "index-pack",
      "--stdin",
      "--fix-thin",
      `--max-input-size=${MAX_PACK_BYTES}`,
    ];
    const child = spawn("git", args, { env: quietGitEnv(), stdio: ["pipe", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2000);
    });
    const ended = new Promise<number>((resolve, reject) =>
      child.on("error", reject).on("close", (code) => resolve(code ?? 255)),
    );
    await pipeline(pack, child.stdin).catch(() => {});
    if ((await ended) !== 0)
      throw new RepositoryError(
        `the objects sent for ${source.name} cannot be used: ${said.trim().split("\n").at(-1)}`,
      );
  }

  /** Changes whenever mirrors may have brought evidence of their own. */
  generation({ name }: Pick<Source, "name">): number {
    return this.fetches.get(name) ?? 0;
  }

  private raise({ name }: Pick<Source, "name">): void {
    this.fetches.set(name, this.generation({ name }) + 1);
  }

  /** Asks the source's URLs, in order, until the commit is here. The reasons why it is not, where it is not. */
  fetch(source: Source, commit: CommitId): Promise<string[]> {
    return this.alone(source, () => this.fetchNow(source, commit));
  }

  /** Asks those URLs again whose statements are held. True: at least one was asked. */
  refreshStatements(source: Source): Promise<boolean> {
    return this.alone(source, async () => {
      const repository = await this.directory(source);
      let isAsked = false;
      for (const [place, url] of source.urls.entries()) {
        if (!(await this.holds(repository, source, url, place))) continue;
        await this.statementsOf(repository, source, url, place);
        isAsked = true;
      }
      return isAsked;
    });
  }

  /** A copy that is damaged holds them too: it is mended by what comes. */
  private async holds(repository: string, source: Source, url: string, place: number): Promise<boolean> {
    try {
      return await holdsStatements(this.mirror(repository, source, url, place));
    } catch (error) {
      if (!(error instanceof RepositoryError || error instanceof ProcessError)) throw error;
      return true;
    }
  }

  /** Whether there is a copy of it. */
  isHere({ name }: Pick<Source, "name">): boolean {
    return existsSync(join(this.root, `${name}.git`));
  }

  private async alone<T>({ name }: Source, work: () => Promise<T>): Promise<T> {
    const before = this.busy.get(name) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.busy.set(name, mine);
    return await mine;
  }

  private mirror(repository: string, source: Source, url: string, place: number): SourceMirror {
    return { repository, url, place, format: formatOf(source) };
  }

  /** What cannot be taken is told, and what is held of the mirror stays. */
  private async statementsOf(repository: string, source: Source, url: string, place: number): Promise<void> {
    const { keep, tell } = this.statements;
    try {
      for (const line of await bringStatements(this.mirror(repository, source, url, place), keep))
        tell(`source ${source.name}: ${line}`);
    } catch (error) {
      if (!(error instanceof RepositoryError || error instanceof ProcessError)) throw error;
      tell(`source ${source.name}: no statements were taken: ${error.message}`);
    } finally {
      this.raise(source);
    }
  }

  private async fetchNow(source: Source, commit: CommitId): Promise<string[]> {
    const into = await this.directory(source);
    const problems: string[] = [];
    this.raise(source);
    for (const [i, url] of source.urls.entries()) {
      try {
        await gitFetch({
          into,
          url,
          refspecs: [
            `+refs/heads/*:refs/firstmile/remote/${i}/*`,
            `+refs/tags/*:refs/firstmile/tags/${i}/*`,
            // One mirror's evidence must not take the place of another's.
            `+refs/notes/signatures*:refs/firstmile/notes/mirror-${i}/signatures*`,
          ],
        });
        await this.statementsOf(into, source, url, i);
      } catch (error) {
        if (!(error instanceof RepositoryError)) throw error;
        problems.push(error.message);
      } finally {
        // An answer that was worked out meanwhile rests on the evidence of before.
        this.raise(source);
      }
      if (await this.has(source, commit)) return [];
    }
    return problems.length > 0 ? problems : ["none of its URLs has this commit"];
  }
}

function formatOf({ introduction }: Source): ObjectFormat {
  return introduction.commit.length === 64 ? "sha256" : "sha1";
}
