/** The builders: other people's machines with stock Nix, which build, sign with a key of their own, and publish. */
import { basename, join } from "node:path";
import type { BuilderKey } from "./foundation.ts";
import type { Machine } from "./machines.ts";
import type { Scene } from "./scene.ts";
import { serve } from "./web.ts";

/** The two operators' caches. The south has two, each with a key of its own. */
export interface Caches {
  readonly one: Cache;
  readonly two: Cache;
  readonly twoAgain: Cache;
}

export interface Cache extends BuilderKey {
  readonly dir: string;
  readonly machine: Machine;
  readonly keyFile: string;
}

export async function makeCaches(scene: Scene): Promise<Caches> {
  scene.screen.begin("Two operators set up builders: stock Nix, a signing key and a cache each");
  const one = await makeCache(scene, scene.one, "builder-one", "north");
  const two = await makeCache(scene, scene.two, "builder-two", "south");
  const twoAgain = await makeCache(scene, scene.two, "builder-three", "south");
  one.machine.configure([`secret-key-files = ${one.keyFile}`]);
  two.machine.configure([`secret-key-files = ${two.keyFile}`]);
  return { one, two, twoAgain };
}

async function makeCache(
  { workplace }: Scene,
  machine: Machine,
  name: string,
  operator: string,
): Promise<Cache> {
  const keyFile = join(machine.home, `${name}.secret`);
  await machine.typesLine(".", `nix key generate-secret --key-name ${name} > ${name}.secret`);
  const key = await machine.does(".", "sh", "-c", `nix key convert-secret-to-public < ${name}.secret`);
  const dir = workplace.make(machine.name, `${name}-cache`);
  return { name, operator, key: key.trim(), keyFile, dir, machine, url: await serve(workplace, dir) };
}

/** What the builders built, once they have: output paths, which agree. */
export type Building = () => Promise<{ readonly hello: string; readonly greet: string }>;

/** Lets both machines build all packages while the story goes on. */
export async function beginBuilding({ screen, one, two }: Scene): Promise<Building> {
  screen.begin("Both builders begin to build both packages, with this computer's compiler");
  const build = async (machine: Machine) => {
    await machine.does(".", "git", "clone", "-q", "../server/pkgs.git", "pkgs");
    return machine.does("pkgs", "nix-build", "-Q", "--no-out-link", "-A", "hello", "-A", "greet");
  };
  const who = "builder-one, builder-two";
  const paths = Promise.all([build(one), build(two)]);
  // Whoever waits is told of a failure; until then it must not end the demo by itself.
  paths.catch(() => {});
  await screen.command(who, "nix-build -A hello -A greet &", async () => {});
  return async () => {
    screen.begin("The builders' packages, which they built meanwhile");
    const [built] = await screen.command(who, "wait", () => paths);
    screen.output(built!);
    const [hello, greet] = built!.trim().split("\n") as [string, string];
    return { hello, greet };
  };
}

/** Copies a path into a cache, as `nix copy` does for anybody. */
export function publish({ dir, machine }: Cache, path: string): Promise<string> {
  return machine.typesLine(".", `nix copy --to "file://$HOME/${basename(dir)}?compression=xz" ${path}`);
}
