/**
 * Co-signatures, tags and notes. A commit may be vouched for from outside of it, and anybody can put notes and tags
 * beside it. What must hold: only what a person signed over this commit counts, no stranger's notes keep it from being
 * read, and a tag that a reader signs takes no reading away.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { state, tag } from "../src/history-vector-statements.ts";
import type { PolicySpec, WorldRepository } from "../src/world.ts";
import { cosignStatement, publish, reviewOf } from "../src/world-statements.ts";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { commitTree, HistoryWorld } from "./history-world.ts";

const HEARD =
  "What others put beside it is bounded by itself, and keeps no real co-signature from being read.";
const EXACT = "A co-signature is over this commit's id, in its own namespace, and by a key of the rules.";
/** 2058. */
const LATE = 2_777_000_000;

interface Told {
  readonly repository: WorldRepository;
  readonly policy: PolicySpec;
  /** Unsigned: it needs alice's or bob's word from outside. */
  readonly unsigned: CommitId;
  readonly signed: CommitId;
}

async function begin(world: HistoryWorld): Promise<Told> {
  const { alice, bob } = world;
  const repository = await world.repository();
  const introduction = await repository.commit({ by: alice, files: { a: "1\n" } });
  const signed = await repository.commit({ by: alice, files: { a: "2\n" } });
  const unsigned = await repository.commit({ files: { a: "3\n" } });
  return {
    repository,
    unsigned,
    signed,
    policy: { people: [alice, bob], sources: { pkgs: { introduction } } },
  };
}

/** A commit whose tree is one note, on a ref. */
async function noteRef(
  world: HistoryWorld,
  repository: WorldRepository,
  ref: string,
  commit: CommitId,
  note: string,
  at = LATE,
) {
  const entry = Buffer.concat([
    Buffer.from(`100644 ${commit}\0`),
    Buffer.from(repository.write("blob", Buffer.from(note)), "hex"),
  ]);
  const main = repository.tip();
  const id = await commitTree(repository, world.mallory, repository.write("tree", entry), [], {
    branch: "scratch",
    at,
  });
  repository.move("main", main);
  repository.ref(ref, id);
}

/** Strangers' words are beside bob's: he is heard. */
function crowded(
  number: number,
  name: string,
  crowd: (world: HistoryWorld, told: Told) => Promise<unknown>,
): Attack<HistoryWorld> {
  return {
    number,
    name: `a real co-signature crowded out: ${name}`,
    by: "a sender of notes, or a mirror",
    held: HEARD,
    guard: "local/git/notes.ts, local/git/signed-tags.ts",
    async run(world) {
      const told = await begin(world);
      await crowd(world, told);
      await world.allowed(told);
    },
  };
}

function worthless(
  number: number,
  name: string,
  tell: (world: HistoryWorld, told: Told) => Promise<unknown>,
): Attack<HistoryWorld> {
  return {
    number,
    name,
    held: EXACT,
    async run(world) {
      const told = await begin(world);
      await tell(world, told);
      await world.denied(told, /^(?:unsigned|not-in-role)$/, told.unsigned);
    },
  };
}

/** Base64 that decodes to some SSHSIG of mallory's, another one each time. */
async function junk(world: HistoryWorld, count: number, over: CommitId): Promise<string[]> {
  const real = await world.mallory.sign(Buffer.from(`${over}\n`), { namespace: "firstmile-cosign" });
  return Array.from({ length: count }, (_, i) =>
    Buffer.concat([Buffer.from(`${i} `), real]).toString("base64"),
  );
}

