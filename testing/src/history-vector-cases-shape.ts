/** Cases about where a history begins, what is missing from it, and a repository that lies about it. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { anyOf, type Cast, type HistoryCase, type Told } from "./history-vector-case.ts";
import { pathRules } from "./history-vector-cases-people.ts";
import type { Person, WorldRepository } from "./world.ts";
import { gitEnv } from "./world-repository.ts";

const BASE = ["openpgp"] as const;
const MODES = ["every-commit", "first-parent", "tip"] as const;
type Mode = (typeof MODES)[number];

function modeNeeds(mode: Mode): readonly Mode[] {
  return mode === "every-commit" ? [] : [mode];
}

async function line(
  cast: Cast,
  length: number,
): Promise<{ alice: Person; mallory: Person; repository: WorldRepository; commits: CommitId[] }> {
  const [alice, mallory] = await cast.people("alice", "mallory");
  const { repository, introduction } = await cast.begin([alice]);
  const commits = [introduction];
  for (let i = 1; i < length; i++)
    commits.push(
      await repository.commit({ by: alice, files: { "a.nix": `${i}\n` }, message: `number ${i}\n` }),
    );
  return { alice, mallory, repository, commits };
}

/** What lies before a commit that is missing stays in reach of a branch of its own. */
function takeOut(repository: WorldRepository, commit: CommitId, before: CommitId): void {
  rmSync(repository.objectFile(commit));
  repository.move("kept", before);
}

const BEGINNINGS: readonly HistoryCase[] = MODES.flatMap((mode): HistoryCase[] => [
  {
    name: `fork-before-introduction-${mode}`,
    group: "introduction",
    claim:
      "a branch signed by a writer that leaves the history before the introduction, around what was decided since",
    needs: [...BASE, "introduction", ...modeNeeds(mode)],
    tell: async (cast) => {
      const { alice, repository, commits } = await line(cast, 3);
      const tip = await repository.commit({
        by: alice,
        branch: "side",
        parents: [commits[0]!],
        message: "fork\n",
      });
      return {
        repository,
        tip,
        policy: anyOf(commits[1]!, [alice], {}, mode),
        denied: [["not-a-descendant", tip]],
      };
    },
  },
  {
    name: `other-root-${mode}`,
    group: "introduction",
    claim: "a signed history of its own, with no introduction in it",
    needs: [...BASE, "introduction", ...modeNeeds(mode)],
    tell: async (cast) => {
      const { alice, repository, commits } = await line(cast, 2);
      const tip = await repository.commit({
        by: alice,
        branch: "other",
        parents: [],
        message: "another root\n",
      });
      return {
        repository,
        tip,
        policy: anyOf(commits[1]!, [alice], {}, mode),
        denied: [["not-a-descendant", tip]],
      };
    },
  },
  {
    name: `ancestor-of-introduction-${mode}`,
    group: "introduction",
    claim: "a state from before the introduction is offered",
    needs: [...BASE, "introduction", ...modeNeeds(mode)],
    tell: async (cast) => {
      const { alice, repository, commits } = await line(cast, 3);
      const [tip, introduction] = commits as [CommitId, CommitId];
      return {
        repository,
        tip,
        policy: anyOf(introduction, [alice], {}, mode),
        denied: [["not-a-descendant", tip]],
      };
    },
  },
  {
    name: `introduction-by-a-stranger-${mode}`,
    group: "introduction",
    claim: "the introduction is signed by somebody outside of the role that should have",
    needs: [...BASE, "introduction", ...modeNeeds(mode)],
    tell: async (cast) => {
      const { alice, mallory, repository } = await line(cast, 1);
      const introduction = await repository.commit({ by: mallory, message: "introduction by mallory\n" });
      await repository.commit({ by: alice, files: { "a.nix": "1\n" } });
      return {
        repository,
        policy: anyOf(introduction, [alice], {}, mode),
        denied: [["introduction-not-vouched", introduction]],
      };
    },
  },
  {
    name: `introduction-itself-${mode}`,
    group: "introduction",
    claim: "the introduction itself is asked for, and was signed by whom it should be",
    needs: [...BASE, "introduction", ...modeNeeds(mode)],
    tell: async (cast) => {
      const { alice, repository, commits } = await line(cast, 2);
      return { repository, policy: anyOf(commits[1]!, [alice], {}, mode) };
    },
  },
  {
    name: `shallow-${mode}`,
    group: "missing and broken",
    claim: "a shallow clone without what lies between the introduction and its oldest commit",
    needs: [...BASE, "object-integrity", ...modeNeeds(mode)],
    tell: async (cast) => {
      const { alice, repository, commits } = await line(cast, 5);
      takeOut(repository, commits[2]!, commits[1]!);
      writeFileSync(join(repository.dir, "shallow"), `${commits[3]}\n`);
      return {
        repository,
        policy: anyOf(commits[0]!, [alice], {}, mode),
        denied: [["missing-object", commits[2]!]],
      };
    },
  },
]);

