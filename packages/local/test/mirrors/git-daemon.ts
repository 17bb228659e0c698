/** Git's own server on the loopback, over all repositories below one directory. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "@firstmile/local/process/run";
import { gitEnv } from "@firstmile/testing/world-repository";

export interface Daemon extends AsyncDisposable {
  /** URL of a repository, by its path. */
  url(dir: string): string;
}

export async function gitDaemon(base: string): Promise<Daemon> {
  const port = await freePort();
  const args = [
    "daemon",
    "--export-all",
    "--reuseaddr",
    "--listen=127.0.0.1",
    `--port=${port}`,
    `--base-path=${base}`,
    base,
  ];
  const child = spawn("git", args, { env: { ...gitEnv(), ...SAFE }, stdio: "ignore", detached: true });
  const url = (dir: string) => `git://127.0.0.1:${port}${dir.slice(base.length)}`;
  for (let tries = 0; tries < 100 && !(await answers(`git://127.0.0.1:${port}/none`)); tries++)
    await sleep(50);
  return { url, [Symbol.asyncDispose]: () => ended(child) };
}

/** The daemon runs as whoever runs the tests, and serves what they made. */
const SAFE = { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "safe.directory", GIT_CONFIG_VALUE_0: "*" };

async function answers(url: string): Promise<boolean> {
  const asked = await run("git", ["ls-remote", url], { env: gitEnv(), timeoutMs: 5000 });
  return !asked.stderr.includes("refused");
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("close", resolve));
  process.kill(-child.pid!, "SIGTERM");
  await gone;
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    }),
  );
}
