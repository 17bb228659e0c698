/**
 * Signed Git tags as releases: of a repository that an expression fetches, or of which it fetches a forge's archive.
 *
 * Claims: what comes back is a tag object, the commit that it names and the NAR hash of that commit's tree, each
 * re-hashed on the way. Against: an archive that is not what was tagged. Leaves out whose signature it is, and tags
 * in repositories that have more of them than are listed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCommit } from "@firstmile/formats/git/commit";
import { hashObject, type ObjectId, objectHashOf } from "@firstmile/formats/git/object-id";
import { parseTag } from "@firstmile/formats/git/tag";
import type { NarHash } from "@firstmile/formats/nix/hash";
import { gitFetch, isBranchName, listRemote } from "../git/fetch.ts";
import { initBare, neutralGit, quietGitEnv, RepositoryError } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { treeNarHash } from "../git/tree-nar-hash.ts";
import { runOk } from "../process/run.ts";

/** Where a tag may be. */
export interface TagPlace {
  readonly url: string;
  /** A tag's name, or a commit's id. */
  readonly revision: string;
}

export interface TaggedTree {
  readonly url: string;
  readonly name: string;
  /** Contents of the objects. */
  readonly tag: Buffer;
  readonly commit: Buffer;
  readonly tree: ObjectId;
  readonly narHash: NarHash;
}

const LIMITS = { timeoutMs: 600_000, maxBytes: 2 ** 30 };
const IS_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** The archives that forges make of a tag or commit, and the repository that they are of. */
const ARCHIVES: readonly RegExp[] = [
  /^(https?:\/\/[^/]+\/[^/]+\/[^/]+)\/archive\/(?:refs\/tags\/)?([^?#]+)\.tar\.gz$/,
  /^(https?:\/\/[^/]+\/[^?#]+?)\/-\/archive\/([^/?#]+)\/[^/?#]+\.tar\.gz$/,
];

/** `revision`: what the derivation asks of a repository, where it names one. */
export function tagPlaces(urls: readonly string[], revision: string | undefined): TagPlace[] {
  return urls.flatMap((url) => {
    const archive = ARCHIVES.map((pattern) => pattern.exec(url)).find((found) => found !== null);
    if (archive) return [{ url: archive[1]!, revision: decoded(archive[2]!) }];
    const isGit = /^(?:git|https?|ssh|file):\/\//.test(url);
    return revision !== undefined && isGit ? [{ url, revision: revision.replace(/^refs\/tags\//, "") }] : [];
  });
}

function decoded(text: string): string {
  return text.replaceAll("%2F", "/");
}

/** The tag there; undefined where there is none that is signed. Throws `RepositoryError`, `FormatError`. */
export async function fetchTag({ url, revision }: TagPlace): Promise<TaggedTree | undefined> {
  const dir = mkdtempSync(join(tmpdir(), "firstmile-tag-"));
  try {
    await initBare(dir, revision.length === 64 && IS_ID.test(revision) ? "sha256" : "sha1");
    const name = IS_ID.test(revision) ? await tagOf(dir, url, revision) : revision;
    if (name === undefined || !isBranchName(name)) return undefined;
    await gitFetch({
      into: dir,
      url,
      refspecs: [`+refs/tags/${name}:refs/tags/it`],
      newestOnly: true,
      limits: LIMITS,
    });
    return await readTag(dir, url, name);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Which tag names this commit, as far as the server lists them. */
async function tagOf(dir: string, url: string, commit: string): Promise<string | undefined> {
  const listed = await listRemote(dir, url, ["refs/tags/*"]);
  const found = [...listed].find(([name, id]) => id === commit && name.endsWith("^{}"));
  return found?.[0].slice("refs/tags/".length, -"^{}".length);
}

async function readTag(dir: string, url: string, name: string): Promise<TaggedTree | undefined> {
  const git = await neutralGit(dir);
  try {
    using objects = new GitObjects(git.env);
    const args = ["-C", dir, "rev-parse", "--verify", "--quiet", "refs/tags/it"];
    const tag = await objects.get((await runOk("git", args, { env: quietGitEnv() })).toString().trim());
    if (tag?.type !== "tag") return undefined;
    const { object, type, signature } = parseTag(tag.content);
    if (signature === undefined) return undefined;
    const commit = type === "commit" ? await objects.get(object) : undefined;
    if (commit?.type !== "commit" || hashObject("commit", commit.content, objectHashOf(object)) !== object)
      throw new RepositoryError(`the tag ${name} of ${url} names no commit that can be read`);
    const { tree } = parseCommit(commit.content);
    const { narHash } = await treeNarHash(objects, tree);
    return { url, name, tag: tag.content, commit: commit.content, tree, narHash };
  } finally {
    git.dispose();
  }
}
