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
import { initBare, quietGitEnv, RepositoryError } from "../git/neutral.ts";
import { run, runOk } from "../process/run.ts";

/** Largest pack taken in one go, in bytes. */
const MAX_PACK_BYTES = 4 * 2 ** 30;

export class SourceRepositories {
  private readonly root: string;
  private readonly fetches = new Map<string, number>();

  constructor(root: string) {
    this.root = root;
  }

  /** Where the source's copy is, made empty when it is not there yet. */
  async directory(source: Source): Promise<string> {
    const dir = join(this.root, `${source.name}.git`);
    if (!existsSync(join(dir, "HEAD")))
      await initBare(dir, source.introduction.commit.length === 64 ? "sha256" : "sha1");
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

  /** Asks the source's URLs, in order, until the commit is here. The reasons why it is not, where it is not. */
  async fetch(source: Source, commit: CommitId): Promise<string[]> {
    const into = await this.directory(source);
    const problems: string[] = [];
    this.fetches.set(source.name, this.generation(source) + 1);
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
            `+refs/firstmile/statements*:refs/firstmile/statements/mirror-${i}/statements*`,
          ],
        });
      } catch (error) {
        if (!(error instanceof RepositoryError)) throw error;
        problems.push(error.message);
      }
      if (await this.has(source, commit)) return [];
    }
    return problems.length > 0 ? problems : ["none of its URLs has this commit"];
  }
}
