/** Statements from repositories that the rules name, and what whoever serves one of them can do. */
import { existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { renderEnvelope } from "@firstmile/formats/dsse/envelope";
import { RulesHolder } from "@firstmile/local/gate/rules-in-force";
import { envelopeName, STATEMENTS_REF } from "@firstmile/local/statements/place";
import { readStatements } from "@firstmile/local/statements/read";
import { writeStatement } from "@firstmile/local/statements/write";
import { heldEvidence, updateEvidence } from "@firstmile/local/trust-repository/evidence";
import { EVIDENCE_LIMITS, type EvidenceLimits } from "@firstmile/local/trust-repository/evidence-fetch";
import { updateTrust } from "@firstmile/local/trust-repository/follow";
import { loadImports, updateImports } from "@firstmile/local/trust-repository/imports";
import type { Person, WorldRepository } from "@firstmile/testing/world";
import { makeWorld, WORLD_NOW, type World } from "@firstmile/testing/world";
import { policyFiles } from "@firstmile/testing/world-policy";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
let carol: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, carol] = await Promise.all([world.person("alice"), world.person("carol")]);
});
afterAll(() => world[Symbol.asyncDispose]());

function envelope(word: string): Uint8Array {
  return renderEnvelope({
    payloadType: "text/plain",
    payload: Buffer.from(word),
    signatures: [{ keyid: undefined, sig: Uint8Array.of(1) }],
  });
}

const names = (...words: string[]) => words.map((word) => envelopeName(envelope(word))).sort();

async function serving(words: readonly string[], format: "sha1" | "sha256" = "sha1") {
  const repository = await world.repository("evidence", format);
  for (const word of words) await say(repository, word);
  return repository;
}

const say = (repository: WorldRepository, word: string) =>
  writeStatement({ kind: "ref", repository: repository.dir }, envelope(word));
const urlOf = ({ dir }: { dir: string }) => `file://${dir}`;

/** A machine whose rules name these repositories, and what it says when it asks them. */
async function machine(urls: readonly string[], more = "") {
  const trust = await world.repository("trust");
  const policy = { people: [alice], top: `evidence = ${JSON.stringify(urls)}`, more };
  const introduction = await world.rules(trust, { by: alice, policy });
  const here = world.machine();
  await here.add(trust, { commit: introduction, signedBy: [alice] });
  const rules = new RulesHolder(here.stateDir, () => WORLD_NOW);
  const ask = async (limits: Partial<EvidenceLimits> = {}) => {
    const { policy: current } = (await here.current())!;
    const imports = await loadImports(here.stateDir, current, WORLD_NOW);
    return updateEvidence(here.stateDir, current, imports, WORLD_NOW, limits);
  };
  const inForce = async () => {
    const loaded = await rules.get();
    if (!loaded.ok) throw new Error(`${loaded.reason.code}: ${loaded.reason.message}`);
    return loaded.rules;
  };
  const heard = async () => {
    const { found } = await readStatements((await inForce()).statements);
    return found.map(({ name }) => name).sort();
  };
  return { ...here, here, trust, policy, ask, rules, inForce, heard };
}

test("what it serves is heard from the next update on, and decides again what was decided", async () => {
  const team = await serving(["one"]);
  const { ask, heard, inForce } = await machine([urlOf(team)]);
  expect(await heard()).toEqual([]);
  const nothing = (await inForce()).evidence;
  expect(await ask()).toMatchObject([{ url: urlOf(team), fresh: 1, statements: 1 }]);
  expect(await heard()).toEqual(names("one"));
  const one = (await inForce()).evidence;
  expect(one).not.toBe(nothing);
  expect(await ask()).toMatchObject([{ fresh: 0, statements: 1 }]);
  expect((await inForce()).evidence).toBe(one);
  await say(team, "two");
  await say(team, "three");
  expect(await ask()).toMatchObject([{ fresh: 2, statements: 3 }]);
  expect(await heard()).toEqual(names("one", "two", "three"));
  expect((await inForce()).evidence).not.toBe(one);
});

