/**
 * A million signed commits over one tree, in a line or with every fifth a merge: for memory, and for a second run
 * that has little to do. Each is really signed; making one shape takes minutes, once, and half a gigabyte of disk.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { CACHE } from "../places.ts";
import { signers } from "./signers.ts";
import { StoredPack, sizeOf } from "./stored-pack.ts";
import { git, type World, writePolicy } from "./world.ts";

export type Shape = "linear" | "merges";

/** Fewer for a try. */
export const MANY = Number(process.env.FIRSTMILE_BENCH_COMMITS ?? 1_000_000);
export const MANY_NEW = 1000;
const EDITION = 1;
const STARTED = 1_104_537_600;
const PEOPLE = ["anna", "ben", "carla", "dan"];

/** Both shapes, each made by a thread of its own where it is not in the cache. */
export async function millions(): Promise<Record<Shape, World>> {
  const [linear, merges] = await Promise.all([million("linear"), million("merges")]);
  return { linear, merges };
}

async function million(shape: Shape): Promise<World> {
  const dir = join(CACHE, `${shape}-${MANY}-${EDITION}`);
  if (!existsSync(dir)) {
    const maker = new Worker(new URL(import.meta.url), { workerData: { shape, dir } });
    const [code] = await once(maker, "exit");
    if (code !== 0) throw new Error(`making ${MANY} commits failed`);
  }
  const repository = join(dir, "repository.git");
  const introduction = git(repository, "rev-parse", "refs/tags/introduction");
  return { repository, policy: join(dir, "policy"), introduction, people: signers("ssh", PEOPLE) };
}

async function make(shape: Shape, dir: string): Promise<void> {
  const part = `${dir}.part`;
  const repository = join(part, "repository.git");
  rmSync(part, { recursive: true, force: true });
  mkdirSync(repository, { recursive: true });
  execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", repository]);
  const people = signers("ssh", PEOPLE);
  const indexer = spawn("git", ["-C", repository, "index-pack", "--stdin"], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  const pack = new StoredPack(sizeOf(MANY + MANY_NEW));
  const tree = pack.add("tree", Buffer.alloc(0));
  const ids: string[] = [];
  for (let i = 0; i < MANY + MANY_NEW; i++) {
    const who = `Firstmile Bench <bench@example.org> ${STARTED + i * 60} +0000`;
    const parents = parentsAt(shape, i, ids).map((id) => `parent ${id}\n`);
    const headers = `tree ${tree}\n${parents.join("")}author ${who}\ncommitter ${who}\n`;
    const message = `\nrevision ${i}\n`;
    const signature = people[i % people.length]!.sign(Buffer.from(headers + message));
    const folded = signature.trimEnd().replaceAll("\n", "\n ");
    ids.push(pack.add("commit", Buffer.from(`${headers}gpgsig ${folded}\n${message}`)));
    if (i % 4096 === 0 && !indexer.stdin.write(pack.take())) await once(indexer.stdin, "drain");
  }
  indexer.stdin.end(pack.end());
  await once(indexer, "close");
  const refs = { "tags/introduction": ids[0]!, "heads/base": ids[MANY - 1]!, "heads/main": ids.at(-1)! };
  for (const [ref, id] of Object.entries(refs)) git(repository, "update-ref", `refs/${ref}`, id);
  writePolicy(join(part, "policy"), people, ids[0]!);
  renameSync(part, dir);
}

/** Of each five in `merges`, the fourth stands beside the third, and the fifth merges both. */
function parentsAt(shape: Shape, i: number, ids: readonly string[]): string[] {
  if (i === 0) return [];
  if (shape === "merges" && i % 5 === 3) return [ids[i - 2]!];
  if (shape === "merges" && i % 5 === 4) return [ids[i - 2]!, ids[i - 1]!];
  return [ids[i - 1]!];
}

if (!isMainThread) await make(workerData.shape, workerData.dir);
