/**
 * People. Who had a part in a change is told by addresses, and does not read it. Bob writes himself into a change in a
 * way that he hopes is not read, and then reads it. What must hold: an address of the rules that could never match is a
 * defect; and everybody whom Git or a person would take for an author is one.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { expect } from "vitest";
import { policyFiles } from "../src/world-policy.ts";
import type { CommitSpec } from "../src/world-repository.ts";
import { publish, reviewOf } from "../src/world-statements.ts";
import type { Attack, Control, GitTheme } from "./attack.ts";
import { HistoryWorld } from "./history-world.ts";

const NO_ADDRESS = "An address that no commit can have is a defect of the rules, and has its place told.";
const TRAILER = "Trailers are read as git interpret-trailers reads them, and more widely where people would.";
const HEADER = "Everybody whose address stands in a header had a part.";

/** Code and place of each defect on alice's address. */
async function emailDefects(world: HistoryWorld, email: string) {
  const files = await policyFiles({ people: [world.alice] });
  const text = Buffer.from(files.get("firstmile.toml")!).toString();
  const changed = text.replace(
    "[principal.alice]\n",
    `[principal.alice]\nemail = ${JSON.stringify(email)}\n`,
  );
  const loaded = loadPolicy(new Map([...files, ["firstmile.toml", Buffer.from(changed)]]));
  const at = changed.split("\n").findIndex((line) => line.startsWith("email = ")) + 1;
  return loaded.ok ? [] : loaded.defects.map(({ code, line, column }) => [code, line - at, column > 1]);
}

function address(number: number, name: string, ...emails: readonly string[]): Attack<HistoryWorld> {
  return {
    number,
    name: `an address that matches no commit: ${name}`,
    by: "a person who writes rules, in error or not",
    held: NO_ADDRESS,
    guard: "trust/policy/principals.ts",
    async run(world) {
      for (const email of emails) {
        const [first] = await emailDefects(world, email);
        expect([email, first]).toEqual([email, ["bad-value", 0, true]]);
      }
    },
  };
}

/** Alice's commit as this says, which bob reads. */
async function readByBob(world: HistoryWorld, more: Partial<CommitSpec>) {
  const repository = await world.repository();
  const introduction = await repository.commit({ by: world.alice, files: { a: "1\n" } });
  const commit = await repository.commit({ by: world.alice, files: { a: "2\n" }, ...more });
  await publish(repository, await reviewOf(repository, introduction, commit), world.bob);
  return { repository, policy: world.reviewed(introduction), commit };
}

function hidden(number: number, name: string, message: string, held = TRAILER): Attack<HistoryWorld> {
  return {
    number,
    name: `a co-author who reads the change: ${name}`,
    held,
    async run(world) {
      const { commit, ...question } = await readByBob(world, { message });
      await world.denied(question, /^not-reviewed$/, commit);
    },
  };
}

/** A header line of the commit in place of the one that names people, signed as it is. */
function headerIs(number: number, name: string, author: string, committer: string): Attack<HistoryWorld> {
  return {
    number,
    name: `an author who reads the change: ${name}`,
    held: HEADER,
    async run(world) {
      const { alice, bob } = world;
      const repository = await world.repository();
      const introduction = await repository.commit({ by: alice, files: { a: "1\n" } });
      const next = await repository.commit({ by: alice, files: { a: "2\n" }, branch: "scratch" });
      const tree = await repository.git("rev-parse", `${next}^{tree}`);
      const head = `tree ${tree}\nparent ${introduction}\nauthor ${author} 1740000000 +0000\ncommitter ${committer} 1740000000 +0000\n`;
      const signature = repository.signatureHeader(await alice.sign(Buffer.from(`${head}\nm\n`)));
      const commit: CommitId = repository.raw(`${head}${signature}\n\nm\n`);
      await publish(repository, await reviewOf(repository, introduction, commit), bob);
      await world.denied(
        { repository, policy: world.reviewed(introduction) },
        /^(?:not-reviewed|corrupt-object)$/,
        commit,
      );
    },
  };
}

const ALICE = "alice <alice@example.org>";

