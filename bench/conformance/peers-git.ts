/** Git's own checks, and the tools behind them, each asked commit by commit on this machine. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Peer } from "./peer.ts";
import { type Asked, commitsInQuestion, keyFiles } from "./question.ts";

export const GIT_VERIFY: Peer = {
  name: "git verify-commit",
  how: "on the introduction and each commit that `git rev-list` gives for the mode, with a keyring and an allowed-signers file of everybody whom some rule lets write; gpg believes that it is `now`, while for SSH certificates Git itself tells ssh-keygen the date in the commit. Right where all of these, or not all of them, pass.",
  version: () => firstLine("git", "--version"),
  notions: new Set([
    "openpgp",
    "ssh",
    "ssh-authority",
    "key-life",
    "told-time",
    "object-form",
    "object-integrity",
    "sha256",
  ]),
  ask: (asked) => {
    const env = gitEnv(asked);
    return passes(() => {
      const commits = commitsInQuestion(asked, env);
      for (const id of commits) run("git", ["-C", asked.repository, "verify-commit", id], env);
    });
  },
};

export const SIGNATURE_TOOLS: Peer = {
  name: "gpg, ssh-keygen",
  how: "on the signature and the payload of each of those commits, taken apart by this project; a commit without exactly one signature is no question to them. gpg must say GOODSIG, ssh-keygen must end with 0.",
  version: () => `${firstLine("gpg", "--version")}; ${spawnSync("ssh", ["-V"]).stderr.toString().trim()}`,
  notions: new Set(["openpgp", "ssh", "ssh-authority", "key-life", "told-time"]),
  ask: (asked) => {
    const commits = commitsInQuestion(asked, gitEnv(asked)).map((id) => takeApart(asked, id));
    if (commits.some((parts) => parts === undefined)) return undefined;
    return commits.every((parts) => goodSignature(asked, parts!.signature, parts!.payload));
  },
};

function passes(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): void {
  execFileSync(command, args, { env, stdio: "pipe", timeout: 20_000 });
}

export function firstLine(command: string, ...args: string[]): string {
  return execFileSync(command, args, { stdio: ["ignore", "pipe", "ignore"] })
    .toString()
    .split("\n")[0]!;
}

/** A home with nobody's configuration, a keyring of the writers, and gpg held at the vector's time. */
function gitEnv(asked: Asked): NodeJS.ProcessEnv {
  const home = mkdtempSync(join(asked.dir, "home-"));
  const { env } = gpgHome(asked, home);
  const signers = join(home, "allowed-signers");
  writeFileSync(signers, allowedSigners(asked));
  const config = {
    "gpg.program": join(home, "gpg"),
    "gpg.ssh.allowedSignersFile": signers,
    "safe.directory": "*",
  };
  const pairs = Object.entries(config).flatMap(([key, value], i) => [
    [`GIT_CONFIG_KEY_${i}`, key],
    [`GIT_CONFIG_VALUE_${i}`, value],
  ]);
  return {
    ...env,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_COUNT: String(Object.keys(config).length),
    ...Object.fromEntries(pairs),
  };
}

function gpgHome({ vector, writers }: Asked, home: string): { env: NodeJS.ProcessEnv } {
  const gnupg = join(home, "gnupg");
  mkdirSync(gnupg, { mode: 0o700 });
  const env = { PATH: process.env.PATH, HOME: home, GNUPGHOME: gnupg, LC_ALL: "C" };
  const at = `--faked-system-time ${vector.now}!`;
  writeFileSync(join(home, "gpg"), `#!/bin/sh\nexec gpg ${at} "$@"\n`, { mode: 0o755 });
  for (const file of keyFiles(writers, "openpgp")) {
    const args = [
      "--faked-system-time",
      `${vector.now}!`,
      "--batch",
      "--quiet",
      "--no-autostart",
      "--import",
    ];
    spawnSync("gpg", args, { env, input: vector.policy.get(file)! });
  }
  return { env };
}

function allowedSigners({ vector, writers }: Asked): string {
  const text = (file: string) => Buffer.from(vector.policy.get(file)!).toString();
  return writers
    .flatMap((writer) => [
      ...keyFiles([writer], "ssh").map((file) => `${writer.name} ${text(file)}`),
      ...keyFiles([writer], "ssh-authority").map((file) => `${writer.name} cert-authority ${text(file)}`),
    ])
    .join("");
}

interface Parts {
  readonly signature: string;
  readonly payload: Buffer;
}

function takeApart({ vector }: Asked, id: string): Parts | undefined {
  const object = vector.objects.find(
    (one) => one.id === id && one.kind === "commit" && one.place === "object",
  );
  const text = Buffer.from(object?.content ?? Buffer.alloc(0)).toString("latin1");
  const end = text.indexOf("\n\n") + 1;
  const headers = [...text.slice(0, end).matchAll(/^gpgsig(?:-sha256)? (.*\n(?: .*\n)*)/gm)];
  if (headers.length !== 1) return undefined;
  const [whole, value] = headers[0]!;
  const payload = text.slice(0, end).replace(whole, "") + text.slice(end);
  return { signature: value!.replaceAll("\n ", "\n"), payload: Buffer.from(payload, "latin1") };
}

function goodSignature(asked: Asked, signature: string, payload: Buffer): boolean | undefined {
  const home = mkdtempSync(join(asked.dir, "home-"));
  const file = join(home, "signature");
  writeFileSync(file, signature, "latin1");
  if (signature.startsWith("-----BEGIN SSH SIGNATURE-----")) return goodSsh(asked, home, file, payload);
  if (!signature.startsWith("-----BEGIN PGP")) return false;
  const { env } = gpgHome(asked, home);
  return gpgSaysGood(env, asked.vector.now, file, payload);
}

/** Whether gpg's status lines say that exactly this is a good signature by a key that is good at `now`. */
export function gpgSaysGood(env: NodeJS.ProcessEnv, now: number, file: string, payload: Uint8Array): boolean {
  const args = ["--faked-system-time", `${now}!`, "--batch", "--status-fd=1", "--verify", file, "-"];
  const { status, stdout } = spawnSync("gpg", args, { env, input: payload });
  return status === 0 && /^\[GNUPG:\] GOODSIG /m.test(stdout.toString());
}

function goodSsh(asked: Asked, home: string, file: string, payload: Buffer): boolean {
  const signers = join(home, "allowed-signers");
  writeFileSync(signers, allowedSigners(asked));
  return asked.writers.some(({ name }) => {
    const args = [
      "-Y",
      "verify",
      "-O",
      `verify-time=${utc(asked.vector.now)}`,
      "-f",
      signers,
      "-I",
      name,
      "-n",
      "git",
      "-s",
      file,
    ];
    return spawnSync("ssh-keygen", args, { input: payload, env: { ...process.env, TZ: "UTC" } }).status === 0;
  });
}

/** As ssh-keygen takes a time: YYYYMMDDHHMMSS. */
export function utc(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/[-:T]|\.\d+Z/g, "");
}