const attacks: readonly Attack<HistoryWorld>[] = [
  crowded(
    290,
    "by 40 histories of notes that say they are of 2058",
    async (world, { repository, unsigned }) => {
      await repository.cosign(unsigned, world.bob);
      for (let i = 0; i < 40; i++)
        await noteRef(world, repository, `refs/firstmile/notes/${i}`, unsigned, `${i}\n`, LATE + i);
    },
  ),
  crowded(291, "by 40 that sort before it", async (world, { repository, unsigned }) => {
    await repository.cosign(unsigned, world.bob);
    for (let i = 0; i < 40; i++)
      await noteRef(world, repository, `refs/notes/signatures-${i}/x`, unsigned, "0\n", 1);
    for (let i = 0; i < 40; i++)
      await noteRef(world, repository, `refs/firstmile/notes/00${i}`, unsigned, "0\n", 1);
  }),
  crowded(292, "by 80 lines of others in its own note", async (world, { repository, unsigned }) => {
    const real = await world.bob.sign(Buffer.from(`${unsigned}\n`), { namespace: "firstmile-cosign" });
    const lines = [...(await junk(world, 80, unsigned)), real.toString("base64")];
    await noteRef(world, repository, "refs/notes/signatures", unsigned, `${lines.join("\n")}\n`);
  }),
  crowded(
    293,
    "by 20 signed tags of strangers on the commit, which sort before it",
    async (world, { repository, unsigned }) => {
      for (let i = 10; i < 30; i++) await tag(repository, `a${i}`, unsigned, world.mallory);
      await tag(repository, "v1", unsigned, world.bob);
    },
  ),
  worthless(
    294,
    "a co-signature over another commit, in this one's note",
    async (world, { repository, unsigned, signed }) => {
      await repository.cosign(unsigned, world.bob, signed);
    },
  ),
  worthless(
    295,
    "a signature in Git's own namespace over the id",
    async (world, { repository, unsigned }) => {
      const asGit = {
        ...world.bob,
        sign: (message: Uint8Array) => world.bob.sign(message, { namespace: "git" }),
      };
      await repository.cosign(unsigned, asGit);
    },
  ),
  worthless(
    296,
    "bob's own commit's signature, as a line of the note",
    async (world, { repository, unsigned }) => {
      const other = await repository.commit({
        by: world.bob,
        branch: "other",
        parents: [unsigned],
        files: { b: "b\n" },
      });
      const text = (await repository.content(other)).toString("latin1");
      const armored = /gpgsig ([\s\S]*?-----END SSH SIGNATURE-----)/.exec(text)![1]!.replaceAll("\n ", "\n");
      await repository.cosign(unsigned, { ...world.bob, sign: async () => Buffer.from(armored) });
    },
  ),
  worthless(297, "a stranger's co-signature, tag and statement", async (world, { repository, unsigned }) => {
    await repository.cosign(unsigned, world.mallory);
    await tag(repository, "v1", unsigned, world.mallory);
    await publish(repository, cosignStatement(unsigned), world.mallory);
  }),
  worthless(
    298,
    "a signed tag of bob's on the commit before, given the name of a later one",
    async (world, { repository, signed }) => {
      await tag(repository, "v2", signed, world.bob);
      repository.ref("refs/tags/v3", await repository.git("rev-parse", "refs/tags/v2"));
    },
  ),
  worthless(
    299,
    "a tag whose object line was exchanged after bob signed it",
    async (world, { repository, signed, unsigned }) => {
      await tag(repository, "v1", signed, world.bob, (text) => text.replace(signed, unsigned));
    },
  ),
  worthless(300, "a signed tag of a tag of the commit", async (world, { repository, unsigned }) => {
    await tag(repository, "inner", unsigned, world.mallory);
    const inner = (await repository.git("rev-parse", "refs/tags/inner")) as CommitId;
    const text = `object ${inner}\ntype tag\ntag outer\ntagger bob <bob@example.org> 1735689600 +0000\n\nouter\n`;
    const made = Buffer.concat([Buffer.from(text), await world.bob.sign(Buffer.from(text))]);
    repository.ref("refs/tags/outer", repository.write("tag", made));
  }),
  worthless(
    301,
    "a cosign statement of bob's for another commit, changed to this one",
    async (world, { repository, signed, unsigned }) => {
      await state(repository, cosignStatement(signed), [world.bob], {
        tamper: (payload) => payload.replace(signed, unsigned),
      });
    },
  ),
  worthless(
    302,
    "a cosign statement that names another tree's content",
    async (world, { repository, unsigned }) => {
      await publish(
        repository,
        cosignStatement(unsigned, `sha256-${Buffer.alloc(32, 1).toString("base64")}`),
        world.bob,
      );
    },
  ),
  {
    number: 303,
    name: "a co-signature, a tag and a cosign statement pass for a reading",
    by: "a person who can have another one sign a release",
    held: "To sign a commit is not to read a change: a reading is a review.",
    async run(world) {
      const repository = await world.repository();
      const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
      const commit = await repository.commit({ by: world.alice, files: { a: "2\n" } });
      await repository.cosign(commit, world.bob);
      await tag(repository, "v1", commit, world.bob);
      await publish(repository, cosignStatement(commit), world.bob);
      await world.denied({ repository, policy: world.reviewed(introduction) }, /^not-reviewed$/, commit);
    },
  },
  {
    number: 304,
    name: "a reader's own release tag undoes their reading, on fresh machines alone",
    by: "chance",
    held: "A tag that a rule did not need takes no reading away, before or after it was remembered.",
    async run(world) {
      const { repository, introduction, commit, policy } = await readThenTagged(world);
      const cacheDir = world.world.fresh("state");
      await world.allowed({ repository, policy, cacheDir });
      await tag(repository, "v1", commit, world.bob);
      await world.allowed({ repository, policy, cacheDir });
      await world.allowed({ repository, policy });
      await tag(repository, "v0", introduction, world.bob);
      await world.allowed({ repository, policy });
    },
  },
];

async function readThenTagged(world: HistoryWorld) {
  const repository = await world.repository();
  const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
  const commit = await repository.commit({ by: world.alice, files: { a: "2\n" } });
  await publish(repository, await reviewOf(repository, introduction, commit), world.bob);
  return { repository, introduction, commit, policy: world.reviewed(introduction) };
}

const controls: readonly Control<HistoryWorld>[] = [
  {
    name: "a note, a signed tag and a cosign statement of bob's each vouch for the commit",
    async run(world) {
      const ways = [
        (told: Told) => told.repository.cosign(told.unsigned, world.bob),
        (told: Told) => tag(told.repository, "v1", told.unsigned, world.bob),
        (told: Told) => publish(told.repository, cosignStatement(told.unsigned), world.bob),
      ];
      for (const way of ways) {
        const told = await begin(world);
        await world.denied(told, /^unsigned$/);
        await way(told);
        await world.allowed(told);
      }
    },
  },
];

export const cosignaturesTagsAndNotes: GitTheme<HistoryWorld> = {
  title: "Co-signatures, tags and notes",
  by: "a person who can put refs beside a history",
  guard: "trust/signature/cosignature.ts, local/evidence/cosignatures.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls,
  attacks,
};
