/**
 * One large NAR: raw through the gate and straight from nginx, then pulled by stock Nix both ways into a private
 * store.
 */
import { execFileSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "../measure.ts";
import type { Row } from "../report.ts";
import { type Relay, startProxy } from "./measure.ts";
import { type Nginx, startNginx } from "./nginx.ts";

const MEGABYTES = 500;
const ROUNDS = 7;
const NIX = ["--extra-experimental-features", "nix-command"];

/** One path in a cache, served by nginx, and the gate before it. */
interface Scene {
  readonly dir: string;
  readonly path: string;
  readonly nginx: Nginx;
  readonly proxy: Relay;
}

export async function narRows(): Promise<Row[]> {
  const dir = mkdtempSync(join(tmpdir(), "gate-bench-"));
  const cache = join(dir, "cache");
  mkdirSync(cache);
  const path = makeCache(dir, cache);
  const info = readFileSync(join(cache, `${hashPart(path)}.narinfo`), "utf8");
  const nginx = await startNginx(cache, join(dir, "nginx"));
  const proxy = await startProxy(nginx.url);
  try {
    await (await fetch(`${proxy.url}/${hashPart(path)}.narinfo`)).text();
    const scene = { dir, path, nginx, proxy };
    return [...(await rawRows(scene, /^URL: (.*)$/m.exec(info)![1]!)), await nixRow(scene)];
  } finally {
    await proxy.stop();
    await nginx.stop();
    removeStore(dir);
  }
}

async function rawRows(scene: Scene, nar: string): Promise<Row[]> {
  const raw = await beside(scene, (url) => pull(`${url}/${nar}`));
  const rate = (ms: number) => MEGABYTES / (ms / 1000);
  const peak = (await scene.proxy.peakRss()) / 1e6;
  return [
    {
      what: `NAR of ${MEGABYTES} MB, raw`,
      ours: `${rate(raw.gate).toFixed(0)} MB/s`,
      beside: `nginx ${rate(raw.nginx).toFixed(0)} MB/s`,
      goal: "400 MB/s",
      reached: rate(raw.gate) >= 400,
      figures: raw,
    },
    {
      what: "  highest memory of the gate meanwhile",
      ours: `${peak.toFixed(0)} MB`,
      goal: "200 MB",
      reached: peak <= 200,
      figures: { peak },
    },
  ];
}

async function nixRow(scene: Scene): Promise<Row> {
  const nix = await beside(scene, (url) => nixCopy(scene, url));
  const ratio = nix.gate / nix.nginx;
  return {
    what: `NAR of ${MEGABYTES} MB, by nix copy`,
    ours: `${nix.gate.toFixed(0)} ms`,
    beside: `nginx ${nix.nginx.toFixed(0)} ms: ${ratio.toFixed(3)}x the time`,
    goal: "1.15x",
    reached: ratio <= 1.15,
    figures: nix,
  };
}

/** Medians in milliseconds, measured in turns so that a busy machine slows both. */
async function beside(
  { nginx, proxy }: Scene,
  task: (url: string) => void,
): Promise<{ gate: number; nginx: number }> {
  const times = { gate: [] as number[], nginx: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, url] of [
      ["nginx", nginx.url],
      ["gate", proxy.url],
    ] as const) {
      const start = performance.now();
      task(url);
      times[name].push(performance.now() - start);
    }
  }
  return { gate: median(times.gate), nginx: median(times.nginx) };
}

/** curl is the cheapest reader at hand: it throws the bytes away. */
function pull(url: string) {
  execFileSync("curl", ["--silent", "--show-error", "--fail", "--output", "/dev/null", url]);
}

function nixCopy({ dir, path }: Scene, url: string) {
  const store = join(dir, `store-${performance.now()}`);
  // A cache directory of its own: else Nix remembers narinfos by URL.
  execFileSync("nix", [...NIX, "copy", "--no-check-sigs", "--from", url, "--to", store, path], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, XDG_CACHE_HOME: join(dir, `home-${performance.now()}`) },
  });
  removeStore(store);
}

/** A binary cache with one uncompressed store path of random bytes; returns the path. */
function makeCache(dir: string, cache: string): string {
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
