/**
 * The demonstration: four people, two builders, a guarded machine, and every attack that this version withstands.
 * All of it is real: keys, commits, tarball, builds, caches over HTTP, stock Nix. Exits with 0 only if each verdict,
 * and its reason code, is the one expected; with 3 where this computer cannot give it.
 */
import { parseArgs } from "node:util";
import { attackBuilds, attackCaches } from "./attacks-on-builds.ts";
import { attackCommits, attackEvaluation, attackMerges } from "./attacks-on-commits.ts";
import { retireKey, signTogether } from "./attacks-on-keys.ts";
import { attackLocks } from "./attacks-on-locks.ts";
import { attackMirrors, importRole, makeHome } from "./attacks-on-mirrors.ts";
import { attackReviews } from "./attacks-on-reviews.ts";
import { attackSlices } from "./attacks-on-slices.ts";
import { attackTrust } from "./attacks-on-trust.ts";
import { beginBuilding, makeCaches } from "./builders.ts";
import { type Introduction, makeKeys, makeRepositories, makeTrust } from "./foundation.ts";
import { makeLib } from "./lib.ts";
import { checkNamespaces } from "./machines.ts";
import { checkPrograms } from "./place.ts";
import { end } from "./processes.ts";
import { makeScene, type Scene } from "./scene.ts";
import { Screen } from "./screen.ts";
import { Table } from "./table.ts";
import { guard, installHello } from "./user.ts";
import { NotPossible, Workplace } from "./workplace.ts";

const USAGE = `usage: npm run demo -- [--keep] [--json] [--tarball FILE]
  --keep     leave the demo's directory for looking around
  --json     print the table as JSON, and nothing else
  --tarball  GNU hello 2.10 from this file instead of from apt`;
const flags = readFlags();
const started = performance.now();
const screen = new Screen(flags.json);
const table = new Table(screen);
let place: Workplace | undefined;

function readFlags() {
  const flag = { type: "boolean", default: false } as const;
  try {
    return parseArgs({ options: { keep: flag, json: flag, tarball: { type: "string" } } }).values;
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    process.exit(2);
  }
}

async function tell(workplace: Workplace): Promise<void> {
  const scene = makeScene(workplace, screen, table);
  const mirror = workplace.make("mirror");
  await makeKeys(scene);
  await makeRepositories(scene, mirror, flags.tarball);
  const caches = await makeCaches(scene);
  const introduction = await makeTrust(scene, Object.values(caches));
  const building = await beginBuilding(scene);
  await tellHistory(scene, introduction);
  const built = await building();
  const gate = await guard(scene, introduction);
  table.group("Installing what is vouched for");
  await installHello(scene, caches, built.hello);
  table.group("Commits: who may write what");
  await attackCommits(scene);
  await attackMerges(scene);
  table.group("Evaluation and locks: from signed files and nothing else");
  await attackEvaluation(scene);
  await attackLocks(scene);
  table.group("What nobody signs: only what is read of it has to be covered");
  await attackSlices(scene);
  table.group("Builders: two that agree");
  await attackCaches(scene, caches, built.greet);
  table.group("The rules themselves");
  await attackTrust(scene);
  table.group("Builds that nobody asked for");
  await attackBuilds(scene, () => end(gate));
}

/** What needs no Nix: it is told while the builders build. */
async function tellHistory(scene: Scene, introduction: Introduction): Promise<void> {
  const lib = await makeLib(scene);
  table.group("Reviews: somebody else must have read it");
  await attackReviews(scene, lib);
  table.group("Signatures together, and keys that end");
  await signTogether(scene);
  await retireKey(scene, lib);
  const home = await makeHome(scene, introduction, lib);
  table.group("Other people's rules, and who serves them");
  await importRole(scene, home);
  await attackMirrors(scene);
}

async function main(): Promise<number> {
  await checkPrograms();
  place = new Workplace(flags.keep);
  await checkNamespaces(place);
  screen.line("Firstmile: Nix builds and substitutes only what your keys vouch for.");
  screen.line(`All of this is real, and happens in ${place.dir} alone.`);
  screen.line("Hashes are shown by their first characters.");
  await tell(place);
  return table.ok ? 0 : 1;
}

/** Undoes everything, then tells how it went. */
async function finish(code: number): Promise<never> {
  await place?.close();
  const seconds = Number(((performance.now() - started) / 1000).toFixed(1));
  const rows = table.json();
  if (flags.json)
    process.stdout.write(`${JSON.stringify({ ok: code === 0, seconds, rows }, undefined, 2)}\n`);
  table.show();
  const left = flags.keep && place ? `Kept: ${place.dir}` : "Nothing is left behind.";
  screen.line();
  screen.line(`${WORDS[code] ?? "Interrupted"}, after ${seconds} s. ${left}`);
  process.exit(code);
}

const WORDS: Readonly<Record<number, string>> = {
  0: "Every verdict was as expected",
  1: screen.style("red", "FAILED: not everything was as expected"),
  3: "The demo cannot be given here",
};

function failed(error: unknown): number {
  // What an interrupt ended is no failure of its own.
  if (interrupted) return 1;
  const message = error instanceof Error ? error.message : String(error);
  const help = error instanceof NotPossible ? `\n  help: ${error.help}` : "";
  screen.line();
  process.stderr.write(`demo: ${message}${help}\n`);
  return error instanceof NotPossible ? 3 : 1;
}

let interrupted = false;
for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.once(signal, () => {
    interrupted = true;
    void finish(code);
  });
}
await main().catch(failed).then(finish);