const attacks: readonly Attack<HistoryWorld>[] = [
  address(
    270,
    "with the name",
    "Alice <alice@example.org>",
    "<alice@example.org>",
    "alice@example.org (Alice)",
  ),
  address(
    271,
    "with spaces around it or in it",
    " alice@example.org",
    "alice@example.org ",
    "alice @example.org",
    "alice@example.org\t",
  ),
  address(
    272,
    "as a URL, or two in one",
    "mailto:alice@example.org",
    "alice@example.org,alice@home.example",
    "alice@example.org;b@example.org",
  ),
  address(
    273,
    "with a line break or something unseen",
    "alice@example.org\n",
    "alice\u200b@example.org",
    "alice@example.org\u00a0",
  ),
  address(
    274,
    "without an at sign, with two, or with nothing beside it",
    "alice",
    "alice@@example.org",
    "@example.org",
    "alice@",
    "",
  ),
  hidden(275, "a folded trailer", "m\n\nCo-authored-by: Bob\n <bob@example.org>\n"),
  hidden(276, "a trailer folded by a tab, twice", "m\n\nCo-authored-by:\n\tBob\n\t<bob@example.org>\n"),
  hidden(277, "an address without angle brackets", "m\n\nCo-authored-by: bob@example.org\n"),
  hidden(
    278,
    "an address behind a name without angle brackets",
    "m\n\nCo-authored-by: Bob bob@example.org\n",
  ),
  hidden(
    279,
    "white space before the colon, and other case",
    "m\n\nCO-AUTHORED-BY \t: Bob <BOB@Example.org>\n",
  ),
  hidden(280, "carriage returns at the ends of lines", "m\r\n\r\nCo-authored-by: Bob <bob@example.org>\r\n"),
  hidden(281, "folded behind a carriage return", "m\r\n\r\nCo-authored-by: Bob\r\n <bob@example.org>\r\n"),
  hidden(
    282,
    "two co-authors in one trailer",
    "m\n\nCo-authored-by: Eve <eve@example.org>, Bob <bob@example.org>\n",
  ),
  hidden(
    283,
    "a trailer behind a divider and a patch",
    "m\n\n---\n a | 1 +\n\nCo-authored-by: Bob <bob@example.org>\n",
  ),
  hidden(
    284,
    "a trailer in a paragraph with other text",
    "m\n\nSome text\nCo-authored-by: Bob <bob@example.org>\nSigned-off-by: Alice <alice@example.org>\n",
  ),
  headerIs(285, "two addresses in one header", "Eve <bob@example.org> <eve@example.org>", ALICE),
  headerIs(286, "an address in other case, as the committer", ALICE, "Bob <BOB@EXAMPLE.ORG>"),
  headerIs(287, "white space within the angle brackets", "Bob < bob@example.org >", ALICE),
  {
    number: 288,
    name: "the reader is the committer of what alice wrote and signed",
    held: "A committer had a part: a reading by them does not count.",
    async run(world) {
      const { commit, ...question } = await readByBob(world, { author: "alice", committer: "bob" });
      await world.denied(question, /^not-reviewed$/, commit);
    },
  },
  {
    number: 289,
    name: "one address for two people, in other case",
    by: "a person who writes rules, in error or not",
    held: "Two people do not share an address: the rules do not load.",
    guard: "trust/policy/principals.ts",
    async run(world) {
      const files = await policyFiles({ people: [world.alice, world.bob], emails: true });
      const text = Buffer.from(files.get("firstmile.toml")!)
        .toString()
        .replace('"bob@example.org"', '"ALICE@example.ORG"');
      const loaded = loadPolicy(new Map([...files, ["firstmile.toml", Buffer.from(text)]]));
      expect(loaded.ok ? [] : loaded.defects.map(({ code }) => code)).toEqual(["duplicate-email"]);
    },
  },
];

const controls: readonly Control<HistoryWorld>[] = [
  {
    name: "bob reads what others wrote, and what only mentions him",
    async run(world) {
      for (const message of [
        "m\n",
        "m\n\nCo-authored-by: Carol <carol@example.org>\n",
        "m\n\nThanks to bob@example.org!\nReported-by: Bob <bob@example.org>\n",
      ]) {
        await world.allowed(await readByBob(world, { message }));
      }
    },
  },
  {
    name: "usual addresses load, with plus signs, dots, and letters of any script",
    async run(world) {
      for (const email of [
        "alice@example.org",
        "a.l+ice_1@mail.example.co.uk",
        "alice@localhost",
        "12+alice@users.noreply.github.com",
      ])
        expect([email, await emailDefects(world, email)]).toEqual([email, []]);
    },
  },
];

export const peopleAndTrailers: GitTheme<HistoryWorld> = {
  title: "People and trailers",
  by: "a person who had a part in a change, and reads it",
  guard: "trust/history/people.ts",
  needs: "git",
  open: HistoryWorld.open,
  controls,
  attacks,
};
