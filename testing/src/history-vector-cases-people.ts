/** Cases about who counts: roles, paths, thresholds and co-signatures. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { anyOf, type Cast, edit, type HistoryCase, type Told } from "./history-vector-case.ts";
import { BEGINNING, DAY, type Person, type PolicySpec, type WorldRepository } from "./world.ts";

const BASE = ["openpgp"] as const;

const ROLES: readonly HistoryCase[] = [
  {
    name: "not-in-role",
    group: "roles",
    claim: "somebody whom the policy knows, in a role that does not write this source",
    needs: [...BASE, "roles"],
    tell: async (cast) => {
      const [alice, bob] = await cast.people("alice", "bob");
      const { repository, introduction, odd } = await cast.story([alice], { by: bob });
      const policy = { ...anyOf(introduction, [alice, bob]), roles: { writer: [alice] } };
      return { repository, policy, denied: [["not-in-role", odd]] };
    },
  },
  {
    name: "nested-role",
    group: "roles",
    claim: "a member of a role that is a member of the role that writes",
    needs: [...BASE, "roles"],
    tell: async (cast) => {
      const [alice, bob] = await cast.people("alice", "bob");
      const { repository, introduction } = await cast.story([alice, bob], { by: bob });
      const roles = { inner: [bob], writer: { any: 1, of: [alice, "inner"] } };
      return { repository, policy: { ...anyOf(introduction, [alice, bob]), roles } };
    },
  },
  {
    name: "second-key-of-one-person",
    group: "roles",
    claim: "a person's second key is as good as the first",
    needs: [...BASE, "roles"],
    tell: async (cast) => {
      const [alice, second] = await cast.people("alice", "alice-2");
      const { repository, introduction } = await cast.story([alice, second], { by: second });
      const policy: PolicySpec = { people: { alice: [alice, second] }, sources: { pkgs: { introduction } } };
      return { repository, policy };
    },
  },
  {
    name: "key-no-longer-listed",
    group: "roles",
    claim: "an SSH key that was taken off the list counts no longer, however long ago it signed",
    needs: ["ssh"],
    tell: async (cast) => {
      const alice = await cast.person("alice-ssh", "ssh-ed25519");
      const before = await cast.person("bob-before", "ssh-ed25519");
      const after = await cast.person("bob-after", "ssh-ed25519");
      const { repository, introduction, odd } = await cast.story([alice], { by: before });
      return { repository, policy: anyOf(introduction, [alice, after]), denied: [["unknown-key", odd]] };
    },
  },
];

/** Alice writes everything, bob below pkgs/ alone. */
async function paths(
  cast: Cast,
  files: Record<string, string | null>,
  code: string | undefined,
): Promise<Told> {
  const [alice, bob] = await cast.people("alice", "bob");
  const { repository, introduction } = await cast.begin([alice, bob], {
    files: { "pkgs/a.nix": "a\n", "lib.nix": "lib\n" },
  });
  const odd = await repository.commit({ by: bob, files, message: "odd\n" });
  return { repository, policy: pathRules(introduction, alice, bob), denied: code ? [[code, odd]] : [] };
}

export function pathRules(
  introduction: CommitId,
  alice: Person,
  bob: Person,
  authenticate: "every-commit" | "first-parent" | "tip" = "every-commit",
): PolicySpec {
  const rules = [
    { paths: ["**"], write: "owner" },
    { paths: ["/pkgs/"], write: "packager" },
  ];
  return {
    people: [alice, bob],
    roles: { owner: [alice], packager: [alice, bob] },
    sources: { pkgs: { introduction, authenticate, signedBy: "owner", rules } },
  };
}