const BROKEN: readonly HistoryCase[] = [
  {
    name: "missing-commit",
    group: "missing and broken",
    claim: "a commit in the middle is not there",
    needs: [...BASE, "object-integrity"],
    tell: async (cast) => {
      const { alice, repository, commits } = await line(cast, 5);
      takeOut(repository, commits[2]!, commits[1]!);
      return { repository, policy: anyOf(commits[0]!, [alice]), denied: [["missing-object", commits[2]!]] };
    },
  },
  {
    name: "planted-commit",
    group: "missing and broken",
    claim: "under an unsigned commit's id the database answers with a signed commit's bytes",
    needs: [...BASE, "object-integrity"],
    tell: async (cast) => {
      const { alice, repository, commits } = await line(cast, 2);
      const odd = await repository.commit({ files: { "a.nix": "evil\n" } });
      await repository.commit({ by: alice, files: { "b.nix": "1\n" } });
      repository.plant(odd, "commit", await repository.content(commits[1]!));
      return { repository, policy: anyOf(commits[0]!, [alice]), denied: [["corrupt-object", odd]] };
    },
  },
  {
    name: "planted-introduction",
    group: "missing and broken",
    claim: "under the introduction's id the database answers with another signed commit's bytes",
    needs: [...BASE, "object-integrity"],
    tell: async (cast) => {
      const { alice, repository, commits } = await line(cast, 2);
      const [introduction] = commits as [CommitId];
      const other = await repository.commit({
        by: alice,
        branch: "other",
        parents: [],
        message: "another root\n",
      });
      repository.plant(introduction, "commit", await repository.content(other));
      return { repository, policy: anyOf(introduction, [alice]), denied: [["corrupt-object", introduction]] };
    },
  },
  {
    name: "planted-tree",
    group: "missing and broken",
    claim:
      "a packager's commit changes a file it may not, and the database answers with the tree from before",
    needs: [...BASE, "paths", "object-integrity"],
    tell: plantedTree,
  },
  {
    name: "planted-blob",
    group: "missing and broken",
    claim: "a merger's own change is hidden by planting it in a file that the merge is compared with",
    needs: [...BASE, "paths", "merge-content", "object-integrity"],
    tell: plantedBlob,
  },
];

async function plantedTree(cast: Cast): Promise<Told> {
  const [alice, bob] = await cast.people("alice", "bob");
  const { repository, introduction } = await cast.begin([alice, bob], { files: { "pkgs/a.nix": "a\n" } });
  const before = await repository.commit({ by: alice, files: { "lib.nix": "lib\n" }, message: "before\n" });
  const odd = await repository.commit({ by: bob, files: { "lib.nix": "evil\n" }, message: "odd\n" });
  const [tree, clean] = await Promise.all(
    [odd, before].map((id) => repository.git("rev-parse", `${id}^{tree}`)),
  );
  const content = execFileSync("git", ["-C", repository.dir, "cat-file", "tree", clean!], { env: gitEnv() });
  repository.plant(tree as CommitId, "tree", content);
  return { repository, policy: pathRules(introduction, alice, bob), denied: [["corrupt-object", odd]] };
}

