/** `firstmile review` at a terminal, which script(1) plays: pager, question, Ctrl-C. */
import { readFileSync, writeFileSync } from "node:fs";
import { readStatements } from "@firstmile/local/statements/read";
import { statementIn } from "@firstmile/local/statements/sign";
import {
  CTRL_C,
  ENTER,
  HAS_TERMINAL,
  atTerminal as inTerminal,
  type Seen,
  type Step,
  UP,
} from "@firstmile/testing/at-terminal";
import { makeWorld, type Person, type World } from "@firstmile/testing/world";
import type { WorldRepository } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const QUESTION = "What do you say of it?";

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

/** Runs a review of bob's at a terminal. */
function atTerminal(args: readonly string[], steps: readonly Step[], env = {}, columns = 80): Promise<Seen> {
  return inTerminal(world, bob, ["review", repository.dir, "main", ...args], steps, { env, columns });
}

async function signed() {
  const { found } = await readStatements([{ kind: "ref", repository: repository.dir }]);
  return found.map(({ envelope }) => statementIn(envelope));
}

describe.skipIf(!HAS_TERMINAL)("at a terminal", { timeout: 60_000 }, () => {
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
    const { code } = await inTerminal(
      world,
      bob,
      ["review", repository.dir, "main", "--yes"],
      [{ after: "signing", type: CTRL_C }],
      { env: { PAGER: "cat" }, config: { "gpg.ssh.program": slow } },
    );
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
