/** A clock that is set back: what this machine has refused once stays refused for all. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RulesHolder } from "@firstmile/local/gate/rules-in-force";
import { run } from "@firstmile/local/process/run";
import { DAY, makeWorld, type Person, WORLD_NOW, type World } from "@firstmile/testing/world";
import { gitEnv } from "@firstmile/testing/world-repository";
import { firstRefusal } from "@firstmile/trust/verdict/verdict";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rulesIfAny } from "../../src/cli/rules.ts";

let world: World;
let alice: Person;
beforeAll(async () => {
  world = await makeWorld();
  alice = await world.person("alice");
});
afterAll(() => world[Symbol.asyncDispose]());

const END = WORLD_NOW + 5 * DAY;
const LATER = WORLD_NOW + 10 * DAY;

/** A machine that follows rules which end in five days. */
async function following() {
  const repository = await world.repository("trust");
  const policy = { people: [alice], expires: END };
  const introduction = await world.rules(repository, { by: alice, policy });
  const machine = world.machine();
  const { verdict } = await machine.add(repository, { commit: introduction, signedBy: [alice] });
  expect(verdict.allowed).toBe(true);
  return { machine, repository, introduction };
}

function asked(stateDir: string, now: number) {
  const context = { stateDir, now, env: { FIRSTMILE_STATE: stateDir }, cwd: world.dir };
  return rulesIfAny(context as unknown as Parameters<typeof rulesIfAny>[0], undefined);
}

test("clock-behind: after a question that was refused", async () => {
  const { machine } = await following();
  await expect(asked(machine.stateDir, WORLD_NOW)).resolves.toBeDefined();
  await expect(asked(machine.stateDir, LATER)).rejects.toThrow("policy-expired");
  await expect(asked(machine.stateDir, WORLD_NOW)).rejects.toThrow("clock-behind");
  expect(firstRefusal((await machine.update(WORLD_NOW)).verdict.reasons)?.code).toBe("clock-behind");
});

test("clock-behind: after a question that was answered", async () => {
  const { machine } = await following();
  await asked(machine.stateDir, WORLD_NOW + 4 * DAY);
  await expect(asked(machine.stateDir, WORLD_NOW)).rejects.toThrow("clock-behind");
});

test("clock-behind: after an update that was refused", async () => {
  const { machine } = await following();
  expect(firstRefusal((await machine.update(LATER)).verdict.reasons)?.code).toBe("policy-expired");
  await expect(asked(machine.stateDir, WORLD_NOW)).rejects.toThrow("clock-behind");
});

test("clock-behind: after what a gate refused that was started anew since", async () => {
  const { machine } = await following();
  const gate = (now: number) => new RulesHolder(machine.stateDir, () => now).get();
  expect(await gate(WORLD_NOW)).toMatchObject({ ok: true });
  expect(await gate(LATER)).toMatchObject({ ok: false, reason: { code: "policy-expired" } });
  expect(await gate(WORLD_NOW)).toMatchObject({ ok: false, reason: { code: "clock-behind" } });
  await expect(asked(machine.stateDir, WORLD_NOW)).rejects.toThrow("clock-behind");
});

test("hours are not counted, and a machine that pins anew begins anew", async () => {
  const { machine, repository, introduction } = await following();
  await asked(machine.stateDir, WORLD_NOW + DAY);
  await expect(asked(machine.stateDir, WORLD_NOW + 3600)).resolves.toBeDefined();
  await asked(machine.stateDir, WORLD_NOW + 4 * DAY);
  await expect(asked(machine.stateDir, WORLD_NOW)).rejects.toThrow("clock-behind");
  await machine.add(repository, { commit: introduction, signedBy: [alice] }, { replace: true });
  await expect(asked(machine.stateDir, WORLD_NOW)).resolves.toBeDefined();
});

test.each(["", "soon\n", "1\n2\n", "99999999999999\n", "-1\n"])(
  "a damaged file decides nothing: %j",
  async (text) => {
    const { machine } = await following();
    await asked(machine.stateDir, WORLD_NOW + DAY);
    const file = join(machine.stateDir, "trust/latest-seen");
    expect(readFileSync(file, "latin1")).toBe(`${WORLD_NOW + DAY}\n`);
    writeFileSync(file, text);
    await expect(asked(machine.stateDir, WORLD_NOW + DAY)).rejects.toThrow("cannot be read");
    const gate = await new RulesHolder(machine.stateDir, () => WORLD_NOW + DAY).get();
    expect(gate).toMatchObject({ ok: false, reason: { code: "policy-invalid" } });
    rmSync(file);
    await expect(asked(machine.stateDir, WORLD_NOW + DAY)).resolves.toBeDefined();
  },
);

test("FIRSTMILE_STATE without a pin follows nothing, whatever the machine follows", async () => {
  const { machine } = await following();
  const own = world.fresh("own");
  mkdirSync(own);
  const lib = world.fresh("lib");
  mkdirSync(join(lib, "firstmile"), { recursive: true });
  const script = `mount --bind "$1" /var/lib && mount --bind "$2" /var/lib/firstmile && shift 2 && exec "$@"`;
  const show = (env: Record<string, string>) =>
    run(
      "unshare",
      [
        "--mount",
        "sh",
        "-c",
        script,
        "sh",
        lib,
        machine.stateDir,
        join(import.meta.dirname, "../../../../firstmile"),
        "trust",
        "show",
      ],
      { env: { ...gitEnv(), HOME: own, ...env } },
    );
  const machines = await show({});
  expect(machines.stdout.toString() + machines.stderr).toContain("expire");
  const named = await show({ FIRSTMILE_STATE: own });
  expect(named.code).toBe(2);
  expect(named.stderr).toContain("follows no trust repository");
});
