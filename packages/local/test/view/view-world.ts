/** Repositories of one tree, with any name and mode that Git knows, and views of them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ObjectId, parseObjectId } from "@firstmile/formats/git/object-id";
import { runMounted } from "../../src/view/mounted.ts";
import type { ViewCommand, ViewResult, ViewRules, ViewTree } from "../../src/view/view.ts";

export type Content = string | Buffer | { readonly mode: number; readonly content: string };
/** By path, as a Latin-1 string. */
export type Files = Readonly<Record<string, Content>>;

const GIT_ENV = {
  PATH: process.env.PATH,
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
};

export class ViewWorld implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), "view-test-"));
  private trees = 0;

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  git(repository: string, args: readonly string[], input?: string | Buffer): string {
    return execFileSync("git", ["-C", repository, ...args], {
      env: GIT_ENV,
      input,
      encoding: "latin1",
    }).trim();
  }

  /** A repository that holds nothing but this tree, to be seen at `dir/NAME`. */
  tree(name: string, files: Files, rules: ViewRules = OBSERVE, format = "sha1"): ViewTree {
    const repository = join(this.dir, `repository-${this.trees++}`);
    this.git(this.dir, ["init", "--quiet", "--bare", `--object-format=${format}`, repository]);
    this.git(repository, ["fast-import", "--quiet"], stream(files));
    const tree = parseObjectId(this.git(repository, ["rev-parse", "refs/heads/main^{tree}"]));
    return { repository, tree, at: join(this.dir, name), rules };
  }

  /** What a script prints that runs at the place of the first tree. */
  async sh(trees: readonly ViewTree[], script: string, ...args: string[]): Promise<ViewResult> {
    return runMounted(trees, command(trees[0]!.at, ["sh", "-c", script, "sh", ...args]));
  }
}

export const OBSERVE: ViewRules = { kind: "observe" };

export function enforce(allowed: Readonly<Record<string, readonly string[] | "any">>): ViewRules {
  return { kind: "enforce", allowed: new Map(Object.entries(allowed)) };
}

export function command(cwd: string, argv: readonly string[]): ViewCommand {
  return { argv, cwd, stdio: { timeoutMs: 60_000, maxBytes: 64 << 20 } };
}

export function openedPaths({ record }: Pick<ViewResult, "record">): string[] {
  return record.files.map(({ path }) => path).sort();
}

/** Id of a blob that `git fast-import` was not told: that of a submodule's commit. */
export const SUBMODULE = "1".repeat(40) as ObjectId;

function stream(files: Files): Buffer {
  const head = "commit refs/heads/main\ncommitter A <a@example.org> 1700000000 +0000\ndata 0\n";
  const parts: Buffer[] = [Buffer.from(head)];
  for (const [path, file] of Object.entries(files)) {
    const isPlain = typeof file === "string" || Buffer.isBuffer(file);
    const mode = isPlain ? 0o100644 : file.mode;
    const content = isPlain ? file : file.content;
    if (mode === 0o160000) parts.push(Buffer.from(`M 160000 ${content} ${quoted(path)}\n`));
    else {
      const bytes = Buffer.from(content as string, "latin1");
      const body = Buffer.isBuffer(content) ? content : bytes;
      parts.push(
        Buffer.from(`M ${mode.toString(8)} inline ${quoted(path)}\ndata ${body.length}\n`),
        body,
        NEWLINE,
      );
    }
  }
  return Buffer.concat(parts);
}

const NEWLINE = Buffer.from("\n");

function quoted(path: string): string {
  const escaped = path.replace(
    /[^ !#-[\]-~]/g,
    (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
  return `"${escaped}"`;
}

/** Why nothing can be mounted on this machine; undefined: it can. */
export async function whyNoMounts(): Promise<string | undefined> {
  using world = new ViewWorld();
  try {
    await world.sh([world.tree("probe", { a: "" })], "true");
    return undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "view-unavailable") return error.message;
    throw error;
  }
}
