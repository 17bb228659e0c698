/** Cases about a second person: co-signatures in statements and in signed tags. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Notion } from "./history-vector.ts";
import { anyOf, type Cast, type HistoryCase } from "./history-vector-case.ts";
import { state, tag } from "./history-vector-statements.ts";
import type { Person, PolicySpec, WorldRepository } from "./world.ts";

interface Two {
  readonly cast: Cast;
  readonly repository: WorldRepository;
  readonly commit: CommitId;
  readonly alice: Person;
  readonly bob: Person;
}

/** Two of alice and bob are asked for; alice signed. */
function second(
  name: string,
  claim: string,
  tell: (two: Two) => Promise<void>,
  good = false,
  needs: readonly Notion[] = ["openpgp", "threshold", "cosignature"],
): HistoryCase {
  return {
    name,
    group: "thresholds",
    claim,
    needs,
    tell: async (cast) => {
      const [alice, bob] = needs.includes("ssh")
        ? [await cast.person("alice-ssh", "ssh-ed25519"), await cast.person("bob-ssh", "ssh-ed25519")]
        : await cast.people("alice", "bob");
      const { repository, introduction } = await cast.begin([alice, bob]);
      const commit = await repository.commit({
        by: alice,
        files: { "a.nix": "1\n" },
        message: "needs two\n",
      });
      await tell({ cast, repository, commit, alice, bob });
      const policy: PolicySpec = {
        people: [alice, bob],
        roles: { writer: { any: 2, of: [alice, bob] } },
        sources: { pkgs: { introduction, signedBy: "root" } },
      };
      return { repository, policy, tip: commit, denied: good ? [] : [["too-few-signers", commit]] };
    },
  };
}

const SSH_TWO: readonly Notion[] = ["ssh", "threshold", "cosignature"];

function cosign(commit: CommitId) {
  return { kind: "cosign", commit, narHash: undefined } as const;
}

async function another({ repository, alice }: Two): Promise<CommitId> {
  return repository.commit({ by: alice, branch: "other", message: "another\n" });
}

export const COSIGNED_CASES: readonly HistoryCase[] = [
  second(
    "two-by-statement",
    "a co-signature in a statement",
    ({ repository, commit, bob }) => state(repository, cosign(commit), [bob]),
    true,
  ),
  second(
    "two-by-statement-ssh",
    "a co-signature in a statement, by SSH",
    ({ repository, commit, bob }) => state(repository, cosign(commit), [bob]),
    true,
    SSH_TWO,
  ),
  second("statement-of-another-commit", "a statement about another commit", async (two) =>
    state(two.repository, cosign(await another(two)), [two.bob]),
  ),
  second(
    "statement-altered",
    "a statement about another commit, in which the commit was exchanged",
    async (two) => {
      const other = await another(two);
      await state(two.repository, cosign(other), [two.bob], {
        tamper: (text) => text.replaceAll(other, two.commit),
      });
    },
  ),
  second(
    "statement-by-the-same",
    "whoever signed the commit states that they stand behind it",
    async ({ repository, commit, alice }) => state(repository, cosign(commit), [alice]),
  ),
  second(
    "statement-in-gits-namespace",
    "a statement under a signature in Git's namespace",
    ({ repository, commit, bob }) => state(repository, cosign(commit), [bob], { namespace: "git" }),
    false,
    SSH_TWO,
  ),
  second(
    "two-by-tag",
    "a signed tag on the commit",
    ({ repository, commit, bob }) => tag(repository, "v1", commit, bob),
    true,
  ),
  second(
    "two-by-tag-ssh",
    "a tag on the commit, signed by SSH",
    ({ repository, commit, bob }) => tag(repository, "v1", commit, bob),
    true,
    SSH_TWO,
  ),
  second("tag-of-another-commit", "a signed tag on another commit", async (two) =>
    tag(two.repository, "v1", await another(two), two.bob),
  ),
  second("tag-moved", "a signed tag whose commit was exchanged", async (two) => {
    const other = await another(two);
    await tag(two.repository, "v1", other, two.bob, (text) => text.replace(other, two.commit));
  }),
  second("tag-by-a-stranger", "a tag on the commit, signed by nobody whom the rules know", async (two) =>
    tag(two.repository, "v1", two.commit, await two.cast.person("mallory")),
  ),
  {
    name: "tip-with-signed-tag",
    group: "modes",
    claim: "where the tip counts, a writer's signed tag on an unsigned tip vouches for it",
    needs: ["openpgp", "tip", "cosignature"],
    tell: async (cast) => {
      const [alice] = await cast.people("alice");
      const { repository, introduction } = await cast.begin([alice]);
      const tip = await repository.commit({ files: { "a.nix": "1\n" }, message: "released\n" });
      await tag(repository, "v1", tip, alice);
      return { repository, tip, policy: anyOf(introduction, [alice], {}, "tip") };
    },
  },
];
