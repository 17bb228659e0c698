/** Co-signatures lifted from elsewhere, put where they do not belong, or made to be a burden. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { narHashOf } from "@firstmile/formats/nix/hash";
import {
  BEGINNING,
  DAY,
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
} from "@firstmile/testing/world";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import { cosignStatement, publish } from "@firstmile/testing/world-statements";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
let bob: Person;
let mallory: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob, mallory] = await Promise.all([
    world.person("alice"),
    world.person("bob", "openpgp-ed25519"),
    world.person("mallory"),
  ]);
});
afterAll(() => world[Symbol.asyncDispose]());

/** Alice's commit, which needs bob as well. */
async function story(
  other: Person = bob,
  more: (commit: CommitId) => Partial<PolicySpec> = () => ({}),
  now?: number,
) {
  const repository = await world.repository("cosigned");
  const introduction = await repository.commit({ by: alice });
  const commit = await repository.commit({ by: alice, files: { a: "1\n" } });
  const policy = (): PolicySpec => ({
    people: [alice, other],
    roles: { writer: { any: 2, of: [alice, other] } },
    sources: { pkgs: { introduction, signedBy: "root" } },
    ...more(commit),
  });
  const judge = async () =>
    offences(await world.verify({ repository, policy: policy(), ...(now ? { now } : {}) }));
  return { repository, introduction, commit, judge };
}

async function tag(repository: WorldRepository, name: string, object: string, type: string, by: Person) {
  const payload = Buffer.from(
    `object ${object}\ntype ${type}\ntag ${name}\ntagger b <> 1 +0000\n\nrelease\n`,
  );
  const id = repository.write("tag", Buffer.concat([payload, await by.sign(payload)]));
  repository.ref(`refs/tags/${name}`, id);
  return id;
}

describe("too-few-signers: a tag", () => {
  test("of a tag", async () => {
    const { repository, commit, judge } = await story();
    const inner = await tag(repository, "inner", commit, "commit", alice);
    await tag(repository, "outer", inner, "tag", bob);
    expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
  });

  test("of the commit's tree, and one that calls the tree a commit", async () => {
    const { repository, commit, judge } = await story();
    const tree = await repository.git("rev-parse", `${commit}^{tree}`);
    await tag(repository, "tree", tree, "tree", bob);
    await tag(repository, "liar", tree, "commit", bob).catch(() => {});
    expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
  });

  test("of another commit, whose bytes stand under a name of this one's", async () => {
    const { repository, introduction, commit, judge } = await story();
    const right = await tag(repository, "v1", commit, "commit", mallory);
    const other = Buffer.from(
      `object ${introduction}\ntype commit\ntag v1\ntagger b <> 1 +0000\n\nrelease\n`,
    );
    repository.plant(right, "tag", Buffer.concat([other, await bob.sign(other)]));
    expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
  });

  test("and bob's own on the commit counts, beside one of 40 MB and sixteen of strangers' behind it", async () => {
    const { repository, commit, judge } = await story();
    const payload = `object ${commit}\ntype commit\ntag huge\ntagger b <> 1 +0000\n\n${"x".repeat(40 << 20)}\n`;
    repository.ref("refs/tags/a-huge", repository.write("tag", Buffer.from(payload)));
    await tag(repository, "b", commit, "commit", bob);
    for (let i = 0; i < 16; i++) await tag(repository, `c${i}`, commit, "commit", mallory);
    expect(await judge()).toEqual([]);
  });
});

