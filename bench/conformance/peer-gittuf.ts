/**
 * gittuf, inside the tree that `scripts/sid-tree --peers` makes. Its rules are metadata of its own, so they are set
 * up anew for each case: an administrator's key for root, policy and the log of reference states, and the case's
 * people for the rules about files.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Key, Rule } from "@firstmile/trust/policy/policy";
import type { Peer } from "./peer.ts";
import { inTree, versionInTree } from "./peers-sid.ts";
import { type Asked, peopleOf, type Writer } from "./question.ts";

export const GITTUF: Peer = {
  name: "gittuf",
  how: "`gittuf verify-ref`, after its log recorded the introduction and then the tip, both by an administrator's key. The source's rules became its file rules, the last one first, with the same people and thresholds. Co-signatures in notes are not its own, so cases with them are not put to it.",
  version: () => versionInTree("dpkg-query", "-W", "-f", "gittuf ${Version}", "gittuf"),
  notions: new Set([
    "openpgp",
    "ssh",
    "roles",
    "paths",
    "merge-content",
    "threshold",
    "every-commit",
    "object-form",
  ]),
  ask: (asked) => {
    const rules = asked.source.rules.map((rule) => fileRule(rule, asked));
    if (rules.some((rule) => rule === undefined) || asked.tip === asked.introduction) return undefined;
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(asked.dir, "admin")]);
    writeFileSync(join(asked.dir, "setup"), script(asked, rules as string[]));
    const { status, stdout } = inTree(asked, ["sh", join(asked.dir, "setup")]);
    // A key that gpg does not import, or gittuf does not read, cannot be listed.
    if (!stdout.toString().includes(READY)) return undefined;
    return status === 0;
  },
};

/** Printed when all that comes before the question itself has worked. */
const READY = "ready to be asked";

/** Undefined: a rule that is not put into gittuf's words. */
function fileRule({ paths, write }: Rule, { policy }: Asked): string | undefined {
  const patterns = paths.map(({ text }) => PATTERNS[text]);
  const people = [...peopleOf(write, policy)];
  const flat = write.any === 1 || write.of.every(({ kind }) => kind === "principal");
  if (patterns.some((pattern) => pattern === undefined) || !flat) return undefined;
  const flags = [
    ...patterns.map((pattern) => `--rule-pattern '${pattern}'`),
    ...people.map((name) => `--authorize ${name}`),
  ];
  return `${flags.join(" ")} --threshold ${write.any}`;
}

const PATTERNS: Readonly<Record<string, string>> = {
  "**": "file:*",
  "/pkgs/": "file:pkgs/*",
  "/docs/": "file:docs/*",
};

function script({ dir, repository, writers, introduction, tip }: Asked, rules: readonly string[]): string {
  return `set -e
cd ${dir}
export GNUPGHOME=$HOME/gnupg
mkdir -p -m 700 "$GNUPGHOME"
git config --global user.name admin
git config --global user.email admin@example.org
git config --global user.signingkey ${dir}/admin
git config --global gpg.format ssh
git config --global commit.gpgsign true
for key in policy/keys/*.asc policy/keys/*.gpg; do [ ! -e "$key" ] || gpg -q --batch --import "$key"; done
git init -q -b main work
cd work
git fetch -q ${repository} ${tip}
git reset -q --hard ${introduction}
exec 3>&1 >&2
gittuf trust init -k ../admin
gittuf trust add-policy-key -k ../admin --policy-key ../admin.pub
gittuf policy init -k ../admin
gittuf policy add-key -k ../admin --public-key ../admin.pub
${writers.map(person).join("\n")}
admin=$(ssh-keygen -l -f ../admin.pub | cut -d' ' -f2)
gittuf policy add-rule -k ../admin --rule-name main --rule-pattern git:refs/heads/main --authorize "$admin"
${rules
  .map((flags, i) => `gittuf policy add-rule -k ../admin --rule-name rule-${i} ${flags}`)
  .reverse()
  .join("\n")}
gittuf policy stage --local-only
gittuf policy apply --local-only
gittuf rsl record --local-only main
git reset -q --hard ${tip}
gittuf rsl record --local-only main
echo '${READY}' >&3
gittuf verify-ref main
`;
}

function person({ name, keys }: Writer): string {
  const flags = keys.map((key) => `--public-key '${keyName(key)}'`);
  return `gittuf policy add-person -k ../admin --person-ID ${name} ${flags.join(" ")}`;
}

function keyName(key: Key): string {
  if (key.kind === "openpgp") return `gpg:${key.certificate.fingerprint}`;
  return "file" in key ? `../policy/${key.file}` : "";
}
