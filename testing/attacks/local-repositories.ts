/**
 * Local repositories with odd files. A directory that another person filled is named on the command line, and one of its
 * files is a pipe without a writer, a socket or a device. What must hold: an answer comes soon, and the program does not crash.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { expect } from "vitest";
import type { WorldRepository } from "../src/world.ts";
import { gitEnv } from "../src/world-repository.ts";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { HistoryWorld } from "./history-world.ts";

const FIRSTMILE = join(resolve(import.meta.dirname, "../.."), "firstmile");
/** Five seconds for the answer; the rest is for a machine that does other things too. */
const SOON_MS = 10_000;
const SOON = "What is not a plain file is not waited for: the answer comes at once, and says what it is.";

interface Told {
  readonly repository: WorldRepository;
  readonly policy: string;
  readonly tip: CommitId;
}

async function begin(world: HistoryWorld): Promise<Told> {
  const repository = await world.repository();
  const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
  const tip = await repository.commit({ by: world.alice, files: { a: "2\n" } });
  return { repository, tip, policy: await world.world.policyDirectory(world.byPath(introduction)) };
}

/** How a command ended; `late` where it had to be ended, with all that it began. */
async function asks(
  world: HistoryWorld,
  args: readonly string[],
  cwd = world.world.dir,
): Promise<{ code: number | "late" | null; text: string }> {
  const env = { ...gitEnv(), HOME: world.world.dir, FIRSTMILE_STATE: world.world.path("state") };
  const child = spawn(FIRSTMILE, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  child.stderr.on("data", (chunk) => (text += chunk));
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    process.kill(-child.pid!, "SIGKILL");
  }, SOON_MS);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  return { code: isLate ? "late" : code, text };
}

/** It answers: with yes where the odd file is not needed, or with no and why; and never with an error of the program. */
async function answers(
  world: HistoryWorld,
  { repository, policy }: Told,
  args: readonly string[] = [],
): Promise<void> {
  const { code, text } = await asks(world, ["verify", repository.dir, "main", "--policy", policy, ...args]);
  expect([code, text]).toEqual([
    expect.toBeOneOf([0, 1, 2, 3]),
    expect.not.stringMatching(/TypeError|Cannot read prop|\n {4}at /),
  ]);
}

function fifo(path: string): void {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(dirname(path), { recursive: true });
  execFileSync("mkfifo", [path]);
}

function odd(
  number: number,
  name: string,
  make: (told: Told, world: HistoryWorld) => unknown,
): Attack<HistoryWorld> {
  return {
    number,
    name,
    held: SOON,
    async run(world) {
      const told = await begin(world);
      await make(told, world);
      await answers(world, told);
    },
  };
}

const pipe = (number: number, path: string, name = `a pipe in place of ${path}`) =>
  odd(number, name, ({ repository }) => fifo(join(repository.dir, path)));

const attacks: readonly Attack<HistoryWorld>[] = [
  pipe(329, "config"),
  pipe(330, "packed-refs"),
  pipe(331, "objects/info/alternates"),
  pipe(332, "HEAD"),
  pipe(333, "refs/heads/main", "a pipe in place of the branch that is asked about"),
  odd(334, "a pipe in place of the tip's own object", ({ repository, tip }) =>
    fifo(repository.objectFile(tip)),
  ),
  odd(335, "a pipe in place of a pack's index, and of the pack", async ({ repository }) => {
    await repository.git("repack", "-adq");
    const packs = join(repository.dir, "objects/pack");
    for (const name of readdirSync(packs)) fifo(join(packs, name));
  }),
  pipe(336, "shallow"),
  pipe(337, "info/grafts"),
  pipe(338, "objects/info/commit-graph"),
  pipe(339, "commondir"),
  odd(340, "a pipe among the files of a repository that the alternates name", ({ repository }, world) => {
    const other = world.world.fresh("other");
    fifo(join(other, "info/alternates"));
    mkdirSync(join(repository.dir, "objects/info"), { recursive: true });
    writeFileSync(join(repository.dir, "objects/info/alternates"), `${other}\n`);
  }),
  odd(341, "a pipe in place of a commit's tree, which rules by path need", async ({ repository, tip }) => {
    fifo(repository.objectFile(await repository.git("rev-parse", `${tip}^{tree}`)));
  }),
  odd(
    342,
    "a device in place of the tip's own object, and of one in a pack's place",
    ({ repository, tip }) => {
      const file = repository.objectFile(tip);
      rmSync(file);
      symlinkSync("/dev/zero", file);
      mkdirSync(join(repository.dir, "objects/pack"), { recursive: true });
      symlinkSync("/dev/zero", join(repository.dir, "objects/pack/pack-0.idx"));
    },
  ),
  {
    number: 343,
    name: "a socket in place of the configuration",
    held: SOON,
    async run(world) {
      const told = await begin(world);
      const path = join(told.repository.dir, "config");
      rmSync(path);
      const server = createServer().listen(path);
      await once(server, "listening");
      await answers(world, told);
      server.close();
    },
  },
  {
    number: 344,
    name: "a pipe in place of .git in a checkout, and of what it names",
    held: SOON,
    async run(world) {
      const { policy, repository } = await begin(world);
      for (const path of [".git", "elsewhere/HEAD"]) {
        const dir = world.world.fresh("checkout");
        fifo(join(dir, path));
        if (path !== ".git") writeFileSync(join(dir, ".git"), `gitdir: ${join(dir, "elsewhere")}\n`);
        const { code } = await asks(world, ["verify", dir, "main", "--policy", policy]);
        expect([path, repository.dir.length > 0, code]).toEqual([path, true, expect.toBeOneOf([1, 2, 3])]);
      }
    },
  },
  ...(
    [
      [345, "the rules themselves", "firstmile.toml"],
      [346, "a key file", "keys/alice.pub"],
      [347, "a statement beside the rules", "statements/a.json"],
    ] as const
  ).map(
    ([number, what, path]): Attack<HistoryWorld> => ({
      number,
      name: `a pipe in place of ${what}, in a directory of rules`,
      held: SOON,
      guard: "local/state/policy-directory.ts, local/statements/directory.ts",
      async run(world) {
        const told = await begin(world);
        fifo(join(told.policy, path));
        await answers(world, told);
      },
    }),
  ),
];

const controls: readonly Control<HistoryWorld>[] = [
  {
    name: "the same repository with plain files is allowed, loose and packed",
    async run(world) {
      const told = await begin(world);
      const verify = () => asks(world, ["verify", told.repository.dir, "main", "--policy", told.policy]);
      expect((await verify()).code).toBe(0);
      await told.repository.git("repack", "-adq");
      expect((await verify()).code).toBe(0);
    },
  },
];

export const localRepositories: GitTheme<HistoryWorld> = {
  title: "Local repositories with pipes and devices",
  by: "a person who filled a directory that another one asks about",
  guard: "local/git/neutral.ts, local/process/run.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls,
  attacks,
};
