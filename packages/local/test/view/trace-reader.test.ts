/** What strace prints, and what it might. */
import type { ObjectId } from "@firstmile/formats/git/object-id";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TraceReader } from "../../src/view/trace-reader.ts";
import type { WrittenFile, WrittenTree } from "../../src/view/written-tree.ts";

const file = (mode = 0o100644, allowed = true): WrittenFile => ({
  mode,
  id: "1".repeat(40) as ObjectId,
  sha256: "2".repeat(64),
  allowed,
});
const TREES: readonly WrittenTree[] = [
  {
    at: "/v/tree",
    listings: new Map([
      ["", []],
      ["d", []],
    ]),
    files: new Map([
      ["a", file()],
      ["d/b", file()],
      ["d/run.sh", file(0o100755)],
      ["shut", file(0o100644, false)],
      ['odd >"\n\xe9', file()],
      ["link", file(0o120000)],
      ["shut-link", file(0o120000, false)],
    ]),
  },
  { at: "/v/tree/inner", files: new Map([["c", file()]]), listings: new Map([["", []]]) },
];

function read(...lines: string[]) {
  const reader = new TraceReader(TREES);
  for (const line of lines) reader.line(line);
  const { files, directories } = reader.record();
  const opened = files.filter(({ path }) => path !== "link").map(({ tree, path }) => `${tree} ${path}`);
  return { files, opened, directories: directories.map(({ tree, path }) => `${tree} ${path}`) };
}

describe("a trace", () => {
  test("tells of opened files by where they are, not by what was asked for", () => {
    const { opened } = read(
      '12  openat(AT_FDCWD</>, "some/link", O_RDONLY|O_CLOEXEC) = 3</v/tree/a>',
      '12  open("x", O_RDONLY) = 4</v/tree/d/b>',
      '12  openat2(5</v>, "x", {flags=O_RDONLY, resolve=0}, 24) = 4</v/tree/inner/c>',
      '12  openat(AT_FDCWD</>, "/etc/passwd", O_RDONLY) = 3</etc/passwd>',
      '12  openat(AT_FDCWD</>, "/v/treehouse/a", O_RDONLY) = 3</v/treehouse/a>',
      '12  openat(AT_FDCWD</v/tree>, "nothing", O_RDONLY) = -1 ENOENT (No such file or directory)',
    );
    expect(opened).toEqual(["0 a", "0 d/b", "1 c"]);
  });

  test("is read across interruptions, process by process", () => {
    const { opened } = read(
      '12  openat(AT_FDCWD</v/tree>, "a", O_RDONLY <unfinished ...>',
      '13  openat(AT_FDCWD</v/tree>, "shut", O_RDONLY <unfinished ...>',
      "12  <... openat resumed>)                = 3</v/tree/a>",
      "13  <... openat resumed>) = -1 EACCES (Permission denied)",
    );
    expect(opened).toEqual(["0 a", "0 shut"]);
  });

  test("names what was refused, from wherever it was asked for", () => {
    for (const args of [
      'AT_FDCWD</v/tree/d>, "../shut"',
      'AT_FDCWD</>, "/v//tree/./shut"',
      '7</v/tree>, "shut"',
    ]) {
      const { files } = read(`12  openat(${args}, O_RDONLY) = -1 EACCES (Permission denied)`);
      expect(files[0]).toMatchObject({ path: "shut", allowed: false, pid: 12 });
    }
  });

  test("has names in escapes", () => {
    const escaped = 'odd \\76\\"\\n\\351';
    expect(read(`12  openat(AT_FDCWD</>, "x", O_RDONLY) = 3</v/tree/${escaped}>`).opened).toEqual([
      '0 odd >"\n\xe9',
    ]);
  });

  test("tells who it was", () => {
    const { files } = read(
      '12  execve("/usr/bin/cat", ["cat", "a b", "d/b"...], 0x7ffe /* 39 vars */) = 0',
      '12  execve("/bin/no", ["no"], 0x7ffe /* 39 vars */) = -1 ENOENT (No such file or directory)',
      '12  openat(AT_FDCWD</v/tree>, "a", O_RDONLY) = 3</v/tree/a>',
    );
    expect(files[0]).toMatchObject({ pid: 12, process: "cat: cat a b d/b" });
  });

  test("counts programs of the tree as opened, all of that name where their directory is not told", () => {
    expect(read('12  execve("/v/tree/d/run.sh", ["x"], 0x1 /* 1 var */) = 0').opened).toEqual(["0 d/run.sh"]);
    expect(read('12  execve("./run.sh", ["x"], 0x1 /* 1 var */) = 0').opened).toEqual(["0 d/run.sh"]);
  });

  test("tells which directories were listed", () => {
    const { directories } = read(
      "12  getdents64(3</v/tree/d>, 0x55e8 /* 4 entries */, 32768) = 112",
      "12  getdents64(3</v/tree/d>, 0x55e8 /* 0 entries */, 32768) = 0",
      "12  getdents64(3</v/tree>, 0x55e8 /* 9 entries */, 32768) = 320",
      "12  getdents64(3</v>, 0x55e8 /* 9 entries */, 32768) = 320",
    );
    expect(directories).toEqual(["0 d", "0 "]);
  });

  test("does not tell of links, so those that could be followed count as followed", () => {
    expect(read().files.map(({ path, pid }) => [path, pid])).toEqual([["link", 0]]);
  });

  test("may hold anything at all", () => {
    const piece = fc.constantFrom(
      "12  ",
      "openat(",
      '"',
      "\\",
      "<",
      ">",
      " = 3<",
      "</v/tree/",
      "<... x resumed>",
      " <unfinished ...>",
      ")",
    );
    const line = fc
      .array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 12 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        expect(() => read(...lines)).not.toThrow();
      }),
      { numRuns: 2000 },
    );
  });
});
