/**
 * Long text for a person: in a pager on a terminal, as it is where there is none.
 *
 * Claims: `less` and `more` are run by our options alone, whatever the reader's own settings are: these may cut lines
 * off, run the text through a program, begin at its end, or leave empty lines out. Where a pager fails, the text is
 * shown without it. Leaves out: pagers of other names, which are run as they are; the reader is told so.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Writable } from "node:stream";
import type { FirstmileContext } from "../context.ts";
import type { Interruption } from "./review-interruption.ts";

/**
 * By name of the program. As Git's own: back at once where it fits the screen, colours as they are, and it stays on the
 * screen; lines are not cut off, and nothing comes between.
 */
const OPTIONS: Readonly<Record<string, string>> = { less: " -FRX -+S -L", more: "" };
/** A program, with options that are not taken over: what else a shell makes of the line is the reader's own. */
const KNOWN = /^\s*((?:[\w./+-]*\/)?(less|more))(?:\s+[\w\s./=+,:-]*)?$/;
/** What these programs take settings from. */
const SETTINGS = /^(?:LESS|MORE)/;
/** Files with keys may have settings too; of text in another encoding less would show bytes. */
const OWN_SETTINGS: NodeJS.ProcessEnv = {
  LESSKEY: "/dev/null",
  LESSKEYIN: "/dev/null",
  LESSKEY_SYSTEM: "/dev/null",
  LESSKEYIN_SYSTEM: "/dev/null",
  LESSCHARSET: "utf-8",
};
/** What a shell says where the pager is not there, or is no program. */
const NO_PROGRAM: readonly (number | null)[] = [126, 127];

/** Begun anew where a pager turns out not to be there. */
type Text = () => AsyncIterable<string>;

export async function page(context: FirstmileContext, text: Text, interruption: Interruption): Promise<void> {
  const pager = context.env.GIT_PAGER ?? context.env.PAGER ?? "less";
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

/** The command line for a shell, and whether it is one of ours. */
export function pagerCommand(pager: string): { readonly command: string; readonly isKnown: boolean } {
  const known = KNOWN.exec(pager);
  return known
    ? { command: `${known[1]}${OPTIONS[known[2]!]}`, isKnown: true }
    : { command: pager, isKnown: false };
}

/** The reader's own, without what pagers take settings from; what only forbids them something stays. */
export function pagerEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => name === "LESSSECURE" || !SETTINGS.test(name));
  return { ...Object.fromEntries(kept), ...OWN_SETTINGS };
}

/** The variables are the user's own, and hold command lines: Git hands them to a shell too. */
async function pipe(
  { env, terminal }: FirstmileContext,
  pager: string,
  text: Text,
  interruption: Interruption,
): Promise<void> {
  const { command, isKnown } = pagerCommand(pager);
  const child = spawn("sh", ["-c", command], { env: pagerEnv(env), stdio: ["pipe", "inherit", "inherit"] });
  // A reader who has read enough closes the pager: no error, and no more is asked of Git.
  child.stdin.on("error", () => {});
  const { promise: ended, resolve } = Promise.withResolvers<number | null>();
  child.on("error", () => resolve(127)).on("close", (code, signal) => resolve(signalled(code, signal)));
  await feed(child, text);
  const code = await ended;
  if (code === 128 + constants.signals.SIGINT) interruption.raise();
  if (code === 0) return isKnown ? undefined : tellOther(terminal, pager);
  const why = NO_PROGRAM.includes(code) ? "no such pager" : `this pager ended with ${code ?? "a signal"}`;
  terminal.say(`${pager}: ${why}; here it is without`);
  await print(text, interruption);
}

const told = new Set<string>();

/** Once: a sitting shows many files. */
function tellOther(terminal: FirstmileContext["terminal"], pager: string): void {
  if (told.has(pager)) return;
  told.add(pager);
  terminal.say(
    `shown by your own pager, ${pager}, which may leave something out: PAGER=less shows all of it`,
  );
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
