/**
 * An evaluation without a seal, for one's own code on a machine that can make none: `--unsealed`. Never for an admission.
 *
 * Claims no more than a view does: what is read of the tree is known. Against nothing: the code may read every file that
 * the caller may read, and ask the network. What it makes goes into a store of its own below the directory for
 * temporary files, and not into the machine's. Leaves out pins and flakes, whose inputs only a seal can show in a store.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluationFailure, wantedAddress } from "../admission/evaluation-failure.ts";
import { NixError, type NixTools } from "../admission/nix-tools.ts";
import { ProcessError, type RunOptions } from "../process/run.ts";
import { runInView } from "../view/view.ts";
import type { Ended, Evaluation } from "./evaluate.ts";
import { SEAL_LIMITS } from "./limits.ts";
import { withoutSeal } from "./noise.ts";
import type { OpenSeal } from "./seal.ts";
import { SealError, sealUnavailable } from "./seal-error.ts";

/** Where trees are seen in this process's evaluations, and their stores. Gone when the process ends. */
export class Unsealed {
  readonly #dir = mkdtempSync(join(tmpdir(), "firstmile-unsealed-"));

  constructor() {
    process.once("exit", () => rmSync(this.#dir, { recursive: true, force: true }));
  }

  /** Where a tree is seen that people know by this name of its directory. */
  place(directoryName: string): string {
    const place = join(mkdtempSync(join(this.#dir, "tree-")), directoryName);
    mkdirSync(place);
    return place;
  }

  root(): string {
    return mkdtempSync(join(this.#dir, "store-"));
  }
}

/** The same Nix for looking at one's own code. */
export function unsealed(nix: NixTools): NixTools {
  return { ...nix, unsealed: new Unsealed() };
}

/** What a person is told before anything is evaluated. */
export const UNSEALED_MEANS =
  "--unsealed: this code is evaluated without a seal. It can read every file that you can read, and use the network.";

export async function evaluateUnsealed(nix: NixTools, root: string, evaluation: Evaluation): Promise<Ended> {
  const { views = [], inputs = [], trees = [] } = evaluation.seal;
  if (inputs.length + trees.length > 0) return { ok: false, reason: sealUnavailable(NEEDS_SEAL) };
  const store = ["--store", root];
  const { argv, env } = nix.words(evaluation.command, [...evaluation.args, ...store], { offline: true });
  const stdio = { timeoutMs: SEAL_LIMITS.timeMs, maxBytes: MAX_PRINTED };
  try {
    const ended = await runInView(views, { argv, env: { ...env, ...evaluation.env }, cwd: "/", stdio });
    const { record, how, stdout, stderr } = ended;
    evaluation.read?.({ record, how, log: stderr });
    if (ended.code === 0) return { ok: true, stdout, seal: left(nix, root, store) };
    const said = withoutSeal(stderr, evaluation.mountPoints ?? []);
    return { ok: false, reason: evaluationFailure(said), wanted: wantedAddress(said) };
  } catch (error) {
    if (error instanceof ProcessError) throw new NixError(error.message, { cause: error });
    throw error;
  }
}

const MAX_PRINTED = 64 << 20;
const NEEDS_SEAL = new SealError("what flakes and pins fetch can only be shown in a seal");

/** What it has left, read as that of a seal is. */
function left(nix: NixTools, root: string, store: readonly string[]): OpenSeal {
  return {
    run: (command, args, options: RunOptions = {}) =>
      nix.run(command, [...args, ...store], { ...options, offline: true }),
    // Whatever its paths are called.
    store: join(root, "nix/store"),
    inputs: [],
    limits: SEAL_LIMITS,
    how: "fuse",
    record: async () => ({ files: [], directories: [], broken: [] }),
    [Symbol.asyncDispose]: async () => rmSync(root, { recursive: true, force: true }),
  };
}
