/** What a reader's own pager and editor are set to do cuts nothing off what they approve. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { pagerCommand, pagerEnv } from "@firstmile/local/cli/commands/review-pager";
import { atTerminal, ENTER, HAS_TERMINAL, type TerminalOptions, UP } from "@firstmile/testing/at-terminal";
import { makeWorld, type Person, type World, type WorldRepository } from "@firstmile/testing/world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sliceStory } from "../reviewing/slice-story.ts";

const WIDE = `{ a = 1; }${" ".repeat(5000)}// import ./evil.nix\n`;

let world: World;
let alice: Person;
let repository: WorldRepository;
beforeAll(async () => {
  world = await makeWorld();
  alice = await world.person("alice");
  repository = await world.repository("pkgs");
  await repository.commit({ by: alice, files: { "README.md": "a\n\n\n\nb\n" } });
  await repository.commit({ by: alice, files: { "wide.nix": WIDE } });
});
afterAll(() => world[Symbol.asyncDispose]());

function approves(env: NonNullable<TerminalOptions["env"]>, columns = 100) {
  return atTerminal(world, alice, ["review", repository.dir, "main", "--yes"], [], { columns, env });
}

describe.skipIf(!HAS_TERMINAL)("a line that is wider than the screen", { timeout: 240_000 }, () => {
  const lesskey = () => {
    const home = world.fresh("home");
    mkdirSync(home);
    writeFileSync(`${home}/.lesskey`, "#env\nLESS = -S+G\n#line-edit\n");
    return home;
  };
  test.each<[string, () => NonNullable<TerminalOptions["env"]>]>([
    ["LESS=-S", () => ({ LESS: "-S" })],
    ["LESS=--chop-long-lines", () => ({ LESS: "--chop-long-lines" })],
    ["LESS=-FXS -r +G", () => ({ LESS: "-FXSr +G" })],
    ["PAGER=less -S", () => ({ PAGER: "less -S" })],
    ["GIT_PAGER=less -RSs +G", () => ({ GIT_PAGER: "less -RSs +G" })],
    ["PAGER=LESS=-S less", () => ({ PAGER: "LESS=-S less -FX" })],
    ["a preprocessor", () => ({ LESSOPEN: "|-echo nothing to see; :%s", PAGER: "less" })],
    ["a file of keys", () => ({ HOME: lesskey() })],
    ["PAGER=cut -c1-100", () => ({ PAGER: "cut -c1-100" })],
  ])("%s: is shown to its end", async (_, env) => {
    const { code, screen } = await approves(env());
    expect(code).toBe(0);
    expect(screen).toContain("{ a = 1; }\\x20{5000}// import ./evil.nix");
    expect(screen.replace(/\s+/g, " ")).toContain("line 1 of wide.nix has 5,030 characters");
  });

  test.each([20, 40, 200])("at %s columns its rows fit", async (columns) => {
    const { screen } = await approves({ NO_COLOR: "1", LESS: "-S" }, columns);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what less says to the terminal
    const text = screen.replace(/\x1b\[[0-9;]*[mK]|\r/g, "").replace(/\n *↳/g, "");
    expect(text).toContain("{ a = 1; }\\x20{5000}// import ./evil.nix");
  });

  test("what a pager that fails would have shown is shown without it; of one of another name its reader is told", async () => {
    const failed = await approves({ PAGER: "exit 3;" });
    expect(failed.screen).toContain("this pager ended with 3; here it is without");
    expect(failed.screen).toContain("import ./evil.nix");
    expect((await approves({ PAGER: "head -n 3" })).screen).toContain("which may leave something out");
  });

  test("an editor gets rows that fit its window, and no settings of its own", async () => {
    const code = "a = 1; # vim: set nowrap foldmethod=expr:\n# Local Variables:\n# ex: nowrap\n";
    const story = await sliceStory(world, [alice], { "a vim: set nowrap:.nix": `${code}${WIDE}` });
    const kept = world.fresh("kept");
    const words = [
      "review",
      story.repository.dir,
      "main",
      "--path",
      "*.nix",
      "--policy",
      story.policy,
      "--editor",
    ];
    const steps = [{ after: "1 of 1", type: UP.repeat(3) + ENTER }];
    const env = {
      EDITOR: `sh -c 'cp "$1" ${kept}' --`,
      VISUAL: "",
      GIT_EDITOR: `sh -c 'cp "$1" ${kept}' --`,
    };
    const { screen } = await atTerminal(world, alice, words, steps, { columns: 60, env });
    const text = readFileSync(kept, "utf8");
    expect(screen).toContain("approved");
    expect(
      Math.max(
        ...text
          .split("\n")
          .slice(3)
          .map((row) => row.length),
      ),
    ).toBeLessThan(60);
    expect(text).not.toMatch(/(?:vi|vim|ex|Variables):/);
    expect(text.replaceAll("\n↳", "")).toContain("# vim\\x3a set nowrap foldmethod=expr:");
    expect(text.replaceAll("\n↳", "")).toContain("\\x20{5000}// import ./evil.nix");
  });
});

describe("a pager", () => {
  test.each([
    ["less", "less -FRX -+S -L"],
    ["/usr/bin/less -S", "/usr/bin/less -FRX -+S -L"],
    ["less --chop-long-lines +G", "less -FRX -+S -L"],
    ["more -s", "more"],
    ["less | tac", "less | tac"],
    ["bat -p", "bat -p"],
    ["lessly", "lessly"],
  ])("%s is run as %s", (pager, command) => {
    expect(pagerCommand(pager).command).toBe(command);
  });

  test("gets no settings but ours", () => {
    const env = pagerEnv({ LESS: "-S", LESSOPEN: "|evil %s", MORE: "-s", LESSSECURE: "1", TERM: "xterm" });
    expect(Object.keys(env).filter((name) => /^(?:LESS$|LESSOPEN|MORE)/.test(name))).toEqual([]);
    expect(env).toMatchObject({ LESSSECURE: "1", TERM: "xterm", LESSKEYIN: "/dev/null" });
  });
});
