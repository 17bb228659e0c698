/**
 * The machine's Nix with some trees in view: whatever it evaluates reads them through the view, and what it read is
 * kept. Only commands that evaluate are run so: the store is asked outside.
 *
 * Against: what an evaluation before this one has left in Nix's own cache, by which it takes a file for copied already
 * and does not read it again: then nobody would be asked who covers that file today. So each has a cache of its own.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NixTools } from "../admission/nix-tools.ts";
import { runInView, type ViewRecord, type ViewResult, type ViewTree } from "../view/view.ts";

export interface ViewedNix {
  readonly nix: NixTools;
  /** What the commands that were run have read, the last one's. */
  readonly record: () => ViewRecord;
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
  let last: ViewResult | undefined;
  const viewed: NixTools = {
    ...nix,
    run: async (command, args, options = {}) => {
      const { argv, env } = nix.words(command, [...args, ...more], options);
      const { timeoutMs = LIMITS.timeoutMs, maxBytes = LIMITS.maxBytes, cwd } = options;
      const stdio = { timeoutMs, maxBytes };
      const cache = mkdtempSync(join(tmpdir(), "firstmile-cache-"));
      try {
        // Whoever gives Nix a cache with something in it has made that for this evaluation.
        const own = { XDG_CACHE_HOME: cache, ...env };
        last = await runInView(trees, { argv, env: own, stdio, cwd: cwd ?? "/" });
        const { code, stdout, stderr } = last;
        return { code, stdout, stderr };
      } finally {
        rmSync(cache, { recursive: true, force: true });
      }
    },
  };
  return {
    nix: viewed,
    record: () => last?.record ?? NOTHING,
    how: () => last?.how ?? "fuse",
    log: () => last?.stderr ?? "",
  };
}
