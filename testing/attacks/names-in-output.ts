/**
 * Names in output. Names of files, rules and reasons are written by others and printed to a person. What must hold: a
 * name begins no line of its own and moves no cursor, and one in UTF-8 is shown as it is.
 */
import { expect } from "vitest";
import { distrustOf, filesAt, publish } from "../src/world-statements.ts";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { HistoryWorld } from "./history-world.ts";

const ONE_LINE =
  "Line feeds and control characters of a name are spelled: it begins no line and moves no cursor.";
const AS_IT_IS = "A name in UTF-8 is shown as it is, and JSON has one spelling for the rest.";
/** What a terminal acts on, or shows out of order. */
const ACTS = /[^\P{C}\n]|[\u2028\u2029]/u;

/** Bob changes these paths, which he may not. */
async function refusal(world: HistoryWorld, paths: readonly string[], ...more: readonly string[]) {
  const repository = await world.repository();
  const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
  await repository.commit({ by: world.bob, files: Object.fromEntries(paths.map((path) => [path, "2\n"])) });
  const policy = await world.world.policyDirectory(world.byPath(introduction));
  const args = ["verify", repository.dir, "main", "--policy", policy, ...more];
  const { code, stdout, stderr } = await world.world.firstmile(args);
  return { code, text: stdout.toString(), stderr };
}

const FALSE_LINE = "allowed  source pkgs at 0000000000000000000000000000000000000000";

function ownLine(number: number, name: string, ...paths: readonly string[]): Attack<HistoryWorld> {
  return {
    number,
    name,
    held: ONE_LINE,
    async run(world) {
      const { code, text, stderr } = await refusal(world, paths);
      expect([code, stderr]).toEqual([1, ""]);
      expect(text.split("\n").filter((line) => /^\s*allowed\b/.test(line))).toEqual([]);
      expect(ACTS.exec(text)?.[0].codePointAt(0)).toBeUndefined();
    },
  };
}

const attacks: readonly Attack<HistoryWorld>[] = [
  ownLine(
    348,
    "a line feed in a file's name, and a verdict behind it",
    `x\n${FALSE_LINE}\n`,
    `x/\n${FALSE_LINE}`,
  ),
  ownLine(
    349,
    "a carriage return, an escape sequence and a bell in a file's name",
    `x\r${FALSE_LINE}`,
    "x\u001b[1A\u001b[2Kallowed",
    "x\u0007\u009b2J",
  ),
  ownLine(
    350,
    "other ends of lines, directions, tags and joiners in a file's name",
    `x\u2028${FALSE_LINE}`,
    "x\u202egnp.exe",
    "a\u200b\u2066b\u{e0041}",
  ),
  {
    number: 351,
    name: "a line feed in the name of the rules, shown by trust show and trust update",
    by: "root of a trust repository",
    held: ONE_LINE,
    async run(world) {
      const repository = await world.repository("trust");
      const name = `rules\n${FALSE_LINE}\u001b[2K`;
      const spec = { by: world.alice, policy: { name, people: [world.alice] } };
      const introduction = await world.world.rules(repository, spec).catch(() => undefined);
      if (introduction === undefined) return;
      const machine = world.world.machine();
      const added = await machine.add(repository, { commit: introduction, signedBy: [world.alice] });
      for (const args of [
        ["trust", "show"],
        ["trust", "update"],
      ]) {
        const { stdout, stderr } = await world.world.firstmile(args, {
          env: { FIRSTMILE_STATE: machine.stateDir },
        });
        const text = stdout.toString() + stderr;
        expect([
          added.verdict.allowed,
          text.split("\n").filter((line) => /^\s*allowed\s+source/.test(line)),
        ]).toEqual([added.verdict.allowed, []]);
        expect(ACTS.exec(text)?.[0].codePointAt(0)).toBeUndefined();
      }
    },
  },
  {
    number: 352,
    name: "a line feed in a warden's reason",
    by: "a warden",
    held: ONE_LINE,
    async run(world) {
      const { alice, carol } = world;
      const repository = await world.repository();
      const introduction = await repository.commit({ by: alice, files: { a: "1\n" } });
      const commit = await repository.commit({ by: alice, files: { a: "bad\n" } });
      const [file] = await filesAt(repository, commit, ["a"]);
      const target = { kind: "content", sha256: file!.sha256, id: file!.id, path: undefined } as const;
      await publish(
        repository,
        distrustOf({ targets: [target], because: `bad\n${FALSE_LINE}` }),
        carol,
      ).catch(() => {});
      const policy = await world.world.policyDirectory({
        people: [alice, carol],
        roles: { root: [alice], writer: [alice], warden: [carol] },
        sources: { pkgs: { introduction } },
      });
      const { stdout } = await world.world.firstmile(["verify", repository.dir, "main", "--policy", policy]);
      expect(
        stdout
          .toString()
          .split("\n")
          .filter((line) => /^\s*allowed\s+source.*0000/.test(line)),
      ).toEqual([]);
    },
  },
  {
    number: 353,
    name: "a name in UTF-8 comes out as other letters, so that a person looks at another file",
    by: "chance",
    held: AS_IT_IS,
    async run(world) {
      const path = "dócs/漢字";
      expect((await refusal(world, [path])).text).toContain(path);
      const { text } = await refusal(world, [path], "--json");
      const { denied } = JSON.parse(text) as { denied: { paths: string[]; message: string }[] };
      expect([denied[0]!.paths, denied[0]!.message.includes(path)]).toEqual([[path], true]);
    },
  },
  {
    number: 354,
    name: "two names that JSON tells as one: a spelling, and what it spells",
    held: AS_IT_IS,
    async run(world) {
      const paths = ["x\n", "x\\x0a", "x\u0001", "x\\x01", "x\\", "x\\\\", 'x"', 'x\\"'];
      const { text } = await refusal(world, paths, "--json");
      const told = (JSON.parse(text) as { denied: { paths: string[] }[] }).denied[0]!.paths;
      expect([told.length, new Set(told).size]).toEqual([paths.length, paths.length]);
    },
  },
];

const controls: readonly Control<HistoryWorld>[] = [
  {
    name: "a plain name is shown in a refusal, in text and in JSON",
    async run(world) {
      expect((await refusal(world, ["lib/a b.nix"])).text).toContain("lib/a b.nix");
      expect((await refusal(world, ["lib/a.nix"], "--json")).text).toContain('"lib/a.nix"');
    },
  },
];

export const namesInOutput: GitTheme<HistoryWorld> = {
  title: "Names in output",
  by: "a person who gives names to files",
  guard: "local/cli/terminal.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls,
  attacks,
};
