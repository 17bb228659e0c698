/** `firstmile review` at a terminal, which script(1) plays: pager, question, Ctrl-C. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readStatements } from "@firstmile/local/statements/read";
import { statementIn } from "@firstmile/local/statements/sign";
import { makeWorld, type Person, type World } from "@firstmile/testing/world";
import { gitEnv, type WorldRepository } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const CHECKOUT = resolve(import.meta.dirname, "../../../..");
const QUESTION = "What do you say of it?";
const CTRL_C = "\x03";
const [UP, ENTER] = ["\x1b[A", "\r"];

let world: World;
let alice: Person;
let bob: Person;
let repository: WorldRepository;
beforeAll(async () => {
  world = await makeWorld();
  [alice, bob] = await Promise.all([world.person("alice"), world.person("bob")]);
});
afterAll(() => world[Symbol.asyncDispose]());

async function fresh(): Promise<void> {
  repository = await world.repository("pkgs");
  await repository.commit({ by: alice, files: { a: "1\n" } });
  await repository.commit({ by: alice, files: { a: "2\n" } });
}

interface Step {
  /** What has to be on the screen before it. */
  readonly after: string;
  readonly type: string;
}

interface Seen {
  readonly code: number | null;
  readonly screen: string;
}

/** Runs the command line of bob at a terminal and types each step once what it waits for was seen. */
async function atTerminal(
  args: readonly string[],
  steps: readonly Step[],
  env = {},
  columns = 80,
): Promise<Seen> {
  const words = [join(CHECKOUT, "firstmile"), "review", repository.dir, "main", ...args].map(
    (word) => `'${word}'`,
  );
  const command = `stty cols ${columns} rows 60; exec ${words.join(" ")}`;
  const config = { ...bob.gitConfig, "user.email": "bob@example.org" };
  const pairs = Object.entries(config).flatMap(([key, value], i) => [
    [`GIT_CONFIG_KEY_${i}`, key],
    [`GIT_CONFIG_VALUE_${i}`, value],
  ]);
  const child = spawn("script", ["-qfec", command, "/dev/null"], {
    env: {
      ...gitEnv(),
      HOME: world.dir,
      TERM: "xterm",
      FIRSTMILE_STATE: world.path("state"),
      GIT_CONFIG_COUNT: "3",
      ...Object.fromEntries(pairs),
      ...env,
    },
    timeout: 20_000,
  });
  let screen = "";
  let from = 0;
  const left = [...steps];
  child.stdout.on("data", (chunk: Buffer) => {
    screen += chunk.toString();
    const [next] = left;
    const at = next ? screen.indexOf(next.after, from) : -1;
    if (!next || at < 0) return;
    left.shift();
    from = at + next.after.length;
    // The prompt is on the screen a moment before it reads keys.
    setTimeout(() => child.stdin.write(next.type), 200);
  });
  const code = await new Promise<number | null>((done) => child.on("close", done));
  return { code, screen };
}

async function signed() {
  const { found } = await readStatements([{ kind: "ref", repository: repository.dir }]);
  return found.map(({ envelope }) => statementIn(envelope));
}

describe.skipIf(!existsSync("/usr/bin/script"))("at a terminal", { timeout: 60_000 }, () => {
  test("the diff is in the pager, and the answer is signed", async () => {
    await fresh();
    const paged = world.fresh("paged");
    const env = { GIT_PAGER: `cat > ${paged}`, PAGER: "false" };
    const { code, screen } = await atTerminal(
      [],
      [
        { after: QUESTION, type: UP + UP },
        { after: "good", type: ENTER },
      ],
      env,
    );
    expect(code).toBe(0);
    expect(screen).toContain("approved");
    expect(screen).not.toContain("@@ -1 +1 @@");
    expect(readFileSync(paged, "utf8")).toContain("@@ -1 +1 @@");
    expect(await signed()).toEqual([expect.objectContaining({ kind: "review", verdict: "approve" })]);
  });

  test("a rejection asks why", async () => {
    await fresh();
    const steps = [
      { after: QUESTION, type: UP },
      { after: "as it is", type: ENTER },
      { after: "Why?", type: `too clever${ENTER}` },
    ];
    const { code } = await atTerminal([], steps, { PAGER: "cat" });
    expect(code).toBe(0);
    expect(await signed()).toEqual([expect.objectContaining({ verdict: "reject", note: "too clever" })]);
  });

  test("1: Enter alone signs nothing", async () => {
    await fresh();
    const { code, screen } = await atTerminal([], [{ after: QUESTION, type: ENTER }], { PAGER: "cat" });
    expect([code, await signed()]).toEqual([1, []]);
    expect(screen).toContain("nothing was signed");
  });

  test("130: Ctrl-C at the question", async () => {
    await fresh();
    const { code, screen } = await atTerminal([], [{ after: QUESTION, type: CTRL_C }]);
    expect([code, await signed()]).toEqual([130, []]);
    expect(screen).toContain("interrupted: nothing was signed");
  });

  test("130: Ctrl-C in a pager that it ends", async () => {
    await fresh();
    const { code, screen } = await atTerminal([], [{ after: "paging", type: CTRL_C }], {
      PAGER: "echo paging; exec sleep 15",
    });
    expect([code, await signed()]).toEqual([130, []]);
    expect(screen).not.toContain(QUESTION);
  });

  test("130: Ctrl-C while signing", async () => {
    await fresh();
    const slow = world.fresh("slow");
    writeFileSync(slow, '#!/bin/sh\necho signing >/dev/tty\nsleep 5\nexec ssh-keygen "$@"\n', {
      mode: 0o755,
    });
    const env = {
      PAGER: "cat",
      GIT_CONFIG_COUNT: "4",
      GIT_CONFIG_KEY_3: "gpg.ssh.program",
      GIT_CONFIG_VALUE_3: slow,
    };
    const { code } = await atTerminal(["--yes"], [{ after: "signing", type: CTRL_C }], env);
    expect([code, await signed()]).toEqual([130, []]);
  });

  test("a pager that is not there is no reason not to read", async () => {
    await fresh();
    const { code, screen } = await atTerminal(["--yes"], [], { PAGER: "/nonexistent/pager" });
    expect(code).toBe(0);
    expect(screen).toContain("no such pager");
    expect(screen).toContain("@@ -1 +1 @@");
  });

  test.each([40, 80, 200])(
    "nothing of ours is wider than %s columns where it can be broken",
    async (columns) => {
      await fresh();
      const { code, screen } = await atTerminal(["--yes"], [], { PAGER: "cat", NO_COLOR: "1" }, columns);
      expect(code).toBe(0);
      const own = screen.slice(screen.indexOf("approved")).split("\r\n");
      expect(own.length).toBeGreaterThan(3);
      const wide = own.filter(
        (line) => line.length > columns && line.trim().includes(" ") && !line.startsWith("push it"),
      );
      expect(wide).toEqual([]);
    },
  );
});