const PATHS: readonly HistoryCase[] = (
  [
    ["path-within", "a packager changes a file below pkgs/", { "pkgs/a.nix": "b\n" }, undefined],
    [
      "path-outside",
      "a packager changes a file that only the owner may write",
      { "lib.nix": "evil\n" },
      "outside-paths",
    ],
    [
      "path-outside-among-others",
      "one file outside among others that are fine",
      { "pkgs/a.nix": "b\n", "pkgs/b.nix": "b\n", "flake.nix": "evil\n" },
      "outside-paths",
    ],
    ["path-removed", "taking a file away is writing it", { "lib.nix": null }, "outside-paths"],
    [
      "path-lookalike",
      "a directory whose name only begins like pkgs",
      { "pkgs-evil/a.nix": "1\n" },
      "outside-paths",
    ],
    [
      "path-moved-out",
      "a file moved from pkgs/ to where its mover may not write",
      { "pkgs/a.nix": null, "a.nix": "a\n" },
      "outside-paths",
    ],
    [
      "path-deeper-lookalike",
      "a rule bound to the root does not hold for a directory of that name further down",
      { "vendor/pkgs/a.nix": "1\n" },
      "outside-paths",
    ],
    [
      "path-directory-into-file",
      "the directory pkgs turned into a file of that name is still pkgs",
      { "pkgs/a.nix": null, pkgs: "a file\n" },
      "outside-paths",
    ],
  ] as const
).map(
  ([name, claim, files, code]): HistoryCase => ({
    name,
    group: "paths",
    claim,
    needs: [...BASE, "paths"],
    tell: (cast) => paths(cast, files, code),
  }),
);

interface Two {
  readonly repository: WorldRepository;
  readonly commit: CommitId;
  readonly alice: Person;
  readonly second: Person;
  readonly bob: Person;
}

function cosigned(
  name: string,
  claim: string,
  more: (two: Two, cast: Cast) => Promise<void>,
  code?: string,
  now?: number,
): HistoryCase {
  return {
    name,
    group: "thresholds",
    claim,
    needs: [...BASE, "threshold", ...(name === "two-one-alone" ? [] : (["cosignature"] as const))],
    tell: async (cast) => {
      const bob = name.startsWith("cosigner-key")
        ? await cast.person("bob-30-days", "openpgp-ed25519", { expires: "30d" })
        : await cast.person("bob");
      const [alice, second] = await cast.people("alice", "alice-2");
      const { repository, introduction } = await cast.begin([alice, second, bob]);
      const commit = await repository.commit({
        by: alice,
        files: { "a.nix": "1\n" },
        message: "needs two\n",
      });
      await more({ repository, commit, alice, second, bob }, cast);
      const policy: PolicySpec = {
        people: { alice: [alice, second], bob: [bob] },
        roles: { writer: { any: 2, of: ["alice", "bob"] } },
        sources: { pkgs: { introduction, signedBy: "root" } },
      };
      return {
        repository,
        policy,
        tip: commit,
        denied: code ? [[code, commit]] : [],
        ...(now === undefined ? {} : { now }),
      };
    },
  };
}

const TOO_FEW = "too-few-signers";

interface Outweighing {
  /** Whether mallory signs the commit. */
  readonly stranger?: boolean;
  readonly listed?: boolean;
  readonly cosigner?: string;
  readonly tamper?: (object: Buffer) => Buffer;
}

/** What a co-signature makes of a commit whose own signature is none. */
function outweighing(name: string, claim: string, odd: Outweighing, code?: string): HistoryCase {
  return {
    name,
    group: "thresholds",
    claim,
    needs: [...BASE, "cosignature"],
    tell: async (cast) => {
      const [alice, mallory, cosigner] = await cast.people("alice", "mallory", odd.cosigner ?? "alice");
      const { repository, introduction } = await cast.begin([alice]);
      const commit = await repository.commit({
        files: { "a.nix": "2\n" },
        message: "odd\n",
        ...(odd.stranger ? { by: mallory } : {}),
        ...(odd.tamper ? { tamper: odd.tamper } : {}),
      });
      await repository.cosign(commit, cosigner);
      const policy = anyOf(introduction, odd.listed ? [alice, mallory] : [alice]);
      return { repository, policy, denied: code ? [[code, commit]] : [] };
    },
  };
}

