/**
 * `npm run bench -- hook`: what the build hook adds to every build, whole process as Nix starts it, before a gate that
 * answers at once. What the gate itself takes to decide is not in it.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inTurns } from "../measure.ts";
import { ROOT } from "../places.ts";
import type { Row } from "../report.ts";

const HOOK = join(ROOT, "packages/local/src/gate/hook.mjs");
const DERIVATION = `/nix/store/${"0".repeat(32)}-bench.drv`;
const ROUNDS = 21;
const GOAL_MS = 60;

export async function hookRows(): Promise<Row[]> {
  const dir = mkdtempSync(join(tmpdir(), "hook-bench-"));
  const socket = join(dir, "socket");
  const gate = await startAnswering(socket);
  try {
    return [hookRow(dir, socket)];
  } finally {
    gate.kill();
    rmSync(dir, { recursive: true });
  }
}

function hookRow(dir: string, socket: string): Row {
  // As `Gate` writes it: one file without arguments.
  const hook = join(dir, "hook");
  writeFileSync(hook, `#!/bin/sh\nexec '${process.execPath}' '${HOOK}' '${socket}' "$1"\n`, { mode: 0o755 });
  const { ours, node } = inTurns(
    { ours: { argv: [hook, DERIVATION] }, node: { argv: [process.execPath, "--eval", "0"] } },
    ROUNDS,
  );
  const ms = (seconds: number) => `${(seconds * 1000).toFixed(0)} ms`;
  return {
    what: "build hook, per build",
    ours: ms(ours.wall),
    beside: `node that does nothing ${ms(node.wall)}`,
    goal: `${GOAL_MS} ms`,
    reached: ours.wall * 1000 <= GOAL_MS,
    figures: { ours, node },
  };
}

async function startAnswering(socket: string) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "answering.ts"), socket], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise<void>((done, failed) => {
    child.stdout.once("data", () => done());
    child.once("exit", (code) => failed(new Error(`the answering gate ended with ${code}`)));
  });
  return child;
}
