/** A link, a submodule or a file in place of a directory that has a rule of its own: `secure` for `/secure/`; and what leads on in place of one that a rule names by a pattern. */
import { execFileSync } from "node:child_process";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { expected, makeWorld, offences, type Person, type World } from "@firstmile/testing/world";
import type { RuleSpec } from "@firstmile/testing/world-policy";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Mode } from "./review-story.ts";

let world: World;
let alice: Person;
let bob: Person;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob] = await Promise.all([world.person("alice"), world.person("bob")]);
});
afterAll(() => world[Symbol.asyncDispose]());

const MODES: readonly Mode[] = ["every-commit", "first-parent", "tip"];
const ANYBODY: RuleSpec = { paths: ["**"], write: "writer" };
const HERS: RuleSpec = {
  paths: ["/secure/", "/a/b/key", "/*-set/", "/x*/y/key"],
  write: { any: 1, of: ["alice"] },
};

/** A commit by this person with one more entry, of any mode. */
async function put(repository: WorldRepository, by: Person, path: string, mode: string, object: string) {
  const base = repository.tip();
  const listed = await repository.git("ls-tree", base);
  const entry = `${mode} ${mode === "160000" ? "commit" : "blob"} ${object}\t${path}`;
  const tree = execFileSync("git", ["-C", repository.dir, "mktree", "--missing"], {
    input: `${listed}\n${entry}\n`,
  });
  const who = `${by.name} <${by.name}@example.org> 1735689700 +0000`;
  const text = `tree ${tree.toString().trim()}\nparent ${base}\nauthor ${who}\ncommitter ${who}\n`;
  const signature = repository.signatureHeader(await by.sign(Buffer.from(`${text}\nput\n`)));
  return repository.raw(`${text}${signature}\n\nput\n`);
}

async function story(mode: Mode, rules: readonly RuleSpec[]) {
  const repository = await world.repository("directory");
  const introduction = await repository.commit({ by: alice, files: { "docs/k.nix": "1\n" } });
  const judge = async (tip: CommitId) =>
    offences(
      await world.verify({
        repository,
        tip,
        policy: {
          people: [alice, bob],
          emails: true,
          roles: { reviewer: [alice] },
          sources: { pkgs: { introduction, authenticate: mode, rules } },
        },
      }),
    );
  return { repository, introduction, judge };
}

describe.each(MODES)("%s", (mode) => {
  test.each([
    ["a link", "120000", "secure"],
    ["a submodule", "160000", "secure"],
    ["a file", "100644", "secure"],
    ["a link further up", "120000", "a"],
    ["a link, by a pattern", "120000", "new-set"],
    ["a submodule, by a pattern", "160000", "new-set"],
    ["a link, by a pattern further up", "120000", "x1"],
  ])("%s is written by who may write both", async (_, kind, path) => {
    for (const [by, code] of [
      [bob, "outside-paths"],
      [alice, undefined],
    ] as const) {
      const { repository, introduction, judge } = await story(mode, [ANYBODY, HERS]);
      const object = kind === "160000" ? introduction : repository.write("blob", Buffer.from("docs"));
      const tip = await put(repository, by, path, kind, object);
      expect(await judge(tip)).toEqual(code === undefined ? [] : expected([tip, code]));
    }
  });

  test.each([
    ["a link beside it", "120000", "secured"],
    ["a file, by a pattern", "100644", "new-set"],
    ["a link that the pattern does not meet", "120000", "new-sets"],
  ])("%s is not", async (_, kind, path) => {
    const { repository, judge } = await story(mode, [ANYBODY, HERS]);
    const tip = await put(repository, bob, path, kind, repository.write("blob", Buffer.from("docs")));
    expect(await judge(tip)).toEqual([]);
  });

  test.each(["secure", "new-set"])("a link is read by who has to read what is below: %s", async (path) => {
    const reviewed: RuleSpec = { paths: ["/secure/", "/*-set/"], write: "writer", review: "reviewer" };
    const { repository, judge } = await story(mode, [ANYBODY, reviewed]);
    const tip = await put(repository, bob, path, "120000", repository.write("blob", Buffer.from("docs")));
    expect(await judge(tip)).toEqual(expected([tip, "not-reviewed"]));
  });
});
