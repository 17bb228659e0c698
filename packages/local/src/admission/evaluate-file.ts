/**
 * Evaluates a `.nix` file of an authenticated tree to derivations.
 *
 * Claims: what comes out follows from the tree's files and the arguments alone. Against: expressions that read other
 * files (through `..`, symbolic links, `<nixpkgs>` or the environment), fetch from the network, or run a build and
 * import what it made. The kernel's seal enforces it; Nix's restricted mode stays on inside, and says file and line.
 * Leaves out `builtins.currentTime` and `currentSystem`, which restricted mode lets through; another value gives
 * another derivation, and that one is not admitted.
 *
 * Where the expression copies its own directory (`src = ./.`), the derivation holds that directory's base name: so
 * `treeDir` must be named as the user's directory is.
 */
import { isAbsolute, join } from "node:path";
import { FormatError } from "@firstmile/formats/bytes/error";
import { type DrvPath, parseDrvPath } from "@firstmile/formats/nix/store-path";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { evaluateSealed, type NotEvaluated, type ReadInSeal } from "../sealing/evaluate.ts";
import type { OpenSeal, SealRequest } from "../sealing/seal.ts";
import { isReason, parseAttributePath, renderAttributePath } from "./attribute-path.ts";
import { outsideAccess } from "./evaluation-failure.ts";
import { NixError, type NixTools } from "./nix-tools.ts";
import { pathOnDisk } from "./path-on-disk.ts";

/** What an evaluation came to; the derivations are in the seal, which is the caller's to dispose of. */
export interface Evaluated {
  readonly ok: true;
  readonly roots: readonly DrvPath[];
  readonly seal: OpenSeal;
}

export interface FileQuestion {
  /** Where the tree is seen: all that may be read. */
  readonly treeDir: string;
  /** Path in it, of a file or of a directory with a default.nix. */
  readonly file: string;
  /** Attribute paths, as after `-A`; none: the file's own value. */
  readonly attrs: readonly string[];
  /** As after `--argstr`. */
  readonly argstr: Readonly<Record<string, string>>;
  /** Addresses that fetchers may be given, besides none. There is no network to ask them at. */
  readonly addresses?: readonly string[];
  /** More arguments for Nix. */
  readonly more?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly read?: (read: ReadInSeal) => void;
}

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

/** Of a directory that is seen at `treeDir`. Throws `NixError` only where Nix cannot be run. */
export async function evaluateDirectory(
  nix: NixTools,
  from: string,
  question: FileQuestion,
  seal: SealRequest = {},
): Promise<Evaluated | NotEvaluated> {
  const file = fileInTree(from, question.file);
  if (typeof file !== "string") return { ok: false, reason: file };
  const trees = [...(seal.trees ?? []), { at: question.treeDir, from }];
  return evaluateFile(nix, { ...question, file }, { ...seal, trees });
}

/** Of a file that is known to lie in the tree, links on the way included; the seal holds the tree at `treeDir`. */
export async function evaluateFile(
  nix: NixTools,
  question: FileQuestion,
  seal: SealRequest,
): Promise<Evaluated | NotEvaluated> {
  const { treeDir, env = {}, read } = question;
  const attrs: string[] = [];
  for (const text of question.attrs) {
    const path = parseAttributePath(text);
    if (isReason(path)) return { ok: false, reason: path };
    if (path.length > 0) attrs.push("--attr", renderAttributePath(path));
  }
  const given = Object.entries(question.argstr).flatMap(([name, value]) => ["--argstr", name, value]);
  // With a prefix, so that an equals sign in the directory's name does not end one.
  const readable = ["-I", `tree=${treeDir}`, "--option", "allowed-uris", addressList(question)];
  const options = [...EVALUATION_OPTIONS, "--show-trace", ...readable, ...(question.more ?? [])];
  const args = [...options, ...given, ...attrs, join(treeDir, question.file)];
  const mountPoints = [`${treeDir}/`];
  const ended = await evaluateSealed(nix, { seal, command: "nix-instantiate", args, env, mountPoints, read });
  if (!ended.ok) return ended;
  return readRoots(ended.stdout.toString("latin1").split("\n").filter(Boolean), nix.storeDir, ended.seal);
}

/** Nix takes apart by white space what stands here: an address that has some would be several. */
export function addressList({ addresses = [] }: Pick<FileQuestion, "addresses">): string {
  const bad = addresses.find((address) => !isAddress(address));
  if (bad !== undefined) throw new NixError(`${JSON.stringify(bad)} is not an address of the network`);
  return addresses.join(" ");
}

/** Whether it could be given to Nix as an address of the network, and as one alone. */
export function isAddress(text: string): boolean {
  return /^(?!file:|path:)[a-z][a-z0-9+.-]*:[!-~]+$/.test(text) && !/^git\+file:/.test(text);
}

/** `….drv`, or `….drv!dev` where an attribute named an output. Disposes of the seal where they are not that. */
export async function readRoots(
  lines: readonly string[],
  storeDir: string,
  seal: OpenSeal,
): Promise<Evaluated | NotEvaluated> {
  try {
    const roots = lines.map((line) => parseDrvPath(line.replace(/![^!/]*$/, ""), storeDir));
    return { ok: true, roots: [...new Set(roots)], seal };
  } catch (error) {
    await seal[Symbol.asyncDispose]();
    if (!(error instanceof FormatError)) throw error;
    const message = "what was asked for is not a derivation of this store";
    return {
      ok: false,
      reason: lacking("evaluation-failed", message, { remedy: "name an attribute that is a package" }),
    };
  }
}

/** The file's path in the tree, if neither `..` nor a symbolic link leads out of the tree on the way to it. */
function fileInTree(treeDir: string, file: string): string | Reason {
  if (!isAbsolute(treeDir)) throw new NixError(`${treeDir} is not an absolute path`);
  if (isAbsolute(file) || file.includes("\0") || file.split("/").includes(".."))
    return outsideAccess(`${JSON.stringify(file)} is not a path inside the tree`);
  const where = pathOnDisk(treeDir, file);
  if (where === "inside") return file;
  if (where === "outside")
    return outsideAccess(`a link on the way to ${JSON.stringify(file)} leads out of the tree`);
  return lacking("evaluation-failed", `${JSON.stringify(file)} is not in the tree`, {
    remedy: "name a file that is committed: git ls-files lists them",
  });
}
