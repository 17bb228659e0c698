/** The command line at a terminal, which script(1) plays: keys are typed once what they wait for is on the screen. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { World } from "./world.ts";
import { type Person, signingEnv } from "./world-people.ts";
import { emailOf, gitEnv } from "./world-repository.ts";

const FIRSTMILE = join(resolve(import.meta.dirname, "../.."), "firstmile");

/** Whether this machine can play a terminal. */
export const HAS_TERMINAL = existsSync("/usr/bin/script");
export const CTRL_C = "\x03";
export const [UP, DOWN, ENTER] = ["\x1b[A", "\x1b[B", "\r"];

export interface Step {
  /** What has to be on the screen before it. */
  readonly after: string;
  readonly type: string;
  /** What happens in the world before it is typed. */
  readonly meanwhile?: () => Promise<unknown>;
}

export interface Seen {
  readonly code: number | null;
  readonly screen: string;
}

export interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly cwd?: string;
  /** Lines of Git configuration beside the person's key and address. */
  readonly config?: Readonly<Record<string, string>>;
}

/** Runs a command line of a person, with that person's key and address, to its end. */
export async function atTerminal(
  world: World,
  person: Person,
  args: readonly string[],
  steps: readonly Step[],
  { env = {}, columns = 80, cwd = world.dir, config = {} }: TerminalOptions = {},
): Promise<Seen> {
  const words = [FIRSTMILE, ...args].map((word) => `'${word}'`);
  const command = `stty cols ${columns} rows 60; exec ${words.join(" ")}`;
  const child = spawn("script", ["-qfec", command, "/dev/null"], {
    cwd,
    env: {
      ...gitEnv(),
      HOME: world.dir,
      TERM: "xterm",
      FIRSTMILE_STATE: world.path("state"),
      ...signingEnv(person, { "user.email": emailOf(person.name), ...config }),
      ...env,
    },
    timeout: 40_000,
  });
  const left = [...steps];
  let screen = "";
  let from = 0;
  const type = async (step: Step) => {
    await step.meanwhile?.();
    // The prompt is on the screen a moment before it reads keys.
    setTimeout(() => child.stdin.write(step.type), 200);
  };
  child.stdout.on("data", (chunk: Buffer) => {
    screen += chunk.toString();
    // On a busy machine what several steps wait for comes at once.
    for (let next = left[0]; next !== undefined; next = left[0]) {
      const at = screen.indexOf(next.after, from);
      if (at < 0) return;
      left.shift();
      from = at + next.after.length;
      void type(next);
    }
  });
  const code = await new Promise<number | null>((done) => child.on("close", done));
  return { code, screen };
}