async function plantedBlob(cast: Cast): Promise<Told> {
  const [alice, bob] = await cast.people("alice", "bob");
  const text = (a: string, b: string) => [a, "2", "3", "4", "5", "6", b, ""].join("\n");
  const { repository, introduction } = await cast.begin([alice, bob], {
    files: { "a.nix": text("1", "7"), "pkgs/b.nix": "b\n" },
  });
  const ours = await repository.commit({
    by: alice,
    files: { "a.nix": text("ours", "7") },
    message: "ours\n",
  });
  const theirs = await repository.commit({
    by: alice,
    branch: "side",
    parents: [introduction],
    files: { "a.nix": text("1", "fix") },
    message: "theirs\n",
  });
  const merge = await repository.merge({
    by: bob,
    parents: [ours, theirs],
    files: { "a.nix": text("ours", "evil") },
    message: "merge\n",
  });
  repository.plant(repository.blob(theirs, "a.nix"), "blob", Buffer.from(text("1", "evil")));
  return { repository, policy: pathRules(introduction, alice, bob), denied: [["corrupt-object", merge]] };
}

/** A stranger's commit lies in the middle, and the repository says that it does not. */
function lying(
  name: string,
  claim: string,
  lie: (told: Infiltrated) => Promise<void>,
  code = "unknown-key",
): HistoryCase {
  return {
    name,
    group: "a repository that lies",
    claim,
    needs: [...BASE, "object-integrity"],
    tell: async (cast) => {
      const { alice, mallory, repository, commits } = await line(cast, 2);
      const odd = await repository.commit({ by: mallory, files: { "a.nix": "evil\n" }, message: "odd\n" });
      const tip = await repository.commit({ by: alice, files: { "b.nix": "1\n" }, message: "on top\n" });
      await lie({ alice, repository, commits, odd, tip });
      return { repository, tip, policy: anyOf(commits[0]!, [alice]), denied: [[code, odd]] };
    },
  };
}

interface Infiltrated {
  readonly alice: Person;
  readonly repository: WorldRepository;
  readonly commits: readonly CommitId[];
  readonly odd: CommitId;
  readonly tip: CommitId;
}

function put(repository: WorldRepository, path: string, text: string): void {
  mkdirSync(dirname(join(repository.dir, path)), { recursive: true });
  writeFileSync(join(repository.dir, path), text);
}

const LIES: readonly HistoryCase[] = [
  lying(
    "replace-ref",
    "a replace ref has Git read a signed commit where a stranger's is",
    async ({ alice, repository, commits, odd }) => {
      const instead = await repository.commit({
        by: alice,
        branch: "clean",
        parents: [commits[1]!],
        message: "instead\n",
      });
      repository.ref(`refs/replace/${odd}`, instead);
    },
  ),
  lying("grafts", "a graft tells Git that the tip has another parent", async ({ repository, commits, tip }) =>
    put(repository, "info/grafts", `${tip} ${commits[1]}\n`),
  ),
  lying(
    "shallow-file",
    "a shallow file tells Git that the history begins at the tip",
    async ({ repository, tip }) => put(repository, "shallow", `${tip}\n`),
  ),
  lying(
    "alternates",
    "objects are borrowed from another database, which answers with other bytes",
    async ({ repository, commits, odd }) => {
      const bytes = await repository.content(commits[1]!);
      rmSync(repository.objectFile(odd));
      const other = repository.objectFile(odd).replace("/objects/", "/lent/");
      repository.plant(odd, "commit", bytes);
      mkdirSync(dirname(other), { recursive: true });
      execFileSync("mv", [repository.objectFile(odd), other]);
      put(repository, "objects/info/alternates", "../lent\n");
    },
    "corrupt-object",
  ),
];

export const SHAPE_CASES: readonly HistoryCase[] = [...BEGINNINGS, ...BROKEN, ...LIES];
