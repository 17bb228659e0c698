import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Accounts that exist in one test's view of /etc only: files that a mount namespace lays over passwd and group.
 *
 * Nix kills every process of a build user when a build ends, so two worlds that shared one would end each other's
 * builds: the ids are taken from this process's own range, eight to a world.
 */
export interface NixAccounts {
  readonly passwd: string;
  readonly group: string;
  readonly buildGroup: string;
  /** An ordinary user, member of nothing, who may talk to the daemon. */
  readonly user: { readonly name: string; readonly uid: number };
  readonly buildUids: readonly number[];
}

const IDS_A_WORLD = 8;
const WORLDS_A_PROCESS = 32;
let worlds = 0;

/** Writes passwd and group below `dir`, those of the tree at `root` with the world's accounts added. */
export function makeAccounts(dir: string, root: string): NixAccounts {
  const first = 1_000_000 + (process.pid * WORLDS_A_PROCESS + (worlds++ % WORLDS_A_PROCESS)) * IDS_A_WORLD;
  const buildUids = [first + 1, first + 2, first + 3, first + 4];
  const accounts: NixAccounts = {
    passwd: join(dir, "etc/passwd"),
    group: join(dir, "etc/group"),
    buildGroup: "worldbuild",
    user: { name: "worlduser", uid: first },
    buildUids,
  };
  mkdirSync(join(dir, "etc"), { recursive: true });
  const lines = buildUids.map((uid, i) => `worldbuild${i}:x:${uid}:${first + 7}::/nonexistent:/bin/false\n`);
  lines.unshift(`worlduser:x:${first}:${first}::/nonexistent:/bin/sh\n`);
  writeFileSync(accounts.passwd, readFileSync(join(root, "etc/passwd"), "utf8") + lines.join(""));
  copyFileSync(join(root, "etc/group"), accounts.group);
  const members = buildUids.map((_, i) => `worldbuild${i}`).join(",");
  writeFileSync(accounts.group, `worlduser:x:${first}:\nworldbuild:x:${first + 7}:${members}\n`, {
    flag: "a",
  });
  return accounts;
}
