/** A sitting at a terminal: several files, answers of each kind, Ctrl-C, an editor, and what changes meanwhile. */
import { readFileSync, writeFileSync } from "node:fs";
import {
  atTerminal,
  CTRL_C,
  DOWN,
  ENTER,
  HAS_TERMINAL,
  type Step,
  type TerminalOptions,
  UP,
} from "@firstmile/testing/at-terminal";
import { makeWorld, type Person, type World } from "@firstmile/testing/world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHANGED, LONG, type SliceStory, sliceStory } from "../reviewing/slice-story.ts";

/** Options from where the cursor is at first, on "skip". */
const APPROVE = UP.repeat(3) + ENTER;
const APPROVE_WITH_NOTE = UP.repeat(2) + ENTER;
const REJECT = UP + ENTER;
const SKIP = ENTER;
const STOP = DOWN + ENTER;

let world: World;
let alice: Person;
beforeAll(async () => {
  world = await makeWorld();
  alice = await world.person("alice");
});
afterAll(() => world[Symbol.asyncDispose]());

const FILES = { "a.nix": "a\n", "b.nix": "b\nb\n", "c.nix": "c\nc\nc\n" };
const story = () => sliceStory(world, [alice], FILES);

function sits(
  { repository, policy }: SliceStory,
  steps: readonly Step[],
  options: TerminalOptions = {},
  ...args: readonly string[]
) {
  const words = ["review", repository.dir, "main", "--path", "*.nix", "--policy", policy, ...args];
  return atTerminal(world, alice, words, steps, { ...options, env: { PAGER: "cat", ...options.env } });
}

/** Each file that was said something of, with what, and the note. */
async function said({ signed }: SliceStory) {
  return (await signed())
    .flatMap((one) => (one.kind === "review" ? [one] : []))
    .map(({ verdict, note, changes }) => [verdict, changes.map(({ path }) => path).join(" "), note])
    .sort();
}

