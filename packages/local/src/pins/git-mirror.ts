/**
 * What `fetchGit` finds of a repository when there is no network: Nix's own cache directory, filled before it looks.
 *
 * Claims: of each repository the trees of the commits that were brought can be had and no others, each object named
 * by its content; of the commits before them only that there were so many, which `revCount` tells. Against: a call
 * with another revision, of which nobody has said that it is authentic. Nix puts the tree together itself, so
 * `.gitattributes` and a `narHash` are its business. Leaves out submodules: they are other repositories.
 */
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { encodeNix32 } from "@firstmile/formats/nix/base32";
import { type NeutralGit, neutralGit, type ObjectFormat } from "../git/neutral.ts";
import { runOk } from "../process/run.ts";

/** Ids of a million commits, with their line feeds. */
const MAX_LIST_BYTES = 256 << 20;

export class GitMirrors implements Disposable {
  /** Give it to Nix as XDG_CACHE_HOME. New for each evaluation, so that none finds another's commits. */
  readonly cacheHome: string = mkdtempSync(join(tmpdir(), "firstmile-fetched-"));
  #databases = 0;

  get isEmpty(): boolean {
    return this.#databases === 0;
  }

  /** Has a commit found under each of the addresses. Throws `ProcessError` and `RepositoryError`. */
  async add(repository: string, commit: CommitId, addresses: Iterable<string>): Promise<void> {
    const git = await neutralGit(repository);
    try {
      const objects = join(this.cacheHome, `objects-${this.#databases++}`);
      await packed(git, commit, objects);
      for (const address of addresses) this.#place(address, objects, git.format);
    } finally {
      git.dispose();
    }
  }

  /** Where Nix 2.4 to 2.34 look; the latter keeps what it fetched without history in a place of its own. */
  #place(address: string, objects: string, format: ObjectFormat): void {
    const key = encodeNix32(createHash("sha256").update(address, "latin1").digest());
    for (const name of [key, `${key}-shallow`]) {
      const dir = join(this.cacheHome, "nix/gitv3", name);
      for (const below of ["objects/info", "objects/pack", "refs/heads"])
        mkdirSync(join(dir, below), { recursive: true });
      writeFileSync(join(dir, "HEAD"), "ref: refs/heads/main\n");
      writeFileSync(join(dir, "config"), bareConfiguration(format));
      appendFileSync(join(dir, "objects/info/alternates"), `${objects}\n`);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.cacheHome, { recursive: true, force: true });
  }
}

/** The whole commit, and those before it without their trees, as an object database. */
async function packed(git: NeutralGit, commit: CommitId, objects: string): Promise<void> {
  const dir = join(objects, "pack");
  mkdirSync(dir, { recursive: true });
  const commits = await list(git, [], commit);
  const whole = (await list(git, ["--objects", "--no-walk"], commit)).replaceAll(/ .*$/gm, "");
  const input = `${commits}${whole}`;
  // No search for deltas: it is read once and thrown away.
  const args = ["pack-objects", "-q", "--window=0", join(dir, "pack")];
  await runOk("git", args, { env: git.env, input, maxBytes: MAX_LIST_BYTES });
  for (const name of readdirSync(dir)) {
    // The index says what the other database claimed. This one is computed from the contents.
    if (name.endsWith(".pack")) await runOk("git", ["index-pack", join(dir, name)], { env: git.env });
    else if (!name.endsWith(".idx")) rmSync(join(dir, name));
  }
}

async function list(git: NeutralGit, options: readonly string[], commit: CommitId): Promise<string> {
  const limits = { env: git.env, maxBytes: MAX_LIST_BYTES };
  const args = ["rev-list", ...options, "--end-of-options", commit];
  return (await runOk("git", args, limits)).toString("latin1");
}

function bareConfiguration(format: ObjectFormat): string {
  const extension = format === "sha256" ? "[extensions]\n\tobjectformat = sha256\n" : "";
  return `[core]\n\trepositoryformatversion = ${format === "sha256" ? 1 : 0}\n\tbare = true\n${extension}`;
}
