/**
 * Has Git hash again what was read and judged, with a SHA-1 that notices collision attacks.
 *
 * Claim: an object that was made to share its SHA-1 with another one, by a way that is known, is found before a
 * verdict rests on it. Git hashes the very bytes that were read, in a database of our own that goes right after.
 * Left out: SHA-256 repositories, where there is nothing to detect, and a Git that was built without the detection,
 * which `firstmile doctor` tells.
 */
import { rmSync } from "node:fs";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { CorruptCommit } from "@firstmile/trust/history/facts";
import { CollisionError, HashedObjects } from "../git/hashed-objects.ts";
import type { NeutralGit } from "../git/neutral.ts";

/** Commits that go to one Git child; a child takes some milliseconds to start. */
const AT_ONCE = 4096;
const MAX_BYTES = 16 << 20;

export class CollisionGuard {
  private readonly env: NeutralGit["env"];
  private objects: HashedObjects | undefined;
  private ids: CommitId[] = [];
  private readonly running: Promise<readonly CorruptCommit[]>[] = [];

  constructor(env: NeutralGit["env"]) {
    this.env = env;
  }

  add(id: CommitId, content: Uint8Array): void {
    if (id.length === 64) return;
    this.objects ??= new HashedObjects({ env: this.env, format: "sha1" });
    this.objects.add("commit", id, content);
    this.ids.push(id);
    if (this.ids.length >= AT_ONCE || this.objects.pendingBytes >= MAX_BYTES) this.start();
  }

  /** Commits that are part of an attack, among all that were added. Rejects where Git cannot be asked. */
  async finish(): Promise<readonly CorruptCommit[]> {
    this.start();
    return (await Promise.all(this.running)).flat();
  }

  private start(): void {
    const { objects, ids } = this;
    if (!objects) return;
    this.objects = undefined;
    this.ids = [];
    const before = this.running.at(-1) ?? Promise.resolve();
    // One child at a time: the cores are busy with signatures.
    const found = before.then(() => attacksAmong(objects, ids));
    found.catch(() => {});
    this.running.push(found);
  }
}

async function attacksAmong(objects: HashedObjects, ids: readonly CommitId[]): Promise<CorruptCommit[]> {
  try {
    await objects.flush();
    return [];
  } catch (error) {
    if (!(error instanceof CollisionError)) throw error;
    const corrupt = "its bytes are part of a SHA-1 collision attack";
    return (error.id === undefined ? ids : [error.id as string as CommitId]).map((id) => ({ id, corrupt }));
  } finally {
    rmSync(objects.env.GIT_OBJECT_DIRECTORY!, { recursive: true, force: true });
  }
}
