/** The public half of what a user signs commits with, for a trust repository of their own. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { gitIn } from "../git/in-directory.ts";
import { ProcessError, run } from "../process/run.ts";
import { SigningError, type UserKey } from "../signing/user-key.ts";

/** A file with the key as `firstmile init` takes one; `dispose` removes it. */
export interface KeyFile extends Disposable {
  readonly path: string;
}

/** Throws `SigningError` where there is none to be had. */
export async function ownKeyFile(user: UserKey): Promise<KeyFile> {
  const [name, content] =
    user.format === "ssh" ? ["key.pub", sshKey(user)] : ["key.asc", await openPgpKey(user)];
  const dir = mkdtempSync(join(tmpdir(), "firstmile-key-"));
  const path = join(dir, name);
  writeFileSync(path, content);
  return { path, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

/** `user.signingkey` is the key itself, its public file, or the private one beside that. */
function sshKey({ key }: UserKey): string | Buffer {
  const literal = /^(?:key::)?(ssh-.*|ecdsa-.*|sk-.*)$/.exec(key ?? "")?.[1];
  if (literal !== undefined) return `${literal}\n`;
  const path = (key ?? "").replace(/^~(?=\/)/, homedir());
  const file = [`${path}.pub`, path].find((one) => one.endsWith(".pub") && existsSync(one));
  if (file !== undefined) return readFileSync(file);
  throw new SigningError(
    `there is no public key beside ${path}`,
    "write it there (ssh-keygen -y -f KEY > KEY.pub), or name people and keys: --principal NAME=KEYFILE",
  );
}

async function openPgpKey({ key, program }: UserKey): Promise<Buffer> {
  const which = key ?? (await firstSecretKey(program));
  const exported = await run(program, ["--batch", "--armor", "--export", which]);
  if (exported.code === 0 && exported.stdout.length > 0) return exported.stdout;
  throw new SigningError(
    `${program} has no public key ${which}`,
    "set one: git config user.signingkey KEYID, or name people and keys: --principal NAME=KEYFILE",
  );
}

/** What gpg signs with where nobody says: the first one that it has. */
async function firstSecretKey(program: string): Promise<string> {
  const listed = await run(program, ["--batch", "--list-secret-keys", "--with-colons"]);
  const fingerprint = /^fpr:+([0-9A-F]{40,64}):/m.exec(listed.stdout.toString("latin1"))?.[1];
  if (fingerprint === undefined) throw new ProcessError(program, "has no secret key");
  return fingerprint;
}

/** A name for the user in the rules: their Git name's first word, or their account's. */
export async function ownName(repository: string): Promise<string> {
  const found = await gitIn(repository, ["config", "--get", "user.name"]);
  const words = [found.code === 0 ? found.stdout.toString() : "", userInfo().username];
  const names = words.map((text) =>
    text
      .trim()
      .toLowerCase()
      .split(/\s+/)[0]!
      .replace(/[^a-z0-9._-]/g, ""),
  );
  return names.find((name) => /^[a-z0-9]/.test(name))?.slice(0, 64) ?? "me";
}
