/**
 * Evaluates a `.nix` file of an authenticated tree to the derivations it stands for.
 *
 * Claims: what comes out follows from the tree's files and the arguments alone. Against: expressions that read other
 * files (through `..`, symbolic links, `<nixpkgs>` or the environment), fetch from the network, or run a build and
 * import what it made. Nix's restricted mode enforces the first, an empty network namespace backs it up.
 * Leaves out: `builtins.currentTime` and `currentSystem`, which restricted mode lets through; another value gives
 * another derivation, and that one is not admitted. Nor is memory bounded, only time.
 *
 * Where the expression copies its own directory (`src = ./.`), the derivation holds that directory's base name: so
 * `treeDir` must be named as the user's directory is.
 */
import { lstatSync, realpathSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { FormatError } from "@firstmile/formats/bytes/error";
import { type DrvPath, parseDrvPath } from "@firstmile/formats/nix/store-path";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { ProcessError, type RunResult } from "../process/run.ts";
import { isReason, parseAttributePath, renderAttributePath } from "./attribute-path.ts";
import {
  evaluationFailure,
  evaluationTimeout,
  outsideAccess,
  type WantedAddress,
  wantedAddress,
} from "./evaluation-failure.ts";
import { NixError, type NixTools } from "./nix-tools.ts";

export type Evaluated =
  | { readonly ok: true; readonly roots: readonly DrvPath[] }
  | {
      readonly ok: false;
      readonly reason: Reason;
      /** Where it failed for something that a fetcher was to bring. */
      readonly wanted?: WantedAddress | undefined;
      /** What Nix said. */
      readonly said?: string;
    };

export interface FileQuestion {
  /** Absolute path of the authenticated tree: all that may be read. */
  readonly treeDir: string;
  /** Path in it, of a file or of a directory with a default.nix. */
  readonly file: string;
  /** Attribute paths, as after `-A`; none: the file's own value. */
  readonly attrs: readonly string[];
  /** As after `--argstr`. */
  readonly argstr: Readonly<Record<string, string>>;
  /** Addresses that fetchers may be given, besides none. There is no network to ask them at. */
  readonly addresses?: readonly string[];
  /** Default five minutes. */
  readonly timeoutMs?: number;
}

export const EVALUATION_LIMIT_MS = 300_000;
const MAX_ANSWER_BYTES = 16 << 20;

/** Options that hold for every evaluation. Options unknown to a version are warned of and otherwise no matter. */
export const EVALUATION_OPTIONS: readonly string[] = Object.entries({
  "allow-import-from-derivation": "false",
  "allow-unsafe-native-code-during-evaluation": "false",
  "restrict-eval": "true",
  "nix-path": "",
  substitute: "false",
  builders: "",
  "max-jobs": "0",
  "download-attempts": "1",
}).flatMap(([name, value]) => ["--option", name, value]);

/** Throws `NixError` only where Nix cannot be run. */
export async function evaluateFile(nix: NixTools, question: FileQuestion): Promise<Evaluated> {
  const file = fileInTree(question.treeDir, question.file);
  return typeof file === "string" ? evaluatePath(nix, question, file) : { ok: false, reason: file };
}

/** As `evaluateFile`, of a file (absolute path) that is known to lie in the tree, links on the way included. */
export async function evaluatePath(nix: NixTools, question: FileQuestion, file: string): Promise<Evaluated> {
  const attrs: string[] = [];
  for (const text of question.attrs) {
    const path = parseAttributePath(text);
    if (isReason(path)) return { ok: false, reason: path };
    if (path.length > 0) attrs.push("--attr", renderAttributePath(path));
  }
  const given = Object.entries(question.argstr).flatMap(([name, value]) => ["--argstr", name, value]);
  // With a prefix, so that an equals sign in the directory's name is no prefix itself.
  const readable = ["-I", `tree=${question.treeDir}`, "--option", "allowed-uris", addressList(question)];
  const args = [...EVALUATION_OPTIONS, "--show-trace", ...readable, ...given, ...attrs, file];
  const ended = await evaluate(nix, "nix-instantiate", args, question.timeoutMs, question.treeDir);
  if ("reason" in ended) return { ok: false, ...ended };
  return readRoots(ended.stdout.toString("latin1").split("\n").filter(Boolean), nix.storeDir);
}

/** Nix takes apart by white space what stands here: an address that has some would be several. */
export function addressList({ addresses = [] }: Pick<FileQuestion, "addresses">): string {
  const bad = addresses.find((address) => !isAddress(address));
  if (bad !== undefined) throw new NixError(`${JSON.stringify(bad)} is no address`);
  return addresses.join(" ");
}

/** Whether it could be given to Nix as an address of the network, and as one alone. */
export function isAddress(text: string): boolean {
  return /^(?!file:|path:)[a-z][a-z0-9+.-]*:[!-~]+$/.test(text) && !/^git\+file:/.test(text);
}

/** Runs one evaluation, offline and bounded; what went wrong as a reason. */
export async function evaluate(
  nix: NixTools,
  command: "nix" | "nix-instantiate",
  args: readonly string[],
  timeoutMs: number = EVALUATION_LIMIT_MS,
  treeDir?: string,
): Promise<RunResult | Omit<Extract<Evaluated, { ok: false }>, "ok">> {
  try {
    const options = { offline: true, timeoutMs, maxBytes: MAX_ANSWER_BYTES };
    const ended = await nix.run(command, args, options);
    if (ended.code === 0) return ended;
    // People know their files by the path in the repository, not by where the gate has written them.
    const said = treeDir === undefined ? ended.stderr : ended.stderr.replaceAll(`${treeDir}/`, "");
    return { reason: evaluationFailure(said), wanted: wantedAddress(said), said };
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    if (/did not end within/.test(error.message)) return { reason: evaluationTimeout(timeoutMs / 1000) };
    throw new NixError(error.message, { cause: error });
  }
}

/** `….drv`, or `….drv!dev` where an attribute named an output. */
export function readRoots(lines: readonly string[], storeDir: string): Evaluated {
  try {
    const roots = lines.map((line) => parseDrvPath(line.replace(/![^!/]*$/, ""), storeDir));
    return { ok: true, roots: [...new Set(roots)] };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const message = "what was asked for is no derivation of this store";
    return {
      ok: false,
      reason: lacking("evaluation-failed", message, { remedy: "name an attribute that is a package" }),
    };
  }
}

/** The file's absolute path, if neither `..` nor a symbolic link leads out of the tree on the way to it. */
function fileInTree(treeDir: string, file: string): string | Reason {
  if (!isAbsolute(treeDir)) throw new NixError(`${treeDir} is not an absolute path`);
  if (isAbsolute(file) || file.includes("\0") || file.split("/").includes(".."))
    return outsideAccess(`${JSON.stringify(file)} is no path inside the tree`);
  const path = join(treeDir, file);
  try {
    lstatSync(path);
    const inside = relative(realpathSync(treeDir), realpathSync(path));
    if (inside === ".." || inside.startsWith("../") || isAbsolute(inside))
      return outsideAccess(`${JSON.stringify(file)} is a symbolic link to ${realpathSync(path)}`);
    return path;
  } catch (error) {
    if (error instanceof Error && "code" in error)
      return lacking("evaluation-failed", `${JSON.stringify(file)} is not in the tree`, {
        remedy: "name a file that is committed: git ls-files lists them",
      });
    throw error;
  }
}