test("several are read, each reference of each, of either object format", async () => {
  const [a, b] = [await serving(["one"]), await serving(["two"], "sha256")];
  const place = { kind: "ref", repository: b.dir, ref: `${STATEMENTS_REF}/bob` } as const;
  await b.git("update-ref", "-d", STATEMENTS_REF);
  await writeStatement(place, envelope("three"));
  await writeStatement({ ...place, ref: `${STATEMENTS_REF}/alice` }, envelope("two"));
  const { ask, heard } = await machine([urlOf(a), urlOf(b)]);
  expect(await ask()).toMatchObject([{ statements: 1 }, { statements: 2 }]);
  expect(await heard()).toEqual(names("one", "three", "two"));
});

test("what the trust repository itself carries is among them, and first", async () => {
  const team = await serving(["one"]);
  const { ask, heard, inForce, trust, policy, stateDir } = await machine([urlOf(team)]);
  await ask();
  await world.rules(trust, { by: alice, policy, files: { "statements/a.json": envelope("own") } });
  await updateTrust(stateDir, WORLD_NOW);
  expect(await heard()).toEqual(names("one", "own"));
  expect((await inForce()).statements.map((place) => "first" in place)).toEqual([true, false]);
});

test("one that the rules no longer name is not heard any more", async () => {
  const team = await serving(["one"]);
  const { ask, heard, trust, stateDir, here } = await machine([urlOf(team)]);
  await ask();
  await world.rules(trust, { by: alice, policy: { people: [alice] } });
  await updateTrust(stateDir, WORLD_NOW);
  expect(await heard()).toEqual([]);
  expect(await ask()).toEqual([]);
  const { policy } = (await here.current())!;
  expect(heldEvidence(stateDir, policy, new Map())).toEqual([]);
});

test("imports bring the statements that they carry, and those that they listen to", async () => {
  const theirs = await serving(["theirs"]);
  const acme = await world.repository("acme");
  const policy = { name: "acme", people: [carol], top: `evidence = ["${urlOf(theirs)}"]` };
  const files = { "statements/a.json": envelope("acme's own") };
  const introduction = await world.rules(acme, { by: carol, policy, files });
  const text = `[import.acme]\nurls = ["${urlOf(acme)}"]\nintroduction = { commit = "${introduction}", signed_by = ["${carol.fingerprint}"] }\nroles = ["writer"]`;
  const { ask, heard, here, stateDir, inForce } = await machine([], text);
  const before = (await inForce()).evidence;
  await updateImports(stateDir, (await here.current())!.policy, WORLD_NOW);
  expect(await heard()).toEqual(names("acme's own"));
  expect(await ask()).toMatchObject([{ url: urlOf(theirs), fresh: 1 }]);
  expect(await heard()).toEqual(names("acme's own", "theirs"));
  expect((await inForce()).evidence).not.toBe(before);
});

