/** Differences as text, given to the real `git apply`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { edited, packageText, seeded } from "@firstmile/testing/package-text";
import { hunkText } from "@firstmile/trust/nearest/hunk-text";
import { lineDiff } from "@firstmile/trust/nearest/line-diff";
import { expect, test } from "vitest";
import { quietGitEnv } from "../../src/git/neutral.ts";
import { runOk } from "../../src/process/run.ts";

test("git apply makes the one file of the other", async () => {
  const dir = mkdtempSync(join(tmpdir(), "hunks-"));
  const random = seeded(77);
  for (let round = 0; round < 20; round++) {
    const before = packageText(random);
    const changed = edited(before, 1 + Math.floor(random() * 20), random);
    const after = random() < 0.3 ? changed.trimEnd() : changed;
    const diff = lineDiff(Buffer.from(before), Buffer.from(after))!;
    const lines = hunkText(diff, { spell: (line) => Buffer.from(line).toString(), most: 10_000 });
    const patch = ["diff --git a/file b/file", "--- a/file", "+++ b/file", ...lines, ""].join("\n");
    writeFileSync(join(dir, "file"), before);
    await runOk("git", ["apply", "--unidiff-zero", "-"], { cwd: dir, env: quietGitEnv(), input: patch });
    expect(readFileSync(join(dir, "file"), "utf8")).toBe(after);
  }
  rmSync(dir, { recursive: true });
});
