/** Builders and caches that hand out something else than was built, and builds that nobody admitted. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Caches } from "./builders.ts";
import { type Cache, publish } from "./builders.ts";
import { lastRefusal, type Scene, why } from "./scene.ts";

/** Somebody becomes root on builder two, changes a program that was built there, and signs it with the builder's key. */
export async function attackCaches(scene: Scene, caches: Caches, greet: string): Promise<void> {
  const { screen, table, laptop } = scene;
  screen.begin("Builders: builder-two is broken into, and its greet is exchanged and signed again");
  await publish(caches.one, greet);
  await swapBinary(caches.two, greet);
  await publish(caches.two, greet);
  await laptop.does("pkgs", "git", "switch", "-q", "--detach", "origin/main");
  await laptop.does("pkgs", "firstmile", "admit", "-A", "greet");
  const told = await laptop.types("pkgs", "firstmile", "why", greet);
  screen.output(told.stdout);
  const swapped = {
    tried: "a binary that one builder exchanged",
    allowed: false,
    code: "too-few-builders",
  } as const;
  table.judge(swapped, await why(scene, "pkgs", greet), bothShown(told.stdout, 2), true);

  screen.say("· its operator's second cache agrees with it, signed with a second key: still one operator");
  await signAgain(caches.twoAgain, greet);
  await publish(caches.twoAgain, greet);
  const again = await laptop.types("pkgs", "firstmile", "why", greet);
  const sameOperator = {
    tried: "two agreeing caches of one operator",
    allowed: false,
    code: "too-few-builders",
  } as const;
  const verdict = await why(scene, "pkgs", greet);
  table.judge(sameOperator, verdict, [...bothShown(again.stdout, 2), named(again.stdout, caches.twoAgain)]);
  for (const { message } of verdict?.reasons.at(-1)?.because ?? []) screen.output(`  ✗ ${message}`);
  await buildInstead(scene, greet);
}

/** What was denied to be substituted is built from the source that alice signed. */
async function buildInstead(scene: Scene, greet: string): Promise<void> {
  const { screen, laptop, table } = scene;
  const built = await laptop.types("pkgs", "firstmile", "nix", "nix-build", "-A", "greet");
  screen.output(built.stderr);
  const greeting = await laptop.types("pkgs", "./result/bin/greet");
  screen.output(greeting.stdout, "bold");
  const drv = (await laptop.does("pkgs", "nix-store", "--query", "--deriver", greet)).trim();
  table.judge(
    { tried: "Nix builds it here instead", allowed: true, code: "admitted" },
    await why(scene, "pkgs", drv),
    [
      { what: "nix-build succeeded", holds: built.code === 0 },
      {
        what: "greet was built on the laptop, and nothing else",
        holds: laptop.built().join(" ") === "greet-1.0",
      },
      { what: "it says what alice wrote", holds: greeting.stdout === "Good morning from greet 1.0\n" },
    ],
  );
}

function bothShown(tree: string, contents: number): { what: string; holds: boolean }[] {
  const shown = new Set(tree.replaceAll(/[\s│├└─]+/g, " ").match(/built sha256:\S+/g)).size;
  return [{ what: `${contents} contents are shown`, holds: shown === contents }];
}

function named(tree: string, { name }: Cache): { what: string; holds: boolean } {
  return { what: `${name} is named`, holds: tree.includes(name) };
}

/** Changes bytes of the built program, makes Nix believe that it was always so, and signs. */
async function swapBinary(cache: Cache, path: string): Promise<void> {
  const { machine } = cache;
  const program = join(path, "bin/greet");
  const file = machine.seenFromOutside(program);
  await machine.typesLine(".", `chmod -R u+w ${path} && sed -i 's/Good morning/Send me gold/' ${program}`);
  if (!readFileSync(file, "latin1").includes("Send me gold")) throw new Error("the program was not changed");
  await machine.typesLine(".", `printf '${path}\\n\\n0\\n' | nix-store --register-validity --reregister`);
  await signAgain(cache, path);
}

function signAgain({ machine, name }: Cache, path: string): Promise<string> {
  return machine.typesLine(".", `nix store sign --key-file ${name}.secret ${path}`);
}

/** A build that is in no repository, and what happens to all builds while the gate is down. */
export async function attackBuilds(scene: Scene, stopGate: () => Promise<void>): Promise<void> {
  const { screen, laptop, table } = scene;
  screen.begin("Builds: an expression from nowhere, and a gate that is not there");
  const expression = `derivation { name = "miner"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo 1 > $out" ]; }`;
  writeFileSync(join(laptop.home, "miner.nix"), `${expression}\n`);
  const miner = await laptop.types(".", "nix-build", "miner.nix");
  screen.output(miner.stderr);
  table.judge(
    { tried: "a derivation that nobody admitted", allowed: false, code: "not-admitted" },
    await lastRefusal(scene, "miner.drv"),
    [
      { what: "nix-build failed", holds: miner.code !== 0 },
      { what: "it was not built", holds: !laptop.built().includes("miner") },
    ],
  );
  await stopGate();
  screen.say("· the gate is stopped");
  const down = await laptop.types("pkgs", "nix-build", "--check", "-A", "greet");
  screen.output(down.stderr);
  table.fact({ tried: "any build while the gate is down", allowed: false, code: "gate-unreachable" }, [
    { what: "nix-build failed", holds: down.code !== 0 },
    { what: "the hook says gate-unreachable", holds: down.stderr.includes("gate-unreachable") },
  ]);
}
