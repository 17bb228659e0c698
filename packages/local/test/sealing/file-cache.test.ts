/** What a gate removes when it starts. Against: another user who makes a directory of the name of a cache. */
import { createHash } from "node:crypto";
import { chownSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { clearFileCaches } from "../../src/sealing/file-cache.ts";

const STRANGER = 1_234_567;

test.skipIf(process.getuid!() !== 0)("caches of this user are removed, and no directory of another", () => {
  const parent = mkdtempSync(join(tmpdir(), "imports-"));
  const owner = createHash("sha256").update(realpathSync(parent)).digest("hex").slice(0, 32);
  const named = (name: string) => join("/dev/shm", `firstmile-${owner}-${name}`);
  const kept = mkdtempSync(join(tmpdir(), "kept-"));
  try {
    mkdirSync(join(named("own"), "nar"), { recursive: true });
    mkdirSync(join(named("theirs"), "deep"), { recursive: true });
    for (const path of [named("theirs"), join(named("theirs"), "deep")]) chownSync(path, STRANGER, STRANGER);
    symlinkSync(kept, named("link"));
    clearFileCaches(parent);
    expect([named("own"), parent].map((path) => existsSync(path))).toEqual([false, false]);
    expect([join(named("theirs"), "deep"), kept].map((path) => existsSync(path))).toEqual([true, true]);
  } finally {
    for (const path of [named("theirs"), named("link"), named("own"), parent, kept])
      rmSync(path, { recursive: true, force: true });
  }
});
