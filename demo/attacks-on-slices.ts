/**
 * `parts`, a repository that nobody signs, as most of any package set: what an evaluation reads of it has to have been
 * read by somebody, and nothing else of it matters.
 */
import { STATEMENTS } from "./lib.ts";
import type { Person } from "./people.ts";
import { ask, type Scene } from "./scene.ts";
import type { Expectation } from "./table.ts";

const TOOL = { tried: "a package that nobody signed or read", allowed: false, code: "not-covered" } as const;

export async function attackSlices(scene: Scene): Promise<void> {
  const { screen, people, laptop } = scene;
  const { alice, bob, mallory } = people;
  await laptop.does(".", "git", "clone", "-q", "../server/parts.git", "parts");
  for (const person of [alice, bob, mallory])
    await person.does("git", "clone", "-q", "../server/parts.git", "parts");
  screen.begin("Slices: parts is signed by nobody, so what is read of it must have been read by somebody");
  const slice = await laptop.types("parts", "firstmile", "slice", ".", "HEAD", "-A", "tool");
  screen.output(slice.stdout);
  await judge(scene, TOOL, ["default.nix"]);

  screen.say("· bob reads all of it, once");
  await bob.typesIn("parts", "firstmile", "review", ".", "HEAD", "--yes");
  await share(bob);
  await judge(scene, { tried: "the same after bob read it", allowed: true, code: "admitted" });

  screen.say("· mallory pushes a game and a README, unsigned");
  await write(mallory, "game.nix", "import ./tool.nix\n", "a game");
  await judge(scene, { tried: "an unsigned commit beside what is read", allowed: true, code: "admitted" });

  screen.say("· mallory changes one word of a file that is read");
  await write(mallory, "words", "Send money.\n", "better words");
  await judge(
    scene,
    { tried: "one changed word in a file that is read", allowed: false, code: "not-covered" },
    ["words"],
  );

  screen.say("· alice lets it pass for a month, and it is told wherever it is used");
  await pull(alice);
  const because = ["--because", "bob is on holiday"];
  await alice.typesIn("parts", "firstmile", "waive", "words", "--until", "4w", ...because);
  await share(alice);
  await judge(scene, { tried: "the same, waived by alice for a month", allowed: true, code: "admitted" }, [
    "waived",
  ]);

  screen.say("· alice looks closer, and speaks against it");
  await alice.typesIn("parts", "firstmile", "distrust", "words", "--because", "it asks for money");
  await share(alice);
  await judge(scene, { tried: "waived, and distrusted by a warden", allowed: false, code: "distrusted" }, [
    "it asks for money",
  ]);
}

/** The laptop takes what the server has, what people said of it included, and asks. */
async function judge(scene: Scene, expected: Expectation, naming: readonly string[] = []): Promise<void> {
  const { laptop } = scene;
  await laptop.does("parts", "git", "pull", "-q", "--ff-only");
  await laptop.does("parts", "git", "fetch", "-q", "origin", `+${STATEMENTS}*:${STATEMENTS}*`);
  await ask(scene, "parts", ["-A", "tool"], expected, naming);
}

async function share(person: Person): Promise<void> {
  await person.doesIn("parts", "git", "push", "-q", "origin", STATEMENTS);
}

async function pull(person: Person): Promise<void> {
  await person.doesIn("parts", "git", "pull", "-q", "--ff-only");
  await person.doesIn("parts", "git", "fetch", "-q", "origin", `+${STATEMENTS}:${STATEMENTS}`);
}

async function write(person: Person, file: string, text: string, message: string): Promise<void> {
  person.write(`parts/${file}`, text);
  await person.doesIn("parts", "git", "add", ".");
  await person.typesIn("parts", "git", "commit", "-q", "--no-gpg-sign", "-m", message);
  await person.doesIn("parts", "git", "push", "-q", "origin", "main");
}
