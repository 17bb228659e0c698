/** Archives that would leave their directory, or their reader behind: one test an attack. */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { ArchiveRefused } from "@firstmile/local/archives/refused";
import { tarEntries } from "@firstmile/local/archives/tar";
import { TreeBuilder } from "@firstmile/local/archives/tree";
import { uncompress } from "@firstmile/local/archives/uncompress";
import { unpack } from "@firstmile/local/archives/unpack";
import { runOk } from "@firstmile/local/process/run";
import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { type Header, pax, tarOf } from "./tar-maker.ts";

const DIR: Header = { name: "a/", type: "5", mode: "0000755\0" };
const FILE: Header = { name: "a/f", content: "f" };

async function problemOf(archive: Uint8Array): Promise<string> {
  try {
    await unpack(archive);
    return "taken";
  } catch (error) {
    if (error instanceof ArchiveRefused) return error.message;
    throw error;
  }
}

const problem = (...headers: Header[]) => problemOf(tarOf(headers));

test("a plain one is taken", async () => {
  expect(await problem(DIR, FILE)).toBe("taken");
  expect(await problem(FILE)).toBe("taken");
});

describe("refused is an archive that leaves its directory", () => {
  test.each([
    ["by ..", { name: "a/../../f", content: "f" }],
    ["by .. in a pax header", undefined],
    ["by an absolute name", { name: "/etc/passwd", content: "f" }],
    ["by a directory that climbs", { name: "a/..", type: "5" }],
  ])("%s", async (_, header) => {
    const text = header ? await problem(DIR, header) : await problem(DIR, pax({ path: "../f" }), FILE);
    expect(text).toMatch(/climbs out|absolute/);
  });

  test("by a file below a link, whatever comes first", async () => {
    const link: Header = { name: "a/l", type: "2", link: "/etc" };
    expect(await problem(DIR, link, { name: "a/l/passwd", content: "f" })).toContain(
      "below what is no directory",
    );
    expect(await problem(DIR, { name: "a/l/passwd", content: "f" }, link)).toContain("twice");
  });

  test("by a hard link to what it does not hold", async () => {
    for (const link of ["/etc/passwd", "../x", "a/none", "a"]) {
      expect(await problem(DIR, FILE, { name: "a/h", type: "1", link }), link).toMatch(
        /hard link|climbs out|absolute/,
      );
    }
    expect(await problem(DIR, FILE, { name: "a/h", type: "1", link: "a/f" })).toBe("taken");
  });
});

describe("refused is an archive that two readers read differently:", () => {
  test.each<[string, Header[], RegExp]>([
    ["one file twice", [DIR, FILE, { name: "a/f", content: "g" }], /twice/],
    ["one file twice, spelt in two ways", [DIR, FILE, { name: "a//./f", content: "g" }], /twice/],
    [
      "a file and a directory of one name",
      [DIR, FILE, { name: "a/f/", type: "5" }],
      /below what is no directory/,
    ],
    ["a sparse file", [pax({ "GNU.sparse.major": "1" }), FILE], /GNU\.sparse/],
    ["GNU's old sparse file", [{ name: "a/f", type: "S" }], /of type/],
    ["names in another character set", [pax({ hdrcharset: "BINARY" }), FILE], /hdrcharset/],
    [
      "a path given twice in one header",
      [{ name: "p", type: "x", content: "10 path=a\n10 path=b\n" }, FILE],
      /twice/,
    ],
    ["a path given twice in two", [pax({ path: "a/g" }), pax({ path: "a/h" }), FILE], /twice/],
    [
      "a path by pax and by GNU",
      [pax({ path: "a/g" }), { name: "L", type: "L", content: "a/h\0" }, FILE],
      /twice/,
    ],
    ["a path for all that follows", [pax({ path: "a/g" }, "g"), FILE], /all that follows/],
    ["a size for all that follows", [pax({ size: "0" }, "g"), FILE], /all that follows/],
    ["a size that is none", [pax({ size: "-1" }), FILE], /size/],
    [
      "a pax header that lies about its length",
      [{ name: "p", type: "x", content: "99 path=a\n" }, FILE],
      /read/,
    ],
    ["a pax header at the end", [DIR, pax({ path: "a/g" })], /behind an extended header/],
    ["a wrong checksum", [{ ...FILE, sum: "000000\0 " }], /checksum/],
    ["a directory with content", [{ ...DIR, content: "x" }], /with content/],
    ["a link with content", [{ name: "a/l", type: "2", link: "x", content: "x" }], /with content/],
    ["a file that ends in a slash", [{ name: "a/f/", content: "x" }], /slash/],
    ["a volume header", [{ name: "V", type: "V" }, FILE], /of type/],
  ])("%s", async (_, headers, text) => {
    expect(await problem(...headers)).toMatch(text);
  });

  test("something behind the end", async () => {
    const hidden = Buffer.concat([Buffer.alloc(512), tarOf([{ name: "a/g", content: "g" }])]);
    expect(await problemOf(tarOf([DIR, FILE], hidden))).toContain("behind its end");
  });

  test("no end, or an end inside a file", async () => {
    expect(await problemOf(tarOf([DIR, FILE], Buffer.alloc(0)))).toContain("without its end");
    expect(await problemOf(tarOf([DIR, { ...FILE, size: "00000077777\0" }]))).toContain("inside a file");
  });
});

