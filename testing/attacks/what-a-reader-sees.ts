/**
 * What a reader is shown. A person approves what they see on a screen: the attacker has them see something else than
 * what is there. What must hold: two different changes never look the same, and nothing is cut off or said to be less
 * than it is.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { runOk } from "@firstmile/local/process/run";
import { expect } from "vitest";
import { atTerminal, HAS_TERMINAL } from "../src/at-terminal.ts";
import { signingEnv } from "../src/world-people.ts";
import { type Changes, emailOf, gitEnv } from "../src/world-repository.ts";
import { publish, waiverOf, wholeReviewOf } from "../src/world-statements.ts";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { HistoryWorld } from "./history-world.ts";

const SPELLED = "What is not seen, or is seen as something else, is spelled out.";
const SAID = "A change of white space alone is said to be one.";
/** What no reader sees, beside the space and the line feed: none of it is ever printed. */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\u2800\u{1d159}]|(?! )\p{Zs}/u;

interface Story {
  readonly repository: Awaited<ReturnType<HistoryWorld["repository"]>>;
  readonly range: string;
  readonly policy: string;
}

/** A change that bob is to read: of each file from the first to the second. */
async function story(world: HistoryWorld, before: Changes, after: Changes): Promise<Story> {
  const repository = await world.repository();
  const introduction = await repository.commit({ by: world.alice, files: { z: "z\n", ...before } });
  const commit = await repository.commit({ by: world.alice, files: after });
  const policy = await world.world.policyDirectory(world.reviewed(introduction));
  return { repository, range: `${introduction}..${commit}`, policy };
}

/** What bob sees who approves the change without a terminal. */
async function seen(world: HistoryWorld, { repository, range, policy }: Story) {
  const env = signingEnv(world.bob, { "user.email": emailOf("bob") });
  const args = ["review", repository.dir, range, "--policy", policy, "--yes"];
  const { code, stdout, stderr } = await world.world.firstmile(args, { env: { ...env, COLUMNS: "100" } });
  return { code, text: stdout.toString(), stderr };
}

type Pair = readonly [before: string, after: string];

/** Each pair is one file: the line that goes and the line that comes, as they are shown. */
async function shownPairs(
  world: HistoryWorld,
  pairs: readonly Pair[],
): Promise<{ gone: string; comes: string; text: string }[]> {
  const named = (at: 0 | 1) =>
    Object.fromEntries(pairs.map((pair, i) => [`f${String(i).padStart(3, "0")}`, pair[at]]));
  const told = await story(world, named(0), named(1));
  const { code, text, stderr } = await seen(world, told);
  expect([code, stderr]).toEqual([0, ""]);
  const sections = text.split(/^diff --git /m).slice(1);
  expect(sections.length).toBe(pairs.length);
  return sections.map((section) => {
    const body = section.slice(section.indexOf("\n@@")).split("\napproved ")[0]!;
    return { text: body, gone: side(body, "-"), comes: side(body, "+") };
  });
}

/** The lines of one side, with what goes on in further rows, and what is said of the end of the file. */
function side(body: string, sign: "-" | "+"): string {
  const kept: string[] = [];
  let mine = false;
  for (const row of body.split("\n")) {
    if (/^[-+]/.test(row)) mine = row.startsWith(sign);
    if (mine) kept.push(row.replace(/^[-+]/, ""));
  }
  return kept.join("\n");
}

/** As it is on a screen, where a tab is some blanks, blanks at an end are nothing, and letters come in one form. */
function looks(rows: string): string {
  return rows
    .split("\n")
    .map((row) => row.replace(/[ \t]+/g, " ").trimEnd())
    .join("\n")
    .normalize("NFC");
}

/** Both lines look different, or what differs is said; and they hold nothing that is not seen. */
function spelled(
  number: number,
  name: string,
  held: string,
  ...pairs: readonly Pair[]
): Attack<HistoryWorld> {
  return {
    number,
    name,
    held,
    async run(world) {
      const shown = await shownPairs(world, pairs);
      for (const [i, { gone, comes, text }] of shown.entries()) {
        const pair = JSON.stringify(pairs[i]);
        const isTold = /white ?space/i.test(text);
        expect([pair, isTold || looks(gone) !== looks(comes)]).toEqual([pair, true]);
        const found = UNSEEN.exec(text.replace(/\t(?!\n|$)|\n/g, ""))?.[0];
        expect([pair, found?.codePointAt(0)?.toString(16)]).toEqual([pair, undefined]);
      }
    },
  };
}

