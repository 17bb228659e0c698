/**
 * One large NAR: raw through the gate and straight from nginx, then pulled by stock Nix both ways into a private
 * store. `node bench/gate/nar.ts [megabytes]`
 */
import { execFileSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, startProxy } from "./measure.ts";
import { startNginx } from "./nginx.ts";

const MEGABYTES = Number(process.argv[2] ?? 500);
const ROUNDS = 7;
const NIX = ["--extra-experimental-features", "nix-command"];
const dir = mkdtempSync(join(tmpdir(), "gate-bench-"));
const cache = join(dir, "cache");
mkdirSync(cache);

const path = makeCache();
const info = readFileSync(join(cache, `${hashPart(path)}.narinfo`), "utf8");
const nar = /^URL: (.*)$/m.exec(info)![1]!;
const nginx = await startNginx(cache, join(dir, "nginx"));
const proxy = await startProxy(nginx.url);
try {
  await (await fetch(`${proxy.url}/${hashPart(path)}.narinfo`)).text();
  const raw = await beside((url) => pull(`${url}/${nar}`));
  const rate = (ms: number) => `${(MEGABYTES / (ms / 1000)).toFixed(0)} MB/s`;
  console.log(`raw ${MEGABYTES} MB: gate ${rate(raw.gate)} (goal 400), nginx ${rate(raw.nginx)}`);
  console.log(`  highest RSS of the gate ${((await proxy.peakRss()) / 1e6).toFixed(0)} MB (goal 200)`);
  const nix = await beside(async (url) => nixCopy(url));
  console.log(`nix copy: gate ${nix.gate.toFixed(0)} ms, nginx ${nix.nginx.toFixed(0)} ms`);
  console.log(`  ratio ${(nix.gate / nix.nginx).toFixed(3)} (goal 1.15)`);
} finally {
  await proxy.stop();
  await nginx.stop();
  removeStore(dir);
}

/** Medians in milliseconds, measured in turns so that a busy machine slows both. */
async function beside(task: (url: string) => Promise<void>): Promise<{ gate: number; nginx: number }> {
  const times = { gate: [] as number[], nginx: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, url] of [
      ["nginx", nginx.url],
      ["gate", proxy.url],
    ] as const) {
      const start = performance.now();
      await task(url);
      times[name].push(performance.now() - start);
    }
  }
  return { gate: median(times.gate), nginx: median(times.nginx) };
}

/** curl is the cheapest reader at hand: it throws the bytes away. */
async function pull(url: string) {
  execFileSync("curl", ["--silent", "--show-error", "--fail", "--output", "/dev/null", url]);
}

function nixCopy(url: string) {
  const store = join(dir, `store-${performance.now()}`);
  // A cache directory of its own: else Nix remembers narinfos by URL.
  execFileSync("nix", [...NIX, "copy", "--no-check-sigs", "--from", url, "--to", store, path], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, XDG_CACHE_HOME: join(dir, `home-${performance.now()}`) },
  });
  removeStore(store);
}

/** A binary cache with one uncompressed store path of random bytes; returns the path. */
function makeCache(): string {
  const file = join(dir, "random");
  writeFileSync(file, randomFillSync(Buffer.alloc(MEGABYTES * 1e6)));
  const store = join(dir, "store");
  const run = (...args: string[]) =>
    execFileSync("nix", [...NIX, ...args], { encoding: "utf8", stdio: "pipe" }).trim();
  const added = run("store", "add-file", "--store", store, file);
  run("copy", "--no-check-sigs", "--from", store, "--to", `file://${cache}?compression=none`, added);
  removeStore(store);
  rmSync(file);
  return added;
}

function hashPart(storePath: string): string {
  return /^\/nix\/store\/(.{32})-/.exec(storePath)![1]!;
}

/** Store directories are read-only. */
function removeStore(folder: string) {
  const visit = (at: string) => {
    chmodSync(at, 0o755);
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (entry.isDirectory()) visit(join(at, entry.name));
    }
  };
  visit(folder);
  rmSync(folder, { recursive: true });
}