describe("refused are", () => {
  test.each(["3", "4", "6"])("devices and pipes: type %s", async (type) => {
    expect(await problem(DIR, { name: "a/dev", type })).toContain("device or pipe");
  });

  test("names that no store holds", async () => {
    expect(await problem(DIR, pax({ path: `a/${"x".repeat(256)}` }), FILE)).toContain("over 255 bytes");
    expect(await problem(DIR, pax({ path: `a${"/x".repeat(70)}` }), FILE)).toContain("deep");
    expect(await problem(DIR, pax({ path: "a/x\0y" }), FILE)).toContain("NUL");
    expect(await problem(DIR, { name: "a/l", type: "2", link: "" })).toContain("links to no name");
  });

  test("archives of nothing, and of one file", async () => {
    expect(await problem()).toContain("it is empty");
    expect(await problem({ name: "f", content: "f" })).toContain("one file");
    expect(await problemOf(Buffer.from("PK\x03\x04 a zip"))).toContain("is no tar archive");
  });

  test("half a million entries", () => {
    const builder = new TreeBuilder();
    expect(() => {
      for (let i = 0; i <= 500_000; i++) builder.add({ kind: "directory", path: `a/${i % 3}` });
    }).toThrow(ArchiveRefused);
  });
});

describe("bombs end within their limit", () => {
  const zeros = Buffer.alloc(100 << 20);
  const expected = /decompresses to over/;

  test("of gzip", async () => {
    await expect(uncompress(gzipSync(zeros))).rejects.toThrow(expected);
  });
  test("of zstd", async () => {
    await expect(uncompress(zstdCompressSync(zeros))).rejects.toThrow(expected);
  });
  test.each(["xz", "bzip2"])("of %s", async (program) => {
    const bomb = await runOk(program, ["--compress", "--stdout", "-1"], { input: zeros });
    await expect(uncompress(bomb)).rejects.toThrow(expected);
  });
  test("and what is cut short is refused too", async () => {
    for (const compressed of [gzipSync("x".repeat(100)), zstdCompressSync("x".repeat(1000))])
      await expect(uncompress(compressed.subarray(0, -3))).rejects.toThrow(ArchiveRefused);
    const xz = await runOk("xz", ["--compress", "--stdout"], { input: "x".repeat(100) });
    await expect(uncompress(xz.subarray(0, -3))).rejects.toThrow(ArchiveRefused);
  });
});

test("fuzz", () => {
  const seeds = [
    tarOf([DIR, FILE, pax({ path: "a/long", mtime: "1" }), FILE]),
    tarOf([pax({ comment: "x" }, "g"), DIR]),
  ];
  const seen: unknown[] = [];
  fuzz("tar", seeds, (bytes) => {
    const builder = new TreeBuilder();
    try {
      for (const entry of tarEntries(Buffer.from(bytes))) builder.add(entry);
      seen.push(builder.whole());
    } catch (error) {
      if (!(error instanceof ArchiveRefused)) throw error;
    }
  });
  expect(seen.length).toBeGreaterThan(0);
});
