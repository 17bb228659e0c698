/** A machine whose checkout pins another repository, by every kind of pin; and loaders in the shape of the real ones. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { encodeNix32 } from "@firstmile/formats/nix/base32";
import { narHashDigest, parseNarHash, sriHash } from "@firstmile/formats/nix/hash";
import { derivationText, GateWorld, type GateWorldOptions } from "../../../../testing/src/gate-world.ts";
import type { NixVersion } from "../../../../testing/src/nix-world.ts";
import type { WorldRepository } from "../../../../testing/src/world.ts";
import type { SourceSpec } from "../../../../testing/src/world-policy.ts";

/** Where everybody says that the pinned repository is. No test asks there. */
export const DEP = "https://github.com/o/dep";

export interface PinnedCommit {
  readonly rev: CommitId;
  readonly sri: string;
  /** Without the algorithm. */
  readonly nix32: string;
  readonly archive: string;
}

export interface PinsWorld extends AsyncDisposable {
  readonly world: GateWorld;
  readonly dep: WorldRepository;
  readonly first: PinnedCommit;
  /** Has these files and no others in the checkout, signed, and asks to admit attributes of its default.nix. */
  admit(
    files: Readonly<Record<string, string>>,
    ...attrs: string[]
  ): Promise<{ code: number | null; said: string }>;
  /** A commit of the pinned repository, by alice unless told. */
  depCommit(files: Readonly<Record<string, string>>, by?: GateWorld["alice"]): Promise<PinnedCommit>;
  /** Has the tree of a commit, with changes, in the machine's store, as an earlier download leaves it. */
  planted(
    commit: PinnedCommit,
    changes: Readonly<Record<string, string>>,
    name?: string,
  ): Promise<PinnedCommit>;
}

export const DEP_FILES = {
  "default.nix": `{ tool = ${derivationText("tool", "echo tool > $out")}; words = builtins.readFile ./words; }`,
  words: "signed words",
};

