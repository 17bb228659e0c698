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
const GNU = "ustar  \0";
const LONG: Header = { name: "././@LongLink", type: "L", magic: GNU, content: "a/long\0" };

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
    ["one file twice, spelt in two ways", [DIR, FILE, { name: "./a//f", content: "g" }], /twice/],
    [
      "a file and a directory of one name",
      [DIR, FILE, { name: "a/f/", type: "5" }],
      /below what is no directory/,
    ],
    ["a sparse file", [pax({ "GNU.sparse.major": "1" }), FILE], /GNU\.sparse/],
    ["GNU's old sparse file", [{ name: "a/f", type: "S" }], /of type/],
    ["an access control list", [pax({ "SCHILY.acl.access": "user::rw-" }), FILE], /SCHILY\.acl\.access/],
    [
      "one for what comes into a directory",
      [pax({ "SCHILY.acl.default": "user::rw-" }), FILE],
      /acl\.default/,
    ],
    ["one of NFS", [pax({ "SCHILY.acl.ace": "owner@:r:allow" }), FILE], /acl\.ace/],
    ["an owner over 32 bits", [pax({ uid: "4294967296" }), FILE], /uid is not well-formed/],
    ["names in another character set", [pax({ hdrcharset: "BINARY" }), FILE], /hdrcharset/],
    [
      "a path given twice in one header",
      [{ name: "p", type: "x", content: "10 path=a\n10 path=b\n" }, FILE],
      /twice/,
    ],
    ["a path given twice in two", [pax({ path: "a/g" }), pax({ path: "a/h" }), FILE], /two extended headers/],
    [
      "a path by pax and by GNU",
      [pax({ path: "a/g" }), { ...LONG, content: "a/h\0" }, FILE],
      /two extended headers/,
    ],
    ["a path for all that follows", [pax({ path: "a/g" }, "g"), FILE], /all that follows/],
    ["a size for all that follows", [pax({ size: "0" }, "g"), FILE], /all that follows/],
    ["a size that is none", [pax({ size: "-1" }), FILE], /size/],
    [
      "a pax header that lies about its length",
      [{ name: "p", type: "x", content: "99 path=a\n" }, FILE],
      /read/,
    ],
    ["a pax header at the end", [DIR, pax({ path: "a/g" })], /after an extended header/],
    ["a wrong checksum", [{ ...FILE, sum: "000000\0 " }], /checksum/],
    ["a directory with content", [{ ...DIR, content: "x" }], /with content/],
    ["a link with content", [{ name: "a/l", type: "2", link: "x", content: "x" }], /with content/],
    ["a file that ends in a slash", [{ name: "a/f/", content: "x" }], /slash/],
    ["a volume header", [{ name: "V", type: "V" }, FILE], /of type/],
  ])("%s", async (_, headers, text) => {
    expect(await problem(...headers)).toMatch(text);
  });

  const padded = (size: string) => Buffer.from(size, "latin1");
  test.each([
    ["a line feed in front", "\n0000000001"],
    ["a tab in front", "\t0000000001"],
    ["a vertical tab in front", "\v0000000001"],
    ["a form feed in front", "\f0000000001"],
    ["a carriage return in front", "\r0000000001"],
    ["a no-break space in front", "\xa00000000001"],
    ["a next line in front", "\x850000000001"],
    ["a NUL in front", "\x000000000001"],
    ["a plus in front", "+0000000001"],
    ["a minus in front", "-0000000001"],
    ["0x in front", "0x000000001"],
    ["a space in the middle", "00000 00001"],
    ["digits behind a NUL", "00001\x00000002"],
    ["a tab behind", "0000000001\t"],
    ["a letter behind", "0000000001x"],
    ["an 8", "00000000018"],
    ["nothing but spaces", "            "],
    ["nothing at all", ""],
    ["base 256", "\x80\0\0\0\0\0\0\0\0\0\0\x01"],
    ["base 256 below zero", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"],
    ["GNU's base 64", "+B"],
  ])("a size with %s", async (_, size) => {
    expect(await problem(DIR, { ...FILE, size: padded(size) })).toMatch(/not plain octal/);
  });

  test.each(["0000000001\0", "0000000001 ", "00000000001", " 1", "         1 \0", "1 \0 \0", "1"])(
    "but %j is the size 1 for everybody",
    async (size) => {
      expect(await problem(DIR, { ...FILE, size: padded(size) })).toBe("taken");
    },
  );

  test.each(["\n000755\0", "\xa0000755", "-000755\0", "0755\x00001"])("the mode %j", async (mode) => {
    expect(await problem(DIR, { ...FILE, mode })).toMatch(/not plain octal/);
  });

  test.each([
    "ustarX00",
    "ustar 00",
    "ustar\0\0\0",
    "ustar\x0001",
    "ustar\x000 ",
    "GNUtar \0",
    "USTAR\x0000",
    "ustar  0",
  ])("the magic %j", async (magic) => {
    expect(await problem({ ...FILE, magic, prefix: "p" })).toMatch(/the magic/);
  });

  test.each<[string, Header[], RegExp]>([
    [
      "a name with something behind its NUL",
      [DIR, { name: "a/f\0x", content: "f" }],
      /after the end of a name/,
    ],
    ["a prefix with something behind its NUL", [{ ...FILE, prefix: "p\0q" }], /after the end of a name/],
    ["a prefix in GNU's format", [{ ...FILE, magic: GNU, prefix: "p" }], /does not know/],
    ["a prefix in v7's format", [{ ...FILE, magic: "", prefix: "p" }], /does not know/],
    ["a prefix without a name", [{ name: "", prefix: "p", type: "5" }], /prefix without a name/],
    ["two formats", [DIR, { ...FILE, magic: GNU }], /mixes formats/],
    [
      "a pax header in GNU's format",
      [
        { ...pax({ path: "a/x" }), magic: GNU },
        { ...FILE, magic: GNU },
      ],
      /another format/,
    ],
    ["a long name in pax's format", [{ ...LONG, magic: "ustar\x0000" }, FILE], /another format/],
    [
      "a long name under another name",
      [
        { ...LONG, name: "L" },
        { ...FILE, magic: GNU },
      ],
      /another format/,
    ],
    [
      "a long name without an end",
      [
        { ...LONG, content: "a/long" },
        { ...FILE, magic: GNU },
      ],
      /does not end/,
    ],
    [
      "a long name with two ends",
      [
        { ...LONG, content: "a/l\0\0" },
        { ...FILE, magic: GNU },
      ],
      /does not end/,
    ],
    ["a long name in front of a pax header", [LONG, pax({ path: "a/x" }), FILE], /two extended headers/],
    ["a long name in v7's format", [DIR, { ...LONG, magic: "" }, FILE], /another format/],
    ["a long name twice", [LONG, LONG, { ...FILE, magic: GNU }], /two extended headers/],
    ["two pax headers", [pax({ mtime: "1" }), pax({ path: "a/x" }), FILE], /two extended headers/],
    ["an empty pax header", [{ name: "p", type: "x" }, FILE], /empty/],
    ["a pax size that is another", [pax({ size: "0" }), FILE], /two sizes/],
    ["a path that pax takes back", [pax({ path: "" }), FILE], /not well-formed/],
    ["a name that is not composed", [pax({ path: "a/e\u0301" }), FILE], /path is not well-formed/],
    [
      "a target that is not composed",
      [pax({ linkpath: "e\u0301" }), { name: "a/l", type: "2" }],
      /linkpath is not well-formed/,
    ],
    ["a file that its owner cannot read", [DIR, { ...FILE, mode: "0000200\0" }], /could not read/],
    ["a directory that its owner cannot enter", [{ ...DIR, mode: "0000600\0" }, FILE], /could not read/],
    [
      "a name over 2,048 bytes",
      [pax({ path: `${"a/".repeat(20) + "b/".repeat(10) + `${"c".repeat(250)}/`.repeat(8)}f` }), FILE],
      /too long/,
    ],
    ["a time that is none", [pax({ mtime: "1e3" }), FILE], /not well-formed/],
    ["a keyword that only some know", [pax({ "SCHILY.realsize": "1" }), FILE], /not every reader/],
    ["a keyword of nobody", [pax({ "VENDOR.x": "1" }), FILE], /not every reader/],
    ["a header for all, in the middle", [DIR, pax({ comment: "x" }, "g"), FILE], /not the first header/],
    [
      "a header for all, twice",
      [pax({ comment: "x" }, "g"), pax({ comment: "y" }, "g"), FILE],
      /not the first header/,
    ],
    ["a target for a file", [DIR, { ...FILE, link: "x" }], /target/],
    ["a target for a file, by pax", [DIR, pax({ linkpath: "x" }), FILE], /target/],
    ["a link that ends in a slash", [DIR, { name: "a/l/", type: "2", link: "x" }], /slash/],
    [
      "a link to a name with a slash",
      [DIR, FILE, { name: "a/h", type: "1", link: "a/f/" }],
      /ends in a slash/,
    ],
    ["a link to a name with a dot", [DIR, FILE, { name: "a/h", type: "1", link: "a/f/." }], /with a dot/],
    ["a file that ends in a dot", [DIR, { name: "a/f/.", content: "f" }], /with a dot/],
    [
      "a hard link of another mode",
      [DIR, FILE, { name: "a/h", type: "1", link: "a/f", mode: "0000755\0" }],
      /one of its names/,
    ],
    ["a first name that begins a filter", [{ name: "begin 644 a\n", content: "f" }], /control character/],
    ["a v7 archive that is a cabinet too", [{ name: "MSCF", type: "\0", magic: "" }], /another format/],
    ["a v7 archive that is searched for one", [{ name: "MZ/f", type: "\0", magic: "" }], /another format/],
    ["Git's own directory", [DIR, { name: "a/.git/config", content: "f" }], /Git's own/],
    ["Git's own directory in capitals", [DIR, { name: "a/.GiT", content: "f" }], /Git's own/],
    ["Git's own directory for Windows", [DIR, { name: "a/git~1", content: "f" }], /Git's own/],
    ["Git's own directory with a dot", [DIR, { name: "a/.git.", content: "f" }], /Git's own/],
    ["Git's own directory for HFS+", [DIR, { name: "a/.g\xe2\x80\x8cit", content: "f" }], /Git's own/],
  ])("%s", async (_, headers, text) => {
    expect(await problem(...headers)).toMatch(text);
  });

  test("GNU's long names in front of headers of POSIX, as Apache's commons-compress writes them, are read", async () => {
    expect(await problem(DIR, FILE, LONG, { name: "a/lo", content: "x" })).toBe("taken");
  });

  test("a v7 archive, whose directories are told by a slash, is read", async () => {
    const v7 = { magic: "", type: "\0" };
    expect(await problem({ ...v7, name: "a/" }, { ...v7, name: "a/f", content: "f" })).toBe("taken");
  });

  test("a name in a pax header that is not UTF-8", async () => {
    for (const name of ["a/\xff", "a/\xc0\xaf", "a/\xed\xa0\x80", "a/\xed\xa0\xbd\xed\xb8\x80", "a/\xc3"]) {
      const length = ` path=${name}\n`.length + 2;
      const content = Buffer.from(`${length} path=${name}\n`, "latin1");
      expect(await problem({ name: "pax", type: "x", content }, FILE)).toContain("path is not well-formed");
    }
    expect(await problem(pax({ path: "a/caf\u00e9" }), FILE)).toBe("taken");
  });

  test("bytes between a file and the next header", async () => {
    const archive = tarOf([DIR, FILE]);
    archive[1024 + 100] = 1;
    expect(await problemOf(archive)).toContain("between the end of a file");
  });

  test("one end block, or a part of one", async () => {
    for (const length of [0, 1, 511, 512, 513, 1023, 1025])
      expect(await problemOf(tarOf([DIR, FILE], Buffer.alloc(length))), `${length}`).toContain(
        "without its end",
      );
    for (const length of [1024, 1536, 10240])
      expect(await problemOf(tarOf([DIR, FILE], Buffer.alloc(length)))).toBe("taken");
  });

  test("something behind the end", async () => {
    const hidden = Buffer.concat([Buffer.alloc(512), tarOf([{ name: "a/g", content: "g" }])]);
    expect(await problemOf(tarOf([DIR, FILE], hidden))).toContain("after its end");
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
    expect(await problem(DIR, pax({ path: "a/x\0y" }), FILE)).toContain("path is not well-formed");
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

describe("one stream from the first byte to the last:", () => {
  const tar = tarOf([DIR, FILE]);
  const [head, tail] = [tar.subarray(0, 512), tar.subarray(512)];
  const byProgram = (program: string) => (bytes: Uint8Array) =>
    runOk(program, ["--compress", "--stdout"], { input: bytes });
  const packers: [string, (bytes: Uint8Array) => Promise<Buffer> | Buffer][] = [
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
    ["xz", byProgram("xz")],
    ["bzip2", byProgram("bzip2")],
  ];

  test.each(packers)("%s", async (name, pack) => {
    expect(await problemOf(await pack(tar))).toBe("taken");
    for (const behind of [
      Buffer.from("x"),
      Buffer.from("garbage"),
      Buffer.alloc(512),
      Buffer.from("BZh"),
      tar,
    ])
      expect(await problemOf(Buffer.concat([await pack(tar), behind]))).not.toBe("taken");
    const twice = Buffer.concat([await pack(head), await pack(tail)]);
    // pbzip2 writes releases so, and every reader joins the parts.
    if (name === "bzip2") expect(await problemOf(twice)).toBe("taken");
    else expect(await problemOf(twice)).not.toBe("taken");
    expect(await problemOf(await pack(await pack(tar)))).toContain("is no tar archive");
  });

  test("a gzip header of another time", async () => {
    const packed = gzipSync(tar);
    for (const flags of [2, 0x20, 0x40, 0x80]) {
      const odd = Buffer.from(packed);
      odd[3] = flags;
      expect(await problemOf(odd)).toContain("not every reader knows");
    }
    const named = Buffer.concat([
      packed.subarray(0, 3),
      Buffer.of(8),
      packed.subarray(4, 10),
      Buffer.from("a.tar\0"),
      packed.subarray(10),
    ]);
    expect(await problemOf(named)).toBe("taken");
    for (const at of [packed.length - 1, packed.length - 5]) {
      const wrong = Buffer.from(packed);
      wrong[at]! ^= 1;
      expect(await problemOf(wrong)).toContain("checksum or size");
    }
  });

  test("a zstd frame in front that is skipped", async () => {
    const skipped = Buffer.from("502a4d180400000000000000", "hex");
    expect(await problemOf(Buffer.concat([skipped, zstdCompressSync(tar)]))).not.toBe("taken");
    expect(await problemOf(Buffer.concat([zstdCompressSync(tar), skipped]))).toContain("one zstd frame");
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
    tarOf([LONG, { ...FILE, magic: GNU }]),
    tarOf([{ name: "a/", type: "\0", magic: "" }]),
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
