/**
 * Views: opening one on a large tree, and evaluating in one beside a checkout. The tree to evaluate is a repository in
 * the shape of nixpkgs that FIRSTMILE_BENCH_TREE names; without it, only opening is measured.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { type ObjectId, parseObjectId } from "@firstmile/formats/git/object-id";
import { writeTree } from "@firstmile/local/admission/tree";
import { treeOf } from "@firstmile/local/admission/tree-of";
import { neutralGit, resolveRevision } from "@firstmile/local/git/neutral";
import { GitObjects } from "@firstmile/local/git/objects";
import { runInView, type ViewTree } from "@firstmile/local/view/view";
import { median } from "../measure.ts";
import { CACHE } from "../places.ts";
import { absent, type Row, seconds } from "../report.ts";
import { makeLargeTree } from "./tree.ts";

const DIR = join(CACHE, "view");
const CHECKOUT = join(DIR, "checkout");
const OPENINGS = 7;
/** The first is cold. */
const ROUNDS = 9;
const GOALS = { open: 1, warm: 1.3, cold: 3 };
const LIMITS = { timeoutMs: 600_000, maxBytes: 1 << 20 };
const OBSERVE = { kind: "observe" } as const;

export async function viewRows(): Promise<Row[]> {
  rmSync(DIR, { recursive: true, force: true });
  mkdirSync(DIR, { recursive: true });
  const named = process.env.FIRSTMILE_BENCH_TREE;
  try {
    const opened = await openingRow();
    if (named === undefined)
      return [opened, absent("evaluating in a view", "FIRSTMILE_BENCH_TREE names no tree")];
    return [opened, ...(await evaluationRows(named))];
  } finally {
    rmSync(DIR, { recursive: true, force: true });
  }
}

async function openingRow(): Promise<Row> {
  const repository = join(DIR, "large.git");
  const { tree, files } = makeLargeTree(repository);
  const view = { repository, tree: parseObjectId(tree), at: place("opened"), rules: OBSERVE };
  const runs: number[] = [];
  for (let i = 0; i < OPENINGS; i++) runs.push(await timed(view, ["true"]));
  const wall = median(runs);
  return {
    what: `opening a view on ${files.toLocaleString("en-US")} files`,
    ours: seconds(wall),
    goal: `${GOALS.open} s`,
    reached: wall <= GOALS.open,
    figures: { wall, runs },
  };
}

async function evaluationRows(repository: string): Promise<Row[]> {
  const tree = await treeIn(repository);
  const view = { repository, tree, at: place("tree"), rules: OBSERVE };
  const rows: Row[] = [];
  for (const attr of ["bash", "gcc"]) rows.push(...(await attributeRows(view, attr)));
  return rows;
}

/** Side by side in one view; the first run in it reads everything through Git. */
async function attributeRows(view: ViewTree, attr: string): Promise<Row[]> {
  const script = join(import.meta.dirname, "timed.ts");
  const { record, stdout, code, stderr } = await runInView([view], {
    argv: [process.execPath, script, attr, String(ROUNDS), CHECKOUT, view.at],
    env: { ...process.env, ...ownStore() },
    cwd: "/",
    stdio: LIMITS,
  });
  if (code !== 0) throw new Error(stderr.trim().split("\n").at(-1));
  const runs = JSON.parse(stdout.toString()) as Record<string, number[]>;
  const [cold, ...warm] = runs[view.at]!;
  // The store is filled by the first.
  const beside = median(runs[CHECKOUT]!.slice(1));
  const files = record.files.length;
  const opening = await timed(view, ["true"]);
  return [
    row(`evaluating -A ${attr} in a view, warm`, median(warm), beside, GOALS.warm, { files, runs }),
    row(`evaluating -A ${attr} in a view, cold, with opening it`, cold! + opening, beside, GOALS.cold, {
      cold,
      opening,
    }),
  ];
}

function row(what: string, wall: number, plain: number, goal: number, figures: Record<string, unknown>): Row {
  const ratio = wall / plain;
  return {
    what,
    ours: `${seconds(wall)}, ${ratio.toFixed(2)}x`,
    beside: `checkout ${seconds(plain)}`,
    goal: `${goal}x`,
    reached: ratio <= goal,
    figures: { wall, plain, ...figures },
  };
}

async function treeIn(repository: string): Promise<ObjectId> {
  const git = await neutralGit(repository);
  try {
    using objects = new GitObjects(git.env);
    const tree = await treeOf(objects, (await resolveRevision(repository, "HEAD")) as CommitId);
    await writeTree(objects, tree, CHECKOUT);
    return tree;
  } finally {
    git.dispose();
  }
}

async function timed(view: ViewTree, argv: readonly string[]): Promise<number> {
  const start = performance.now();
  await runInView([view], { argv, cwd: "/", stdio: LIMITS });
  return (performance.now() - start) / 1000;
}

/** Evaluating writes derivations: not into this machine's own store. */
function ownStore(): NodeJS.ProcessEnv {
  return {
    NIX_REMOTE: "local",
    NIX_STORE_DIR: join(DIR, "store"),
    NIX_STATE_DIR: join(DIR, "state"),
    NIX_LOG_DIR: join(DIR, "log"),
    NIX_CONF_DIR: join(DIR, "conf"),
    HOME: DIR,
  };
}

/** An empty directory that a view covers. */
function place(name: string): string {
  const dir = join(DIR, name);
  mkdirSync(dir, { recursive: true });
  return dir;
}
