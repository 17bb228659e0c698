/** Cases about changes that are taken back, and about merges that reviews of their branches do not cover. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { HistoryCase } from "./history-vector-case.ts";
import { type Ending, type Play, reviewCase, unread } from "./history-vector-cases-reviews.ts";
import { LINES, lines } from "./history-vector-fork.ts";
import { reviewOf, state } from "./history-vector-statements.ts";
import type { Changes } from "./world-repository.ts";

const FILE = "a.nix";

/** Alice approves what these paths become between two commits. */
function read({ repository, alice }: Play, from: CommitId, to: CommitId, ...paths: string[]): Promise<void> {
  return state(repository, reviewOf(repository, from, to, paths), [alice]);
}

/** Dan's commit; main goes on where no parent is told. */
function dan(play: Play, files: Changes, parent?: CommitId, branch?: string): Promise<CommitId> {
  const where = { ...(parent ? { parents: [parent] } : {}), ...(branch ? { branch } : {}) };
  return play.repository.commit({ by: play.dan, files, message: "a change\n", ...where });
}

async function fixed(play: Play): Promise<CommitId> {
  const fix = await dan(play, { [FILE]: "fixed\n" });
  await read(play, play.introduction, fix, FILE);
  return fix;
}

async function takenBack(play: Play): Promise<CommitId> {
  await fixed(play);
  return dan(play, { [FILE]: "0\n" });
}

const RETURNS: readonly HistoryCase[] = [
  reviewCase("taken-back", "a change that was read is taken back by one person alone", async (play) =>
    unread(await takenBack(play)),
  ),
  reviewCase(
    "taken-back-free",
    "a change is taken back where the rules say that this needs no reader",
    async (play) => ({ tip: await takenBack(play) }),
    { reverts: "free" },
  ),
  reviewCase("taken-back-and-read", "a change is taken back, and somebody has read that", async (play) => {
    const fix = await fixed(play);
    const tip = await dan(play, { [FILE]: "0\n" });
    await read(play, fix, tip, FILE);
    return { tip };
  }),
  reviewCase(
    "taken-back-to-what-was-read",
    "a change is taken back to a version that somebody read when it first came",
    async (play) => {
      const first = await dan(play, { [FILE]: "1\n" });
      await read(play, play.introduction, first, FILE);
      const fix = await dan(play, { [FILE]: "fixed\n" });
      await read(play, first, fix, FILE);
      return unread(await dan(play, { [FILE]: "1\n" }));
    },
  ),
  reviewCase("taken-back-removal", "a file whose removal was read comes back as it was", async (play) => {
    const gone = await dan(play, { [FILE]: null });
    await read(play, play.introduction, gone, FILE);
    return unread(await dan(play, { [FILE]: "0\n" }));
  }),
  reviewCase(
    "taken-back-one-of-two",
    "one of two files that were changed together goes back",
    async (play) => {
      const both = await dan(play, { [FILE]: "fixed\n", "b.nix": "uses the fix\n" });
      await read(play, play.introduction, both, FILE, "b.nix");
      return unread(await dan(play, { [FILE]: "0\n" }));
    },
  ),
];

/** A rename on the line and an edit on a branch, each of which alice has read. */
async function renamed(play: Play): Promise<{ main: CommitId; tip: CommitId }> {
  const { repository, dan: by } = play;
  const start = await dan(play, { "old.nix": LINES });
  await read(play, play.introduction, start, "old.nix");
  const side = await dan(play, { "old.nix": lines({ one: "ONE" }) }, start, "side");
  await read(play, start, side, "old.nix");
  const main = await dan(play, { "old.nix": null, "new.nix": LINES }, start, "main");
  await read(play, start, main, "old.nix", "new.nix");
  const files = { "new.nix": lines({ one: "ONE" }), "old.nix": null };
  return { main, tip: await repository.merge({ by, parents: [main, side], files, message: "merge\n" }) };
}

