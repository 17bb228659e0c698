/**
 * Looking at unread code. The attacker can commit to a source that is judged by what is read of it: a
 * pull request is enough. Root or an ordinary user looks at it, as every reviewer does. What must hold: looking reads
 * nothing of the looker's machine, and leaves nothing of it in the store.
 */
import { expect } from "vitest";
import type { Ended } from "../src/nix-process.ts";
import type { Attack, Theme } from "./attack.ts";
import { ALL, type Unread, UnreadWorld } from "./unread-world.ts";

type Look = (world: UnreadWorld, attr: string) => Promise<Ended>;
interface Looking {
  readonly number: number;
  readonly name: string;
  readonly who: "root" | "user";
  readonly look: Look;
  readonly what: readonly Unread[];
}

const root =
  (...words: string[]): Look =>
  (world, attr) =>
    world.looksAsRoot(
      filled(words, attr),
      words.some((word) => word.startsWith(".#")) ? world.flake : undefined,
    );
const user =
  (...words: string[]): Look =>
  (world, attr) =>
    world.looksAsUser(filled(words, attr));

const LOOKS: readonly Looking[] = [
  {
    number: 38,
    name: "firstmile slice -A, by root",
    who: "root",
    look: root("slice", ".", "-A", "ATTR"),
    what: ALL,
  },
  {
    number: 39,
    name: "firstmile slice of a flake's input, by root",
    who: "root",
    look: root("slice", ".#ATTR"),
    what: ALL,
  },
  {
    number: 40,
    name: "firstmile review --list, by root",
    who: "root",
    look: root("review", "-A", "ATTR", "--list"),
    what: ["tree", "flake"],
  },
  {
    number: 41,
    name: "firstmile review --list of a flake's input, by root",
    who: "root",
    look: root("review", ".#ATTR", "--list"),
    what: ["tree", "flake", "made"],
  },
  {
    number: 42,
    name: "firstmile check of a pull request, by root",
    who: "root",
    look: root("check", "HEAD~1..HEAD", "-A", "ATTR"),
    what: ["tree", "flake"],
  },
  {
    number: 43,
    name: "firstmile coverage, by root",
    who: "root",
    look: root("coverage", ".", "-A", "ATTR"),
    what: ["tree", "flake"],
  },
  {
    number: 44,
    name: "firstmile handoff of an attribute's sources, by root",
    who: "root",
    look: root("handoff", "-A", "ATTR", "--yes"),
    what: ALL,
  },
  {
    number: 45,
    name: "firstmile adopt of another person's configuration, by root",
    who: "root",
    look: root("adopt", "-f", "default.nix", "-A", "ATTR", "--dir", "../adopted-ATTR"),
    what: ["tree", "flake"],
  },
  {
    number: 46,
    name: "firstmile slice -A, by an ordinary user",
    who: "user",
    look: user("slice", ".", "-A", "ATTR"),
    what: ["tree", "flake", "plain"],
  },
  {
    number: 47,
    name: "firstmile review --list, by an ordinary user",
    who: "user",
    look: user("review", "-A", "ATTR", "--list"),
    what: ["tree", "flake"],
  },
  {
    number: 48,
    name: "firstmile check of a pull request, by an ordinary user",
    who: "user",
    look: user("check", "HEAD~1..HEAD", "-A", "ATTR"),
    what: ["tree", "flake"],
  },
];

function filled(words: readonly string[], attr: string): string[] {
  return words.map((word) => word.replace("ATTR", attr));
}

async function looked(world: UnreadWorld, { who, look, what }: Looking): Promise<void> {
  for (const unread of what) {
    const known = await world.leaks(who);
    const { code, stdout, stderr } = await look(world, `${who}-${unread}`);
    const leaks = (await world.leaks(who, stdout, stderr)).filter((place) => !known.includes(place));
    expect({ unread, leaks }).toEqual({ unread, leaks: [] });
    // Not because nothing was evaluated: Nix itself says why it does not come to anything.
    expect(`${code} ${stdout}${stderr}`).toMatch(/outside-access|evaluation-failed|outside|cannot be read/);
  }
}

const asAttack = (one: Looking): Attack<UnreadWorld> => ({
  number: one.number,
  name: `unread code reads a file of the looker's: ${one.name}`,
  held: "The evaluation sees the source's tree alone; nothing of the file is anywhere.",
  run: (world) => looked(world, one),
});

/** What the same command says of an attribute that reads its own tree. */
const honest = ({ number, name, who, look }: Looking) => ({
  name: `${number}, ${name}: what reads its own tree is looked at`,
  async run(world: UnreadWorld) {
    const { stdout, stderr } = await look(world, "honest");
    expect(`${stdout}${stderr}`).not.toMatch(/outside-access|evaluation-failed/);
    if (number !== 44 && number !== 45) expect(`${stdout}${stderr}`).toMatch(/default\.nix|covered|words/);
    expect(await world.leaks(who)).toEqual([]);
  },
});

export const unreadCode: Theme<UnreadWorld> = {
  title: "Looking at unread code",
  by: "a person who can commit to an unsigned source",
  guard: "local/slicing, local/sealing",
  open: (version) => UnreadWorld.open(version),
  controls: LOOKS.map(honest),
  attacks: LOOKS.map(asAttack),
};
