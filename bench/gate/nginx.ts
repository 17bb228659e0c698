/** An nginx of the benchmark's own on a free loopback port, serving one directory: the yardstick. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, connect as dial } from "node:net";
import { join } from "node:path";

export interface Nginx {
  readonly url: string;
  stop(): Promise<void>;
}

/** Serves `root`; keeps its own files in `state`. Rejects where nginx is not installed or does not start. */
export async function startNginx(root: string, state: string): Promise<Nginx> {
  const port = await freePort();
  mkdirSync(state, { recursive: true });
  const config = join(state, "nginx.conf");
  writeFileSync(config, configuration(root, state, port));
  const child = spawn("nginx", ["-p", state, "-c", config, "-e", join(state, "error.log")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const failed = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`nginx ended with ${code}`)));
  });
  failed.catch(() => {});
  await Promise.race([answering(port), failed]);
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise<void>((done) => {
        child.once("exit", () => done());
        child.kill();
      }),
  };
}

function configuration(root: string, state: string, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  // Started by root, nginx would serve as a user who cannot read a private temporary directory.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `${user} worker_processes 1; daemon off; pid ${state}/pid; error_log ${state}/error.log;
events { worker_connections 512; }
http {
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 10000000;
  open_file_cache max=20000 inactive=10m; open_file_cache_valid 10m;
  ${temporary.map((name) => `${name}_temp_path ${state}/${name};`).join(" ")}
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function answering(port: number) {
  for (let tries = 0; ; tries++) {
    const open = await new Promise<boolean>((done) => {
      const socket = dial(port, "127.0.0.1", () => done(true));
      socket.once("error", () => done(false));
      socket.once("connect", () => socket.destroy());
    });
    if (open) return;
    if (tries === 100) throw new Error("nginx does not answer");
    await new Promise((done) => setTimeout(done, 50));
  }
}