/** `docs/q` becomes a new file that alice has read, and Git carries into it what became of docs/q meanwhile. */
async function exchanged(play: Play): Promise<CommitId> {
  const { repository, introduction, dan: by } = play;
  const seen = await dan(play, { "new.nix": LINES }, introduction, "seen");
  await read(play, introduction, seen, "new.nix");
  const start = await dan(play, { "docs/q": LINES }, introduction, "main");
  const main = await dan(play, { "docs/q": lines({ four: "evil" }) });
  const side = await dan(play, { "docs/q": null, "new.nix": LINES }, start, "side");
  const files = { "new.nix": lines({ four: "evil" }), "docs/q": null };
  return repository.merge({ by, parents: [main, side], files, message: "merge\n" });
}

/** Of three sides one has merged the line and was merged by it, so that nothing says what it brings. */
async function unknownSide(play: Play): Promise<CommitId> {
  const { repository, dan: by } = play;
  const start = await dan(play, { [FILE]: LINES });
  await read(play, play.introduction, start, FILE);
  const left = await dan(play, {}, start, "left");
  const right = await dan(play, {}, start, "right");
  const line = await repository.merge({ by, branch: "left", parents: [left, right], message: "left\n" });
  await repository.merge({ by, branch: "right", parents: [right, left], message: "right\n" });
  const evil = await dan(play, { [FILE]: lines({ one: "evil" }) }, undefined, "right");
  const good = await dan(play, { [FILE]: lines({ seven: "good" }) }, start, "good");
  await read(play, start, good, FILE);
  const files = { [FILE]: lines({ one: "evil", seven: "good" }) };
  return repository.merge({ by, branch: "left", parents: [line, evil, good], files, message: "merge\n" });
}

interface Detour {
  readonly before: CommitId;
  readonly off: CommitId;
  readonly tip: CommitId;
}

/**
 * A check is added off the line, and alice has read the merge that leaves it out. On top of it another one is removed,
 * which she has read as well. Merging that takes both away.
 */
async function detour(play: Play): Promise<Detour> {
  const { repository, dan: by } = play;
  const before = await dan(play, { [FILE]: lines({ one: "check" }) });
  await read(play, play.introduction, before, FILE);
  const off = await dan(play, { [FILE]: lines({ one: "check", seven: "check" }) }, before, "off");
  const side = await dan(play, { [FILE]: lines({ seven: "check" }) }, off, "off");
  await read(play, off, side, FILE);
  const line = await repository.merge({
    by,
    parents: [before, off],
    files: { [FILE]: lines({ one: "check" }) },
    message: "ours\n",
  });
  await read(play, off, line, FILE);
  const tip = await repository.merge({
    by,
    parents: [line, side],
    files: { [FILE]: LINES },
    message: "merge\n",
  });
  return { before, off, tip };
}

async function onlyTip(told: Promise<{ readonly tip: CommitId }>): Promise<Ending> {
  return unread((await told).tip);
}

const MERGED: readonly HistoryCase[] = [
  reviewCase(
    "of-both-sides-of-a-rename",
    "a rename and an edit were read each, and nobody has read what merging them gives",
    (play) => onlyTip(renamed(play)),
  ),
  reviewCase(
    "of-a-merge-with-a-rename",
    "somebody has read what merging a rename and an edit gives",
    async (play) => {
      const { main, tip } = await renamed(play);
      await read(play, main, tip, "new.nix");
      return { tip };
    },
  ),
  reviewCase(
    "exchanged-by-a-rename",
    "a new file was read, and a merge carries another content into it",
    async (play) => unread(await exchanged(play)),
    { docs: "unread" },
  ),
  reviewCase(
    "octopus-criss-cross",
    "a merge of three, one of which merged the line before, where only another one was read",
    async (play) => unread(await unknownSide(play)),
  ),
  reviewCase("base-off-the-line", "a branch was read from a version that the line never had", (play) =>
    onlyTip(detour(play)),
  ),
  reviewCase(
    "base-off-the-line-read",
    "a branch was read from a version that the line never had, and that was read itself",
    async (play) => {
      const { before, off, tip } = await detour(play);
      await read(play, before, off, FILE);
      return { tip };
    },
  ),
];

export const RETURN_CASES: readonly HistoryCase[] = [...RETURNS, ...MERGED];
