/** Thresholds met by other people's signatures, and keys that count no more. */
import { basename } from "node:path";
import { begin, commit, judge, type Lib, type LibRules, push, writeRules } from "./lib.ts";
import type { Person } from "./people.ts";
import type { Scene } from "./scene.ts";

/** Two of three sign a release: the second beside the commit, in a note or with a signed tag. */
export async function signTogether(scene: Scene): Promise<void> {
  const { screen, people } = scene;
  const { alice, bob, carol } = people;
  screen.begin("Two of three: other people's signatures come beside a commit");
  await release(alice, "release", "1.1");
  const alone = {
    tried: "a release that alice alone signed",
    allowed: false,
    code: "too-few-signers",
  } as const;
  await judge(scene, "origin/release", alone, { show: true });

  screen.say("· bob signs it besides, in a note");
  await bob.doesIn("lib", "git", "fetch", "-q", "origin");
  await bob.typesIn("lib", "firstmile", "cosign", ".", "origin/release");
  await push(bob, "refs/notes/signatures");
  const noted = { tried: "the same with a note of bob's", allowed: true, code: "authentic" } as const;
  await judge(scene, "origin/release", noted);

  screen.say("· the next one carol signs besides, with a tag");
  await release(alice, "next", "1.2", "release");
  await carol.doesIn("lib", "git", "fetch", "-q", "origin");
  await carol.typesIn("lib", "git", "tag", "-s", "-m", "1.2", "v1.2", "origin/next");
  await push(carol, "v1.2");
  const tagged = { tried: "the next, with carol's signed tag", allowed: true, code: "authentic" } as const;
  await judge(scene, "origin/next", tagged);
}

async function release(alice: Person, branch: string, version: string, at?: string): Promise<void> {
  await begin(alice, branch, at);
  alice.write("lib/release/version", `${version}\n`);
  await commit(alice, `lib ${version}`);
  await push(alice, branch);
}

/** Alice's old key: what it signed before it was retired counts for good, unless it is called compromised. */
export async function retireKey(scene: Scene, lib: Lib): Promise<void> {
  const { screen, people } = scene;
  const { alice } = people;
  screen.begin("Keys end: by what root says of them, never by a date");
  await begin(alice, "docs");
  const before = await withOldKey(alice, lib, "before");
  const rules = (more: LibRules) => {
    writeRules(scene, lib, more);
    if (more.oldKey !== undefined)
      screen.say(`The rules say now: ${more.oldKey.replace(/[0-9a-f]{28}"/, '…"')}`);
  };
  rules({ oldKey: `retired = { after = "${before}" }` });
  const old = { tried: "a retired key, on an old commit", allowed: true, code: "authentic" } as const;
  await judge(scene, before, old);

  screen.say("· somebody has a copy of it, and dates a commit back by a year");
  await withOldKey(alice, lib, "after", "--date=1.year.ago");
  await judge(scene, "origin/docs", {
    tried: "a retired key, on a new commit",
    allowed: false,
    code: "retired-key",
  });

  rules({ oldKey: 'compromised = { reason = "laptop stolen" }' });
  const stolen = {
    tried: "a compromised key, on the old one",
    allowed: false,
    code: "compromised-key",
  } as const;
  await judge(scene, before, stolen);
  rules({ oldKey: 'compromised = { reason = "laptop stolen" }', goodlist: [before] });
  screen.say(`and of the commit: goodlist = ["${before.slice(0, 12)}…"]`);
  await judge(scene, before, { tried: "the same on root's goodlist", allowed: true, code: "goodlisted" });
}

/** Commits in `docs/` with alice's old key, and gives the commit. */
async function withOldKey(alice: Person, lib: Lib, text: string, ...flags: string[]): Promise<string> {
  alice.write("lib/docs/intro", `${text}\n`);
  const signing = ["-c", `user.signingKey=../${basename(lib.oldKey)}`];
  await alice.typesIn("lib", "git", ...signing, "commit", "-q", "-a", "-S", ...flags, "-m", text);
  await push(alice, "docs");
  return (await alice.doesIn("lib", "git", "rev-parse", "HEAD")).trim();
}
