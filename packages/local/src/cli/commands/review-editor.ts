/** A note in the user's own editor, with what they read below it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { FirstmileContext } from "../context.ts";
import type { Interruption } from "./review-interruption.ts";

/** There is no such editor, or its user ended it in a way that means no. */
export class EditorError extends Error {}

/** As Git cuts what follows off a commit's message. */
const SCISSORS = "# ------------------------ >8 ------------------------";
const HELP = "# Your note goes above this line; what follows is for reading, and is not kept.";
/** Longer notes are refused anyway. */
const MAX_KEPT = 1 << 16;

/** What was written above the line. Throws `EditorError` where the editor says that it failed. */
export async function editNote(
  { env, terminal }: FirstmileContext,
  text: AsyncIterable<string>,
  interruption: Interruption,
): Promise<string | undefined> {
  const dir = mkdtempSync(join(tmpdir(), "firstmile-note-"));
  try {
    const file = join(dir, "REVIEW.diff");
    await pipeline(opened(text), createWriteStream(file, { mode: 0o600 }));
    terminal.clearProgress();
    await interruption.withheld(() => edit(env, file));
    return noteIn(readFileSync(file).subarray(0, MAX_KEPT).toString());
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function* opened(text: AsyncIterable<string>): AsyncGenerator<string> {
  yield `\n${HELP}\n${SCISSORS}\n`;
  yield* text;
}

/** The variables are the user's own, and hold command lines: Git hands them to a shell too. */
async function edit(env: NodeJS.ProcessEnv, file: string): Promise<void> {
  const editor = env.GIT_EDITOR ?? env.VISUAL ?? env.EDITOR ?? "vi";
  const child = spawn("sh", ["-c", `${editor} "$@"`, editor, file], { env, stdio: "inherit" });
  const [code] = await once(child, "close");
  if (code !== 0) throw new EditorError(`the editor, ${editor}, ended with ${code ?? "a signal"}`);
}

function noteIn(text: string): string | undefined {
  const [above = ""] = text.split(SCISSORS, 1);
  return above.replace(HELP, "").trim() || undefined;
}
