/** Requests that no kernel sends in this order, or at all. */
import { mkdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GitTree } from "../../src/git/git-tree.ts";
import { neutralGit } from "../../src/git/neutral.ts";
import { GitObjects } from "../../src/git/objects.ts";
import { Blobs } from "../../src/view/blobs.ts";
import { BlockingGit } from "../../src/view/blocking-git.ts";
import { BulkBlobs } from "../../src/view/bulk-blobs.ts";
import { FileSystem } from "../../src/view/file-system.ts";
import { ReplyWriter } from "../../src/view/fuse-replies.ts";
import { OP } from "../../src/view/fuse-wire.ts";
import { InodeTable, ROOT } from "../../src/view/inode-table.ts";
import { OpenLog } from "../../src/view/open-log.ts";
import { requirePrograms } from "../../src/view/programs.ts";
import { Readers } from "../../src/view/readers.ts";
import { RecordWriter } from "../../src/view/record.ts";
import { enforce, ViewWorld } from "./view-world.ts";

const { EACCES, EINVAL, EIO, EISDIR, ENOTDIR, EPROTO, EROFS, ESTALE } = constants.errno;
const NONE = Buffer.alloc(0);
/** A longest target with more behind it, one with a NUL, and one that leads nowhere. */
const BAD_LINKS = [`${"./".repeat(2043)}evil.txt/../good.txt`, "good\0.txt", ""];

