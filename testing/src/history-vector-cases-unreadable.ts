/** Cases about commits of which nothing says what they change: denied under every rule, unless the goodlist names them. */
import { rmSync } from "node:fs";
import type { CommitId, ObjectId } from "@firstmile/formats/git/object-id";
import type { Notion } from "./history-vector.ts";
import type { Cast, HistoryCase } from "./history-vector-case.ts";
import type { Person, PolicySpec, WorldRepository } from "./world.ts";

const FORM: readonly Notion[] = ["openpgp", "paths", "object-form"];
const HOLES: readonly Notion[] = ["openpgp", "paths", "object-integrity"];
const START = { "a.nix": "1\n", "secure/k": "good\n" };
const EVIL = { "secure/k": "evil\n" };

interface Play {
  readonly repository: WorldRepository;
  readonly introduction: CommitId;
  readonly alice: Person;
  readonly bob: Person;
}

type Mode = "every-commit" | "first-parent" | "tip";

/** Alice writes everything, bob everything but what is below secure/. */
function rules({ introduction, alice, bob }: Play, mode: Mode, goodlist: readonly CommitId[]): PolicySpec {
  return {
    people: [alice, bob],
    roles: { owner: [alice], writer: [alice, bob] },
    sources: {
      pkgs: {
        introduction,
        authenticate: mode,
        signedBy: "owner",
        goodlist,
        rules: [
          { paths: ["**"], write: "writer" },
          { paths: ["/secure/"], write: "owner" },
        ],
      },
    },
  };
}

interface Unreadable {
  readonly name: string;
  readonly claim: string;
  readonly code: string;
  readonly needs?: readonly Notion[];
  readonly mode?: Mode;
  readonly good?: boolean;
  readonly tell: (play: Play) => Promise<CommitId>;
}

function unreadable({
  name,
  claim,
  code,
  tell,
  needs = FORM,
  mode = "every-commit",
  good,
}: Unreadable): HistoryCase {
  return {
    name: `unreadable-${name}`,
    group: "missing and broken",
    claim,
    needs: mode === "every-commit" ? needs : [...needs, mode],
    tell: async (cast: Cast) => {
      const [alice, bob] = await cast.people("alice", "bob");
      const { repository, introduction } = await cast.begin([alice, bob], { files: START });
      const play = { repository, introduction, alice, bob };
      const odd = await tell(play);
      return {
        repository,
        tip: odd,
        policy: rules(play, mode, good ? [odd] : []),
        denied: good ? [] : [[code, odd]],
      };
    },
  };
}

type Entry = readonly [mode: string, name: string, id: ObjectId];

function tree(repository: WorldRepository, entries: readonly Entry[]): ObjectId {
  const bytes = entries.map(([mode, name, id]) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]),
  );
  return repository.write("tree", Buffer.concat(bytes));
}

/** Bob's commit with a tree that changes secure/k, and is odd beside that. */
function oddTree(odd: (blob: ObjectId, secure: ObjectId) => readonly Entry[]) {
  return ({ repository, bob }: Play): Promise<CommitId> => {
    const blob = repository.write("blob", Buffer.from("evil\n"));
    const secure = tree(repository, [["100644", "k", blob]]);
    return repository.commit({ by: bob, tree: tree(repository, odd(blob, secure)), message: "odd\n" });
  };
}

const SPELT = oddTree((blob, secure) => [
  ["100644", "a.nix", blob],
  ["040000", "secure", secure],
]);

