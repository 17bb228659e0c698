/**
 * `npm run bench -- seal`: what a sealed evaluation costs, with everything up to the real store, beside plain Nix and
 * beside Nix's restricted mode without a seal, which admissions were made in before.
 *
 * Each contender starts with an empty store on disk, in turns. What is timed: evaluating, reading and checking every
 * derivation, and the import. Not timed: authenticating the tree, which no contender does.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DrvPath } from "@firstmile/formats/nix/store-path";
import { readClosure } from "@firstmile/local/admission/closure";
import { storeReader } from "@firstmile/local/admission/derivation-reader";
import { EVALUATION_OPTIONS, evaluateDirectory } from "@firstmile/local/admission/evaluate-file";
import { type NixTools, nixTools } from "@firstmile/local/admission/nix-tools";
import { readSealed } from "@firstmile/local/sealing/sealed-closure";
import { median } from "../measure.ts";
import { CACHE } from "../places.ts";
import { type Row, seconds } from "../report.ts";

interface Size {
  readonly derivations: number;
  readonly rounds: number;
  /** Of the sealed evaluation over what it is measured beside. */
  readonly goal?: { readonly over: "plain" | "restricted"; readonly ratio: number };
}

const SIZES: readonly Size[] = [
  { derivations: 1, rounds: 9 },
  { derivations: 189, rounds: 7, goal: { over: "restricted", ratio: 1.1 } },
  { derivations: 2_001, rounds: 3, goal: { over: "plain", ratio: 1.6 } },
];

const DIR = join(CACHE, "seal");
const TREE = join(DIR, "tree");
const STORE = join(DIR, "machine");
const IMPORTS = join(DIR, "imports");

export async function sealRows(): Promise<Row[]> {
  rmSync(DIR, { recursive: true, force: true });
  mkdirSync(TREE, { recursive: true });
  try {
    const nix = await nixTools({ PATH: process.env.PATH, USER: "root", ...ownStore() });
    const rows: Row[] = [];
    for (const size of SIZES) rows.push(await sizeRow(nix, size));
    return rows;
  } finally {
    rmSync(DIR, { recursive: true, force: true });
  }
}

async function sizeRow(nix: NixTools, { derivations, rounds, goal }: Size): Promise<Row> {
  writeFileSync(join(TREE, "source"), "source");
  writeFileSync(join(TREE, "default.nix"), expression(derivations - 1));
  const contenders = {
    plain: () => plain(nix),
    restricted: () => restricted(nix),
    sealed: () => sealed(nix),
  };
  const runs: Record<keyof typeof contenders, number[]> = { plain: [], restricted: [], sealed: [] };
  const parts: Parts[] = [];
  const roots = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    for (const name of ["plain", "restricted", "sealed"] as const) {
      rmSync(STORE, { recursive: true, force: true });
      const start = performance.now();
      const { root, ...part } = await contenders[name]();
      runs[name].push((performance.now() - start) / 1000);
      roots.add(root);
      if (part.parts) parts.push(part.parts);
    }
  }
  if (roots.size !== 1) throw new Error(`the contenders gave ${[...roots].join(" and ")}`);
  const times = {
    plain: median(runs.plain),
    restricted: median(runs.restricted),
    sealed: median(runs.sealed),
  };
  const over = (name: "plain" | "restricted") => times.sealed / times[name];
  return {
    what: `evaluating ${derivations} ${derivations === 1 ? "derivation" : "derivations"}, sealed, read and imported`,
    ours: `${seconds(times.sealed)} (${partsTold(parts)})`,
    beside: `plain ${seconds(times.plain)}: ${over("plain").toFixed(2)}x; restricted and read ${seconds(times.restricted)}: ${over("restricted").toFixed(2)}x`,
    ...(goal ? { goal: `${goal.ratio}x of ${goal.over}`, reached: over(goal.over) <= goal.ratio } : {}),
    figures: { runs, parts },
  };
}

/** Seconds of the parts of a sealed evaluation. */
interface Parts {
  readonly evaluating: number;
  readonly reading: number;
  readonly importing: number;
}

interface Came {
  readonly root: string;
  readonly parts?: Parts;
}

function partsTold(parts: readonly Parts[]): string {
  const of = (name: keyof Parts) => seconds(median(parts.map((part) => part[name])));
  return `in the seal ${of("evaluating")}, read ${of("reading")}, imported ${of("importing")}`;
}

async function plain(nix: NixTools): Promise<Came> {
  const told = await nix.run("nix-instantiate", [TREE]);
  if (told.code !== 0) throw new Error(told.stderr);
  return { root: told.stdout.toString().trim() };
}

async function restricted(nix: NixTools): Promise<Came> {
  const options = [...EVALUATION_OPTIONS, "--show-trace", "-I", `tree=${TREE}`];
  const told = await nix.run("nix-instantiate", [...options, TREE], { offline: true });
  if (told.code !== 0) throw new Error(told.stderr);
  const root = told.stdout.toString().trim() as DrvPath;
  const closure = await readClosure(storeReader(nix), [root]);
  if (!closure.ok) throw new Error(closure.reason.message);
  return { root };
}

async function sealed(nix: NixTools): Promise<Came> {
  const start = performance.now();
  const question = { treeDir: TREE, file: "default.nix", attrs: [], argstr: {} };
  const evaluated = await evaluateDirectory(nix, TREE, question);
  if (!evaluated.ok) throw new Error(evaluated.reason.message);
  await using _ = evaluated.seal;
  const inSeal = performance.now();
  using read = await readSealed(nix, evaluated, IMPORTS);
  if (!read.closure.ok) throw new Error(read.closure.reason.message);
  const done = performance.now();
  const refused = await read.import(nix);
  if (refused) throw new Error(refused.message);
  const parts = {
    evaluating: (inSeal - start) / 1000,
    reading: (done - inSeal) / 1000,
    importing: (performance.now() - done) / 1000,
  };
  return { root: evaluated.roots[0]!, parts };
}

/** A derivation, or a chain of them: each takes the two before it, the tree's source and a text of its own. */
function expression(length: number): string {
  return `let
    drv = name: more: derivation ({ inherit name; system = "x86_64-linux"; builder = "/bin/sh"; } // more);
    next = { a, b }: n: {
      a = drv "d\${toString n}" { inherit a b; src = ./source; text = builtins.toFile "t\${toString n}" "\${toString n}"; };
      b = a;
    };
    first = drv "first" { src = ./source; };
  in (builtins.foldl' next { a = first; b = first; } (builtins.genList (n: n) ${length})).a\n`;
}

function ownStore(): NodeJS.ProcessEnv {
  return {
    NIX_REMOTE: "local",
    NIX_STORE_DIR: join(STORE, "store"),
    NIX_STATE_DIR: join(STORE, "state"),
    NIX_LOG_DIR: join(STORE, "log"),
    NIX_CONF_DIR: join(DIR, "conf"),
  };
}
