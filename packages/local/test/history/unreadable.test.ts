/**
 * Commits whose changes cannot be read, in every way to be so: denied under every rule and by a code of their own, and
 * never remembered. Bob may write everything but what is below secure/.
 */

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import {
  expected,
  makeWorld,
  offences,
  type Person,
  type PolicySpec,
  type World,
  type WorldRepository,
} from "@firstmile/testing/world";
import type { RuleSpec } from "@firstmile/testing/world-policy";
import { gitEnv } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let world: World;
let alice: Person;
let bob: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob] = await Promise.all([world.person("alice"), world.person("bob")]);
});
afterAll(() => world[Symbol.asyncDispose]());

const MODES = ["every-commit", "first-parent", "tip"] as const;
type Mode = (typeof MODES)[number];

const START = { "secure/k": "good\n", "a.nix": "1\n" };
const EVIL = { "secure/k": "evil\n", "a.nix": "1\n" };

interface Entry {
  readonly mode: string;
  readonly name: string;
  readonly id: string;
}

function treeOf(repository: WorldRepository, ...entries: readonly Entry[]): ObjectId {
  const bytes = entries.map(({ mode, name, id }) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`, "latin1"), Buffer.from(id, "hex")]),
  );
  return repository.write("tree", Buffer.concat(bytes));
}

/** Bob's evil tree, with something odd in it. */
function evil(
  repository: WorldRepository,
  odd: (blob: ObjectId, secure: ObjectId) => readonly Entry[],
): ObjectId {
  const blob = repository.write("blob", Buffer.from("evil\n"));
  const secure = treeOf(repository, { mode: "100644", name: "k", id: blob });
  return treeOf(repository, ...odd(blob, secure));
}

const file = (name: string, id: string, mode = "100644"): Entry => ({ mode, name, id });

/** Names and modes that no `git` writes, and some that only old ones did. */
const ODD_TREES: Readonly<Record<string, (blob: ObjectId, secure: ObjectId) => readonly Entry[]>> = {
  "a directory's mode spelt 040000": (blob, secure) => [
    file("a.nix", blob),
    file("secure", secure, "040000"),
  ],
  "a file's mode 100600": (blob, secure) => [file("a.nix", blob, "100600"), file("secure", secure, "40000")],
  "a file's mode 0100644": (blob, secure) => [
    file("a.nix", blob, "0100644"),
    file("secure", secure, "40000"),
  ],
  "mode 0": (blob, secure) => [file("a.nix", blob, "0"), file("secure", secure, "40000")],
  "a mode that is not a number": (blob, secure) => [
    file("a.nix", blob, "10064x"),
    file("secure", secure, "40000"),
  ],
  "a mode of a FIFO": (blob, secure) => [file("a.nix", blob, "10644"), file("secure", secure, "40000")],
  "an entry twice": (blob, secure) => [
    file("a.nix", blob),
    file("a.nix", blob),
    file("secure", secure, "40000"),
  ],
  "a file and a directory of one name": (blob, secure) => [
    file("secure", blob),
    file("secure.d", blob),
    file("secure", secure, "40000"),
  ],
  "entries out of order": (blob, secure) => [file("secure", secure, "40000"), file("a.nix", blob)],
  "the name .": (blob, secure) => [file(".", blob), file("secure", secure, "40000")],
  "the name ..": (blob, secure) => [file("..", blob), file("secure", secure, "40000")],
  "the name .git": (blob, secure) => [file(".git", blob), file("secure", secure, "40000")],
  "the name .GIT": (blob, secure) => [file(".GIT", blob), file("secure", secure, "40000")],
  "an empty name": (blob, secure) => [file("", blob), file("secure", secure, "40000")],
  "a name with a slash": (blob, secure) => [file("a/b", blob), file("secure", secure, "40000")],
  "an id cut short": (blob, secure) => [file("secure", secure, "40000"), file("z", blob.slice(0, 10))],
};

/** Rules under which what bob did to secure/ must not pass, and rules under which he may write everything. */
const RULES: Readonly<Record<string, readonly RuleSpec[]>> = {
  "bob outside of secure/": [
    { paths: ["**"], write: "writer" },
    { paths: ["/secure/"], write: "owner" },
  ],
  "a glob that any made-up name falls under": [
    { paths: ["**"], write: "owner" },
    { paths: ["*read)", "*unread*", "(*", "*"], write: "writer" },
    { paths: ["/secure/"], write: "owner" },
  ],
  "and secure/ is reviewed": [
    { paths: ["**"], write: "writer" },
    { paths: ["/secure/"], write: "owner", review: "owner" },
  ],
  "everything for everybody": [{ paths: ["**"], write: "writer" }],
};

function policyOf(
  introduction: CommitId,
  mode: Mode,
  rules: readonly RuleSpec[],
  goodlist: readonly CommitId[] = [],
): PolicySpec {
  return {
    people: [alice, bob],
    roles: { owner: [alice], writer: [alice, bob] },
    sources: { pkgs: { introduction, authenticate: mode, signedBy: "owner", rules, goodlist } },
  };
}

interface Begun {
  readonly repository: WorldRepository;
  readonly introduction: CommitId;
}

async function begin(): Promise<Begun> {
  const repository = await world.repository("unreadable");
  const introduction = await repository.commit({ by: alice, files: START });
  return { repository, introduction };
}

interface Asked {
  readonly repository: WorldRepository;
  readonly policy: PolicySpec;
  readonly tip?: CommitId;
}

/** Asked twice with one memory: what was refused is not remembered. */
async function judged({ repository, policy, tip = repository.tip() }: Asked) {
  const cacheDir = world.fresh("state");
  const first = await world.verify({ repository, policy, tip, cacheDir });
  const second = await world.verify({ repository, policy, tip, cacheDir });
  expect(offences(second)).toEqual(offences(first));
  return first;
}

/** A merge of a hundred branches of bob's; made once, since it takes a while. */
let hundred: Promise<Begun & { readonly merge: CommitId }> | undefined;
function mergeOfMany() {
  hundred ??= (async () => {
    const { repository, introduction } = await begin();
    const parents = [introduction];
    for (let i = 0; i < 100; i++) {
      const files = { ...START, b: `${i}\n` };
      const side = { by: bob, branch: "side", parents: [introduction], whole: true, files };
      parents.push(await repository.commit(side));
    }
    return { repository, introduction, merge: await repository.commit({ by: bob, parents, files: EVIL }) };
  })();
  return hundred;
}

describe.each(Object.keys(RULES))("rules: %s", (which) => {
  const rules = RULES[which]!;

  test.each(MODES)("%s: corrupt-object, or the goodlist", async (mode) => {
    const { repository, introduction } = await begin();
    const policy = policyOf(introduction, mode, rules);
    const tree = evil(repository, ODD_TREES["a directory's mode spelt 040000"]!);
    const odd = await repository.commit({ by: bob, tree });
    const verdict = await judged({ repository, policy });
    expect(offences(verdict)).toEqual(expected([odd, "corrupt-object"]));
    expect(verdict.denied[0]!.remedy).not.toContain("sign the change");
    const listed = policyOf(introduction, mode, rules, [odd]);
    expect(offences(await world.verify({ repository, policy: listed }))).toEqual([]);
  });

  test.each(MODES)("%s: missing-object, a directory", async (mode) => {
    const { repository, introduction } = await begin();
    const odd = await repository.commit({ by: bob, files: { ...EVIL, "secure/l": "1\n" } });
    rmSync(repository.objectFile(await repository.git("rev-parse", `${odd}:secure`)));
    const policy = policyOf(introduction, mode, rules);
    expect(offences(await judged({ repository, policy }))).toEqual(expected([odd, "missing-object"]));
  });

  test.each(MODES)("%s: too-many-parents", async (mode) => {
    const { repository, introduction, merge } = await mergeOfMany();
    const verdict = await judged({ repository, tip: merge, policy: policyOf(introduction, mode, rules) });
    expect(offences(verdict)).toEqual(expected([merge, "too-many-parents"]));
    expect(verdict.denied[0]!.message).toContain("101 parents");
  });
});

test.each(Object.keys(ODD_TREES))("corrupt-object: %s", async (name) => {
  const { repository, introduction } = await begin();
  const odd = await repository.commit({ by: bob, tree: evil(repository, ODD_TREES[name]!) });
  const policy = policyOf(introduction, "every-commit", RULES["bob outside of secure/"]!);
  expect(offences(await judged({ repository, policy }))).toEqual(expected([odd, "corrupt-object"]));
});

test("missing-object and corrupt-object: no tree at all, and a file in place of one", async () => {
  const { repository, introduction } = await begin();
  const policy = policyOf(introduction, "every-commit", RULES["bob outside of secure/"]!);
  const gone = await repository.commit({ by: bob, files: EVIL });
  rmSync(repository.objectFile(await repository.git("rev-parse", `${gone}^{tree}`)));
  expect(offences(await judged({ repository, policy }))).toEqual(expected([gone, "missing-object"]));
  const noTree = repository.write("blob", Buffer.from("no tree"));
  const odd = await repository.commit({ by: bob, parents: [introduction], tree: noTree });
  expect(offences(await judged({ repository, policy }))).toEqual(expected([odd, "corrupt-object"]));
});

describe("below clean commits", () => {
  const rules = RULES["bob outside of secure/"]!;

  test.each(["every-commit", "first-parent"] as const)(
    "corrupt-object: %s, two clean commits on top",
    async (mode) => {
      const { repository, introduction } = await begin();
      const tree = evil(repository, ODD_TREES["a directory's mode spelt 040000"]!);
      const odd = await repository.commit({ by: bob, tree });
      const clean = await repository.commit({ by: bob, whole: true, files: EVIL });
      await repository.commit({ by: bob, files: { "a.nix": "3\n" } });
      const verdict = await judged({ repository, policy: policyOf(introduction, mode, rules) });
      expect(offences(verdict)).toEqual(expected([odd, "corrupt-object"], [clean, "corrupt-object"]));
    },
  );

  test("missing-object: an ordinary clone without trees, and the whole repository after it", async () => {
    const { repository, introduction } = await begin();
    const odd = await repository.commit({ by: bob, files: EVIL });
    await repository.git("config", "uploadpack.allowFilter", "true");
    const dir = world.fresh("partial");
    const clone = ["clone", "-q", "--bare", "--filter=tree:0", `file://${repository.dir}`, dir];
    execFileSync("git", clone, { env: gitEnv() });
    const partial = Object.assign(Object.create(Object.getPrototypeOf(repository)), repository, { dir });
    const policy = policyOf(introduction, "every-commit", rules);
    const cacheDir = world.fresh("state");
    const ask = async (repository: WorldRepository) =>
      offences(await world.verify({ repository, policy, cacheDir, tip: odd }));
    expect(await ask(partial)).toEqual(expected([odd, "missing-object"]));
    expect(await ask(repository)).toEqual(expected([odd, "outside-paths"]));
  });

  test("missing-object: a parent's tree", async () => {
    const { repository, introduction } = await begin();
    const odd = await repository.commit({ by: bob, files: EVIL });
    rmSync(repository.objectFile(await repository.git("rev-parse", `${introduction}^{tree}`)));
    for (const mode of MODES) {
      const verdict = await judged({ repository, policy: policyOf(introduction, mode, rules) });
      expect(offences(verdict)).toEqual(expected([odd, "missing-object"]));
    }
  });
});