/** `more`: over the rules of the pinned repository. */
export async function pinsWorld(
  version: NixVersion,
  more: Partial<SourceSpec> = {},
  options: Partial<GateWorldOptions> = {},
): Promise<PinsWorld> {
  const world = await GateWorld.make({ version, files: { "default.nix": "{ }" }, ...options });
  const pkgs = world.source.tip();
  const dep = await world.people.repository("dep");
  const introduction = await dep.commit({ by: world.alice, files: DEP_FILES });
  const urls = [`file://${dep.dir}`, `${DEP}.git`];
  await world.changeRules({
    sources: { pkgs: { introduction: pkgs }, dep: { introduction, urls, ...more } },
  });
  await world.startGate();
  return {
    world,
    dep,
    first: pinned(dep, introduction),
    async admit(files, ...attrs) {
      await world.source.commit({ by: world.alice, files, whole: true });
      await world.run("git", ["pull", "--quiet", "--ff-only"]);
      const given = attrs.flatMap((attr) => ["-A", attr]);
      const ended = await world.firstmile("admit", "-f", "default.nix", ...given);
      // Long lines are broken and drawn as a tree.
      const said = `${ended.stdout}${ended.stderr}`.replaceAll(/\s*\n[ │]*/g, " ");
      return { code: ended.code, said };
    },
    depCommit: async (files, by = world.alice) => pinned(dep, await dep.commit({ by, files })),
    planted: (commit, changes, name) => planted(world, dep, commit, changes, name),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

function pinned(dep: WorldRepository, rev: CommitId): PinnedCommit {
  const dir = mkdtempSync(join(tmpdir(), "pinned-"));
  unpack(dep, rev, dir);
  const hash = narHashOf(dir);
  rmSync(dir, { recursive: true });
  return { rev, ...hash, archive: `${DEP}/archive/${rev}.tar.gz` };
}

function unpack(dep: WorldRepository, rev: CommitId, dir: string): void {
  execFileSync("sh", [
    "-c",
    'git -C "$1" archive --format=tar "$2" | tar x -C "$3"',
    "sh",
    dep.dir,
    rev,
    dir,
  ]);
}

function narHashOf(dir: string): { sri: string; nix32: string } {
  const hex = execFileSync("nix-hash", ["--type", "sha256", dir], { encoding: "utf8" }).trim();
  const hash = parseNarHash(`sha256:${hex}`);
  return { sri: sriHash(hash), nix32: encodeNix32(narHashDigest(hash)) };
}

async function planted(
  world: GateWorld,
  dep: WorldRepository,
  commit: PinnedCommit,
  changes: Readonly<Record<string, string>>,
  name = "source",
): Promise<PinnedCommit> {
  const dir = join(mkdtempSync(join(world.nix.dir, "planted-")), name);
  execFileSync("mkdir", [dir]);
  unpack(dep, commit.rev, dir);
  for (const [path, text] of Object.entries(changes))
    execFileSync("sh", ["-c", 'cat > "$1"', "sh", join(dir, path)], { input: text });
  const added = await world.run("nix-store", ["--add", dir]);
  if (added.code !== 0) throw new Error(added.stderr);
  return { ...commit, ...narHashOf(dir) };
}

/** In the shape of npins' loader, with its calls. */
export const NPINS_LOADER = `let
  data = builtins.fromJSON (builtins.readFile ./sources.json);
  tree = { repository, revision, url ? null, submodules ? false, hash, ... }:
    if url != null && !submodules then builtins.fetchTarball { inherit url; sha256 = hash; }
    else (builtins.fetchGit {
      url = if repository.type == "Git" then repository.url else "https://github.com/\${repository.owner}/\${repository.repo}.git";
      rev = revision; name = "dep-\${builtins.substring 0 7 revision}"; inherit submodules;
      \${if data.version > 5 then "narHash" else null} = hash;
    }).outPath;
  other = { url, locked_url ? url, hash, ... }: builtins.fetchTarball { url = locked_url; sha256 = hash; };
in assert data.version >= 3; builtins.mapAttrs (_: spec:
  spec // { outPath = if spec.type == "Git" || spec.type == "GitRelease" then tree spec else other spec; }) data.pins
`;

/** In the shape of niv's. */
export const NIV_LOADER = `let
  clean = name: builtins.concatStringsSep "" (map (s: if builtins.isList s then "-" else s) (builtins.split "[^[:alnum:]+._?=-]+" name));
  fetch = name: spec:
    if spec.type == "tarball" then builtins.fetchTarball { name = clean name + "-src"; inherit (spec) url sha256; }
    else if spec.type == "git" then builtins.fetchGit { url = spec.repo; inherit (spec) rev; ref = spec.ref or "refs/heads/\${spec.branch}"; submodules = false; }
    else builtins.fetchurl { inherit (spec) url sha256; name = clean name + "-src"; };
in builtins.mapAttrs (name: spec: spec // { outPath = fetch name spec; }) (builtins.fromJSON (builtins.readFile ./sources.json))
`;

export function npinsPin(commit: PinnedCommit, more: object = {}): object {
  return {
    type: "Git",
    repository: { type: "GitHub", owner: "o", repo: "dep" },
    branch: "main",
    submodules: false,
    revision: commit.rev,
    url: commit.archive,
    hash: commit.sri,
    ...more,
  };
}

export function npinsFiles(pins: object, version = 7): Record<string, string> {
  return { "npins/default.nix": NPINS_LOADER, "npins/sources.json": JSON.stringify({ pins, version }) };
}

export function nivPin(commit: PinnedCommit, more: object = {}): object {
  return {
    branch: "main",
    owner: "o",
    repo: "dep",
    rev: commit.rev,
    sha256: commit.nix32,
    type: "tarball",
    url: commit.archive,
    url_template: "https://github.com/<owner>/<repo>/archive/<rev>.tar.gz",
    ...more,
  };
}

export function nivFiles(pins: object): Record<string, string> {
  return { "nix/sources.nix": NIV_LOADER, "nix/sources.json": JSON.stringify(pins) };
}

/** A derivation that holds the pinned tree's words: what was read shows in it. */
export const WORDS = (tree: string) =>
  derivationText("words", "echo $words > $out", `words = (import ${tree}).words;`);
