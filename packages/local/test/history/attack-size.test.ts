/** What is made to be slow, deep or huge: an answer in bounded time, and a refusal where there can be none. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { narHashOf } from "@firstmile/formats/nix/hash";
import { makeWorld, offences, type Person, type PolicySpec, type World } from "@firstmile/testing/world";
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
    world.person("bob"),
    world.person("mallory"),
  ]);
});
afterAll(() => world[Symbol.asyncDispose]());

/** Alice writes below pkgs/, bob everything; in `reviewed` bob reads as well. */
function rules(introduction: CommitId, reviewed = false): PolicySpec {
  return {
    people: [alice, bob],
    roles: { owner: [bob] },
    sources: {
      pkgs: {
        introduction,
        rules: [
          { paths: ["**"], write: "owner", ...(reviewed ? { review: "owner" } : {}) },
          { paths: ["/pkgs/"], write: "writer", ...(reviewed ? { review: "owner" } : {}) },
        ],
      },
    },
  };
}

async function quickly<Result>(work: () => Promise<Result>, seconds: number): Promise<Result> {
  const start = performance.now();
  const result = await work();
  expect(performance.now() - start).toBeLessThan(seconds * 1000);
  return result;
}

async function withTree(repository: WorldRepository, tree: string, parent: CommitId): Promise<CommitId> {
  const who = "a <a@example.org> 1735700000 +0000";
  const payload = `tree ${tree}\nparent ${parent}\nauthor ${who}\ncommitter ${who}\n`;
  const signature = await alice.sign(Buffer.from(`${payload}\nm\n`));
  return repository.raw(`${payload}${repository.signatureHeader(signature)}\n\nm\n`);
}

function entry(mode: string, name: string, id: string): Buffer {
  return Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]);
}

describe.each([false, true])("corrupt-object: reviewed %s", (reviewed) => {
  async function judged(build: (repository: WorldRepository) => string) {
    const repository = await world.repository("size");
    const introduction = await repository.commit({ by: alice, files: { "pkgs/a": "1\n" } });
    const tip = await withTree(repository, build(repository), introduction);
    // Whoever hashes every tree that a stranger's statement names never comes to an end here.
    await publish(repository, cosignStatement(tip, narHashOf(new Uint8Array(32))), mallory);
    const policy = rules(introduction, reviewed);
    const denied = await quickly(async () => offences(await world.verify({ repository, policy })), 60);
    return { tip, denied };
  }

  test("ten thousand directories, each in the other", async () => {
    const { tip, denied } = await judged((repository) => {
      let id: string = repository.write("blob", Buffer.from("x"));
      let mode = "100644";
      for (let i = 0; i < 10_000; i++) {
        id = repository.write("tree", entry(mode, "pkgs", id));
        mode = "40000";
      }
      return id;
    });
    expect(denied).toEqual([[tip, "corrupt-object"]]);
  });

  test.each(["files", "nothing"])("ten to the power of twelve directories with %s in them", async (what) => {
    const { tip, denied } = await judged((repository) => {
      const blob = repository.write("blob", Buffer.from("x"));
      let id: string = repository.write(
        "tree",
        what === "files" ? entry("100644", "f", blob) : Buffer.alloc(0),
      );
      for (let level = 0; level < 12; level++) {
        const below = id;
        const names = Array.from({ length: 10 }, (_, i) => entry("40000", `${i}`, below));
        id = repository.write("tree", Buffer.concat(names));
      }
      return repository.write("tree", entry("40000", "pkgs", id));
    });
    expect(denied).toEqual([[tip, "corrupt-object"]]);
  });
});

test("not-reviewed: a hundred thousand files in one commit", async () => {
  const repository = await world.repository("files");
  const introduction = await repository.commit({ by: alice, files: { "pkgs/a": "1\n" } });
  const blob = repository.write("blob", Buffer.from("x"));
  const names = Array.from({ length: 100_000 }, (_, i) => entry("100644", `${100_000 + i}`, blob));
  const inner = repository.write("tree", Buffer.concat(names));
  const tip = await withTree(
    repository,
    repository.write("tree", entry("40000", "pkgs", inner)),
    introduction,
  );
  const policy = rules(introduction, true);
  const denied = await quickly(async () => offences(await world.verify({ repository, policy })), 60);
  expect(denied).toEqual([[tip, "not-reviewed"]]);
});
