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

/** Builds all packages on both machines at once; gives the output paths, which agree. */
export async function buildEverywhere({
  screen,
  one,
  two,
}: Scene): Promise<{ hello: string; greet: string }> {
  screen.begin("Both builders build both packages, with this computer's compiler (sandbox-paths = /usr …)");
  const build = async (machine: Machine) => {
    await machine.does(".", "git", "clone", "-q", "../server/pkgs.git", "pkgs");
    return machine.does("pkgs", "nix-build", "-Q", "--no-out-link", "-A", "hello", "-A", "greet");
  };
  const words = "nix-build -A hello -A greet";
  const [paths] = await screen.command("builder-one, builder-two", words, () =>
    Promise.all([build(one), build(two)]),
  );
  screen.output(paths!);
  const [hello, greet] = paths!.trim().split("\n") as [string, string];
  return { hello, greet };
}

/** Copies a path into a cache, as `nix copy` does for anybody. */
export function publish({ dir, machine }: Cache, path: string): Promise<string> {
  return machine.typesLine(".", `nix copy --to "file://$HOME/${basename(dir)}?compression=xz" ${path}`);
}
