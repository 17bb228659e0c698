/**
 * Archives that mean two things. The attacker is an author whose key the rules trust, or who made them sign: the bytes
 * are validly signed; the person who hands them on looks at one tree, and Nix unpacks another. What must hold: such an archive
 * is not handed on at all.
 */
import { expect } from "vitest";
import { type Header, pax, tarOf } from "../../packages/local/test/archives/tar-maker.ts";
import { ArchiveWorld } from "./archive-world.ts";
import type { Attack, Theme } from "./attack.ts";

const DIR: Header = { name: "a/", type: "5", mode: "0000755\0" };
const FILE: Header = { name: "a/shown", content: "shown\n" };
/** An archive as the content of a file: a reader that takes the file for empty goes on in it. */
const HIDDEN = tarOf([{ name: "a/hidden", content: "hidden\n" }], Buffer.alloc(0));

interface Odd {
  readonly number: number;
  readonly name: string;
  readonly archives: readonly Buffer[];
}

const sized = (before: string) =>
  tarOf([
    DIR,
    {
      ...FILE,
      content: HIDDEN,
      size: Buffer.from(`${before}${HIDDEN.length.toString(8).padStart(10, "0")}\0`, "latin1"),
    },
  ]);
const named = (magic: string) => tarOf([DIR, { ...FILE, magic, prefix: "a/elsewhere" }]);
const moded = (mode: string) => tarOf([DIR, { ...FILE, mode }]);

const ODD: readonly Odd[] = [
  {
    number: 110,
    name: "a size behind a line feed, a tab, a form feed or a carriage return",
    archives: ["\n", "\v", "\f", "\r", "\t"].map(sized),
  },
  {
    number: 111,
    name: "a size behind a space that is none (0xA0), a sign or letters",
    archives: ["\xa0", "+", "-", "x"].map(sized),
  },
  {
    number: 112,
    name: "a mode behind such white space: a program to one, a text to the other",
    archives: ["\n000755\0", "\v000755\0", "\xa000755\0", "+000755\0"].map(moded),
  },
  {
    number: 113,
    name: "a magic that is nearly that of POSIX, with a prefix",
    archives: ["ustarX00", "ustar 00", "ustar\x0099", "USTAR\x0000"].map(named),
  },
  {
    number: 114,
    name: "one file twice, and a directory in place of a file",
    archives: [
      tarOf([DIR, FILE, { ...FILE, content: "other\n" }]),
      tarOf([DIR, FILE, { name: "a/shown/", type: "5" }]),
    ],
  },
  {
    number: 115,
    name: "a path said twice, by pax and by header, with a NUL in it",
    archives: [
      tarOf([DIR, pax({ path: "a/x" }), pax({ path: "a/y" }), FILE]),
      tarOf([DIR, pax({ path: "a/x\0y" }), FILE]),
    ],
  },
  {
    number: 116,
    name: "something behind the end: another archive",
    archives: [tarOf([DIR, FILE], Buffer.concat([Buffer.alloc(1024), HIDDEN, Buffer.alloc(1024)]))],
  },
  {
    number: 117,
    name: "names that climb out, links that lead out and a file below one",
    archives: [
      tarOf([DIR, { name: "a/../../up", content: "x" }]),
      tarOf([DIR, { name: "a/l", type: "2", link: "/etc" }, { name: "a/l/passwd", content: "x" }]),
      tarOf([DIR, { name: "/etc/passwd", content: "x" }]),
    ],
  },
];

/** Of the archives above, those that GNU tar and this machine's Nix read as two trees. */
async function readInTwoWays(world: ArchiveWorld): Promise<number[]> {
  const differ: number[] = [];
  for (const { number, archives } of ODD) {
    const pairs = await Promise.all(
      archives.map(async (archive, i) => [
        world.readByGnuTar(archive),
        await world.readByNix(`two-${number}-${i}-1.0.tar`, archive),
      ]),
    );
    if (pairs.some(([gnu, nix]) => gnu !== nix)) differ.push(number);
  }
  return differ;
}

const asAttack = ({ number, name, archives }: Odd): Attack<ArchiveWorld> => ({
  number,
  name: `a signed archive that two readers read differently: ${name}`,
  held: "One strict reader refuses what is not written in the one usual way.",
  async run(world) {
    for (const [i, archive] of archives.entries()) {
      const ended = await world.handOn(`odd-${number}-${i}-1.0.tar`, archive);
      expect({ i, code: ended.code, statements: ended.statements }).toEqual({ i, code: 1, statements: 0 });
      expect(ended.stdout + ended.stderr).toContain("archive-refused");
    }
  },
});

export const archives: Theme<ArchiveWorld> = {
  title: "Archives that mean two things",
  by: "an author, or a person who made the author sign",
  guard: "local/archives/tar.ts",
  open: (version) => ArchiveWorld.open(version),
  controls: [
    {
      name: "an archive of the usual kind is handed on, and Nix unpacks the same tree as GNU tar",
      async run(world) {
        const plain = tarOf([DIR, FILE]);
        const ended = await world.handOn("plain-1.0.tar", plain);
        expect([ended.code, ended.statements]).toEqual([0, 1]);
        expect(await world.readByNix("plain-1.0.tar", plain)).toBe(world.readByGnuTar(plain));
      },
    },
    {
      name: "Nix and GNU tar do read some of these as two trees",
      async run(world) {
        expect((await readInTwoWays(world)).length).toBeGreaterThan(2);
      },
    },
  ],
  attacks: ODD.map(asAttack),
};
