/**
 * Attacks by whoever can push: the server takes every branch from anybody, and the laptop is asked to build
 * it. Between them what is allowed, since a guard that refuses everything would pass every test.
 */
import type { Person } from "./people.ts";
import { ask, lastRefusal, type Scene } from "./scene.ts";
import type { Expectation } from "./table.ts";

export async function attackCommits(scene: Scene): Promise<void> {
  const { screen, people } = scene;
  const { alice, bob, carol, mallory } = people;
  screen.begin("Commits: anybody may push anything to the server; the laptop asks who signed it");
  for (const person of [bob, carol, mallory])
    await person.does("git", "clone", "-q", "../server/pkgs.git", "pkgs");

  await onBranch(
    scene,
    alice,
    "unsigned",
    { tried: "a commit that nobody signed", allowed: false, code: "unsigned" },
    async () => {
      backdoor(alice);
      await commit(alice, "--no-gpg-sign", "greet: faster");
    },
  );
  await onBranch(
    scene,
    mallory,
    "unknown",
    { tried: "a commit signed by a stranger", allowed: false, code: "unknown-key" },
    async () => {
      backdoor(mallory);
      await commit(mallory, "-S", "greet: faster");
    },
  );
  await onBranch(
    scene,
    bob,
    "no-role",
    { tried: "a commit by bob, who has no role", allowed: false, code: "not-in-role" },
    async () => {
      backdoor(bob);
      await commit(bob, "-S", "greet: faster");
    },
  );
  await onBranch(
    scene,
    carol,
    "outside",
    { tried: "a commit by carol outside of docs/", allowed: false, code: "outside-paths" },
    async () => {
      backdoor(carol);
      await commit(carol, "-S", "greet: faster");
    },
  );
  await onBranch(
    scene,
    carol,
    "docs-page",
    { tried: "a commit by carol in docs/", allowed: true, code: "admitted" },
    async () => {
      carol.write("pkgs/docs/README.md", "The packages of acme: hello and greet.\n");
      await commit(carol, "-S", "docs: name the packages");
    },
  );
}

/** Two merges by carol of a branch of alice's: one that merges, and one that changes a program on the way. */
export async function attackMerges(scene: Scene): Promise<void> {
  const { screen, people } = scene;
  const { alice, carol } = people;
  screen.begin("Merges: carol merges work of alice's, and once slips in a change of her own");
  await alice.doesIn("pkgs", "git", "switch", "-q", "--create", "topic", "main");
  alice.write("pkgs/NEWS", "greet is new.\n");
  await alice.doesIn("pkgs", "git", "add", "NEWS");
  await alice.doesIn("pkgs", "git", "commit", "-q", "-S", "-m", "news");
  await alice.doesIn("pkgs", "git", "push", "-q", "origin", "topic");
  await carol.doesIn("pkgs", "git", "fetch", "-q");

  await onBranch(
    scene,
    carol,
    "merge",
    { tried: "carol's merge of alice's branch", allowed: true, code: "admitted" },
    async () => {
      await carol.doesIn("pkgs", "git", "reset", "-q", "--hard", "docs-page");
      await carol.typesIn("pkgs", "git", "merge", "-q", "-S", "-m", "merge news", "origin/topic");
    },
  );
  await onBranch(
    scene,
    carol,
    "smuggle",
    { tried: "the same merge with a change inside", allowed: false, code: "merge-smuggles" },
    async () => {
      await carol.doesIn("pkgs", "git", "reset", "-q", "--hard", "docs-page");
      await carol.typesIn("pkgs", "git", "merge", "-q", "--no-commit", "origin/topic");
      backdoor(carol);
      await commit(carol, "-S", "merge news");
    },
    ["greet.c", "packager"],
  );
}

/** Expressions that alice signed, and that reach for what nobody signed. */
export async function attackEvaluation(scene: Scene): Promise<void> {
  const { screen, people, laptop, table } = scene;
  const { alice } = people;
  screen.begin("Evaluation: signed expressions that reach for what nobody signed");
  const tried = "an expression that reads /etc/passwd";
  await onBranch(
    scene,
    alice,
    "outside-access",
    { tried, allowed: false, code: "outside-access" },
    async () => {
      const stolen = 'greet = build (builtins.substring 0 4 (builtins.readFile "/etc/passwd"))';
      alice.write(
        "pkgs/default.nix",
        alice.read("pkgs/default.nix").replace('greet = build "greet-1.0"', stolen),
      );
      await commit(alice, "-S", "a name from elsewhere");
    },
  );
  const imports = {
    tried: "import from a derivation",
    allowed: false,
    code: "import-from-derivation",
  } as const;
  await onBranch(scene, alice, "ifd", imports, async () => {
    const made = 'greet = import (build "made.nix" "echo \'throw 1\' > $out")';
    alice.write(
      "pkgs/default.nix",
      alice.read("pkgs/default.nix").replace('greet = build "greet-1.0"', `${made}; old = build "greet-1.0"`),
    );
    await commit(alice, "-S", "an expression that a build makes");
  });
  const alone = await laptop.types("pkgs", "nix-build", "-A", "greet");
  table.judge(
    { tried: "the same with plain nix-build", allowed: false, code: "not-admitted" },
    await lastRefusal(scene, "made.nix.drv"),
    [{ what: "nix-build failed", holds: alone.code !== 0 }],
  );
  await dirtyTree(scene);
}

/** A change that was never committed is nobody's. */
async function dirtyTree(scene: Scene): Promise<void> {
  const { laptop, screen } = scene;
  screen.say("· a change in the checkout that is not committed");
  await laptop.does("pkgs", "git", "switch", "-q", "--detach", "origin/main");
  await laptop.typesLine("pkgs", "echo '// changed' >> greet.c");
  await ask(scene, "pkgs", ["-A", "greet"], {
    tried: "a change that is not committed",
    allowed: false,
    code: "dirty-tree",
  });
  await laptop.does("pkgs", "git", "checkout", "-q", "--", ".");
}

/** Lets a person work on a new branch of `pkgs` and push it; then asks the laptop for what is there. */
async function onBranch(
  scene: Scene,
  person: Person,
  branch: string,
  expected: Expectation,
  work: () => Promise<unknown>,
  naming: readonly string[] = [],
): Promise<void> {
  const { laptop, screen } = scene;
  screen.say(`· ${expected.tried}`);
  await person.doesIn("pkgs", "git", "switch", "-q", "--create", branch, "main");
  await work();
  await person.doesIn("pkgs", "git", "push", "-q", "origin", branch);
  await laptop.does("pkgs", "git", "fetch", "-q");
  await laptop.does("pkgs", "git", "switch", "-q", "--detach", `origin/${branch}`);
  await ask(scene, "pkgs", ["-A", "greet"], expected, naming);
}

/** A program that does something else than it says. */
function backdoor(person: Person): void {
  const evil = 'system("echo this could be anything");';
  person.write("pkgs/greet.c", person.read("pkgs/greet.c").replace("return 0;", `${evil}\n    return 0;`));
}

function commit(person: Person, signing: "-S" | "--no-gpg-sign", message: string): Promise<string> {
  return person.typesIn("pkgs", "git", "commit", "-q", "-a", signing, "-m", message);
}
