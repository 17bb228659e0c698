/**
 * Evaluates attributes of a flake at one commit to the derivations they stand for, so that they are the very ones
 * that the user's own `nix build .#x` comes to in a clean checkout: `self.rev`, `lastModified` and `revCount` included.
 *
 * Claims: what comes out follows from the commit, its lock and the locked trees in the store. Against: what
 * evaluate-file.ts names; and a lock that is amended while evaluating, registries, and a flake's own `nixConfig`.
 * Leaves out whether the lock's inputs are authentic: the caller puts their trees into the store after checking them,
 * and an input that is not there fails, since there is no network.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { addressList, EVALUATION_OPTIONS, type Evaluated, evaluate, readRoots } from "./evaluate-file.ts";
import { evaluationRepository } from "./evaluation-repository.ts";
import { type FlakeVerb, flakeExpression } from "./flake-attributes.ts";
import type { NixTools } from "./nix-tools.ts";

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
  /** Where locked tarballs come from, down to the last slash: named by restricted mode, and fetched from nowhere. */
  readonly addresses?: readonly string[];
  /** Default five minutes. */
  readonly timeoutMs?: number;
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

/**
 * Kinds of inputs that 2.34 may name under `restrict-eval`. There is no network to fetch them from: each is in the
 * store, under the hash in the lock, or fails. `file:` and other paths of this machine are not among them.
 */
const INPUT_KINDS = "github: gitlab: sourcehut: git+https: git+ssh: git+http: git:";

/** Throws `RepositoryError` and `NixError` where the repository cannot be read or Nix not be run. */
export async function evaluateFlake(nix: NixTools, question: FlakeQuestion): Promise<Evaluated> {
  const { repository, commit, attrs, verb } = question;
  const place = await evaluationRepository(repository, commit);
  try {
    const reference = `git+file://${encodeURI(place.dir)}?rev=${commit}${directory(question.dir)}`;
    const expression = flakeExpression(reference, nix.system, attrs, verb);
    if (typeof expression !== "string") return { ok: false, reason: expression };
    const own = `git+file://${encodeURI(place.dir)}`;
    const allowed = ["--option", "allowed-uris", `${own} ${INPUT_KINDS} ${addressList(question)}`.trimEnd()];
    const args = [
      "eval",
      "--offline",
      "--json",
      "--show-trace",
      ...OPTIONS,
      ...allowed,
      "--expr",
      expression,
    ];
    const ended = await evaluate(nix, "nix", args, question.timeoutMs);
    if ("reason" in ended) return { ok: false, ...ended };
    return readRoots(asLines(ended.stdout.toString()), nix.storeDir);
  } finally {
    place.dispose();
  }
}

function directory(dir: string): string {
  const names = dir.split("/").filter((name) => name !== "" && name !== ".");
  return names.length === 0 ? "" : `&dir=${encodeURIComponent(names.join("/"))}`;
}

function asLines(json: string): string[] {
  const value: unknown = JSON.parse(json);
  return Array.isArray(value) ? value.map(String) : [];
}