const THRESHOLDS: readonly HistoryCase[] = [
  cosigned("two-one-alone", "one of two has signed", async () => {}, TOO_FEW),
  cosigned(
    "two-by-note",
    "a commit's signature and a note by somebody else are two",
    ({ repository, commit, bob }) => repository.cosign(commit, bob),
  ),
  cosigned(
    "two-by-other-ref",
    "notes are read where git-signatures keeps them, refs/signatures, as well",
    async ({ repository, commit, bob }) => {
      await repository.cosign(commit, bob);
      const id = await repository.git("rev-parse", "refs/notes/signatures");
      await repository.git("update-ref", "-d", "refs/notes/signatures");
      repository.ref("refs/signatures", id);
    },
  ),
  cosigned(
    "two-keys-of-one-person",
    "one person signs with two keys, and with the first one twice",
    async ({ repository, commit, alice, second }) => {
      await repository.cosign(commit, second);
      await repository.cosign(commit, alice);
    },
    TOO_FEW,
  ),
  cosigned(
    "cosignature-of-another-commit",
    "a co-signature that bob made for another commit is moved to this one",
    async ({ repository, commit, alice, bob }) => {
      const other = await repository.commit({ by: alice, branch: "other", message: "another\n" });
      await repository.cosign(commit, bob, other);
    },
    TOO_FEW,
  ),
  cosigned(
    "cosignature-of-a-stranger",
    "a co-signature by a key that is nobody's",
    async ({ repository, commit }, cast) => repository.cosign(commit, await cast.person("mallory")),
    TOO_FEW,
  ),
  cosigned(
    "cosignature-is-a-commit-signature",
    "bob's signature of a commit object is no co-signature of that commit's id",
    async ({ repository, commit, bob }) => {
      const content = await repository.content(commit);
      await repository.cosign(commit, { ...bob, sign: () => bob.sign(content) });
    },
    TOO_FEW,
  ),
  cosigned(
    "cosigner-key-expired",
    "a co-signature by a key that has run out by now",
    ({ repository, commit, bob }) => repository.cosign(commit, bob),
    TOO_FEW,
  ),
  cosigned(
    "cosigner-key-before-expiry",
    "the same co-signature on a day on which the key has not run out",
    ({ repository, commit, bob }) => repository.cosign(commit, bob),
    undefined,
    BEGINNING + 29 * DAY,
  ),
  outweighing(
    "cosignatures-for-unsigned",
    "a commit without a signature of its own, which a writer signed afterwards",
    {},
  ),
  outweighing("cosignature-for-a-stranger", "a stranger's commit, which a writer signed afterwards", {
    stranger: true,
  }),
  outweighing(
    "cosignature-of-nobody-for-unsigned",
    "a commit without a signature of its own, with a co-signature by a stranger",
    { cosigner: "mallory" },
    "unsigned",
  ),
  outweighing(
    "cosignature-does-not-outweigh-forged",
    "a signature that was made over another content shows that somebody tampered, whoever co-signed",
    { stranger: true, tamper: edit((text) => text.replace(/odd\n$/, "0dd\n")), listed: true },
    "bad-signature",
  ),
  ...(["git", "firstmile-cosign"] as const).map(
    (namespace): HistoryCase => ({
      name: `cosignature-ssh-namespace-${namespace}`,
      group: "thresholds",
      claim:
        namespace === "git"
          ? "an SSH signature made in Git's namespace is no co-signature"
          : "an SSH co-signature in the namespace for that is one",
      needs: ["ssh", "threshold", "cosignature"],
      tell: async (cast) => {
        const alice = await cast.person("alice-ssh", "ssh-ed25519");
        const dora = await cast.person("dora-ssh", "ssh-ed25519");
        const { repository, introduction } = await cast.begin([alice, dora]);
        const commit = await repository.commit({
          by: alice,
          files: { "a.nix": "1\n" },
          message: "needs two\n",
        });
        await repository.cosign(commit, { ...dora, sign: (text) => dora.sign(text, { namespace }) });
        const policy: PolicySpec = {
          people: [alice, dora],
          roles: { writer: { any: 2, of: [alice, dora] } },
          sources: { pkgs: { introduction, signedBy: "root" } },
        };
        return { repository, policy, denied: namespace === "git" ? [[TOO_FEW, commit]] : [] };
      },
    }),
  ),
  {
    name: "one-person-for-two-members",
    group: "thresholds",
    claim: "nobody stands for two members of a group: alice, and one of alice and bob, is not met by alice",
    needs: [...BASE, "threshold"],
    tell: async (cast) => {
      const [alice, bob] = await cast.people("alice", "bob");
      const { repository, introduction } = await cast.begin([alice, bob]);
      const odd = await repository.commit({ by: alice, files: { "a.nix": "1\n" }, message: "odd\n" });
      const roles = { either: [alice, bob], writer: { any: 2, of: [alice, "either"] } };
      const policy: PolicySpec = {
        people: [alice, bob],
        roles,
        sources: { pkgs: { introduction, signedBy: "root" } },
      };
      return { repository, policy, denied: [[TOO_FEW, odd]] };
    },
  },
];

export const PEOPLE_CASES: readonly HistoryCase[] = [...ROLES, ...PATHS, ...THRESHOLDS];
