/**
 * Time. Rules and keys run out, and the person who has the machine, or serves its time, sets the clock to when they had
 * not. What must hold: a machine that has seen a time refuses earlier ones, also where all that it did then was refuse.
 */
import { rulesToJudgeBy } from "@firstmile/local/cli/rules";
import { readPin } from "@firstmile/local/trust-repository/pin";
import { expect } from "vitest";
import { BEGINNING, DAY, type Machine, WORLD_NOW } from "../src/world.ts";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { commitTree, HistoryWorld } from "./history-world.ts";

const SEEN = "A refusal moves the latest time seen as well: an earlier clock is behind it.";

/** A machine whose rules run out in five days. */
async function machine(world: HistoryWorld) {
  const repository = await world.repository("trust");
  const policy = { people: [world.alice], expires: WORLD_NOW + 5 * DAY };
  const introduction = await world.world.rules(repository, { by: world.alice, policy });
  const here = world.world.machine();
  const added = await here.add(repository, { commit: introduction, signedBy: [world.alice] });
  expect(added.verdict.allowed).toBe(true);
  return { here, repository, introduction, policy };
}

/** What a command that judges by the machine's rules says at a time; "" where they hold. */
async function judged({ stateDir }: Machine, now: number): Promise<string> {
  const context = { stateDir, now, cwd: stateDir, env: {} } as unknown as Parameters<
    typeof rulesToJudgeBy
  >[0];
  return rulesToJudgeBy(context, undefined).then(
    () => "",
    (error: Error) => /^[a-z-]+/.exec(error.message)?.[0] ?? error.message,
  );
}

const attacks: readonly Attack<HistoryWorld>[] = [
  {
    number: 355,
    name: "the clock is set back after an update was refused because the rules had run out",
    held: SEEN,
    async run(world) {
      const { here } = await machine(world);
      const refused = await here.update(WORLD_NOW + 10 * DAY);
      expect(refused.verdict.reasons.find(({ ok }) => !ok)?.code).toBe("policy-expired");
      expect(await judged(here, WORLD_NOW)).toBe("clock-behind");
    },
  },
  {
    number: 356,
    name: "the clock is set back after a command was refused because the rules had run out",
    held: SEEN,
    async run(world) {
      const { here } = await machine(world);
      expect(await judged(here, WORLD_NOW + 10 * DAY)).toBe("policy-expired");
      expect(await judged(here, WORLD_NOW)).toBe("clock-behind");
    },
  },
  {
    number: 357,
    name: "in steps of less than a day, each after a refusal",
    held: SEEN,
    async run(world) {
      const { here } = await machine(world);
      const steps = [10 * DAY, 9.5 * DAY, 9 * DAY - 60, 8.5 * DAY, 8 * DAY - 120];
      for (const step of steps) {
        await here.update(WORLD_NOW + step);
        await judged(here, WORLD_NOW + step);
      }
      expect(await judged(here, WORLD_NOW + 4 * DAY)).toBe("clock-behind");
    },
  },
  {
    number: 358,
    name: "the clock is set back after an update was refused as a rollback",
    held: SEEN,
    async run(world) {
      const { here, repository, introduction, policy } = await machine(world);
      await world.world.rules(repository, {
        by: world.alice,
        policy: { ...policy, expires: WORLD_NOW + 50 * DAY },
      });
      await here.update(WORLD_NOW);
      repository.move("main", introduction);
      await here.update(WORLD_NOW + 40 * DAY);
      expect(await judged(here, WORLD_NOW)).toBe("clock-behind");
    },
  },
  {
    number: 359,
    name: "an update at an earlier time, so that the earlier time is what is remembered",
    held: "The latest time seen only grows.",
    async run(world) {
      const { here } = await machine(world);
      await here.update(WORLD_NOW + 4 * DAY);
      await here.update(WORLD_NOW - DAY / 2);
      expect(readPin(here.stateDir)!.latestSeen).toBeGreaterThanOrEqual(WORLD_NOW + 4 * DAY);
      expect(await judged(here, WORLD_NOW)).toBe("clock-behind");
    },
  },
  {
    number: 360,
    name: "a commit dated while its key was good, signed after the key ran out",
    held: "Dates of commits and signatures say nothing: a key that has run out does not count.",
    async run(world) {
      const dated = await world.world.person("short", "openpgp-ed25519", { expires: "30d" });
      const repository = await world.repository();
      const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
      const tree = await repository.git("rev-parse", `${introduction}^{tree}`);
      const commit = await commitTree(repository, dated, tree, [introduction], { at: BEGINNING + 10 * DAY });
      const people = [world.alice, dated];
      await world.denied(
        { repository, policy: { people, sources: { pkgs: { introduction } } } },
        /^expired-key$/,
        commit,
      );
    },
  },
  {
    number: 361,
    name: "a trust repository with commits of long ago before its introduction is taken for rewound",
    by: "a person whose clock was wrong",
    held: "What the introduction reaches is not listed, whatever dates say.",
    async run(world) {
      const { alice } = world;
      const repository = await world.repository("trust");
      const old = await repository.commit({ files: { old: "old\n" } });
      const root = await world.world.rules(repository, { by: alice, policy: { people: [alice] } });
      const tree = await repository.git("rev-parse", `${root}^{tree}`);
      let tip = old;
      for (let i = 0; i < 12; i++)
        tip = await commitTree(repository, alice, tree, [tip], { at: 631_152_000 + i });
      const introduction = tip;
      const here = world.world.machine();
      const first = await here.add(repository, { commit: introduction, signedBy: [alice] });
      expect(first.verdict.reasons.filter(({ ok }) => !ok).map(({ code }) => code)).toEqual([]);
      await commitTree(repository, alice, tree, [introduction]);
      const next = await here.update();
      expect(next.verdict.reasons.filter(({ ok }) => !ok).map(({ code }) => code)).toEqual([]);
    },
  },
];

const controls: readonly Control<HistoryWorld>[] = [
  {
    name: "rules in force are in force, a few hours earlier too, and after they were renewed",
    async run(world) {
      const { here, repository, policy } = await machine(world);
      expect([await judged(here, WORLD_NOW), await judged(here, WORLD_NOW - DAY / 2)]).toEqual(["", ""]);
      expect(await judged(here, WORLD_NOW + 10 * DAY)).toBe("policy-expired");
      await world.world.rules(repository, {
        by: world.alice,
        policy: { ...policy, expires: WORLD_NOW + 90 * DAY },
      });
      expect((await here.update(WORLD_NOW + 10 * DAY)).verdict.allowed).toBe(true);
      expect(await judged(here, WORLD_NOW + 10 * DAY)).toBe("");
    },
  },
];

export const clocks: GitTheme<HistoryWorld> = {
  title: "Time",
  by: "a person who sets the clock, or dates commits",
  guard: "trust/root/follow.ts, local/trust-repository/follow.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls,
  attacks,
};
