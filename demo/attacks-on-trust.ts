/** Attacks on the rules themselves, by whoever holds the server or one of the keys. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { asVerdict, type Scene } from "./scene.ts";
import type { Expectation } from "./table.ts";

export async function attackTrust(scene: Scene): Promise<void> {
  const { screen, server, people, laptop } = scene;
  const { alice, mallory } = people;
  screen.begin("The rules: one person alone cannot change them, and nobody can take them back");
  const followed = await laptop.does(".", "firstmile", "trust", "show", "--json");

  screen.say("· alice alone makes mallory a packager");
  await mallory.does("cp", mallory.publicKey, join(alice.home, "trust/keys/mallory.pub"));
  const rules = alice
    .read("trust/firstmile.toml")
    .replace('packager = { any = 1, of = ["alice"] }', 'packager = { any = 1, of = ["alice", "mallory"] }');
  alice.write("trust/firstmile.toml", rules);
  appendFileSync(
    join(alice.home, "trust/firstmile.toml"),
    '\n[principal.mallory]\nkeys = ["keys/mallory.pub"]\n',
  );
  await alice.doesIn("trust", "git", "add", ".");
  await alice.typesIn("trust", "git", "commit", "-q", "-S", "-m", "a new packager");
  await alice.doesIn("trust", "git", "push", "-q");
  await update(
    scene,
    { tried: "new rules signed by one of two", allowed: false, code: "root-not-met" },
    followed,
  );

  screen.say("· whoever holds the server puts back the rules of before");
  await mallory.typesIn(join(server, "trust.git"), "git", "update-ref", "refs/heads/main", "main~2");
  await update(
    scene,
    { tried: "a trust repository rolled back", allowed: false, code: "rollback" },
    followed,
  );
}

async function update({ laptop, table }: Scene, expected: Expectation, followed: string): Promise<void> {
  const update = await laptop.types(".", "firstmile", "trust", "update");
  const verdict = asVerdict((await laptop.tries(".", "firstmile", "trust", "update", "--json")).stdout);
  const still = await laptop.does(".", "firstmile", "trust", "show", "--json");
  table.judge(expected, verdict, [
    { what: "firstmile trust update ends with 1", holds: update.code === 1 },
    { what: "the rules of before are still followed", holds: still === followed },
  ]);
}
