/**
 * `gittuf verify-ref` over the first commits of a history: its rules are metadata of its own, set up here before the
 * clock starts, with one rule that lets the history's people write every file. Scaled from few commits, since it
 * takes tens of milliseconds for each.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "../measure.ts";
import type { PeerPlace } from "./peers.ts";
import { git, type World } from "./world.ts";

/** How many commits it is asked about, at least: those that one of them reaches. */
export const GITTUF_SAMPLE = 300;

/** The command that is measured, and how many commits lie between the introduction and what it is asked about. */
export function gittufVerify(place: PeerPlace, made: World): { command: Command; commits: number } {
  const ids = git(made.repository, "rev-list", "--reverse", "--topo-order", "base").split("\n");
  const tip = ids[GITTUF_SAMPLE]!;
  const commits = Number(git(made.repository, "rev-list", "--count", tip, `^${made.introduction}`));
  place.clear();
  const admin = join(place.repository, "admin");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", admin]);
  for (const { name, publicKey } of made.people) {
    writeFileSync(join(place.repository, `${name}.pub`), publicKey);
  }
  writeFileSync(join(place.repository, "setup"), script(made, tip));
  const { argv, cwd, env } = place.command("sh", join(place.repository, "setup"));
  execFileSync(argv[0]!, argv.slice(1), { cwd, env, stdio: "pipe" });
  const work = join(place.repository, "work");
  return { command: { ...place.command("gittuf", "verify-ref", "main"), cwd: work }, commits };
}

function script({ people, introduction }: World, tip: string): string {
  const key = (name: string) =>
    `gittuf policy add-person -k ../admin --person-ID ${name} --public-key ../${name}.pub`;
  const authorized = people.map(({ name }) => `--authorize ${name}`).join(" ");
  return `set -e
git config --global user.name admin
git config --global user.email admin@example.org
git config --global user.signingkey "$PWD/admin"
git config --global gpg.format ssh
git config --global commit.gpgsign true
git init -q -b main work
cd work
git fetch -q .. ${tip}
git reset -q --hard ${introduction}
gittuf trust init -k ../admin
gittuf trust add-policy-key -k ../admin --policy-key ../admin.pub
gittuf policy init -k ../admin
gittuf policy add-key -k ../admin --public-key ../admin.pub
${people.map(({ name }) => key(name)).join("\n")}
admin=$(ssh-keygen -l -f ../admin.pub | cut -d' ' -f2)
gittuf policy add-rule -k ../admin --rule-name main --rule-pattern git:refs/heads/main --authorize "$admin"
gittuf policy add-rule -k ../admin --rule-name files --rule-pattern 'file:*' ${authorized}
gittuf policy stage --local-only
gittuf policy apply --local-only
gittuf rsl record --local-only main
git reset -q --hard ${tip}
gittuf rsl record --local-only main
`;
}
