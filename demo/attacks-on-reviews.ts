/** Changes that nobody else read, and what survives of a review when the history is written anew. */
import { begin, commit, judge, type Lib, push, review } from "./lib.ts";
import type { Person } from "./people.ts";
import type { Scene } from "./scene.ts";

export async function attackReviews(scene: Scene, lib: Lib): Promise<void> {
  const { screen, people } = scene;
  const { alice, bob, carol } = people;
  screen.begin("Reviews: they name content, not commits, and the author's own does not count");
  await begin(alice, "fix");
  await edit(alice, "return 0", "return run()", "run it");
  await edit(alice, "int main", "int run(void);\nint main", "declare it");
  await push(alice, "fix");
  await judge(
    scene,
    "origin/fix",
    { tried: "a change that nobody else read", allowed: false, code: "not-reviewed" },
    { show: true },
  );

  screen.say("· alice approves it with a second key of hers");
  await alice.doesIn("lib", "git", "config", "user.signingKey", lib.oldKey);
  await review(alice, "origin/main..fix", "--yes");
  await alice.doesIn("lib", "git", "config", "--unset", "user.signingKey");
  await judge(scene, "origin/fix", {
    tried: "its author read it, with a second key",
    allowed: false,
    code: "not-reviewed",
  });

  screen.say("· bob reads it");
  await review(bob, "origin/main..origin/fix", "--yes");
  const read = { tried: "the same after bob read it", allowed: true, code: "authentic" } as const;
  await judge(scene, "origin/fix", read);
  await rewritten(scene);
  await rejected(scene, carol);
}

/** Carol squashes what bob read, and merges it: once as it is, once with something of hers. */
async function rewritten(scene: Scene): Promise<void> {
  const { screen, people } = scene;
  const { carol } = people;
  screen.say("· carol squashes both commits into one of hers");
  await begin(carol, "squashed");
  await carol.typesIn("lib", "git", "merge", "-q", "--ff", "--squash", "origin/fix");
  await commit(carol, "run it");
  await push(carol, "squashed");
  const squashed = { tried: "the branch, squashed by carol", allowed: true, code: "authentic" } as const;
  await judge(scene, "origin/squashed", squashed);

  screen.say("· carol merges it, and adds a line that nobody read");
  await begin(carol, "merged");
  await carol.typesIn("lib", "git", "merge", "-q", "--no-ff", "--no-commit", "origin/fix");
  await edit(carol, "return run()", 'return run() + system("id")', "merge fix");
  await push(carol, "merged");
  await judge(
    scene,
    "origin/merged",
    { tried: "merged, with a line of carol's", allowed: false, code: "not-reviewed" },
    { show: true },
  );
}

async function rejected(scene: Scene, carol: Person): Promise<void> {
  scene.screen.say("· carol reads the branch too, and rejects it");
  await review(carol, "origin/main..origin/fix", "--reject", "--note", "run() may not return");
  await judge(scene, "origin/fix", {
    tried: "bob approves, carol rejects",
    allowed: false,
    code: "review-rejected",
  });
}

async function edit(person: Person, from: string, to: string, message: string): Promise<void> {
  const file = "lib/src/main.c";
  person.write(file, person.read(file).replace(from, to));
  await commit(person, message);
}