describe("the file system", () => {
  const world = new ViewWorld();
  const cleanup: (() => void)[] = [() => world[Symbol.dispose]()];
  let fileSystem: FileSystem;
  let table: InodeTable;
  const record = join(world.dir, "record");

  beforeAll(async () => {
    const view = world.tree("t", {
      "d/open": "open",
      shut: "shut",
      link: { mode: 0o120000, content: "d/open" },
      ...Object.fromEntries(BAD_LINKS.map((content, i) => [`bad${i}`, { mode: 0o120000, content }])),
    });
    const git = await neutralGit(view.repository);
    const objects = new GitObjects(git.env);
    table = new InodeTable([await GitTree.read(objects, view.tree)]);
    mkdirSync(join(world.dir, "fifos"));
    const options = { ...requirePrograms(), env: git.env, dir: join(world.dir, "fifos") };
    const child = new BlockingGit(options);
    const sources = [{ single: child, bulk: new BulkBlobs(options, []) }];
    cleanup.push(
      () => git.dispose(),
      () => objects[Symbol.dispose](),
      () => child[Symbol.dispose](),
    );
    for (let node = ROOT; node < table.length; node++)
      if (table.hasContent(node)) table.setSize(node, child.sizes([table.id(node)])[0]!);
    const rules = enforce({ "d/open": "any", link: "any", bad0: "any", bad1: "any", bad2: "any" });
    const log = new OpenLog(table, [rules], new Readers(), new RecordWriter(record));
    fileSystem = new FileSystem(table, new Blobs(table, sources), log, new ReplyWriter());
  });
  afterAll(() => {
    for (const step of cleanup.reverse()) step();
  });

  function ask(opcode: number, node: number, body = NONE): { errno: number; payload: Buffer } {
    const reply = fileSystem.answer({ opcode, uniqueLow: 1, uniqueHigh: 0, node, pid: 0, body })!;
    return { errno: Math.abs(reply.readInt32LE(4)), payload: Buffer.from(reply.subarray(16)) };
  }
  const find = (...names: string[]) =>
    names.reduce((node, name) => table.lookup(node, Buffer.from(name)), ROOT);
  const range = (offset: number, size: number) => {
    const body = Buffer.alloc(40);
    body.writeBigUInt64LE(BigInt(offset), 8);
    body.writeUInt32LE(size, 16);
    return body;
  };
  const OPEN = Buffer.alloc(8);

  test("gives no content of what was never opened", () => {
    expect(ask(OP.READ, find("00", "d", "open"), range(0, 99)).errno).toBe(EACCES);
    expect(ask(OP.READ, find("00", "shut"), range(0, 99)).errno).toBe(EACCES);
  });

  test("gives no content of what was refused, by no request", () => {
    const shut = find("00", "shut");
    expect(ask(OP.OPEN, shut, OPEN).errno).toBe(EACCES);
    expect(ask(OP.READ, shut, range(0, 99)).errno).toBe(EACCES);
    expect(ask(OP.READLINK, shut).errno).toBe(EINVAL);
    fc.assert(
      fc.property(fc.nat(60), fc.uint8Array({ maxLength: 64 }), (opcode, body) => {
        const reply = fileSystem.answer({
          opcode,
          uniqueLow: 1,
          uniqueHigh: 0,
          node: shut,
          pid: 0,
          body: Buffer.from(body),
        });
        expect(reply?.includes("shut") ?? false).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  test("gives what was opened, from anywhere in it", () => {
    const open = find("00", "d", "open");
    expect(ask(OP.OPEN, open, OPEN).errno).toBe(0);
    const read = (offset: number, size: number) => ask(OP.READ, open, range(offset, size)).payload.toString();
    expect([read(0, 99), read(1, 2), read(4, 1), read(2 ** 52, 2 ** 31)]).toEqual(["open", "pe", "", ""]);
    expect(ask(OP.READLINK, find("00", "link")).payload.toString()).toBe("d/open");
    expect(readFileSync(record, "latin1")).toMatch(/"path":"d\/open".*\n(.*\n)*.*"path":"link"/);
  });

  test("follows no link that the kernel would cut, and records it as broken", () => {
    for (const i of BAD_LINKS.keys()) expect(ask(OP.READLINK, find("00", `bad${i}`)).errno).toBe(EIO);
    const recorded = readFileSync(record, "latin1");
    expect(recorded.match(/its target (?:has 4,106 bytes|has a NUL byte|is empty)/g)).toHaveLength(3);
    expect(recorded).not.toMatch(/"path":"bad\d".*"sha256"/);
  });

  test("refuses whatever would write", () => {
    const writing = [
      OP.SETATTR,
      OP.MKDIR,
      OP.UNLINK,
      OP.RENAME2,
      OP.CREATE,
      OP.WRITE,
      OP.TMPFILE,
      OP.SETXATTR,
    ];
    for (const opcode of writing) expect(ask(opcode, find("00", "d")).errno).toBe(EROFS);
    const flags = Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]);
    expect(ask(OP.OPEN, find("00", "d", "open"), flags).errno).toBe(EROFS);
  });

  test("knows what can be done with what", () => {
    const [file, directory] = [find("00", "d", "open"), find("00", "d")];
    expect(ask(OP.LOOKUP, file, Buffer.from("x\0")).errno).toBe(ENOTDIR);
    expect(ask(OP.READDIR, file, range(0, 4096)).errno).toBe(ENOTDIR);
    expect(ask(OP.OPEN, directory, OPEN).errno).toBe(EISDIR);
    expect(ask(OP.READ, directory, range(0, 1)).errno).toBe(EINVAL);
    expect(ask(OP.READLINK, directory).errno).toBe(EINVAL);
    for (const node of [0, table.length, 0xffff_ffff]) expect(ask(OP.GETATTR, node).errno).toBe(ESTALE);
  });

  test("says that a name is not there, so that the kernel remembers it", () => {
    for (const name of ["nothing", "..", ".", "d/open", "\xff"]) {
      const { errno, payload } = ask(OP.LOOKUP, find("00"), Buffer.from(`${name}\0`, "latin1"));
      expect([errno, payload.readBigUInt64LE(0)]).toEqual([0, 0n]);
    }
  });

  test("lists from wherever a listing was left, in whatever room there is", () => {
    const root = find("00");
    const names: string[] = [];
    for (let offset = 0; ; ) {
      const { payload } = ask(OP.READDIR, root, range(offset, 40));
      if (payload.length === 0) break;
      offset = Number(payload.readBigUInt64LE(8));
      names.push(payload.toString("latin1", 24, 24 + payload.readUInt32LE(16)));
    }
    expect(names).toEqual([".", "..", "bad0", "bad1", "bad2", "d", "link", "shut"]);
    expect(ask(OP.READDIRPLUS, root, range(0, 10)).payload.length).toBe(0);
    expect(ask(OP.READDIR, root, range(2 ** 52, 4096)).payload.length).toBe(0);
  });

  test("refuses a kernel that speaks another protocol", () => {
    const init = (major: number, minor: number) => {
      const body = Buffer.alloc(64);
      body.writeUInt32LE(major, 0);
      body.writeUInt32LE(minor, 4);
      return ask(OP.INIT, 0, body).errno;
    };
    expect([init(6, 99), init(7, 22), init(8, 31), init(7, 31)]).toEqual([EPROTO, EPROTO, EPROTO, 0]);
  });

  test("answers any bytes with one reply or none", () => {
    fc.assert(
      fc.property(
        fc.nat(99),
        fc.nat(table.length + 2),
        fc.uint8Array({ maxLength: 99 }),
        (opcode, node, body) => {
          const request = { opcode, uniqueLow: 7, uniqueHigh: 9, node, pid: 0, body: Buffer.from(body) };
          const reply = fileSystem.answer(request);
          if (reply === undefined) return;
          expect(reply.readUInt32LE(0)).toBe(reply.length);
          expect([reply.readUInt32LE(8), reply.readUInt32LE(12)]).toEqual([7, 9]);
        },
      ),
      { numRuns: 3000 },
    );
  });
});
