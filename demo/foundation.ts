/** The beginning: keys, repositories of packages, builders' keys, and the trust repository that names them all. */
import { appendFileSync, mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { APP_FLAKE, bringTarball, expression, GREET_C, PARTS } from "./packages.ts";
import type { Person } from "./people.ts";
import type { Scene } from "./scene.ts";
import { serve } from "./web.ts";

export async function makeKeys({ people, screen, workplace }: Scene): Promise<void> {
  screen.begin("Four people and a stranger make keys");
  for (const person of Object.values(people)) await person.makeKey(workplace);
}

/** Alice's repositories: `pkgs` with the packages, and `app`, a flake that takes them as an input. */
export async function makeRepositories(
  scene: Scene,
  mirror: string,
  tarball: string | undefined,
): Promise<void> {
  const { people, screen, server, workplace } = scene;
  const { alice } = people;
  screen.begin("alice writes packages: GNU hello, from its author's tarball, pinned by its hash");
  await bringTarball(scene, mirror, tarball);
  await alice.does("git", "init", "-q", "pkgs");
  mkdirSync(join(alice.home, "pkgs/docs"));
  alice.write("pkgs/default.nix", expression(await serve(workplace, mirror)));
  alice.write("pkgs/greet.c", GREET_C);
  alice.write("pkgs/docs/README.md", "The packages of acme.\n");
  alice.write("pkgs/.gitignore", "result\n");
  await alice.doesIn("pkgs", "git", "add", ".");
  await alice.typesIn("pkgs", "git", "commit", "-q", "-S", "-m", "hello 2.10 and greet 1.0");
  await publish(server, alice, "pkgs");
  await alice.does("git", "init", "-q", "app");
  alice.write("app/flake.nix", APP_FLAKE);
  alice.write("app/.gitignore", "result\n");
  await alice.doesIn("app", "git", "add", ".");
  await alice.doesIn("app", "git", "commit", "-q", "-S", "-m", "a flake that takes pkgs");
  await publish(server, alice, "app");
  await makeParts(scene);
}

/** A repository of somebody who signs nothing. */
async function makeParts({ people, server }: Scene): Promise<void> {
  const { mallory } = people;
  await mallory.does("git", "init", "-q", "origin-of-parts");
  for (const [file, text] of Object.entries(PARTS)) mallory.write(`origin-of-parts/${file}`, text);
  await mallory.doesIn("origin-of-parts", "git", "add", ".");
  await mallory.doesIn("origin-of-parts", "git", "commit", "-q", "--no-gpg-sign", "-m", "parts");
  await publish(server, mallory, "parts", "origin-of-parts");
}

/** Puts a person's repository on the server. */
async function publish(server: string, person: Person, name: string, dir = name): Promise<void> {
  await person.does("git", "init", "-q", "--bare", "--initial-branch=main", join(server, `${name}.git`));
  await person.doesIn(dir, "git", "remote", "add", "origin", `../../server/${name}.git`);
  await person.doesIn(dir, "git", "push", "-q", "--set-upstream", "origin", "main");
}

/** What a machine pins: the first commit of the trust repository, and the key that signed it. */
export interface Introduction {
  readonly commit: string;
  readonly signedBy: string;
}

/** The rules, made by alice, completed by her, and in force once bob has signed them too. */
export async function makeTrust(scene: Scene, caches: readonly BuilderKey[]): Promise<Introduction> {
  const { people, screen, server } = scene;
  const { alice, bob, carol } = people;
  screen.begin("The trust repository: two of alice, bob and carol change its rules together");
  const principals = [alice, bob, carol].flatMap((person) => [
    "--principal",
    `${person.name}=${relative(alice.home, person.publicKey)}`,
  ]);
  screen.output(
    await alice.types("firstmile", "init", "trust", "--name", "acme", "--root", "2", ...principals),
  );
  const [pkgs, app] = [await firstCommit(alice, "pkgs"), await firstCommit(alice, "app")];
  const parts = await firstCommit(people.mallory, "origin-of-parts");
  const rules = rulesText(scene, caches, { pkgs, app, parts });
  appendFileSync(join(alice.home, "trust/firstmile.toml"), rules);
  screen.say("alice adds who writes what, and whose builds count:");
  screen.output(
    rules
      .trim()
      .replace(/\[source\.app\][\s\S]*?(?=\[principal)/, "")
      .replaceAll(server, "…")
      .replaceAll(/(nix:[^:]*:.{8})[^"]*/g, "$1…"),
    "dim",
  );
  await alice.typesIn("trust", "git", "commit", "-q", "-S", "-a", "-m", "sources, writers and builders");
  await publish(server, alice, "trust");
  await bob.does("git", "clone", "-q", "../server/trust.git", "trust");
  await bob.types("firstmile", "cosign", "trust", "HEAD");
  await bob.typesIn("trust", "git", "push", "-q", "origin", "refs/notes/signatures");
  const fingerprint = (await alice.does("ssh-keygen", "-l", "-f", alice.publicKey)).split(" ")[1]!;
  return { commit: await firstCommit(alice, "trust"), signedBy: fingerprint };
}

async function firstCommit(person: Person, repository: string): Promise<string> {
  return (await person.doesIn(repository, "git", "rev-list", "--max-parents=0", "HEAD")).trim();
}

/** A builder's key, who runs it, and where what it builds can be had. */
export interface BuilderKey {
  readonly name: string;
  readonly operator: string;
  /** `NAME:BASE64`, as in `trusted-public-keys`. */
  readonly key: string;
  readonly url: string;
}

/** First commits of the sources. */
type Sources = Readonly<Record<"pkgs" | "app" | "parts", string>>;

function rulesText({ server }: Scene, caches: readonly BuilderKey[], { pkgs, app, parts }: Sources): string {
  const builders = caches.map(
    ({ name, operator, key }) => `[principal.${name}]\noperator = "${operator}"\nkeys = ["nix:${key}"]`,
  );
  return `packager = { any = 1, of = ["alice"] }
writer   = { any = 1, of = ["alice", "carol"] }
reader   = { any = 1, of = ["alice", "bob"] }
warden   = { any = 1, of = ["alice"] }
builder  = { any = 2, of = [${caches.map(({ name }) => `"${name}"`).join(", ")}] }

[source.pkgs]
urls = ["file://${server}/pkgs.git", "https://forge.example/acme/pkgs"]
authenticate = "every-commit"
introduction = { commit = "${pkgs}", signed_by = "packager" }
[[source.pkgs.rule]]
paths = ["**"]
write = "packager"
[[source.pkgs.rule]]
paths = ["/docs/**"]
write = "writer"

[source.app]
urls = ["file://${server}/app.git"]
authenticate = "every-commit"
introduction = { commit = "${app}", signed_by = "packager" }
[[source.app.rule]]
paths = ["**"]
write = "packager"

[source.parts]
urls = ["file://${server}/parts.git"]
authenticate = "slice"
introduction = { commit = "${parts}" }
[[source.parts.rule]]
paths = ["**"]
review = "reader"
waive = "packager"

${builders.join("\n")}

[output]
builders = "builder"
caches = [${caches.map(({ url }) => `"${url}"`).join(", ")}]
`;
}
