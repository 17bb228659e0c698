/**
 * Nix over a store in which nothing is valid but the trees that it is given.
 *
 * Claims: whatever an evaluation here fetches by hash is one of these trees or fails. Against: a fetcher's call with
 * the hash of another tree, which somebody has put into this machine's store before. Stock Nix takes any valid path
 * that the hash names, and restricted mode has nothing to say about that once the address is allowed. So the
 * evaluation gets a database of its own, over the same store directory, whose changes are thrown away.
 *
 * It has neither network nor daemon. What it writes stays in memory, so whoever wants the derivations evaluates again
 * in the real store, and compares. Leaves out the files of other paths: they can be seen, and restricted mode refuses
 * them.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NarHash } from "@firstmile/formats/nix/hash";
import type { StorePath } from "@firstmile/formats/nix/store-path";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { NixTools } from "../admission/nix-tools.ts";
import { run } from "../process/run.ts";

/** A tree that the evaluation may fetch. */
export interface ValidTree {
  readonly path: StorePath;
  readonly narHash: NarHash;
  readonly narSize: number;
  /** Where it is seen instead, such as a view; default: the store has it. */
  readonly at?: string;
}

export interface SealedNix extends Disposable {
  readonly nix: NixTools;
}

/** What a store directory may be called to stand in the options of a mount. */
const PLAIN_PATH = /^\/[A-Za-z0-9/._+-]+$/;

/**
 * Its text is constant: paths and the command come as arguments. $1: a directory that the mounts hide. $2: the store
 * directory. $3: what is valid, as `nix-store --load-db` takes it. Then pairs FROM TO up to `--`, and the command.
 */
const BEGIN = `fail() { echo "cannot seal: $1" >&2; exit 126; }
scratch=$1; store=$2; shift 2; exec 3<"$1" || fail list; shift
mount -t tmpfs -o mode=755 firstmile "$scratch" || fail tmpfs
mkdir "$scratch/upper" "$scratch/work" "$scratch/state" || fail directories
mount -t overlay -o "lowerdir=$store,upperdir=$scratch/upper,workdir=$scratch/work" firstmile "$store" || fail overlay
while [ "$1" != -- ]; do mkdir -p "$2" && mount --bind "$1" "$2" || fail "$2"; shift 2; done; shift
nix-store --option store local --load-db <&3 || fail database
exec "$@" 3<&-`;

/** Of no use after it is disposed of. `env`: over what Nix gets anyway. */
export function sealedNix(
  nix: NixTools,
  trees: readonly ValidTree[],
  env: NodeJS.ProcessEnv = {},
): SealedNix {
  const dir = mkdtempSync(join(tmpdir(), "firstmile-sealed-"));
  const scratch = mkdtempSync(join(dir, "store-"));
  const list = join(dir, "valid");
  writeFileSync(list, trees.map(registration).join(""));
  const places = trees.flatMap(({ path, at }) => (at === undefined ? [] : [at, path]));
  const begin = [...namespaces(), "sh", "-c", BEGIN, "sh", scratch, nix.storeDir, list, ...places, "--"];
  const state = join(scratch, "state");
  const own = { NIX_STATE_DIR: state, NIX_LOG_DIR: join(state, "log"), NIX_REMOTE: "local", ...env };
  const words: NixTools["words"] = (command, args, options) => {
    const inner = nix.words(command, [...SEALED_OPTIONS, ...args], { env: { ...own, ...options?.env } });
    return { argv: [begin[0]!, ...begin.slice(1), ...inner.argv], env: inner.env };
  };
  const sealed: NixTools = {
    ...nix,
    isolated: true,
    words,
    run(command, args, options = {}) {
      const { argv, env: given } = words(command, args, options);
      const { offline: _, ...rest } = options;
      return run(argv[0], argv.slice(1), { ...rest, env: given });
    },
  };
  return { nix: sealed, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Whoever is not root is so in a namespace of their own, where build users are nobody's. */
function namespaces(): string[] {
  const user = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  return ["unshare", ...user, "--net", "--mount", "--propagation", "private", "--"];
}

const SEALED_OPTIONS = ["--option", "store", "local", "--option", "build-users-group", ""];

/** Path, hash, size, no deriver, no references. */
function registration({ path, narHash, narSize }: ValidTree): string {
  return `${path}\n${narHash}\n${narSize}\n\n0\n`;
}

/** Why this machine cannot seal its store, from what the last command said; undefined if it could. */
export function sealingProblem(storeDir: string, stderr: string): Reason | undefined {
  const said = PLAIN_PATH.test(storeDir)
    ? /^(?:cannot seal: .*|unshare: .*)$/m.exec(stderr)?.[0]
    : `${storeDir} cannot stand in a mount's options`;
  if (said === undefined) return undefined;
  const message = `pins are evaluated in a store that holds nothing else, which this machine does not give: ${said}`;
  return lacking("evaluation-failed", message, {
    remedy: "run the gate as root, or allow user namespaces and overlay mounts in them",
  });
}
