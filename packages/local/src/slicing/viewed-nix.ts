/**
 * The machine's Nix with some trees in view: whatever it evaluates reads them through the view, and what it read is
 * kept. Only commands that evaluate are run so: the store is asked outside.
 *
 * Where names of a tree are kept back, and one of them was asked for or would have been listed, the command is run once
 * more with all names. The same output proves that these names had no influence; of another one the second counts, and
 * it is told.
 *
 * Against: what an evaluation before this one has left in Nix's own cache, by which it takes a file for copied already
 * and does not read it again: then nobody would be asked who covers that file today. So each has a cache of its own.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NixTools } from "../admission/nix-tools.ts";
import {
  type HiddenName,
  runInView,
  type ViewCommand,
  type ViewRecord,
  type ViewResult,
  type ViewTree,
} from "../view/view.ts";

export interface ViewedNix {
  readonly nix: NixTools;
  /** What the commands that were run have read, the last one's. */
  readonly record: () => ViewRecord;
  /** Names that were kept back from it, and whether they decide what comes out. */
  readonly hidden: () => { readonly names: readonly HiddenName[]; readonly decide: boolean };
  readonly how: () => ViewResult["how"];
  /** What the last command said on stderr. */
  readonly log: () => string;
}

const LIMITS = { timeoutMs: 600_000, maxBytes: 64 << 20 };
const NOTHING: ViewRecord = { files: [], directories: [], asked: [], hidden: [], broken: [] };

/** `more`: further arguments of every command. */
export function viewedNix(
  nix: NixTools,
  trees: readonly ViewTree[],
  more: readonly string[] = [],
): ViewedNix {
  let last: Shown | undefined;
  const viewed: NixTools = {
    ...nix,
    run: async (command, args, options = {}) => {
      const { argv, env } = nix.words(command, [...args, ...more], options);
      const { timeoutMs = LIMITS.timeoutMs, maxBytes = LIMITS.maxBytes, cwd } = options;
      const stdio = { timeoutMs, maxBytes };
      last = await withAndWithout(trees, { argv, env, stdio, cwd: cwd ?? "/" });
      const { code, stdout, stderr } = last.result;
      return { code, stdout, stderr };
    },
  };
  return {
    nix: viewed,
    record: () => last?.result.record ?? NOTHING,
    hidden: () => last?.hidden ?? { names: [], decide: false },
    how: () => last?.result.how ?? "fuse",
    log: () => last?.result.stderr ?? "",
  };
}

interface Shown {
  /** As the record of the evaluation that counts has it. */
  readonly result: ViewResult;
  readonly hidden: ReturnType<ViewedNix["hidden"]>;
}

async function withAndWithout(trees: readonly ViewTree[], command: ViewCommand): Promise<Shown> {
  const without = await withOwnCache(trees, command);
  const names = without.record.hidden;
  if (names.length === 0) return { result: without, hidden: { names, decide: false } };
  const all = await withOwnCache(trees.map(withAllNames), command);
  if (all.code !== without.code || !all.stdout.equals(without.stdout))
    return { result: all, hidden: { names, decide: all.code === 0 || without.code === 0 } };
  if (all.code !== 0) return { result: all, hidden: { names, decide: false } };
  // What it rests on is what it was told without them; what it was refused with them is refused.
  const refused = all.record.files.filter(({ allowed }) => !allowed);
  const record = { ...without.record, files: [...without.record.files, ...refused] };
  return { result: { ...without, record }, hidden: { names, decide: false } };
}

function withAllNames(tree: ViewTree): ViewTree {
  const { rules } = tree;
  return { ...tree, rules: { ...rules, names: undefined } };
}

async function withOwnCache(trees: readonly ViewTree[], command: ViewCommand): Promise<ViewResult> {
  const cache = mkdtempSync(join(tmpdir(), "firstmile-cache-"));
  try {
    // Whoever gives Nix a cache with something in it has made that for this evaluation.
    return await runInView(trees, { ...command, env: { XDG_CACHE_HOME: cache, ...command.env } });
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}
