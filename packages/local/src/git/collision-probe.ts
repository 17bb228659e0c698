/**
 * Whether this machine's Git notices SHA-1 collision attacks. Most do (sha1collisiondetection, Git's default since
 * 2.13); one built with OPENSSL_SHA1 or BLK_SHA1 does not, and says nothing of it. So it is shown one: the opening of
 * the two PDF files of the first published collision (SHAttered, https://shattered.io), of which both have one SHA-1.
 *
 * Claims: `true` was seen, not read off a version. Leaves out collisions that the detection does not know of.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, runOk } from "../process/run.ts";
import { quietGitEnv } from "./neutral.ts";

/** Bytes 0 to 319 of one of the files: the chosen prefix, and the two blocks in which they collide. */
const SHATTERED = Buffer.from(
  [
    "JVBERi0xLjMKJeLjz9MKCgoxIDAgb2JqCjw8L1dpZHRoIDIgMCBSL0hlaWdodCAzIDAgUi9UeXBlIDQgMCBSL1N1YnR5cGUgNSAw",
    "IFIvRmlsdGVyIDYgMCBSL0NvbG9yU3BhY2UgNyAwIFIvTGVuZ3RoIDggMCBSL0JpdHNQZXJDb21wb25lbnQgOD4+CnN0cmVhbQr/",
    "2P/+ACRTSEEtMSBpcyBkZWFkISEhISGFL+wJIzl1nDmxocY8TJfh//4Bc0bckWa2fhGPApq2IbJWD/nKZ8yox/hbqEx5AwwrPeIY",
    "+G2zqQkB1d9FwU8m/t+z3DjpasIv571yjw5FvOBG0jxXD+sUE5i7VS71oKgr4zH+pIA3uLXXHw4zLt+TrDUA603cDezBqGR5DHgs",
    "diFWYN0wl5HQa9CvP5jNpLxGKbE=",
  ].join(""),
  "base64",
);

/** What Git says when it meets an attack, in every version that looks for them. */
export const ATTACK = /appears to be part of a collision attack/;

/** Throws `ProcessError` where Git cannot be run at all. */
export async function gitDetectsCollisions(): Promise<boolean> {
  return noticesAmong(SHATTERED);
}

/**
 * Git hashes a file's content with a header before it, which moves the attack out of its place. What a conflict looks
 * like is hashed as it is: `git rerere` names it by both sides' lines, the smaller one first.
 */
export async function noticesAmong(bytes: Uint8Array): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), "firstmile-collision-"));
  try {
    const git = { cwd: dir, env: { ...quietGitEnv(), GIT_CEILING_DIRECTORIES: dir } };
    await runOk("git", ["init", "--quiet", "--template=", "--object-format=sha1"], git);
    const blob = (await runOk("git", ["hash-object", "-w", "--stdin"], { ...git, input: randomUUID() }))
      .toString("latin1")
      .trim();
    const stages = [1, 2, 3].map((stage) => `100644 ${blob} ${stage}\tconflict\n`).join("");
    await runOk("git", ["update-index", "--index-info"], { ...git, input: stages });
    const [ours, between, theirs] = ["<<<<<<< ours\n", "\n=======\n~\n", ">>>>>>> theirs\n"].map(Buffer.from);
    writeFileSync(join(dir, "conflict"), Buffer.concat([ours!, bytes, between!, theirs!]));
    const said = await run("git", ["-c", "rerere.enabled=true", "rerere"], git);
    return said.code !== 0 && ATTACK.test(said.stderr);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
