/**
 * Repositories of one commit over many files of text in the shape of nixpkgs, packed as a clone of one is: with deltas.
 * Made once, the same each time, and found in the cache.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageText, seeded } from "@firstmile/testing/package-text";
import { PackWriter } from "../history/pack.ts";
import { CACHE } from "../places.ts";

export interface PackagesTree {
  /** Bare; `main` is the commit. */
  readonly repository: string;
  readonly tree: string;
  readonly files: number;
  readonly bytes: number;
}

/** Raised when what is made changes. */
const EDITION = 1;
/** As many packages in a folder as nixpkgs has on average below by-name. */
const IN_FOLDER = 30;
const WHO = "bench <bench@example.org> 1704153600 +0000";

export function packagesTree(files: number): PackagesTree {
  const dir = join(CACHE, `packages-${files}-${EDITION}`);
  if (!existsSync(dir)) {
    rmSync(`${dir}.part`, { recursive: true, force: true });
    make(`${dir}.part`, files);
    renameSync(`${dir}.part`, dir);
  }
  const { tree, bytes } = JSON.parse(readFileSync(join(dir, "made.json"), "utf8")) as PackagesTree;
  return { repository: join(dir, "repository.git"), tree, files, bytes };
}

/** The files of such a tree in the order of its paths, without a repository. */
export function* packageTexts(files: number): Generator<string> {
  const random = seeded(files);
  for (let i = 0; i < files; i++) yield packageText(random);
}

function make(dir: string, files: number): void {
  const repository = join(dir, "repository.git");
  mkdirSync(repository, { recursive: true });
  execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", repository]);
  const pack = new PackWriter();
  const { tree, bytes } = addTree(pack, files);
  const commit = pack.add(
    "commit",
    Buffer.from(`tree ${tree}\nauthor ${WHO}\ncommitter ${WHO}\n\npackages\n`),
  );
  pack.into(repository);
  execFileSync("git", ["-C", repository, "update-ref", "refs/heads/main", commit]);
  execFileSync("git", ["-C", repository, "repack", "-adf", "-q"]);
  writeFileSync(join(dir, "made.json"), JSON.stringify({ tree, bytes }));
}

/** pkgs/FOLDER/PACKAGE/package.nix. */
function addTree(pack: PackWriter, files: number): { tree: string; bytes: number } {
  const folders: [string, string][] = [];
  let packages: [string, string][] = [];
  let [bytes, at] = [0, 0];
  for (const text of packageTexts(files)) {
    bytes += text.length;
    const file = pack.add("blob", Buffer.from(text));
    const name = String(at++).padStart(6, "0");
    packages.push([name, pack.add("tree", treeOf("100644", [["package.nix", file]]))]);
    if (packages.length < IN_FOLDER && at < files) continue;
    folders.push([name, pack.add("tree", treeOf("40000", packages))]);
    packages = [];
  }
  const all = pack.add("tree", treeOf("40000", folders));
  return { tree: pack.add("tree", treeOf("40000", [["pkgs", all]])), bytes };
}

function treeOf(mode: string, entries: readonly (readonly [name: string, id: string])[]): Buffer {
  return Buffer.concat(
    entries.flatMap(([name, id]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]),
  );
}
