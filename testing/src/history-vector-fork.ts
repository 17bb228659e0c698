/** A fork and who may write where in it: what cases about merges and modes begin with. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Cast } from "./history-vector-case.ts";
import type { Person, PolicySpec, WorldRepository } from "./world.ts";
import type { Changes, MergeSpec } from "./world-repository.ts";

export type Mode = "every-commit" | "first-parent" | "tip";

export const LINES = ["one", "two", "three", "four", "five", "six", "seven", ""].join("\n");
const START: Changes = {
  "pkgs/b.nix": "b\n",
  "docs/index.md": LINES,
  "lib.nix": "lib\n",
  "logo.bin": Buffer.from([0, 1, 2, 3]),
};

export function lines(change: Readonly<Record<string, string>>): string {
  return LINES.replace(/^\w+$/gm, (line) => change[line] ?? line);
}

export interface Fork {
  /** Writes everything, only pkgs/, only docs/. */
  readonly people: readonly [alice: Person, bob: Person, carol: Person];
  readonly repository: WorldRepository;
  readonly introduction: CommitId;
  readonly ours: CommitId;
  readonly theirs: CommitId;
}

/** Alice's introduction, then ours by alice on main and theirs by alice on a branch. */
export async function fork(cast: Cast, ours: Changes, theirs: Changes): Promise<Fork> {
  const people = await cast.people("alice", "bob", "carol");
  const [alice] = people;
  const { repository, introduction } = await cast.begin(people, { files: START });
  const ourTip = await repository.commit({ by: alice, files: ours, message: "ours\n" });
  const theirTip = await repository.commit({
    by: alice,
    files: theirs,
    branch: "side",
    parents: [introduction],
    message: "theirs\n",
  });
  return { people, repository, introduction, ours: ourTip, theirs: theirTip };
}

export function rules({ people, introduction }: Fork, authenticate: Mode): PolicySpec {
  const [alice, bob, carol] = people;
  return {
    people,
    roles: { owner: [alice], packager: [alice, bob], writer: [alice, carol] },
    sources: {
      pkgs: {
        introduction,
        authenticate,
        signedBy: "owner",
        rules: [
          { paths: ["**"], write: "owner" },
          { paths: ["/pkgs/"], write: "packager" },
          { paths: ["/docs/"], write: "writer" },
        ],
      },
    },
  };
}

/** Bob merges the fork, with changes of his own. */
export function merged(told: Fork, more: Partial<MergeSpec> = {}): Promise<CommitId> {
  const [, bob] = told.people;
  return told.repository.merge({ by: bob, parents: [told.ours, told.theirs], message: "merge\n", ...more });
}
