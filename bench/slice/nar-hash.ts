/**
 * The NAR hash of a tree in Git, every object hashed on the way, beside writing the tree to disk and asking Nix. Whole
 * processes, in turns. What one run left on the disk is removed outside the clock.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Command, inTurns, type Measured } from "../measure.ts";
import { CACHE, PEERS, ROOT } from "../places.ts";
import { absent, type Row, seconds } from "../report.ts";
import { type PackagesTree, packagesTree } from "./packages-tree.ts";

const FILES = 40_000;
const ROUNDS = 5;
const GOAL = 0.5;
/** Where files are written to memory alone: what the peer would take on the fastest of disks. */
const MEMORY = "/dev/shm";
const NIX = ["nix", "--extra-experimental-features", "nix-command", "hash", "path"];

export async function narHashRows(): Promise<Row[]> {
  const made = packagesTree(FILES);
  const version = execFileSync("nix", ["--version"], { encoding: "utf8" }).trim();
  const rows = [besideRow(made, version, join(CACHE, "checked-out"), NIX)];
  if (existsSync(MEMORY))
    rows.push(besideRow(made, `${version}, into memory`, join(MEMORY, "firstmile-bench"), NIX));
  const inTree = ["sh", join(ROOT, "scripts/sid-run"), PEERS, "--", ...NIX];
  // Only what is below the checkout or /tmp is seen inside.
  if (existsSync(join(PEERS, ".sid-tree")))
    rows.push(besideRow(made, "Nix of the tree", join(CACHE, "checked-out"), inTree));
  else rows.push(absent("NAR hash beside the tree's Nix", "no tree; scripts/sid-tree makes one"));
  return rows;
}

function besideRow(made: PackagesTree, name: string, dir: string, nix: readonly string[]): Row {
  const { ours, theirs } = inTurns({ ours: oursOf(made), theirs: theirsOf(made, dir, nix) }, ROUNDS);
  rmSync(dir, { recursive: true, force: true });
  const ratio = ours.wall / theirs.wall;
  return {
    what: `NAR hash of ${FILES} files (${Math.round(made.bytes / 1e6)} MB) from Git`,
    ours: `${seconds(ours.wall)} (${seconds(ours.cpu)} of CPU)`,
    beside: `git archive | tar x, nix hash path (${name}) ${told(theirs)}: ${ratio.toFixed(2)}x`,
    goal: `${GOAL}x`,
    reached: ratio <= GOAL,
    figures: { ours, theirs },
  };
}

function told({ wall, cpu, runs }: Measured): string {
  const walls = runs.map((run) => run.wall);
  return `${seconds(wall)}, ${seconds(Math.min(...walls))} to ${seconds(Math.max(...walls))} (${seconds(cpu)} of CPU)`;
}

function oursOf({ repository, tree }: PackagesTree): Command {
  return { argv: [process.execPath, join(import.meta.dirname, "nar-hash-ours.ts"), repository, tree] };
}

function theirsOf({ repository }: PackagesTree, dir: string, nix: readonly string[]): Command {
  const script = 'git -C "$0" archive main | tar x -C "$1" && dir=$1 && shift && "$@" "$dir"';
  return {
    argv: ["sh", "-c", script, repository, dir, ...nix],
    prepare: () => {
      rmSync(dir, { recursive: true, force: true });
      mkdirSync(dir, { recursive: true });
    },
  };
}
