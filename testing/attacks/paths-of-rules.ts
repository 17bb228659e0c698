/**
 * Paths of rules. A rule is for what is below a directory that is not there yet. Bob may write everything else, and puts
 * something else at the directory's own name. What must hold: what decides every path below falls under the rule too.
 */
import type { PolicySpec } from "../src/world.ts";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { commitTree, entry, HistoryWorld, type Mode } from "./history-world.ts";

const NAME =
  "A file, link or submodule at a directory's name decides what is below it: the directory's rule holds too.";
const ALL: readonly Mode[] = ["every-commit", "first-parent", "tip"];
const LINK = "120000";

/** Bob's commit of one more entry at the root; alice alone may write what this glob covers. */
async function placed(
  world: HistoryWorld,
  glob: string,
  mode: string,
  name: string,
  authenticate: Mode = "every-commit",
) {
  const { alice, bob } = world;
  const repository = await world.repository();
  const introduction = await repository.commit({ by: alice, files: { "docs/k.nix": "docs\n" } });
  const docs = (await repository.git("rev-parse", `${introduction}:docs`)) as never;
  const target = mode === "160000" ? (introduction as never) : repository.write("blob", Buffer.from("docs"));
  const entries = [entry("40000", "docs", docs), entry(mode, name, target)];
  await commitTree(repository, bob, repository.write("tree", Buffer.concat(entries)), [introduction]);
  const policy: PolicySpec = {
    people: [alice, bob],
    roles: { owner: [alice], writer: [alice, bob] },
    sources: {
      pkgs: {
        introduction,
        authenticate,
        signedBy: "owner",
        rules: [
          { paths: ["**"], write: "writer" },
          { paths: [glob], write: "owner" },
        ],
      },
    },
  };
  return { repository, policy };
}

function instead(
  number: number,
  name: string,
  mode: string,
  ...globs: readonly string[]
): Attack<HistoryWorld> {
  return {
    number,
    name: `${name} where only what is below the name has a rule`,
    held: NAME,
    async run(world) {
      for (const glob of globs)
        await world.denied(await placed(world, glob, mode, "secure"), /^outside-paths$/);
    },
  };
}

export const pathsOfRules: GitTheme<HistoryWorld> = {
  title: "Paths of rules",
  by: "a person who may write everything but one directory",
  guard: "trust/policy/paths.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls: [
    {
      name: "a link at another name passes, in each mode",
      async run(world: HistoryWorld) {
        for (const mode of ALL) await world.allowed(await placed(world, "/secure/", LINK, "secured", mode));
      },
    } satisfies Control<HistoryWorld>,
  ],
  attacks: [
    instead(
      385,
      "a link into one's own directory",
      LINK,
      "/secure/",
      "/secure/**",
      "secure/",
      "/secure/inner/",
    ),
    instead(386, "a submodule", "160000", "/secure/", "/secure/inner/k.nix"),
    instead(387, "a plain file, which is the directory's end", "100644", "/secure/"),
  ],
};