describe.skipIf(!HAS_TERMINAL)("a sitting", { timeout: 90_000 }, () => {
  test("each file is asked about, and all approvals are one statement", async () => {
    const one = await story();
    const { code, screen } = await sits(one, [
      { after: "1 of 3  a.nix, 1 line", type: APPROVE },
      { after: "2 of 3  b.nix, 2 lines", type: APPROVE_WITH_NOTE },
      { after: "Note", type: `well done${ENTER}` },
      { after: "3 of 3  c.nix, 3 lines", type: APPROVE },
    ]);
    expect(code).toBe(0);
    expect(screen).toContain("approved");
    expect(await said(one)).toEqual([["approve", "a.nix b.nix c.nix", "b.nix: well done"]]);
  });

  test("approve, reject with why, skip: one statement for what is good, and one for what is not", async () => {
    const one = await story();
    const { code, screen } = await sits(one, [
      { after: "a.nix, 1 line", type: APPROVE },
      { after: "b.nix, 2 lines", type: REJECT },
      { after: "Why?", type: `too clever${ENTER}` },
      { after: "c.nix, 3 lines", type: SKIP },
    ]);
    expect(code).toBe(0);
    expect(screen).toContain("rejected");
    expect(await said(one)).toEqual([
      ["approve", "a.nix", undefined],
      ["reject", "b.nix", "b.nix: too clever"],
    ]);
  });

  test("1: Enter all along signs nothing", async () => {
    const one = await story();
    const steps = ["a.nix, 1 line", "b.nix, 2 lines", "c.nix, 3 lines"].map((after) => ({
      after,
      type: ENTER,
    }));
    const { code, screen } = await sits(one, steps);
    expect([code, await said(one)]).toEqual([1, []]);
    expect(screen).toContain("nothing was signed");
  });

  test("stopping signs what was said", async () => {
    const one = await story();
    await sits(one, [
      { after: "a.nix, 1 line", type: APPROVE },
      { after: "b.nix, 2 lines", type: STOP },
    ]);
    expect(await said(one)).toEqual([["approve", "a.nix", undefined]]);
  });

  test("Ctrl-C: what was said by then is signed if its reader says so", async () => {
    const one = await story();
    const { code, screen } = await sits(one, [
      { after: "a.nix, 1 line", type: APPROVE },
      { after: "b.nix, 2 lines", type: CTRL_C },
      { after: "Interrupted. Sign what you said so far: 1 approval?", type: UP + ENTER },
    ]);
    expect(screen).toContain("approved");
    expect([code, await said(one)]).toEqual([0, [["approve", "a.nix", undefined]]]);
  });

  test.each([
    ["Enter", ENTER],
    ["Ctrl-C again", CTRL_C],
  ])("130: Ctrl-C, and then %s drops it", async (_, key) => {
    const one = await story();
    const { code, screen } = await sits(one, [
      { after: "a.nix, 1 line", type: APPROVE },
      { after: "b.nix, 2 lines", type: CTRL_C },
      { after: "Sign what you said so far", type: key },
    ]);
    expect([code, await said(one)]).toEqual([130, []]);
    expect(screen).toContain("interrupted: nothing was signed");
  });

  test("130: Ctrl-C before anything was said asks nothing", async () => {
    const one = await story();
    const { code, screen } = await sits(one, [{ after: "a.nix, 1 line", type: CTRL_C }]);
    expect([code, await said(one)]).toEqual([130, []]);
    expect(screen).not.toContain("Sign what you said");
  });

  test("130: Ctrl-C while signing writes nothing of it", async () => {
    const one = await story();
    const slow = world.fresh("slow");
    writeFileSync(slow, '#!/bin/sh\necho signing >/dev/tty\nsleep 5\nexec ssh-keygen "$@"\n', {
      mode: 0o755,
    });
    const config = { "gpg.ssh.program": slow };
    const { code } = await sits(one, [{ after: "signing", type: CTRL_C }], { config }, "--yes");
    expect([code, await said(one)]).toEqual([130, []]);
  });

  test("each file goes through the pager, and --yes all of them at once", async () => {
    const one = await story();
    const paged = world.fresh("paged");
    const env = { PAGER: `cat >> ${paged}; echo ---- >> ${paged}` };
    await sits(
      one,
      [
        { after: "a.nix, 1 line", type: SKIP },
        { after: "b.nix, 2 lines", type: STOP },
      ],
      { env },
    );
    expect(
      readFileSync(paged, "utf8")
        .split("----\n")
        .map((text) => text.trim().split("\n")[0]),
    ).toEqual([expect.stringContaining("a.nix"), expect.stringContaining("b.nix"), ""]);
    writeFileSync(paged, "");
    await sits(one, [], { env }, "--yes");
    expect(readFileSync(paged, "utf8").match(/----\n/g)).toHaveLength(1);
  });

  test("in an editor, with room for a note", async () => {
    const one = await story();
    const [editor, seen] = [world.fresh("editor"), world.fresh("seen")];
    const script = [`cp "$1" ${seen}`, `printf "read twice\\n\\n" | cat - ${seen} > "$1"`];
    writeFileSync(editor, ["#!/bin/sh", ...script].join("\n"), { mode: 0o755 });
    const env = { EDITOR: editor };
    const { code, screen } = await sits(
      one,
      [
        { after: "a.nix, 1 line", type: UP.repeat(2) + ENTER },
        { after: "b.nix, 2 lines", type: STOP },
      ],
      { env },
      "--editor",
    );
    expect(code).toBe(0);
    expect(screen).not.toContain("approve, with a note");
    expect(await said(one)).toEqual([["approve", "a.nix", "a.nix: read twice"]]);
    expect(readFileSync(seen, "utf8")).toContain("+b\n+b\n");
  });

  test("an editor that fails is no answer, and no reason not to read", async () => {
    const one = await story();
    const steps = [
      { after: "+a", type: "" },
      { after: "a.nix, 1 line", type: STOP },
    ];
    const { code, screen } = await sits(one, steps, { env: { EDITOR: "false" } }, "--editor");
    expect([code, await said(one)]).toEqual([1, []]);
    expect(screen).toContain("the editor, false, ended with 1: here it is without");
  });

  test("what is signed is what was shown, whatever the repository has by then", async () => {
    const one = await story();
    const { repository } = one;
    const shown = repository.blob(repository.tip(), "a.nix");
    const { code } = await sits(one, [
      {
        after: "a.nix, 1 line",
        type: APPROVE,
        meanwhile: async () => {
          await repository.commit({ files: { "a.nix": "evil\n" } });
          repository.plant(shown, "blob", Buffer.from("evil\n"));
        },
      },
      { after: "b.nix, 2 lines", type: STOP },
    ]);
    expect(code).toBe(0);
    const [statement] = await one.signed();
    expect(statement?.kind === "review" && statement.changes).toEqual([
      {
        path: "a.nix",
        before: undefined,
        after: {
          mode: 0o100644,
          id: shown,
          sha256: "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7",
        },
      },
    ]);
  });

  test.each([40, 80, 120, 200])(
    "nothing of ours is wider than %s columns where it can be broken",
    async (columns) => {
      const one = await sliceStory(world, [alice], { "some/where/deep/below/a.nix": LONG });
      await one.approves(alice);
      await one.repository.commit({ files: { "some/where/else/deep/below/b.nix": CHANGED } });
      const { repository, policy } = one;
      const words = ["review", repository.dir, "main", "--path", ".", "--policy", policy];
      const env = { PAGER: "cat", NO_COLOR: "1" };
      for (const more of [["--list"], ["--suggest"], ["--yes"]]) {
        const { code, screen } = await atTerminal(world, alice, [...words, ...more], [], { env, columns });
        expect(code).toBe(0);
        const wide = screen
          .split("\r\n")
          // What was shown while it was at work is wiped away by then.
          .map((line) => line.slice(line.lastIndexOf("\x1b[K") + 1))
          .filter(
            (line) => line.length > columns && !/^[ +]line|firstmile|\.nix$| {2}names {3}\S+$/.test(line),
          )
          .filter((line) => line.trim().includes(" "));
        expect(wide).toEqual([]);
      }
    },
  );
});
