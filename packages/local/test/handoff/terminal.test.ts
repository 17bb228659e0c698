/** On first use of an author's key somebody is asked, and Enter by mistake vouches for nobody. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { atTerminal, CTRL_C, ENTER, HAS_TERMINAL, type Step, UP } from "@firstmile/testing/at-terminal";
import { Author } from "@firstmile/testing/release-author";
import { makeWorld, type Person, type World } from "@firstmile/testing/world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const author = new Author("0102030405060708");
const SOURCE = Buffer.from("the source of hello\n");

describe.skipIf(!HAS_TERMINAL)("at a terminal", { timeout: 90_000 }, () => {
  let world: World;
  let alice: Person;
  let url: string;
  beforeAll(async () => {
    world = await makeWorld();
    alice = await world.person("alice");
    const dir = world.path("released");
    mkdirSync(dir);
    writeFileSync(join(dir, "hello-1.0.tar"), SOURCE);
    writeFileSync(join(dir, "hello-1.0.tar.minisig"), author.minisig(SOURCE, "hello-1.0.tar"));
    url = pathToFileURL(join(dir, "hello-1.0.tar")).href;
  });
  afterAll(() => world[Symbol.asyncDispose]());

  async function answered(name: string, steps: readonly Step[]) {
    const to = world.path(name);
    mkdirSync(to);
    const args = ["handoff", url, "--key", author.listed("minisign"), "--to", to];
    const seen = await atTerminal(world, alice, args, steps, { columns: 200 });
    return { ...seen, written: readdirSync(to).length };
  }

  test("the key is shown, and after two answers it is signed", async () => {
    const seen = await answered("yes", [
      { after: "Is this the key of hello?", type: UP + ENTER },
      { after: "Vouch for this source?", type: UP + ENTER },
    ]);
    expect(seen.screen).toContain("The key for hello");
    expect(seen.screen).toContain("[[upstream]]");
    expect([seen.code, seen.written]).toEqual([0, 1]);
  });

  test.each<[string, Step[], number]>([
    ["enter", [{ after: "Is this the key of hello?", type: ENTER }], 1],
    [
      "enter-later",
      [
        { after: "Is this the key of hello?", type: UP + ENTER },
        { after: "Vouch for this source?", type: ENTER },
      ],
      1,
    ],
    ["interrupted", [{ after: "Is this the key of hello?", type: CTRL_C }], 130],
  ])("nothing is signed: %s", async (name, steps, code) => {
    const seen = await answered(name, steps);
    expect([seen.code, seen.written]).toEqual([code, 0]);
    expect(seen.screen).toContain("nothing was signed");
  });
});
