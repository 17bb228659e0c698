/**
 * Signs with what a user signs commits with: the key and program of their Git configuration, through gpg or
 * ssh-keygen, so that agents, smart cards and FIDO2 keys work. No private key passes through this process.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { gitIn } from "../git/in-directory.ts";
import { failure, run } from "../process/run.ts";

/** How this user signs in a repository. */
export interface UserKey {
  readonly format: "openpgp" | "ssh";
  /** Key id or user id for gpg; path of a public or private key, or `key::…`, for ssh-keygen. */
  readonly key: string | undefined;
  readonly program: string;
}

/** The user has no signing set-up in Git that can be used here. */
export class SigningError extends Error {
  readonly help: string;

  constructor(message: string, help: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SigningError";
    this.help = help;
  }
}

const SETUP_HELP =
  "set it up: git config --global gpg.format ssh && git config --global user.signingkey ~/.ssh/id_ed25519.pub (or an OpenPGP key id with gpg.format openpgp)";

export async function userKey(repository: string): Promise<UserKey> {
  const [format, key] = [
    (await gitConfig(repository, "gpg.format")) ?? "openpgp",
    await gitConfig(repository, "user.signingkey"),
  ];
  if (format !== "openpgp" && format !== "ssh")
    throw new SigningError(`signing with gpg.format ${format} is not supported`, SETUP_HELP);
  if (format === "ssh" && key === undefined)
    throw new SigningError("Git's user.signingkey is not set", SETUP_HELP);
  const fallback = format === "ssh" ? "ssh-keygen" : "gpg";
  const program =
    (await gitConfig(repository, `gpg.${format}.program`)) ??
    (format === "openpgp" ? await gitConfig(repository, "gpg.program") : undefined) ??
    fallback;
  return { format, key, program };
}

/** A detached signature: armored SSHSIG in `namespace`, or binary OpenPGP. */
export async function signWith(user: UserKey, message: Uint8Array, namespace: string): Promise<Buffer> {
  return user.format === "ssh" ? signSsh(user, message, namespace) : signOpenPgp(user, message);
}

async function signOpenPgp({ key, program }: UserKey, message: Uint8Array): Promise<Buffer> {
  const which = key === undefined ? [] : ["--local-user", key];
  const signed = await run(program, ["--detach-sign", "--digest-algo", "SHA256", ...which], {
    input: message,
  });
  if (signed.code !== 0) throw failure(program, signed);
  return signed.stdout;
}

async function signSsh({ key, program }: UserKey, message: Uint8Array, namespace: string): Promise<Buffer> {
  const dir = mkdtempSync(join(tmpdir(), "firstmile-sign-"));
  try {
    const file = join(dir, "message");
    writeFileSync(file, message, { mode: 0o600 });
    const signed = await run(program, ["-Y", "sign", "-n", namespace, ...keyArgs(key!, dir), file]);
    if (signed.code !== 0) throw failure(program, signed);
    return readFileSync(`${file}.sig`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A literal key is in the agent, which ssh-keygen asks with -U and a file that holds the public half. */
function keyArgs(key: string, dir: string): string[] {
  const literal = key.startsWith("key::") ? key.slice(5) : key.startsWith("ssh-") ? key : undefined;
  if (literal === undefined) return ["-f", key.replace(/^~(?=\/)/, homedir())];
  const file = join(dir, "key.pub");
  writeFileSync(file, `${literal}\n`);
  return ["-U", "-f", file];
}

async function gitConfig(repository: string, name: string): Promise<string | undefined> {
  const found = await gitIn(repository, ["config", "--get", name]);
  return found.code === 0 ? found.stdout.toString().trim() : undefined;
}