describe("too-few-signers: bob's word, moved", () => {
  test("from his signature of a tag into a note", async () => {
    const { repository, commit, judge } = await story();
    const payload = Buffer.from(`object ${commit}\ntype commit\ntag v\ntagger b <> 1 +0000\n\n`);
    const moved: Person = { ...bob, sign: () => bob.sign(payload) };
    await repository.cosign(commit, moved);
    expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
  });

  test("from a co-signature of the id into a tag", async () => {
    const { repository, commit, judge } = await story();
    const moved: Person = { ...bob, sign: () => bob.sign(Buffer.from(`${commit}\n`)) };
    await tag(repository, "v", commit, "commit", moved);
    expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
  });

  test("from a co-signature of the id into a statement", async () => {
    const { repository, commit, judge } = await story();
    const moved: Person = { ...bob, sign: () => bob.sign(Buffer.from(`${commit}\n`)) };
    await publish(repository, cosignStatement(commit), moved);
    expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
  });

  test("from another commit's statement", async () => {
    const { repository, introduction, commit, judge } = await story();
    await publish(repository, cosignStatement(introduction), bob);
    expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
    await publish(repository, cosignStatement(commit), bob);
    expect(await judge()).toEqual([]);
  });
});

test("too-few-signers: a lapsed key's statement that names another tree, where its old word counts", async () => {
  const dora = await world.person("dora", "openpgp-ed25519", { expires: "30d" });
  const life = (commit: CommitId) => ({ life: new Map([[dora, `retired = { after = "${commit}" }`]]) });
  const { repository, commit, judge } = await story(dora, life, BEGINNING + 40 * DAY);
  const wrong = narHashOf(new Uint8Array(32));
  await publish(repository, cosignStatement(commit, wrong), dora);
  expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
  await publish(repository, cosignStatement(commit), dora);
  expect(await judge()).toEqual([]);
});

test("retired-key: a key that was given up co-signs nothing that came later", async () => {
  const life = (commit: CommitId) => ({ life: new Map([[bob, `retired = { after = "${commit}" }`]]) });
  const { repository, commit, judge } = await story(bob, life);
  await repository.cosign(commit, bob);
  expect(await judge()).toEqual([]);
  const later = await repository.commit({ by: alice, files: { a: "2\n" } });
  await repository.cosign(later, bob);
  expect(await judge()).toEqual(expected([later, "too-few-signers"]));
});

describe("notes", () => {
  test("of no text, of a megabyte and more, of half a signature, and a directory where a note should be", async () => {
    const { repository, commit, judge } = await story();
    const line = (await bob.sign(Buffer.from(`${commit}\n`))).toString("base64");
    const good = repository.write("blob", Buffer.from(`\0\xff\n${line.slice(0, 99)}\n${line}\n`, "latin1"));
    const huge = repository.write("blob", Buffer.alloc(2 << 20, "x\n"));
    const entry = (mode: string, name: string, id: string) =>
      Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]);
    const inner = repository.write("tree", entry("100644", commit.slice(4), huge));
    const names = [entry("40000", `${commit.slice(0, 4)}`, inner), entry("100644", commit, good)];
    const tree = repository.write("tree", Buffer.concat(names));
    const who = "a <> 1 +0000";
    const notes = repository.write(
      "commit",
      Buffer.from(`tree ${tree}\nauthor ${who}\ncommitter ${who}\n\nn\n`),
    );
    repository.ref("refs/notes/signatures", notes);
    repository.ref("refs/signatures", repository.write("blob", Buffer.from("no commit")));
    expect(await judge()).toEqual([]);
  });

  test("of directories without end: one sixteen times in each of sixty levels", async () => {
    const { repository, commit, judge } = await story();
    let tree = repository.write("tree", Buffer.alloc(0));
    for (let level = 0; level < 60; level++) {
      const entries = [..."0123456789abcdef"].map((digit) =>
        Buffer.concat([Buffer.from(`40000 ${digit}\0`), Buffer.from(tree, "hex")]),
      );
      tree = repository.write("tree", Buffer.concat(entries));
    }
    const who = "a <> 1 +0000";
    const notes = `tree ${tree}\nauthor ${who}\ncommitter ${who}\n\nn\n`;
    repository.ref("refs/notes/signatures", repository.write("commit", Buffer.from(notes)));
    const begin = performance.now();
    expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
    // Looked at one by one, the directories allowed at most take half a minute.
    expect(performance.now() - begin).toBeLessThan(10_000);
  }, 60_000);
});