const SPACES = [0xa0, 0x1680, 0x2000, 0x2003, 0x2009, 0x202f, 0x205f, 0x3000];
const GLYPHLESS = [
  0x2800, 0x1d159, 0x3164, 0xffa0, 0x115f, 0x034f, 0x17b4, 0xe000, 0xf8ff, 0xffff, 0x0378, 0xfff9, 0x1d173,
  0xe0041, 0xfe0f,
];
const between = (code: number): Pair => ["a b\n", `a${String.fromCodePoint(code)}b\n`];
const within = (code: number): Pair => ["ab\n", `a${String.fromCodePoint(code)}b\n`];

const attacks: readonly Attack<HistoryWorld>[] = [
  spelled(315, "another kind of space between two words", SPELLED, ...SPACES.map(between)),
  spelled(
    316,
    "a character without a glyph within a word, and one that is not assigned",
    SPELLED,
    ...GLYPHLESS.map(within),
  ),
  spelled(
    317,
    "a space behind the backslash at a line's end",
    SPELLED,
    ["gpg --verify a.sig a \\\n", "gpg --verify a.sig a \\ \n"],
    ["x\n", "x \n"],
    ["x\n", "x\t\n"],
    ["x \n", "x  \n"],
  ),
  spelled(
    318,
    "tabs in place of spaces, and spaces before a tab",
    SPELLED,
    ["        all: x\n", "\tall: x\n"],
    ["a\tb\n", "a \tb\n"],
    ["a        b\n", "a\tb\n"],
  ),
  spelled(
    319,
    "other ends of lines, and none",
    SPELLED,
    ["a\n", "a\r\n"],
    ["a\n", "a"],
    ["a\n", "a\f\n"],
    ["a\n", "a\v\n"],
    ["a\n", "a\u0085\n"],
    ["a\n", "a\u2028\n"],
  ),
  spelled(
    320,
    "text that looks like a spelling",
    SPELLED,
    ["a\u00a0b\n", "a\\u{a0}b\n"],
    ["a \n", "a\\x20\n"],
    ["\u001b[2J\n", "\\x1b[2J\n"],
    ["\\x1b\n", "\\\\x1b\n"],
  ),
  spelled(
    321,
    "bytes that are not UTF-8 beside their spelling, and a mark at the beginning",
    SPELLED,
    ["\ufeffx\n", "x\n"],
    ["caf\u00e9\n", "cafe\u0301\n"],
  ),
  spelled(
    322,
    "joiners, tags, directions and variation in names that look the same",
    SPELLED,
    ["admin\n", "ad\u200dmin\n"],
    ["user\n", "\u202euser\u202c\n"],
    ["a\n", "a\u2069\n"],
    ["i\n", "i\u{e0069}\n"],
  ),
  {
    number: 323,
    name: "a line that goes on behind 5,000 spaces, for a reader whose pager cuts lines off",
    held: "A long run of blanks is spelled with its length, the longest line's length is told, and no setting cuts lines.",
    guard: "local/cli/commands/review-pager.ts",
    async run(world) {
      if (!HAS_TERMINAL) throw new Error("script(1) is needed");
      const wide = `{ a = 1; }${" ".repeat(5000)}// import ./evil.nix\n`;
      const told = await story(world, { "wide.nix": "{ a = 1; }\n" }, { "wide.nix": wide });
      const words = ["review", told.repository.dir, told.range, "--policy", told.policy, "--yes"];
      for (const env of [
        { LESS: "-S" },
        { LESS: "-SFX", PAGER: "less" },
        { LESS: "--chop-long-lines", GIT_PAGER: "less -FRX" },
      ]) {
        rmSync(join(told.repository.dir, "refs/firstmile"), { recursive: true, force: true });
        const { screen } = await atTerminal(world.world, world.bob, words, [{ after: "(END)", type: "q" }], {
          env,
          columns: 80,
        });
        expect([env, screen.includes("evil.nix")]).toEqual([env, true]);
      }
      const { text } = await seen(world, told);
      expect(text).not.toMatch(/ {200}/);
      expect(text).toMatch(/5,?0\d\d characters|5,?000/);
    },
  },
  {
    number: 324,
    name: "a change in white space alone, which looks like a change of code",
    held: SAID,
    async run(world) {
      const [tabs] = await shownPairs(world, [["  a = 1;\n  b = 2;\n", "\ta = 1;\n\tb = 2;\n"]]);
      expect(tabs!.text).toMatch(/white ?space/i);
    },
  },
  {
    number: 325,
    name: "code that came out of a comment is said to be a read file but for white space",
    held: "That is said only where spaces and tabs within lines differ.",
    guard: "trust/nearest/ladder.ts",
    async run(world) {
      const signed = `# never do this: verify = false;\n${lines()}`;
      for (const evil of [
        signed.replace("verify", "\nverify"),
        signed.replace("do", "do\u001b"),
        signed.replace(": verify", ":\u0000 verify"),
        signed.replace("# never", "#\rnever"),
      ]) {
        const { text } = await why(world, signed, evil);
        expect(text).not.toContain("but for white space");
      }
    },
  },
  {
    number: 326,
    name: "a file that is waived is said to be unread, and like nothing",
    by: "chance",
    held: "A file that passes is told by why it passes, and not as unsigned.",
    guard: "local/nearest/ladder-of.ts",
    async run(world) {
      const { code, text } = await why(world, "read\n", "waived\n", true);
      expect([code, /waived/.test(text), text.includes("no signed file is like it")]).toEqual([
        0,
        true,
        false,
      ]);
    },
  },
  {
    number: 327,
    name: "a link that leads elsewhere than its text says: over 4,095 bytes, and with a NUL in it",
    held: "Links that no system follows as they are written are refused, and cannot be approved.",
    guard: "local/reviewing, local/view/file-system.ts",
    async run(world) {
      const long = `${"./".repeat(2043)}evil.txt/../good.txt`;
      expect(long.length).toBeGreaterThan(4095);
      for (const target of [long, "evil\u0000good"]) {
        const told = await story(world, {}, { link: { mode: 0o120000, content: target } });
        const { code, text, stderr } = await seen(world, told);
        expect([
          target.length,
          code !== 0 || /4,?095|NUL|link.*(?:refused|too long)/i.test(text + stderr),
        ]).toEqual([target.length, true]);
      }
    },
  },
  {
    number: 328,
    name: "the diff's own attributes: a file called binary, and a driver of the reader's",
    held: "Attributes of the repository and drivers of its configuration have no say in what is shown.",
    guard: "local/reviewing/read-change.ts",
    async run(world) {
      const told = await story(
        world,
        { "a.nix": "a\n" },
        { "a.nix": "evil = true;\n", ".gitattributes": "*.nix -diff binary\n* diff=hide\n" },
      );
      await told.repository.git("config", "diff.hide.textconv", "true");
      await told.repository.git("config", "diff.external", "true");
      expect((await seen(world, told)).text).toContain("evil = true;");
    },
  },
];

