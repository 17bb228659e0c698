/** Running the proxy under measurement in a process of its own. */
import { spawn } from "node:child_process";
import { join } from "node:path";

export interface Relay {
  readonly url: string;
  /** Highest resident size so far, in bytes. */
  peakRss(): Promise<number>;
  stop(): Promise<void>;
}

/** The gate's HTTP core before the cache at `upstream`. */
export async function startProxy(upstream: string): Promise<Relay> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "proxy.ts"), upstream], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await new Promise<string>((done, failed) => {
    child.stdout.once("data", (data: Buffer) => done(data.toString().trim()));
    child.once("exit", (code) => failed(new Error(`the proxy ended with ${code}`)));
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    peakRss: async () => Number(await (await fetch(`${url}/rss`)).text()),
    stop: () =>
      new Promise<void>((done) => {
        child.once("exit", () => done());
        child.kill();
      }),
  };
}
