/**
 * A curator's trust repository, looked at once: authenticated from the introduction that a person was given, in a place
 * of its own that is thrown away. What one's own rules then name is followed like any other import.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Introduction } from "@firstmile/trust/root/authenticate";
import { addTrust, type Followed } from "../trust-repository/follow.ts";

/** Throws `RemoteError` where it cannot be fetched. */
export async function readCurator(url: string, introduction: Introduction, now: number): Promise<Followed> {
  const stateDir = mkdtempSync(join(tmpdir(), "firstmile-curator-"));
  try {
    return await addTrust(stateDir, url, introduction, now, {});
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}
