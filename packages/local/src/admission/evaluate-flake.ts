/**
 * Evaluates attributes of a flake at one commit to the derivations they stand for, so that they are the very ones
 * that the user's own `nix build .#x` gives in a clean checkout: `self.rev`, `lastModified` and `revCount` included.
 *
 * Claims: what comes out follows from the commit, its lock and the locked trees that are given. Against: what
 * evaluate-file.ts names; and a lock that is amended while evaluating, registries, and a flake's own `nixConfig`.
 * Leaves out whether the lock's inputs are authentic: the caller checks them, and an input that is not given fails,
 * since there is no network.
 */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { evaluateSealed, type NotEvaluated, type ReadInSeal } from "../sealing/evaluate.ts";
import type { SealRequest } from "../sealing/seal.ts";
import type { AuthenticInput } from "./authentic-input.ts";
import { EVALUATION_OPTIONS, type Evaluated, readRoots } from "./evaluate-file.ts";
import { type FlakeVerb, flakeExpression } from "./flake-attributes.ts";
import { flakeTree } from "./flake-commit.ts";
import { flakeWrapper, WRAPPED_PLACE, wrappedFlake, wrapperAddresses } from "./flake-wrapper.ts";
import type { NixTools } from "./nix-tools.ts";
import { relativeInputs } from "./relative-inputs.ts";

export type { FlakeVerb } from "./flake-attributes.ts";

export interface FlakeQuestion {
  /** A bare Git repository that has the commit and its history. */
  readonly repository: string;
  readonly commit: CommitId;
  /** Directory of the flake in the tree; "" for the root. */
  readonly dir: string;
  /** As behind `#`; none: what the verb takes by default. */
  readonly attrs: readonly string[];
  readonly verb: FlakeVerb;
  /** A directory of this process's own, for trees. The caller removes it once it has read the seal. */
  readonly treesDir: string;
  /** More arguments for Nix. */
  readonly more?: readonly string[];
  readonly read?: (read: ReadInSeal) => void;
}

const OPTIONS: readonly string[] = [
  ...EVALUATION_OPTIONS,
  ...Object.entries({
    "pure-eval": "true",
    "accept-flake-config": "false",
    "flake-registry": "",
    "use-registries": "false",
    "eval-cache": "false",
    "extra-experimental-features": "nix-command flakes",
  }).flatMap(([name, value]) => ["--option", name, value]),
];

export interface FlakeEvaluated extends Evaluated {
  /** The flake's own tree, and directories of it that its lock takes for trees. */
  readonly own: readonly AuthenticInput[];
}

/**
 * Kinds of inputs that may be named. Nothing is fetched: each is there, under the hash in the lock, or fails. 2.8 asks
 * for Git's by the address alone, without `git+`.
 */
const INPUT_KINDS = [
  ...["https://", "http://", "ssh://", "git://"],
  ...["github:", "gitlab:", "sourcehut:", "git+https:", "git+ssh:", "git+http:", "git:"],
];

/** Throws `RepositoryError` and `NixError` where the repository cannot be read or Nix not be run. */
export async function evaluateFlake(
  nix: NixTools,
  question: FlakeQuestion,
  seal: SealRequest = {},
): Promise<FlakeEvaluated | NotEvaluated> {
  const { repository, commit, dir, attrs, verb, treesDir, read } = question;
  const tree = await flakeTree(nix, repository, commit, dir, treesDir);
  const { flake, input } = tree;
  const wrapper = flakeWrapper(flake, join(mkdtempSync(join(treesDir, "flake-")), "source"), nix.storeDir);
  const expression = flakeExpression(wrappedFlake(wrapper), nix.system, attrs, verb);
  if (typeof expression !== "string") return { ok: false, reason: expression };
  const addresses = [...INPUT_KINDS, ...wrapperAddresses(nix.storeDir)].join(" ");
  const options = [...OPTIONS, "--option", "allowed-uris", addresses, ...(question.more ?? [])];
  const words = ["eval", "--offline", "--json", "--show-trace", ...options];
  const args = [...words, "--expr", expression];
  const own = [input, ...relativeInputs(nix, tree, treesDir)];
  const inputs = [...(seal.inputs ?? []), ...own, wrapper];
  const mountPoints = [`${input.path}/`, WRAPPED_PLACE];
  const ended = await evaluateSealed(nix, {
    seal: { ...seal, inputs },
    command: "nix",
    args,
    mountPoints,
    read,
  });
  if (!ended.ok) return ended;
  const evaluated = await readRoots(asLines(ended.stdout.toString()), nix.storeDir, ended.seal);
  return evaluated.ok ? { ...evaluated, own } : evaluated;
}

function asLines(json: string): string[] {
  const value: unknown = JSON.parse(json);
  return Array.isArray(value) ? value.map(String) : [];
}