describe("whoever serves one", () => {
  const problemOf = async (ask: Promise<{ problem?: string | undefined }[]>) => (await ask)[0]?.problem;

  test("and does not answer leaves what was heard before", async () => {
    const team = await serving(["one"]);
    const { ask, heard, here, stateDir } = await machine([urlOf(team)]);
    await ask();
    renameSync(team.dir, `${team.dir}.away`);
    expect(await problemOf(ask())).toContain("cannot be fetched");
    expect(await heard()).toEqual(names("one"));
    const { policy } = (await here.current())!;
    const [held] = heldEvidence(stateDir, policy, new Map());
    expect(held).toMatchObject({ statements: 1, reached: WORLD_NOW });
    expect(held!.problem).toContain("cannot be fetched");
  });

  test("and says nothing for ever costs its own time, and no other's", async () => {
    const team = await serving(["one"]);
    const server = createServer((socket) => socket.on("error", () => {}).resume());
    const port = await listening(server);
    try {
      const { ask, heard } = await machine([`git://127.0.0.1:${port}/x`, urlOf(team)]);
      const start = performance.now();
      const [silent, good] = await ask({ timeoutMs: 2000 });
      expect(performance.now() - start).toBeLessThan(20_000);
      expect(silent!.problem).toContain("did not end within 2 s");
      expect(good).toMatchObject({ fresh: 1 });
      expect(await heard()).toEqual(names("one"));
    } finally {
      server.close();
    }
  });

  test("and sends more than is allowed is left, and nothing of it stays on the disk", async () => {
    const team = await serving(["one"]);
    const { ask, heard, stateDir } = await machine([urlOf(team)]);
    await ask();
    const before = readdirSync(join(stateDir, "trust/evidence"));
    for (let i = 0; i < 3; i++) await say(team, `${i}`.repeat(400_000));
    expect(await problemOf(ask({ maxBytes: 2000 }))).toContain("sent more than");
    expect(await heard()).toEqual(names("one"));
    expect(readdirSync(join(stateDir, "trust/evidence"))).toEqual(before);
  });

  test("and floods it takes away nothing that was heard before, and is told", async () => {
    const team = await serving(["one"]);
    const { ask, heard } = await machine([urlOf(team)]);
    await ask();
    await floodWith(team, EVIDENCE_LIMITS.statements + 1);
    expect(await problemOf(ask())).toContain(`more than ${EVIDENCE_LIMITS.statements} statements`);
    expect(await heard()).toEqual(names("one"));
    expect(await problemOf(ask({ statements: 1e6, statementBytes: 1000 }))).toContain("of statements");
  });

  test("of references without end is left", async () => {
    const team = await serving(["one"]);
    const tip = await team.git("rev-parse", STATEMENTS_REF);
    await team.git("update-ref", "-d", STATEMENTS_REF);
    for (let i = 0; i < 33; i++) team.ref(`${STATEMENTS_REF}/${i}`, tip);
    const { ask, heard } = await machine([urlOf(team)]);
    expect(await problemOf(ask())).toContain("more than 32 references");
    expect(await heard()).toEqual([]);
  });

  test("under other references is not heard", async () => {
    const team = await serving(["one"]);
    const tip = await team.git("rev-parse", STATEMENTS_REF);
    const { ask, heard } = await machine([urlOf(team)]);
    await ask();
    await team.git("update-ref", "-d", STATEMENTS_REF);
    team.ref("refs/firstmile/statements-of-mallory", tip);
    team.ref("refs/heads/main", tip);
    expect(await problemOf(ask())).toContain("has no statements");
    expect(await heard()).toEqual(names("one"));
  });

  test("with a tree that holds itself over and over", async () => {
    const team = await world.repository("bomb");
    let tree = team.write("blob", Buffer.from(envelope("one")));
    for (let level = 0; level < 9; level++) {
      const mode = level === 0 ? "100644" : "40000";
      const entries = Array.from({ length: 10 }, (_, i) =>
        Buffer.concat([Buffer.from(`${mode} ${i}.json\0`), Buffer.from(tree, "hex")]),
      );
      tree = team.write("tree", Buffer.concat(entries));
    }
    team.ref(STATEMENTS_REF, team.raw(`tree ${tree}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\nx\n`));
    const { ask, heard } = await machine([urlOf(team)]);
    expect(await problemOf(ask())).toContain("printed more than expected");
    expect(await heard()).toEqual([]);
  });
});

test("an index that cannot be read denies: what speaks against something may be in it", async () => {
  const team = await serving(["one"]);
  const { ask, inForce, stateDir } = await machine([urlOf(team)]);
  await ask();
  writeFileSync(join(stateDir, "trust/evidence/index.json"), "{");
  await expect(inForce()).rejects.toThrow(/policy-invalid.*index.json cannot be read/);
});

test("a directory that went missing denies every decision until it is fetched again", async () => {
  const team = await serving(["one"]);
  const { ask, inForce, heard, stateDir } = await machine([urlOf(team)]);
  await ask();
  const root = join(stateDir, "trust/evidence");
  const [name] = readdirSync(root).filter((entry) => entry !== "index.json");
  renameSync(join(root, name!), join(root, "gone"));
  await expect(inForce()).rejects.toThrow(/evidence-unreadable.*it is gone/);
  expect(await ask()).toMatchObject([{ statements: 1 }]);
  expect(await heard()).toEqual(names("one"));
  expect(existsSync(join(root, "gone"))).toBe(true);
});

