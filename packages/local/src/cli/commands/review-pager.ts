/** Long text for a person: in the user's pager on a terminal, as it is where there is none. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Writable } from "node:stream";
import type { FirstmileContext } from "../context.ts";
import type { Interruption } from "./review-interruption.ts";

/** As Git's own: back at once where it fits the screen, colours as they are, and it stays on the screen. */
const DEFAULT = "less -FRX";
/** What a shell says where the pager is not there, or is no program. */
const NO_PROGRAM: readonly (number | null)[] = [126, 127];

/** Begun anew where a pager turns out not to be there. */
type Text = () => AsyncIterable<string>;

export async function page(context: FirstmileContext, text: Text, interruption: Interruption): Promise<void> {
  const pager = context.env.GIT_PAGER ?? context.env.PAGER ?? DEFAULT;
  context.terminal.clearProgress();
  if (!process.stdout.isTTY || pager === "" || pager === "cat") return print(text, interruption);
  return interruption.withheld(() => pipe(context, pager, text, interruption));
}

async function print(text: Text, interruption: Interruption): Promise<void> {
  for await (const piece of text()) {
    interruption.check();
    if (!process.stdout.write(piece)) await once(process.stdout, "drain");
  }
}

/** The variables are the user's own, and hold command lines: Git hands them to a shell too. */
async function pipe(
  { env, terminal }: FirstmileContext,
  pager: string,
  text: Text,
  interruption: Interruption,
): Promise<void> {
  const child = spawn("sh", ["-c", pager], { env, stdio: ["pipe", "inherit", "inherit"] });
  // Whoever has read enough closes the pager: no error, and no more is asked of Git.
  child.stdin.on("error", () => {});
  const { promise: ended, resolve } = Promise.withResolvers<number | null>();
  child.on("error", () => resolve(127)).on("close", (code, signal) => resolve(signalled(code, signal)));
  await feed(child, text);
  const code = await ended;
  if (code === 128 + constants.signals.SIGINT) interruption.raise();
  if (!NO_PROGRAM.includes(code)) return;
  terminal.say(`${pager}: no such pager; here it is without`);
  await print(text, interruption);
}

async function feed(child: ChildProcessByStdio<Writable, null, null>, text: Text): Promise<void> {
  const gone = once(child, "close").catch(() => {});
  try {
    for await (const piece of text()) {
      if (child.stdin.destroyed || child.exitCode !== null) return;
      if (!child.stdin.write(piece)) await Promise.race([once(child.stdin, "drain").catch(() => {}), gone]);
    }
  } finally {
    child.stdin.end();
  }
}

function signalled(code: number | null, signal: NodeJS.Signals | null): number | null {
  return signal === null ? code : 128 + constants.signals[signal];
}
