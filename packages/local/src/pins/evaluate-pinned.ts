/**
 * Evaluates an expression that fetches by pins: again and again, with one more tree each time, until it asks for none.
 *
 * Claims: the derivations follow from the tree that is asked for and from trees of authentic commits that were brought
 * for it, and from nothing else that is in this machine's store. The evaluation that shows it writes nothing that
 * lasts; the one that writes the derivations has to come to the same.
 */
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { Evaluated } from "../admission/evaluate-file.ts";
import { type NixTools, withArguments, withEnvironment } from "../admission/nix-tools.ts";
import { atLeast, parseVersion } from "../nix-conf/version.ts";
import type { PinnedTrees } from "./pinned-trees.ts";
import { sealedNix, sealingProblem, type ValidTree } from "./sealed-nix.ts";

/** Evaluates the same question with a Nix, and with the addresses that fetchers may be given. */
export type EvaluateWith = (nix: NixTools, addresses: readonly string[]) => Promise<Evaluated>;

export type EvaluatedPinned =
  | Extract<Evaluated, { ok: true }>
  | { readonly ok: false; readonly reasons: readonly Reason[] };

/** More than anybody pins; each is one evaluation. */
const MAX_ROUNDS = 100;

/** Evaluates with nothing to fetch, and then with what it asks for. Throws `NixError` where Nix cannot be run. */
export async function evaluatePinned(
  nix: NixTools,
  pins: PinnedTrees,
  evaluate: EvaluateWith,
): Promise<EvaluatedPinned> {
  const first = await evaluateAlone(nix, (tools) => evaluate(tools, []));
  let [evaluated, tools] = [first, nix];
  for (let round = 0; !evaluated.ok; round++) {
    if (evaluated.wanted === undefined) return { ok: false, reasons: [evaluated.reason] };
    if (round >= MAX_ROUNDS) return { ok: false, reasons: [tooMany()] };
    const refused = await pins.bring(evaluated.wanted);
    if (refused.length > 0) {
      const other =
        tools === nix && pins.isBrought(evaluated.wanted) ? await withoutFetchTree(nix) : undefined;
      if (!other) return { ok: false, reasons: refused };
      tools = other;
    }
    const trees = [...pins.trees, ...pins.viewed];
    evaluated = await sealed(tools, trees, (inside) => evaluate(inside, pins.addresses), pins.env);
  }
  if (evaluated === first) return evaluated;
  // Once more in the real store, for the derivations to be there.
  await pins.keep();
  const written = await evaluate(withEnvironment(tools, pins.env), pins.addresses);
  if (!written.ok) return { ok: false, reasons: [written.reason] };
  return areSame(written, evaluated) ? written : { ok: false, reasons: [different()] };
}

/**
 * Evaluates what needs nothing but these trees. Nix before 2.34 takes a tree from the store for `fetchTree` by its hash
 * alone, and asks nobody; so there it is evaluated twice, once where nothing else is to be had.
 */
export async function evaluateAlone(
  nix: NixTools,
  evaluate: (nix: NixTools) => Promise<Evaluated>,
  trees: readonly ValidTree[] = [],
): Promise<Evaluated> {
  const plain = await evaluate(nix);
  if (!plain.ok || !takesByHash(nix)) return plain;
  const alone = await sealed(nix, trees, evaluate);
  if (!alone.ok) return alone;
  return areSame(plain, alone) ? plain : { ok: false, reason: different() };
}

/** Whether `fetchTree` does, as said above; 2.34 is the oldest of which it was tried that it does not. */
function takesByHash({ version }: NixTools): boolean {
  const parsed = parseVersion(version);
  return !parsed || !atLeast(parsed, 2, 34);
}

/**
 * The same Nix without `builtins.fetchTree`, for loaders that take it where there is one and `fetchTarball` otherwise:
 * 2.34's asks the network for a tree that lies in the store. Undefined for Nix that has it in any case.
 */
async function withoutFetchTree(nix: NixTools): Promise<NixTools | undefined> {
  if (takesByHash(nix)) return undefined;
  const show = ["--extra-experimental-features", "nix-command", "config", "show", "experimental-features"];
  const shown = await nix.run("nix", show, { offline: true, timeoutMs: 60_000 });
  const features = shown.stdout.toString().trim().split(/\s+/);
  if (shown.code !== 0 || !features.some((feature) => HAS_FETCH_TREE.has(feature))) return undefined;
  const kept = features.filter((feature) => !HAS_FETCH_TREE.has(feature));
  return withArguments(nix, ["--option", "experimental-features", kept.join(" ")]);
}

const HAS_FETCH_TREE: ReadonlySet<string> = new Set(["flakes", "fetch-tree"]);

async function sealed(
  nix: NixTools,
  trees: readonly ValidTree[],
  evaluate: (nix: NixTools) => Promise<Evaluated>,
  env?: NodeJS.ProcessEnv,
): Promise<Evaluated> {
  using inside = sealedNix(nix, trees, env);
  const evaluated = await evaluate(inside.nix);
  const problem = evaluated.ok ? undefined : sealingProblem(nix.storeDir, evaluated.said ?? "");
  return problem ? { ok: false, reason: problem } : evaluated;
}

type Shown = Extract<Evaluated, { ok: true }>;

function areSame(a: Shown, b: Shown): boolean {
  return a.roots.join() === b.roots.join();
}

function tooMany(): Reason {
  return lacking(
    "evaluation-failed",
    `the evaluation fetches more than ${MAX_ROUNDS} trees, one after the other`,
    {
      remedy: "pin fewer, or admit parts of it by themselves",
    },
  );
}

function different(): Reason {
  return lacking("evaluation-failed", "the same evaluation came to other derivations a second time", {
    remedy: "look for what it reads besides its files, such as the time",
  });
}
