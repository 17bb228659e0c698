/**
 * What other programs make of archives: GNU tar, bsdtar, and Nix of either version by `fetchTarball` and
 * `nix-prefetch-url --unpack`. Many archives a process, since starting one takes longer than reading them.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseHash, sriHash } from "@firstmile/formats/nix/hash";
import { narDigest } from "@firstmile/formats/nix/nar";
import { readTree } from "@firstmile/local/archives/directory";
import { run } from "@firstmile/local/process/run";

/** By archive, in their order: the NAR's hash, or undefined where it was refused. */
export type Answers = readonly (string | undefined)[];

export interface ArchiveReader {
  readonly name: string;
  /** Whether the one directory on top is left out, as Nix does. */
  readonly strips: boolean;
  /** Whether archives with several things on top are refused on purpose. */
  readonly needsOneTop?: boolean;
  /** `dir` holds the archives, called by their numbers. */
  read(dir: string, count: number): Promise<Answers>;
}

/** `locale`: names of pax headers are converted to it by some. */
export function byProgram(program: "tar" | "bsdtar", locale: "C" | "C.UTF-8"): ArchiveReader {
  const options =
    program === "tar" ? "--no-same-owner --no-same-permissions" : "-o --no-xattrs --no-acls --no-fflags";
  return {
    name: `${program} in ${locale}`,
    strips: false,
    read: async (dir, count) => {
      const out = mkdtempSync(join(dir, "out-"));
      const loop = `i=0; while [ $i -lt "$3" ]; do mkdir "$2/$i"; ${program} ${options} -xf "$1/$i.tar" -C "$2/$i" || echo $i; i=$((i+1)); done`;
      const env = { PATH: process.env.PATH, LC_ALL: locale };
      const { stdout } = await run("sh", ["-c", loop, "sh", dir, out, String(count)], { env });
      const failed = new Set(stdout.toString().split("\n").filter(Boolean).map(Number));
      const answers = Array.from({ length: count }, (_, i) => {
        const tree = failed.has(i) ? undefined : readTree(join(out, String(i)), 1 << 30);
        return tree && sriHash(narDigest(tree).narHash);
      });
      rmSync(out, { recursive: true, force: true });
      return answers;
    },
  };
}

const CHECKOUT = resolve(import.meta.dirname, "../../..");

/** Nix of this machine, or of the tree of scripts/sid-tree; with a store of its own below `home`. */
class OneNix {
  readonly #env: NodeJS.ProcessEnv;
  readonly #enter: readonly string[];
  readonly storeDir: string;

  constructor(home: string, sidTree: string | undefined) {
    this.storeDir = join(home, "store");
    mkdirSync(join(home, "conf"), { recursive: true });
    writeFileSync(
      join(home, "conf/nix.conf"),
      "build-users-group =\nsubstituters =\ntarball-ttl = 0\nfsync-metadata = false\n",
    );
    this.#env = {
      PATH: process.env.PATH,
      HOME: home,
      NIX_REMOTE: "local",
      NIX_STORE_DIR: this.storeDir,
      NIX_STATE_DIR: join(home, "state"),
      NIX_LOG_DIR: join(home, "log"),
      NIX_CONF_DIR: join(home, "conf"),
    };
    this.#enter = sidTree === undefined ? [] : [join(CHECKOUT, "scripts/sid-run"), sidTree, "--"];
  }

  run(...args: string[]) {
    const [program, ...rest] = [...this.#enter, ...args];
    return run(program!, rest, { env: this.#env });
  }
}

export function byFetchTarball(name: string, home: string, sidTree?: string): ArchiveReader {
  const nix = new OneNix(home, sidTree);
  const strict = sidTree === undefined;
  const file = join(home, "fetch.nix");
  writeFileSync(
    file,
    `{ dir, from, count }: map (n: "\${builtins.fetchTarball { url = "file://\${dir}/\${toString (from + n)}.tar"; }}") (builtins.genList (n: n) count)\n`,
  );
  const range = async (dir: string, from: number, count: number): Promise<(string | undefined)[]> => {
    const numbers = ["--arg", "from", String(from), "--arg", "count", String(count)];
    const { code, stdout } = await nix.run(
      "nix-instantiate",
      "--eval",
      "--strict",
      "--json",
      file,
      "--argstr",
      "dir",
      dir,
      ...numbers,
    );
    if (code === 0) return JSON.parse(stdout.toString()) as string[];
    if (count === 1) return [undefined];
    const half = Math.floor(count / 2);
    return [...(await range(dir, from, half)), ...(await range(dir, from + half, count - half))];
  };
  return {
    name: `fetchTarball of ${name}`,
    strips: true,
    ...(strict ? { needsOneTop: true } : {}),
    read: async (dir, count) => {
      const paths = await range(dir, 0, count);
      return paths.map((path) => {
        const tree = path === undefined ? undefined : readTree(path, 1 << 30);
        return tree && sriHash(narDigest(tree).narHash);
      });
    },
  };
}

export function byPrefetch(name: string, home: string, sidTree?: string): ArchiveReader {
  const nix = new OneNix(home, sidTree);
  return {
    name: `nix-prefetch-url --unpack of ${name}`,
    strips: true,
    read: async (dir, count) => {
      const loop = `i=0; while [ $i -lt "$2" ]; do nix-prefetch-url --unpack "file://$1/$i.tar" || echo refused; i=$((i+1)); done`;
      const { stdout } = await nix.run("sh", "-c", loop, "sh", dir, String(count));
      const lines = stdout.toString().trim().split("\n");
      return lines.map((line) => (line === "refused" ? undefined : sriHash(parseHash(`sha256:${line}`))));
    },
  };
}
