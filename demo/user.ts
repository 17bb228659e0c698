/** The laptop: it follows the trust repository, and its Nix asks the gate. */
import type { ChildProcess } from "node:child_process";
import type { Caches } from "./builders.ts";
import { publish } from "./builders.ts";
import type { Introduction } from "./foundation.ts";
import type { Machine } from "./machines.ts";
import { lastRefusal, type Scene, why } from "./scene.ts";

/** Pins the trust repository, starts the gate and hands it Nix. */
export async function guard(
  { screen, laptop }: Scene,
  { commit, signedBy }: Introduction,
): Promise<ChildProcess> {
  screen.begin("The laptop pins the trust repository and puts its Nix behind the gate");
  const pin = ["--introduction", commit, "--signed-by", signedBy];
  screen.output(await laptop.typesOk(".", "firstmile", "trust", "add", "../server/trust.git", ...pin));
  const gate = await screen.command(laptop.name, "firstmile gate --port 0 &", () => startGate(laptop));
  const conf = await laptop.typesOk(".", "firstmile", "nix-conf");
  laptop.configure(conf.split("\n"));
  const lines = conf.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  screen.output(`${lines.slice(0, 4).join("\n")}\n… ${lines.length - 4} more lines go into nix.conf`, "dim");
  const doctor = await laptop.types(".", "firstmile", "doctor");
  screen.output(whatIsOpen(doctor.stdout), "dim");
  screen.say("That one is this demo's own: its builds take this computer's compiler.");
  return gate;
}

/** Doctor's findings on ways round the gate that are open, and how many it knows. */
function whatIsOpen(told: string): string {
  const lines = told.split("\n");
  const from = lines.findIndex((line) => line.startsWith("open "));
  const to = lines.findIndex((line) => line.startsWith("closed "));
  return [
    ...(from < 0 ? [] : lines.slice(from, to)),
    ...lines.filter((line) => /^\d+ open, /.test(line)),
  ].join("\n");
}

async function startGate(laptop: Machine): Promise<ChildProcess> {
  const gate = laptop.starts("firstmile", "gate", "--port", "0");
  let said = "";
  await new Promise<void>((resolve, reject) => {
    gate.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (/^hook /m.test(said)) resolve();
    });
    gate.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    gate.once("close", (code) => reject(new Error(`the gate ended with ${code}: ${said}`)));
  });
  return gate;
}

/** Nix by itself may not build what nobody admitted; through Firstmile the two builders' agreement brings it. */
export async function installHello(scene: Scene, caches: Caches, hello: string): Promise<void> {
  const { screen, laptop, table } = scene;
  await laptop.does(".", "git", "clone", "-q", "../server/pkgs.git", "pkgs");
  screen.begin("Nix alone builds nothing there: alice's package is good, but nobody has admitted it yet");
  const alone = await laptop.types("pkgs", "nix-build", "-A", "hello");
  table.judge(
    { tried: "plain nix-build before admission", allowed: false, code: "not-admitted" },
    await lastRefusal(scene, "hello-2.10"),
    [{ what: "nix-build failed", holds: alone.code !== 0 }],
  );
  screen.begin("The builders publish hello; the laptop installs it on their agreement");
  await publish(caches.one, hello);
  await publish(caches.two, hello);
  const installed = await laptop.types("pkgs", "firstmile", "nix", "nix-build", "-A", "hello");
  screen.output(installed.stderr + installed.stdout);
  const greeting = await laptop.types("pkgs", "./result/bin/hello");
  screen.output(greeting.stdout, "bold");
  table.judge(
    { tried: "GNU hello: signed, and built by two", allowed: true, code: "agreed" },
    await why(scene, "pkgs", hello),
    [
      { what: "nix-build succeeded", holds: installed.code === 0 },
      { what: "nothing was built on the laptop", holds: laptop.built().length === 0 },
      { what: "it says Hello, world!", holds: greeting.stdout === "Hello, world!\n" },
    ],
  );
}