test("a trust repository with more statements of its own than are read denies", async () => {
  const { trust, policy, stateDir, inForce } = await machine([]);
  const commit = await world.rules(trust, { by: alice, policy });
  await floodedRules(trust, commit);
  await updateTrust(stateDir, WORLD_NOW);
  await expect(inForce()).rejects.toThrow(/policy-invalid.*cannot be read whole/);
});

test("trust update and show tell what came, what is held, and who did not answer", async () => {
  const team = await serving(["one", "two"]);
  const { here, trust, stateDir } = await machine([urlOf(team), `file://${world.path("nowhere")}`]);
  const env = { FIRSTMILE_STATE: stateDir };
  const updated = await world.firstmile(["trust", "update"], { env });
  expect(updated.stdout.toString()).toContain(
    `evidence ${urlOf(team)}: 2 new statements, 2 statements in all`,
  );
  expect(updated.stdout.toString()).toMatch(/nowhere: nothing was taken: .*cannot be fetched/);
  expect(updated.code).toBe(0);
  const shown = (await world.firstmile(["trust", "show"], { env })).stdout.toString();
  expect(shown).toMatch(/evidence .*: 2 statements, \d{4}-\d\d-\d\d \d\d:\d\d, 0 min ago/);
  expect(shown).toMatch(/nowhere: 0 statements, never reached; not since: /);
  const json = JSON.parse((await world.firstmile(["trust", "show", "--json"], { env })).stdout.toString());
  expect(json.evidence.map(({ statements }: { statements: number }) => statements)).toEqual([2, 0]);
  const other = world.fresh("state");
  const pin = (await here.current())!.pin.introduction;
  const args = ["trust", "add", trust.dir, "--introduction", pin.commit, "--signed-by", alice.fingerprint];
  const added = await world.firstmile(args, { env: { FIRSTMILE_STATE: other } });
  expect(added.stdout.toString()).toContain("2 new statements");
});

test("every policy's list of them is checked as URLs are", async () => {
  const files = await policyFiles({ people: [alice], top: 'evidence = ["ext::sh -c x"]' });
  expect(loadPolicy(files)).toMatchObject({ ok: false, defects: [{ code: "bad-url" }] });
});

/** One blob under many names. */
async function floodWith(repository: WorldRepository, count: number): Promise<void> {
  const tree = treeOfMany(repository, count);
  const text = `tree ${tree}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\nflood\n`;
  repository.ref(STATEMENTS_REF, repository.raw(text, "flood"));
}

function treeOfMany(repository: WorldRepository, count: number): string {
  const blob = Buffer.from(repository.write("blob", Buffer.from(envelope("flood"))), "hex");
  const entries = Array.from({ length: count }, (_, i) =>
    Buffer.concat([Buffer.from(`100644 ${String(i).padStart(6, "0")}.json\0`), blob]),
  );
  return repository.write("tree", Buffer.concat(entries));
}

/** Rules that alice signed, with 50,001 statements beside them. */
async function floodedRules(trust: WorldRepository, parent: string) {
  const listed = await trust.git("ls-tree", parent);
  const tree = treeOfMany(trust, 50_001);
  const entries = [...listed.split("\n").map(treeEntry), { mode: "40000", name: "statements", id: tree }];
  const sorted = entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const root = trust.write(
    "tree",
    Buffer.concat(
      sorted.map(({ mode, name, id }) =>
        Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]),
      ),
    ),
  );
  const payload = Buffer.from(
    `tree ${root}\nparent ${parent}\nauthor a <a> 1748736000 +0000\ncommitter a <a> 1748736000 +0000\n`,
  );
  const whole = Buffer.concat([payload, Buffer.from("\nmany\n")]);
  const signature = trust.signatureHeader((await alice.sign(whole))!);
  return trust.raw(Buffer.concat([payload, Buffer.from(`${signature}\n\nmany\n`)]));
}

function treeEntry(line: string) {
  const [, mode, id, name] = /^(\d+) \w+ (\w+)\t(.*)$/.exec(line)!;
  return { mode: mode!.replace(/^0/, ""), id: id!, name: name! };
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
}
