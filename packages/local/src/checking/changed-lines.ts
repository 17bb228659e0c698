/** Where each file of a change first differs, so that a finding can point there. */

import { runOk } from "../process/run.ts";
import type { ReadChange } from "../reviewing/read-change.ts";

const MAX_DIFF = 256 << 20;

/** The first changed line by path (Latin-1), from 1; files that only lost lines, or are no text, begin at 1. */
export async function firstChangedLines(change: ReadChange): Promise<Map<string, number>> {
  const args = change.diffArgs("--patch", "--unified=0", "--src-prefix=a/", "--dst-prefix=b/");
  const diff = await runOk("git", args, { env: change.env, maxBytes: MAX_DIFF });
  const lines = new Map<string, number>();
  let path: string | undefined;
  for (const line of diff.toString("latin1").split("\n")) {
    // Every line of a hunk opens with another character, so that no content is taken for one of these.
    if (line.startsWith("diff --git ")) path = undefined;
    else if (line.startsWith("+++ b/") && path === undefined) path = unquoted(line.slice("+++ ".length));
    else if (line.startsWith("@@ ") && path !== undefined && !lines.has(path)) {
      lines.set(path, Math.max(1, Number(/^@@ -\S+ \+(\d+)/.exec(line)?.[1] ?? 1)));
    }
  }
  return lines;
}

/** Git ends a name with a tab where it has spaces. */
function unquoted(name: string): string {
  return name.replace(/^b\//, "").replace(/\t$/, "");
}