const MALFORMED: readonly HistoryCase[] = [
  unreadable({
    name: "directory-mode",
    claim: "a directory's mode is spelt with a zero in front, which two readers take in two ways",
    code: "corrupt-object",
    tell: SPELT,
  }),
  ...(["first-parent", "tip"] as const).map((mode) =>
    unreadable({
      name: `directory-mode-${mode}`,
      claim: "the same, where another set of commits is judged",
      code: "corrupt-object",
      mode,
      tell: SPELT,
    }),
  ),
  unreadable({
    name: "goodlisted",
    claim: "root accepts such a commit by its id",
    code: "",
    good: true,
    needs: [...FORM, "goodlist"],
    tell: SPELT,
  }),
  unreadable({
    name: "file-mode",
    claim: "a file's mode is one that Git does not write",
    code: "corrupt-object",
    tell: oddTree((blob, secure) => [
      ["100600", "a.nix", blob],
      ["40000", "secure", secure],
    ]),
  }),
  unreadable({
    name: "entry-twice",
    claim: "a tree has one name twice",
    code: "corrupt-object",
    tell: oddTree((blob, secure) => [
      ["100644", "a.nix", blob],
      ["100644", "a.nix", blob],
      ["40000", "secure", secure],
    ]),
  }),
  unreadable({
    name: "file-and-directory",
    claim: "a tree has a file and a directory of one name, in Git's order",
    code: "corrupt-object",
    tell: oddTree((blob, secure) => [
      ["100644", "secure", blob],
      ["100644", "secure.nix", blob],
      ["40000", "secure", secure],
    ]),
  }),
  unreadable({
    name: "order",
    claim: "a tree's names are out of order",
    code: "corrupt-object",
    tell: oddTree((blob, secure) => [
      ["40000", "secure", secure],
      ["100644", "a.nix", blob],
    ]),
  }),
  unreadable({
    name: "parent-directory",
    claim: "a tree has the name of its parent directory",
    code: "corrupt-object",
    tell: oddTree((blob, secure) => [
      ["100644", "..", blob],
      ["40000", "secure", secure],
    ]),
  }),
  unreadable({
    name: "git-directory",
    claim: "a tree has a name that file systems take for Git's own directory",
    code: "corrupt-object",
    tell: oddTree((blob, secure) => [
      ["100644", ".GIT", blob],
      ["40000", "secure", secure],
    ]),
  }),
  unreadable({
    name: "file-for-tree",
    claim: "a commit names a file in place of its tree",
    code: "corrupt-object",
    tell: ({ repository, bob }) =>
      repository.commit({
        by: bob,
        tree: repository.write("blob", Buffer.from("no tree\n")),
        message: "odd\n",
      }),
  }),
];

async function without({ repository, bob }: Play, path: string): Promise<CommitId> {
  const odd = await repository.commit({ by: bob, files: EVIL, message: "odd\n" });
  rmSync(repository.objectFile(await repository.git("rev-parse", `${odd}${path}`)));
  return odd;
}

const MISSING: readonly HistoryCase[] = [
  unreadable({
    name: "tree-missing",
    claim: "the tree of a commit is not there",
    code: "missing-object",
    needs: HOLES,
    tell: (play) => without(play, "^{tree}"),
  }),
  unreadable({
    name: "directory-missing",
    claim: "a directory that a commit changes is not there",
    code: "missing-object",
    needs: HOLES,
    tell: (play) => without(play, ":secure"),
  }),
  unreadable({
    name: "parent-tree-missing",
    claim: "the tree of a commit's parent is not there, as in a clone without trees",
    code: "missing-object",
    needs: HOLES,
    tell: async ({ repository, introduction, bob }) => {
      const odd = await repository.commit({ by: bob, files: EVIL, message: "odd\n" });
      rmSync(repository.objectFile(await repository.git("rev-parse", `${introduction}^{tree}`)));
      return odd;
    },
  }),
  unreadable({
    name: "many-parents",
    claim:
      "a merge has more parents than are looked at, all of them well-formed and by people who may write them",
    code: "too-many-parents",
    needs: ["openpgp", "paths", "merge-content"],
    tell: async ({ repository, introduction, bob }) => {
      const parents = [introduction];
      for (let i = 0; i < 100; i++)
        parents.push(
          await repository.commit({ by: bob, branch: "side", parents: [introduction], message: `${i}\n` }),
        );
      return repository.commit({ by: bob, parents, files: EVIL, message: "octopus\n" });
    },
  }),
];

export const UNREADABLE_CASES: readonly HistoryCase[] = [...MALFORMED, ...MISSING];
