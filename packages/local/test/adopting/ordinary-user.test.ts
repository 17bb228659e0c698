/**
 * An ordinary user of a machine where Nix's daemon is set up: they adopt what they have. Only on the machine
 * that scripts/with-nix-daemon makes, since the accounts and the store are the machine's own.
 */
import { chownSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derivationText } from "../../../../testing/src/gate-world.ts";
import { runChild } from "../../../../testing/src/nix-process.ts";

const CHECKOUT = resolve(import.meta.dirname, "../../../..");
const FIRSTMILE = join(CHECKOUT, "firstmile");
const here = process.env.FIRSTMILE_NIX_DAEMON === "yes" && userInfo().uid === 0;

describe.skipIf(!here)("a user of the machine's daemon", () => {
  let home: string;

  /** As that user, with nothing of this process's environment. */
  function run(command: string, args: readonly string[]) {
    const as = ["setpriv", "--reuid=someone", "--regid=someone", "--init-groups", command];
    const env = { PATH: process.env.PATH!, HOME: home, USER: "someone", LC_ALL: "C.UTF-8" };
    return runChild([...as, ...args], { cwd: home, env, timeoutMs: 120_000 });
  }

  async function script(text: string): Promise<void> {
    const ended = await run("sh", ["-ec", text]);
    if (ended.code !== 0) throw new Error(ended.stderr);
  }

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "someone-"));
    const [, , uid, gid] = /^someone:.*$/m.exec(readFileSync("/etc/passwd", "utf8"))![0].split(":");
    chownSync(home, Number(uid), Number(gid));
    await script(`
      ssh-keygen -q -t ed25519 -N '' -f key
      git config --global user.name 'Some One'
      git config --global user.email someone@example.org
      git config --global gpg.format ssh
      git config --global user.signingKey "$HOME/key.pub"
      git init -q -b main pkgs
      cat >pkgs/default.nix <<'END'
{ hello = ${derivationText("hello", "echo hello > $out")}; }
END
      git -C pkgs add .
      git -C pkgs commit -q -m first
      git -C pkgs remote add origin https://example.org/pkgs
    `);
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  const firstmile = (...args: string[]) =>
    run("sh", ["-c", 'cd pkgs && exec "$@"', "sh", FIRSTMILE, ...args]);

  test("adopts it", async () => {
    const ended = await firstmile("adopt", "-A", "hello", "--dir", join(home, "rules"), "--json");
    expect([ended.stderr, ended.code]).toEqual(["", 0]);
  });
});
