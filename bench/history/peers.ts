/** The other tools that judge a history of signed commits, asked the same question. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "../measure.ts";
import { CACHE, PEERS, ROOT } from "../places.ts";
import { git, type World } from "./world.ts";

/** Git's own answer, signature by signature, for these commits. */
export function gitLog(repository: string, ids: readonly string[], env: NodeJS.ProcessEnv): Command {
  const flags = ["log", "--no-walk=unsorted", "--format=%G?"];
  return { argv: ["git", "-C", repository, ...flags, ...ids], env: { ...process.env, ...env } };
}

/** An even sample of a history. */
export function sample(repository: string, revision: string, size: number): string[] {
  const all = git(repository, "rev-list", revision).split("\n");
  return Array.from({ length: size }, (_, i) => all[Math.floor((i * all.length) / size)]!);
}

/** Lets git check SSH signatures by these people's keys. */
export function sshEnv({ people }: World): NodeJS.ProcessEnv {
  const file = join(CACHE, "allowed-signers");
  writeFileSync(file, people.map(({ name, publicKey }) => `${name} ${publicKey}`).join(""));
  return {
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "gpg.ssh.allowedSignersFile",
    GIT_CONFIG_VALUE_0: file,
  };
}

/** Lets git check OpenPGP signatures by all certificates of a directory. */
export function gnupgEnv(name: string, keys: string): NodeJS.ProcessEnv {
  const home = join(CACHE, `gnupg-${name}`);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const files = readdirSync(keys).map((file) => join(keys, file));
  const env = { GNUPGHOME: home };
  execFileSync("gpg", ["--quiet", "--batch", "--no-autostart", "--import", ...files], {
    env: { ...process.env, ...env },
    stdio: "pipe",
  });
  return env;
}

/** A copy of a world's repository that a peer may write into, and a home for what it remembers. */
export class PeerPlace {
  readonly repository: string;
  private readonly dir: string;
  private readonly origin: string;

  constructor(name: string, origin: string) {
    this.dir = join(CACHE, `peer-${name}`);
    this.repository = join(this.dir, "repository.git");
    this.origin = origin;
  }

  /** As if the tool had never run. */
  clear(): void {
    rmSync(this.dir, { recursive: true, force: true });
    mkdirSync(join(this.dir, "home"), { recursive: true });
    execFileSync("git", ["clone", "--quiet", "--mirror", this.origin, this.repository], { stdio: "pipe" });
    writeFileSync(join(this.dir, "home/.gitconfig"), "[safe]\n\tdirectory = *\n");
  }

  /** A command of the tree with the peers in it. */
  command(...argv: string[]): Command {
    const env = { HOME: join(this.dir, "home"), PATH: process.env.PATH, LC_ALL: "C" };
    return {
      argv: [join(ROOT, "scripts/sid-run"), PEERS, "--", ...argv],
      cwd: this.repository,
      env,
    };
  }
}

/** `guix git authenticate` from the introduction to `end`. */
export function guixAuthenticate(place: PeerPlace, world: World, end: string): Command {
  const signer = world.people[0]!.fingerprint;
  const flags = ["-r", place.repository, "--keyring=keyring", `--end=${end}`, "--cache-key=bench"];
  return place.command("guix", "git", "authenticate", world.introduction, signer, ...flags);
}

/** `sq-git log` from the introduction to `end`. */
export function sqGitLog(place: PeerPlace, world: World, end: string): Command {
  return place.command("sq-git", "log", "--trust-root", world.introduction, end);
}
