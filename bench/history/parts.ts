/**
 * Where the time of a cold run goes: microseconds of CPU for each commit, part by part, in one thread that is warm.
 * What the parts leave over of the whole run is start-up, moving bytes between threads, collecting garbage, and cores
 * that wait.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseCommit } from "@firstmile/formats/git/commit";
import { type CommitId, hashObject } from "@firstmile/formats/git/object-id";
import { parseSshsig, sshsigSignedData } from "@firstmile/formats/ssh/sshsig";
import { type Answer, BatchParser, type GitObject } from "@firstmile/local/git/batch-parser";
import { digest } from "@firstmile/trust/crypto/hash";
import { commitFacts } from "@firstmile/trust/history/facts";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { identitiesOf } from "@firstmile/trust/signature/identities";
import { runOnce } from "../measure.ts";
import { COMMITS, git, type World } from "./world.ts";

/** Microseconds of CPU for each commit. */
export type Parts = Readonly<Record<string, number>>;

const ROUNDS = 3;
/** Signatures are slow and steady: fewer tell as much. */
const VERIFIED = 4000;

export function partsOf(made: World): Parts {
  const ids = git(made.repository, "rev-list", "base");
  const output = execFileSync("git", ["-C", made.repository, "cat-file", "--batch", "--buffer"], {
    input: `${ids}\n`,
    maxBuffer: 1 << 30,
  });
  const inGit = {
    "listing (git rev-list)": gitCost(made, `git rev-list base`),
    "reading (git cat-file)": gitCost(made, "git rev-list base | git cat-file --batch --buffer"),
  };
  inGit["reading (git cat-file)"] -= inGit["listing (git rev-list)"];
  let parts: Parts = {};
  for (let round = 0; round < ROUNDS; round++) parts = inThread(made, output);
  return { ...inGit, ...parts };
}

function gitCost({ repository }: World, command: string): number {
  const argv = ["sh", "-c", `cd "$0" && ${command} > /dev/null`, repository] as const;
  return (runOnce({ argv }).cpu * 1e6) / COMMITS;
}

function inThread(made: World, output: Buffer): Parts {
  const keys = keysOf(made);
  const objects = cutApart(output);
  const cut = cost(COMMITS, () => cutApart(output));
  const hashing = each(objects, ({ content }) => hashObject("commit", content, "sha1"));
  const reading = each(objects, ({ content }) => {
    const commit = parseCommit(content);
    return [commit.tree, commit.parents, commit.gpgsig, commit.signedPayload()];
  });
  const commits = objects.map(({ content }) => parseCommit(content));
  const parsing = each(commits, (commit) => parseSshsig(commit.gpgsig!));
  const payloads = commits.map((commit) => commit.signedPayload());
  const sha512 = each(payloads, (payload) => sshsigSignedData("git", "sha512", digest("sha512", payload)));
  const whole = each(objects.slice(0, VERIFIED), ({ id, content }) =>
    commitFacts(id as CommitId, content, keys, 0),
  );
  const known = hashing + reading + parsing + sha512;
  return {
    "cutting git's output": cut,
    "SHA-1 of the commit": hashing,
    "parsing the commit": reading,
    "parsing the signature": parsing,
    "SHA-512 of what is signed": sha512,
    "Ed25519 and looking up the key": whole - known,
  };
}

function each<Item>(items: readonly Item[], work: (item: Item) => unknown): number {
  return cost(items.length, () => {
    for (const item of items) work(item);
  });
}

function cost(count: number, work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

function cutApart(output: Buffer): GitObject[] {
  const objects: GitObject[] = [];
  const parser = new BatchParser((answer: Answer) => {
    if ("content" in answer) objects.push(answer);
  });
  for (let at = 0; at < output.length; at += 65_536) parser.push(output.subarray(at, at + 65_536));
  return objects;
}

function keysOf({ policy }: World) {
  const keys = readdirSync(join(policy, "keys")).map((file) => `keys/${file}`);
  const files = new Map(["firstmile.toml", ...keys].map((file) => [file, readFileSync(join(policy, file))]));
  const loaded = loadPolicy(files);
  if (!loaded.ok) throw new Error("the benchmark's own policy does not load");
  return identitiesOf(loaded.policy).keys;
}
