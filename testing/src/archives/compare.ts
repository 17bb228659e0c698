/**
 * Archives shown to Firstmile and to other readers. Only one that Firstmile accepts is shown to the others: what it
 * refuses, nothing rests on. A reader differs where it finds another tree, and where it refuses.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sriHash } from "@firstmile/formats/nix/hash";
import { narDigest } from "@firstmile/formats/nix/nar";
import { ArchiveRefused } from "@firstmile/local/archives/refused";
import { readArchive } from "@firstmile/local/archives/unpack";
import type { ArchiveReader } from "./readers.ts";

/** What an accepted archive holds. */
export interface Accepted {
  readonly bytes: Buffer;
  readonly whole: string;
  readonly stripped: string | undefined;
  readonly hasOneTop: boolean;
}

export interface Difference {
  readonly reader: string;
  readonly archive: Buffer;
  readonly ours: string;
  readonly theirs: string | undefined;
}

/** Undefined where it is refused. */
export async function accepted(bytes: Buffer): Promise<Accepted | undefined> {
  try {
    const { builder } = await readArchive(bytes);
    const whole = builder.whole();
    const stripped = sriHash(narDigest(builder.stripped()).narHash);
    return {
      bytes,
      whole: sriHash(narDigest(whole).narHash),
      stripped,
      hasOneTop: [...whole.entries].length === 1,
    };
  } catch (error) {
    if (error instanceof ArchiveRefused) return undefined;
    throw error;
  }
}

/** One after the other, in a directory of its own. */
export async function differences(
  archives: readonly Accepted[],
  readers: readonly ArchiveReader[],
): Promise<Difference[]> {
  const dir = mkdtempSync(join(tmpdir(), "firstmile-archives-"));
  try {
    archives.forEach(({ bytes }, i) => {
      writeFileSync(join(dir, `${i}.tar`), bytes);
    });
    const found: Difference[] = [];
    for (const reader of readers) {
      const answers = await reader.read(dir, archives.length);
      archives.forEach((archive, i) => {
        if (reader.needsOneTop && !archive.hasOneTop) return;
        const ours = reader.strips ? archive.stripped! : archive.whole;
        const theirs = answers[i];
        if (theirs !== ours) found.push({ reader: reader.name, archive: archive.bytes, ours, theirs });
      });
    }
    return found;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
