/**
 * The process that serves a view: started in a mount namespace of its own, told what to serve on standard input, it
 * mounts, says so on standard output, and answers the kernel until it is ended.
 *
 * Claims: it touches no path below its mount, so that it never waits for itself; and its death ends the mount for
 * everybody with an error, since nobody else has the device open. A signal ends it: there is nothing to save.
 */
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { endianness } from "node:os";
import { join } from "node:path";
import { GitTree } from "../git/git-tree.ts";
import { GitObjects } from "../git/objects.ts";
import { type BlobSource, Blobs } from "./blobs.ts";
import { BlockingGit, type BlockingGitOptions } from "./blocking-git.ts";
import { BulkBlobs } from "./bulk-blobs.ts";
import { FileSystem } from "./file-system.ts";
import { MAX_PAYLOAD, ReplyWriter } from "./fuse-replies.ts";
import { readRequest } from "./fuse-wire.ts";
import { InodeTable } from "./inode-table.ts";
import { OpenLog } from "./open-log.ts";
import { Readers } from "./readers.ts";
import { RecordWriter } from "./record.ts";
import { MOUNT, parseJob, RECORD, type ServedTree, type ServerJob, type ServerState } from "./server-job.ts";

const STDIN = 0;
const STDOUT = 1;

export async function serve(): Promise<void> {
  try {
    const job = parseJob(readFileSync(STDIN, "utf8"));
    const fileSystem = await prepare(job);
    const device = mountFuse(job);
    if (typeof device !== "number") return tell({ kind: "unavailable", reason: device.problem });
    tell({ kind: "serving" });
    answerAll(device, fileSystem);
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    tell({ kind: "failed", name, message });
  }
}

/** Standard output blocks, as long as nobody asks Node.js for it. */
function tell(state: ServerState): void {
  writeSync(STDOUT, `${JSON.stringify(state)}\n`);
}

async function prepare({ trees, dir, programs }: ServerJob) {
  const table = new InodeTable(await Promise.all(trees.map(readTree)));
  const sources = trees.map(({ env }, tree) => sourceOf({ ...programs, env, dir }, table, tree));
  const rules = trees.map((tree) => tree.rules);
  const log = new OpenLog(table, rules, new Readers(), new RecordWriter(join(dir, RECORD)));
  return new FileSystem(table, new Blobs(table, sources), log, new ReplyWriter());
}

async function readTree({ env, tree }: ServedTree): Promise<GitTree> {
  using objects = new GitObjects(env);
  return await GitTree.read(objects, tree);
}

/** Fills in how large the files of a tree are: the kernel asks that before anything else. */
function sourceOf(options: BlockingGitOptions, table: InodeTable, tree: number): BlobSource {
  const { first, end } = table.rowsOf(tree);
  const rows = Array.from({ length: end - first }, (_, place) => first + place);
  const nodes = rows.filter((node) => table.hasContent(node));
  const ids = nodes.map((node) => table.id(node));
  const single = new BlockingGit(options);
  const sizes = single.sizes(ids);
  const blobs = nodes.map((node, place) => ({ node, id: ids[place]!, size: sizes[place] ?? Number.NaN }));
  for (const { node, size } of blobs) table.setSize(node, size);
  return { single, bulk: new BulkBlobs(options, blobs) };
}

/** The device, opened in the very namespace that mounts it: the kernel takes no other. */
function mountFuse({ dir, programs }: ServerJob): number | { readonly problem: string } {
  if (endianness() !== "LE") return { problem: "FUSE is spoken here on little-endian machines only" };
  let device: number;
  try {
    device = openSync("/dev/fuse", "r+");
  } catch (error) {
    return { problem: `/dev/fuse cannot be opened: ${error instanceof Error ? error.message : error}` };
  }
  const options = "fd=3,rootmode=40000,user_id=0,group_id=0,ro,nosuid,nodev,default_permissions,allow_other";
  const args = ["-i", "-t", "fuse", "-o", options, "firstmile", join(dir, MOUNT)];
  const mounted = spawnSync(programs.mount, args, {
    stdio: ["ignore", "ignore", "pipe", device],
    cwd: "/",
    encoding: "utf8",
  });
  if (mounted.status === 0) return device;
  closeSync(device);
  return { problem: `the mount was refused: ${mounted.stderr.trim()}` };
}

/** Answers until the kernel says that the mount is gone. */
function answerAll(device: number, fileSystem: FileSystem): void {
  const buffer = Buffer.alloc(MAX_PAYLOAD + 4096);
  for (;;) {
    const length = tolerating(READ_AGAIN, () => readSync(device, buffer, 0, buffer.length, null));
    if (length === undefined) continue;
    const reply = fileSystem.answer(readRequest(buffer, length));
    if (reply !== undefined) tolerating(NOBODY_WAITS, () => writeSync(device, reply));
  }
}

/** A signal came between, or whoever asked gave up meanwhile. */
const READ_AGAIN = ["EINTR", "EAGAIN", "ENOENT"];
const NOBODY_WAITS = ["ENOENT"];

function tolerating<T>(codes: readonly string[], step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (error instanceof Error && "code" in error && codes.includes(error.code as string)) return undefined;
    throw error;
  }
}