const lines = () =>
  Array.from({ length: 40 }, (_, i) => `  line${i} = "a line of a file, number ${i}";\n`).join("");

/** `firstmile why` of a file of a slice that is `after` at the tip, where bob read `before`; or it is waived. */
async function why(world: HistoryWorld, before: string, after: string, isWaived = false) {
  const { alice, bob } = world;
  const repository = await world.repository();
  const introduction = await repository.commit({ files: { "README.md": "hello\n" } });
  const read = await repository.commit({ files: { "a.nix": before } });
  const tip = await repository.commit({ files: { "a.nix": after } });
  await publish(repository, await wholeReviewOf(repository, read, ["a.nix"]), bob);
  if (isWaived)
    await publish(repository, waiverOf({ paths: ["a.nix"], source: "pkgs", until: 4_000_000_000 }), alice);
  const rules = [{ paths: ["**"], review: "reader", waive: "root" }];
  const policy = await world.world.policyDirectory({
    people: [alice, bob],
    roles: { root: [alice], reader: [bob] },
    sources: { pkgs: { introduction, authenticate: "slice", rules } },
  });
  const checkout = world.world.fresh("checkout");
  await runOk("git", ["clone", "--quiet", repository.dir, checkout], { env: gitEnv() });
  await runOk("git", ["-C", checkout, "fetch", "--quiet", "origin", "refs/firstmile/*:refs/firstmile/*"], {
    env: gitEnv(),
  });
  expect(
    (await runOk("git", ["-C", checkout, "rev-parse", "HEAD"], { env: gitEnv() })).toString().trim(),
  ).toBe(tip);
  const { code, stdout, stderr } = await world.world.firstmile(["why", "a.nix", "--policy", policy], {
    cwd: checkout,
  });
  return { code, text: stdout.toString() + stderr };
}

const controls: readonly Control<HistoryWorld>[] = [
  {
    name: "letters of any script, indentation and plain changes are shown as they are",
    async run(world) {
      const [plain, script] = await shownPairs(world, [
        ["  a = 1;\n", "  a = 2;\n"],
        ["žluť\n", "漢字\n"],
      ]);
      expect([plain!.gone.trimEnd(), plain!.comes.trimEnd()]).toEqual(["  a = 1;", "  a = 2;"]);
      expect(script!.comes).toContain("漢字");
    },
  },
  {
    name: "a file that differs from a read one in blanks alone is said to",
    async run(world) {
      const { text } = await why(world, lines(), lines().replaceAll("  line", "\tline"));
      expect(text).toContain("but for white space");
    },
  },
];

export const whatAReaderSees: GitTheme<HistoryWorld> = {
  title: "What a reader is shown",
  by: "the author of a change that is read",
  guard: "local/reviewing/visible.ts, local/reviewing/diff-text.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls,
  attacks,
};
