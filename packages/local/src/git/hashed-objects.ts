/**
 * A scratch object database that holds nothing but bytes that this program read and hashed.
 *
 * Claims: after `flush`, every object that was added is there under the id that Git computes for those very bytes, with
 * a SHA-1 that notices collision attacks where Git was built with one (`gitDetectsCollisions`); and whoever owns the
 * database that the bytes came from can change nothing of what is read from here. Against: two objects made to have
 * one SHA-1, one shown to reviewers and one to users; and objects swapped between our hashing and Git's reading.
 * Leaves out: collisions that nobody knows how to detect. In SHA-256 repositories there is nothing to detect.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { equalBytes } from "@firstmile/formats/bytes/text";
import type { ObjectHash, ObjectId, ObjectKind } from "@firstmile/formats/git/object-id";
import { type PackObject, packIndexIds, storedZlib, writePack } from "@firstmile/formats/git/pack";
import { run } from "../process/run.ts";
import { ATTACK } from "./collision-probe.ts";
import type { NeutralGit } from "./neutral.ts";

/** Somebody made an object whose SHA-1 another object can have too. */
export class CollisionError extends Error {
  /** The object's id, where Git said it. */
  readonly id: string | undefined;

  constructor(what: string) {
    super(`a SHA-1 collision attack was found: ${what}`);
    this.name = "CollisionError";
    this.id = /\b[0-9a-f]{40}\b/.exec(what)?.[0];
  }
}

/** What Git took in is not what it was given: an id that its content does not have, or a disk that is full. */
export class CorruptObjectsError extends Error {
  constructor(problem: string) {
    super(`objects could not be taken in: ${problem}`);
    this.name = "CorruptObjectsError";
  }
}

/** Fewer are unpacked into a file each: a database of many small packs is slow to read from. */
const WORTH_A_PACK = 400;
/** Written for this process and read once: neither durable nor small. */
const SETTINGS = ["core.fsync=none", "core.compression=0", "pack.threads=1"];

type Pending = PackObject & { readonly id: ObjectId };

export class HashedObjects {
  /** For Git children that shall read from here alone. */
  readonly env: NodeJS.ProcessEnv;
  private readonly hash: ObjectHash;
  private readonly objects: string;
  private readonly known = new Set<ObjectId>();
  private pending: Pending[] = [];
  private bytes = 0;
  /** One after the other: whoever asks while objects are on their way in waits for them too. */
  private last: Promise<void> = Promise.resolve();

  /** Makes a directory in the Git directory of ours, which goes when `git` is disposed of. */
  constructor(git: Pick<NeutralGit, "env" | "format">) {
    this.objects = mkdtempSync(join(git.env.GIT_DIR!, "hashed-"));
    mkdirSync(join(this.objects, "pack"));
    this.hash = git.format;
    const { GIT_ALTERNATE_OBJECT_DIRECTORIES: _, ...env } = git.env;
    this.env = { ...env, GIT_OBJECT_DIRECTORY: this.objects };
  }

  /** Bytes that wait for `flush`: they are in memory until then. */
  get pendingBytes(): number {
    return this.bytes;
  }

  has(id: ObjectId): boolean {
    return this.known.has(id);
  }

  /** Takes in one object under the id that its bytes were found to have. Nothing is checked before `flush`. */
  add(kind: ObjectKind, id: ObjectId, content: Uint8Array): void {
    if (this.known.has(id)) return;
    this.known.add(id);
    this.pending.push({ kind, id, content });
    this.bytes += content.length;
  }

  /**
   * Has Git hash and store all that was added. Throws `CollisionError`, or `CorruptObjectsError`; and from then on
   * always, since what is here can no longer be told from what is not.
   */
  flush(): Promise<void> {
    const batch = this.pending;
    this.pending = [];
    this.bytes = 0;
    this.last = this.last.then(() => (batch.length > 0 ? this.store(batch) : undefined));
    // Whoever called sees the failure; nobody else is bothered with it.
    this.last.catch(() => {});
    return this.last;
  }

  private async store(batch: readonly Pending[]): Promise<void> {
    const hash = (bytes: Uint8Array) => createHash(this.hash).update(bytes).digest();
    const pack = writePack(batch, { compress: storedZlib, hash });
    if (batch.length < WORTH_A_PACK) {
      await this.take("unpack-objects", ["-q"], pack);
      this.requireLoose(batch);
    } else {
      const said = await this.take("index-pack", ["--stdin"], pack);
      this.requireIndexed(batch, said);
    }
  }

  private async take(command: string, flags: readonly string[], pack: Uint8Array): Promise<string> {
    const settings = SETTINGS.flatMap((setting) => ["-c", setting]);
    const taken = await run("git", [...settings, command, ...flags], { env: this.env, input: pack });
    if (taken.code === 0) return taken.stdout.toString("latin1").trim();
    const said = taken.stderr.trim().split("\n").at(-1) ?? "";
    // It is a refusal either way; the words only choose which one is told.
    throw ATTACK.test(said) || /COLLISION FOUND/.test(said)
      ? new CollisionError(said)
      : new CorruptObjectsError(said || `git ${command} ended with ${taken.code}`);
  }

  private requireLoose(batch: readonly Pending[]): void {
    const lost = batch.find(({ id }) => !existsSync(join(this.objects, id.slice(0, 2), id.slice(2))));
    if (lost) throw new CorruptObjectsError(`Git computes another id than ${lost.id}`);
  }

  /** Its answer is `pack`, a tab and the name of the pack. */
  private requireIndexed(batch: readonly Pending[], said: string): void {
    const name = /^(?:pack|keep)\t([0-9a-f]{40,64})$/.exec(said)?.[1];
    if (name === undefined)
      throw new CorruptObjectsError("git index-pack did not name the pack that it wrote");
    const index = readFileSync(join(this.objects, "pack", `pack-${name}.idx`));
    const given = Buffer.from(
      batch
        .map(({ id }) => id)
        .sort()
        .join(""),
      "hex",
    );
    if (!equalBytes(packIndexIds(index, this.hash), given))
      throw new CorruptObjectsError("Git computes other ids than those given");
  }
}
