/** Co-signatures of strangers, however many, keep no other from being read. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
  type WorldRepository,
} from "@firstmile/testing/world";
import { afterAll, beforeAll, expect, test } from "vitest";

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

/** Alice's commit, which needs bob as well. */
async function story() {
  const repository = await world.repository("crowded");
  const introduction = await repository.commit({ by: alice });
  const commit = await repository.commit({ by: alice, files: { a: "1\n" } });
  const policy: PolicySpec = {
    people: [alice, bob],
    roles: { writer: { any: 2, of: [alice, bob] } },
    sources: { pkgs: { introduction, signedBy: "root" } },
  };
  const judge = async () => offences(await world.verify({ repository, policy }));
  expect(await judge()).toEqual(expected([commit, "too-few-signers"]));
  return { repository, commit, judge };
}

async function line(commit: CommitId, by: Person): Promise<string> {
  const signature = await by.sign(Buffer.from(`${commit}\n`), { namespace: "firstmile-cosign" });
  return signature.toString("base64");
}

/** A commit of notes with one note, made at a time that its maker chooses. */
function notes(
  repository: WorldRepository,
  commit: CommitId,
  text: string | Uint8Array,
  time: number,
): string {
  const blob = repository.write("blob", Buffer.from(text as string));
  const tree = repository.write(
    "tree",
    Buffer.concat([Buffer.from(`100644 ${commit}\0`), Buffer.from(blob, "hex")]),
  );
  const who = `n <n@example.org> ${time} +0000`;
  return repository.write("commit", Buffer.from(`tree ${tree}\nauthor ${who}\ncommitter ${who}\n\nnotes\n`));
}

const LATE = 2_800_000_000;

test("in notes: a hundred places that say they are from 2058, under any name", async () => {
  const { repository, commit, judge } = await story();
  repository.ref(
    "refs/firstmile/notes/mirror-0/signatures",
    notes(repository, commit, `${await line(commit, bob)}\n`, 1),
  );
  for (let i = 0; i < 100; i++) {
    const junk = notes(repository, commit, `${await line(commit, mallory)}\n${i}\n`, LATE + i);
    for (const name of [`refs/firstmile/notes/${junk}`, `refs/notes/signatures-${i}`, `refs/signatures/${i}`])
      repository.ref(name, junk);
  }
  expect(await judge()).toEqual([]);
});

test("in notes: thousands of lines in front of it", async () => {
  const { repository, commit, judge } = await story();
  const stranger = await line(commit, mallory);
  const junk = Array.from({ length: 5000 }, (_, i) => Buffer.from(`junk ${i}`).toString("base64"));
  const text = [...junk, ...Array.from({ length: 200 }, () => stranger), await line(commit, bob), ""].join(
    "\n",
  );
  repository.ref("refs/notes/signatures", notes(repository, commit, text, 1));
  expect(await judge()).toEqual([]);
});

test("in notes: places whose tree is none, and whose commit has 40 MB", async () => {
  const { repository, commit, judge } = await story();
  repository.ref("refs/notes/signatures", notes(repository, commit, `${await line(commit, bob)}\n`, 1));
  const blob = repository.write("blob", Buffer.from("no tree"));
  const who = "n <n@example.org> 1 +0000";
  const odd = `tree ${blob}\nauthor ${who}\ncommitter ${who}\n\n`;
  repository.ref("refs/firstmile/notes/odd", repository.write("commit", Buffer.from(odd)));
  const long = repository.write("commit", Buffer.from(`${odd}${"x".repeat(40 << 20)}`));
  repository.ref("refs/firstmile/notes/long", long);
  expect(await judge()).toEqual([]);
});

test("in tags: forty of strangers on the same commit, by names before and behind", async () => {
  const { repository, commit, judge } = await story();
  const tag = async (name: string, by: Person) => {
    const payload = Buffer.from(
      `object ${commit}\ntype commit\ntag ${name}\ntagger b <> 1 +0000\n\nrelease\n`,
    );
    repository.ref(
      `refs/tags/${name}`,
      repository.write("tag", Buffer.concat([payload, await by.sign(payload)])),
    );
  };
  for (let i = 0; i < 20; i++) {
    await tag(`a${i}`, mallory);
    await tag(`z${i}`, mallory);
  }
  await tag("m", bob);
  expect(await judge()).toEqual([]);
});

test("in tags: behind one that lies about its object, one that is damaged and one that is gone", async () => {
  const { repository, commit, judge } = await story();
  const tree = await repository.git("rev-parse", `${commit}^{tree}`);
  const text = (object: string) => `object ${object}\ntype commit\ntag v\ntagger b <> 1 +0000\n\nrelease\n`;
  repository.ref("refs/tags/a-liar", repository.write("tag", Buffer.from(text(tree))));
  repository.ref("refs/tags/b-damaged", repository.write("tag", Buffer.from("object nothing\n")));
  repository.ref("refs/tags/c-gone", "1".repeat(40));
  const payload = Buffer.from(text(commit));
  const signed = Buffer.concat([payload, await bob.sign(payload)]);
  repository.ref("refs/tags/d", repository.write("tag", signed));
  expect(await judge()).toEqual([]);
});

test("what is beyond the limits is told", async () => {
  const { repository, commit } = await story();
  const file = notes(repository, commit, Buffer.alloc(5 << 20, "a\n"), 1);
  repository.ref("refs/notes/signatures", file);
  const policy: PolicySpec = {
    people: [alice],
    sources: { pkgs: { introduction: commit, signedBy: "root" } },
  };
  const tip = await repository.commit({ by: alice, files: { a: "2\n" } });
  repository.ref("refs/notes/signatures", notes(repository, tip, Buffer.alloc(5 << 20, "a\n"), 1));
  const verdict = await world.verify({ repository, policy, tip });
  expect(verdict).toMatchObject({
    allowed: true,
    incomplete: [`${repository.dir} (co-signatures in notes)`],
  });
});
