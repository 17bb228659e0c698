/** How much memory a command takes while it runs: sampled from /proc, for the process and all its children. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Command } from "./measure.ts";

export interface Sample {
  /** Seconds since the start. */
  readonly at: number;
  /** Resident bytes of the process itself, and of its children beside that. */
  readonly own: number;
  readonly children: number;
}

export interface Sampled {
  readonly wall: number;
  readonly samples: readonly Sample[];
  /** The most that the process itself ever had, by the kernel's own account, and the most with its children. */
  readonly peakOwn: number;
  readonly peakAll: number;
}

const EVERY_MS = 50;

/** Runs a command to its end. Throws where it fails. */
export async function sampled(command: Command): Promise<Sampled> {
  command.prepare?.();
  const start = performance.now();
  const [program, ...args] = command.argv;
  const child = spawn(program, args, {
    cwd: command.cwd,
    env: command.env ?? process.env,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const samples: Sample[] = [];
  let peakOwn = 0;
  const look = () => {
    const own = memoryOf(child.pid!);
    const children = childrenOf(child.pid!).map((pid) => memoryOf(pid).resident);
    peakOwn = Math.max(peakOwn, own.peak);
    const at = (performance.now() - start) / 1000;
    samples.push({ at, own: own.resident, children: children.reduce((sum, bytes) => sum + bytes, 0) });
  };
  const timer = setInterval(look, EVERY_MS);
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on("close", resolve);
  const code = await promise;
  clearInterval(timer);
  if (code === null || !(command.accept ?? [0]).includes(code))
    throw new Error(`${program} ended with ${code}`);
  const peakAll = Math.max(...samples.map(({ own, children }) => own + children));
  return { wall: (performance.now() - start) / 1000, samples, peakOwn, peakAll };
}

function memoryOf(pid: number): { resident: number; peak: number } {
  const status = readOrEmpty(`/proc/${pid}/status`);
  const kilobytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
  return { resident: kilobytes("VmRSS") * 1024, peak: kilobytes("VmHWM") * 1024 };
}

function childrenOf(pid: number): number[] {
  return readOrEmpty(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
}

/** A process may be gone between two looks. */
function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
