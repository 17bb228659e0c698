/** Many commits on all cores: one table, whoever was faster, and every commit accounted for. */
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { parseSshPublicKey } from "@firstmile/formats/ssh/public-key";
import { makeWorld, type Person, type World } from "@firstmile/testing/world";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import type { PrincipalName } from "@firstmile/trust/policy/names";
import type { Policy, Principal } from "@firstmile/trust/policy/policy";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CheckedCommits, CommitCheckers, checkCommits } from "../../src/evidence/check-commits.ts";
import { neutralGit } from "../../src/git/neutral.ts";
import { listIds } from "../../src/git/rev-list.ts";

let world: World;
let alice: Person;
beforeAll(async () => {
  world = await makeWorld();
  alice = await world.person("alice", "ssh-ed25519");
});
afterAll(() => world[Symbol.asyncDispose]());

const MANY = 4000;

/** A line of unsigned commits, by Git itself. */
function importMany(repository: WorldRepository): CommitId {
  const commits = Array.from(
    { length: MANY },
    (_, i) =>
      `commit refs/heads/many\ncommitter ${i % 3 ? "A" : "B"} <p${i % 3}@example.org> ${i} +0000\ndata 2\n${i % 10}\n`,
  );
  execFileSync("git", ["-C", repository.dir, "fast-import", "--quiet"], { input: commits.join("") });
  return execFileSync("git", ["-C", repository.dir, "rev-parse", "many"]).toString().trim() as CommitId;
}

async function policyOf(
  ...people: (readonly [name: string, email: string])[]
): Promise<Pick<Policy, "principals">> {
  const line = (await alice.publicKey()).toString();
  const principals = people.map(([name, email]) => {
    const keys =
      name === "alice"
        ? [
            {
              kind: "ssh",
              file: "",
              key: parseSshPublicKey(line),
              touch: false,
              pin: false,
              life: [],
            },
          ]
        : [];
    return [name as PrincipalName, { name, emails: [email], keys } as unknown as Principal] as const;
  });
  return { principals: new Map(principals) };
}

const rows = ({ table }: CheckedCommits) => Array.from({ length: table.rows }, (_, row) => table.idAt(row));

test("threads and this thread alone come to the same rows", async () => {
  const repository = await world.repository("many");
  const tip = importMany(repository);
  const git = await neutralGit(repository.dir);
  const job = { env: git.env, policy: await policyOf(["carol", "p1@example.org"]), now: 0, people: true };
  const seen: number[] = [];
  const spread = await checkCommits(job, listIds(git, [tip], []), (done) => seen.push(done));
  expect([spread.table.size, spread.corrupt.size, spread.missing.size]).toEqual([MANY, 0, 0]);
  expect(seen.at(-1)).toBe(MANY);
  const ids = rows(spread);
  await using checkers = new CommitCheckers(job);
  for (let at = 0; at < MANY; at += 1000) {
    const part = await checkers.check(ids.slice(at, at + 1000));
    for (const facts of part.table.values()) expect(facts).toEqual(spread.table.get(facts.id));
    expect(part.table.size).toBe(1000);
  }
  expect(rows(await checkCommits(job, ids))).toEqual(ids);
  expect(new Set(spread.table.values().map(({ wrote }) => wrote.join())).size).toBe(2);
  expect(spread.table.outcomes.size).toBe(1);
  git.dispose();
});

test("every commit that was asked for is in the table, corrupt or missing, in every run of the same checkers", async () => {
  const repository = await world.repository("mixed");
  const signed = await repository.commit({ by: alice, files: { a: "1" } });
  const other = await repository.commit({ files: { a: "2" } });
  const absent = "f".repeat(40) as CommitId;
  const planted = plant(repository, await repository.commit({ files: { a: "3" } }), Buffer.from("tree\n"));
  const tree = execFileSync("git", ["-C", repository.dir, "rev-parse", `${signed}^{tree}`])
    .toString()
    .trim();
  const git = await neutralGit(repository.dir);
  await using checkers = new CommitCheckers({
    env: git.env,
    policy: await policyOf(["alice", "a@example.org"]),
    now: 0,
  });
  for (const ids of [[signed, other, absent, planted, tree as CommitId], [other], [signed, signed]]) {
    const { table, corrupt, missing } = await checkers.check(ids);
    expect(new Set([...table.keys(), ...corrupt.keys(), ...missing])).toEqual(new Set(ids));
    if (ids.includes(planted)) expect(corrupt.get(planted)).toContain("hash");
    const unsigned = table.get(other)?.signature;
    expect(unsigned?.valid).toBe(ids.includes(other) ? false : undefined);
    if (ids.includes(signed)) expect(table.get(signed)!.signature.valid).toBe(true);
  }
  git.dispose();
});

test("a listing that fails is an error, not a short history", async () => {
  const repository = await world.repository("failing");
  const git = await neutralGit(repository.dir);
  async function* pieces(): AsyncGenerator<Buffer> {
    yield Buffer.alloc(20);
    throw new Error("cut short");
  }
  const listing = { width: 20, pieces: pieces() };
  await expect(checkCommits({ env: git.env, policy: undefined, now: 0 }, listing)).rejects.toThrow(
    "cut short",
  );
  git.dispose();
});

test("a commit that nobody has is where the listing goes on by itself", async () => {
  const repository = await world.repository("hole");
  const ids: CommitId[] = [];
  for (let i = 0; i < 6; i++) ids.push(await repository.commit({ message: `${i}\n` }));
  rmSync(loose(repository, ids[2]!));
  const git = await neutralGit(repository.dir);
  const { table, missing } = await checkCommits(
    { env: git.env, policy: undefined, now: 0 },
    listIds(git, [ids[5]!], []),
  );
  expect([...table.keys()]).toEqual(ids.slice(3).toReversed());
  expect([...missing].filter((id) => id !== ids[2])).toEqual([]);
  git.dispose();
});

/** Other bytes under an id that is taken. */
function plant(repository: WorldRepository, id: CommitId, content: Buffer): CommitId {
  const object = Buffer.concat([Buffer.from(`commit ${content.length}\0`), content]);
  rmSync(loose(repository, id));
  writeFileSync(loose(repository, id), deflateSync(object));
  return id;
}

function loose(repository: WorldRepository, id: CommitId): string {
  return join(repository.dir, "objects", id.slice(0, 2), id.slice(2));
}
