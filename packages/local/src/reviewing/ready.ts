/** What would stop a signature or its keeping, looked for before anybody reads for an hour. */
import { constants, existsSync } from "node:fs";
import { access } from "node:fs/promises";
import { homedir } from "node:os";
import { quietGitEnv } from "../git/neutral.ts";
import { run } from "../process/run.ts";
import { SigningError, type UserKey, userKey } from "../signing/user-key.ts";
import type { WritablePlace } from "../statements/write.ts";

/** A place that this user cannot write to. */
export class UnwritableError extends Error {
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.name = "UnwritableError";
    this.help = help;
  }
}

const SETUP_HELP =
  "set one up: git config --global gpg.format ssh && git config --global user.signingkey ~/.ssh/id_ed25519.pub";

/** How the user signs, and that there is a key for it. Throws `SigningError`. */
export async function readyKey(repository: string): Promise<UserKey> {
  const user = await userKey(repository);
  if (user.format === "ssh") requireKeyFile(user.key!);
  else if (user.key === undefined) await requireSecretKey(user.program);
  return user;
}

/** A key in place of a path is the agent's. */
function requireKeyFile(key: string): void {
  if (/^(?:key::|ssh-)/.test(key) || existsSync(key.replace(/^~(?=\/)/, homedir()))) return;
  throw new SigningError(`${key}, Git's user.signingkey, is not there`, SETUP_HELP);
}

/** Without a key named gpg takes its first secret key: there must be one. */
async function requireSecretKey(program: string): Promise<void> {
  const listing = run(program, ["--batch", "--list-secret-keys", "--with-colons"]);
  const listed = await listing.catch(() => undefined);
  if (listed?.code === 0 && /^sec:/m.test(listed.stdout.toString("latin1"))) return;
  throw new SigningError(
    "you have no key to sign with: Git's user.signingkey is not set, and gpg has no secret key",
    SETUP_HELP,
  );
}

/** Throws `UnwritableError`. */
export async function readyPlace(place: WritablePlace): Promise<void> {
  if (place.kind === "directory") return;
  const { repository } = place;
  const args = ["-C", repository, "rev-parse", "--path-format=absolute", "--git-common-dir"];
  const found = await run("git", args, { env: quietGitEnv() });
  const dir = found.stdout.toString().trimEnd();
  const writable =
    found.code === 0 &&
    (await access(dir, constants.W_OK).then(
      () => true,
      () => false,
    ));
  if (!writable)
    throw new UnwritableError(
      `${repository} is not yours to write statements to`,
      "use a clone of your own, or write them into a directory: --to DIR",
    );
}
