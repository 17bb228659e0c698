/**
 * Evaluates an attribute in some directories in turn, as often as told, and prints the seconds of each run. Run inside
 * a view, so that a checkout and the view are measured beside each other in one run.
 */
import { spawnSync } from "node:child_process";

const [attr, rounds, ...directories] = process.argv.slice(2);
const seconds: Record<string, number[]> = {};
for (let round = 0; round < Number(rounds); round++) {
  for (const cwd of directories) {
    const start = performance.now();
    const ended = spawnSync("nix-instantiate", ["-A", attr!], { cwd, encoding: "utf8" });
    if (ended.status !== 0) throw new Error(ended.stderr);
    seconds[cwd] = [...(seconds[cwd] ?? []), (performance.now() - start) / 1000];
  }
}
console.log(JSON.stringify(seconds));
