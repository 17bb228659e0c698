/** FUSE messages as the kernel's header lays them out, and what is no message. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { direntBytes, MAX_PAYLOAD, ReplyWriter } from "../../src/view/fuse-replies.ts";
import {
  OP,
  REQUEST_HEADER_BYTES,
  type Request,
  readInit,
  readName,
  readOpenFlags,
  readRange,
  readRequest,
  WireError,
} from "../../src/view/fuse-wire.ts";

/** struct fuse_in_header: len, opcode, unique, nodeid, uid, gid, pid, total_extlen, padding. */
function message(opcode: number, node: bigint, body: Buffer, unique = 0x1122334455667788n): Buffer {
  const header = Buffer.alloc(REQUEST_HEADER_BYTES);
  header.writeUInt32LE(REQUEST_HEADER_BYTES + body.length, 0);
  header.writeUInt32LE(opcode, 4);
  header.writeBigUInt64LE(unique, 8);
  header.writeBigUInt64LE(node, 16);
  header.writeUInt32LE(1234, 32);
  return Buffer.concat([header, body]);
}

const read = (bytes: Buffer) => readRequest(bytes, bytes.length);
const REQUEST: Request = read(message(OP.GETATTR, 1n, Buffer.alloc(0)));

describe("requests", () => {
  test("are read field by field", () => {
    expect(read(message(OP.LOOKUP, 7n, Buffer.from("name\0")))).toEqual({
      opcode: 1,
      uniqueLow: 0x55667788,
      uniqueHigh: 0x11223344,
      node: 7,
      pid: 1234,
      body: Buffer.from("name\0"),
    });
  });

  test("name no inode where theirs has more than 32 bits", () => {
    expect(read(message(OP.GETATTR, 0x1_0000_0001n, Buffer.alloc(0))).node).toBe(0);
  });

  test("are refused where they are cut off, or longer than they say", () => {
    const whole = message(OP.LOOKUP, 1n, Buffer.from("name\0"));
    for (let length = 0; length < whole.length; length++)
      expect(() => readRequest(whole, length)).toThrow(WireError);
    expect(() => read(Buffer.concat([whole, Buffer.alloc(1)]))).toThrow(WireError);
  });

  test("have names that end, and nothing behind them", () => {
    expect(readName(Buffer.from("a/b\0"))).toEqual(Buffer.from("a/b"));
    for (const bad of ["", "\0", "name", "name\0\0", "na\0me\0", `${"n".repeat(256)}\0`])
      expect(() => readName(Buffer.from(bad))).toThrow(WireError);
  });

  test("have ranges of any size", () => {
    const body = Buffer.alloc(40);
    body.writeBigUInt64LE(0x1_2345_6789n, 8);
    body.writeUInt32LE(4096, 16);
    expect(readRange(body)).toEqual({ offset: 0x1_2345_6789, size: 4096 });
    body.writeBigUInt64LE(0xffff_ffff_ffff_ffffn, 8);
    expect(readRange(body).offset).toBe(Number.MAX_SAFE_INTEGER);
  });

  test("that are hostile are refused and nothing else", () => {
    const parsers = [read, readName, readRange, readOpenFlags, readInit];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(...parsers), (bytes, parse) => {
        try {
          parse(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("replies", () => {
  const file = { node: 5, size: 0x1_0000_0201, mode: 0o100444 };

  /** struct fuse_attr, 88 bytes. */
  function checkAttributes(bytes: Buffer): void {
    expect(bytes.length).toBe(88);
    expect(bytes.readBigUInt64LE(0)).toBe(5n);
    expect(bytes.readBigUInt64LE(8)).toBe(0x1_0000_0201n);
    expect(bytes.readBigUInt64LE(16)).toBe(0x80_0002n);
    expect([24, 32, 40].map((at) => bytes.readBigUInt64LE(at))).toEqual([1n, 1n, 1n]);
    expect(bytes.readUInt32LE(60)).toBe(0o100444);
    expect(bytes.readUInt32LE(64)).toBe(1);
    expect([68, 72].map((at) => bytes.readUInt32LE(at))).toEqual([0, 0]);
  }

  test("begin with their length, the error and the request's name", () => {
    const out = new ReplyWriter();
    expect(out.finish(REQUEST, 13).toString("hex")).toBe(`10000000${"f3ffffff"}8877665544332211`);
    expect(out.finish(REQUEST).toString("hex")).toBe(`10000000${"00000000"}8877665544332211`);
  });

  test("with an error have no payload, and what was written is not in the next one", () => {
    const out = new ReplyWriter();
    out.bytes(Buffer.from("secret"));
    expect(out.finish(REQUEST, 5).length).toBe(16);
    expect(out.finish(REQUEST).length).toBe(16);
  });

  test("hold entries and attributes", () => {
    const out = new ReplyWriter();
    out.entry(file);
    const entry = out.finish(REQUEST).subarray(16);
    expect(entry.length).toBe(128);
    expect([entry.readBigUInt64LE(0), entry.readBigUInt64LE(16)]).toEqual([5n, 1_000_000n]);
    checkAttributes(entry.subarray(40));
    out.attr(file);
    const attr = out.finish(REQUEST).subarray(16);
    expect(attr.length).toBe(104);
    checkAttributes(attr.subarray(16));
  });

  test("hold what is open, and a file system that is full", () => {
    const out = new ReplyWriter();
    out.opened();
    expect(out.finish(REQUEST).subarray(16).toString("hex")).toBe(`${"0".repeat(16)}0a00000000000000`);
    out.statfs(3);
    const statfs = out.finish(REQUEST).subarray(16);
    expect([statfs.length, statfs.readBigUInt64LE(8), statfs.readBigUInt64LE(24)]).toEqual([80, 0n, 3n]);
  });

  test("answer the introduction with no more than the kernel offers, and never without OPEN", () => {
    const NO_OPEN = 1 << 17;
    fc.assert(
      fc.property(fc.nat(0x7fffffff), fc.integer({ min: 23, max: 99 }), (flags, minor) => {
        const out = new ReplyWriter();
        const insists = out.init({ major: 7, minor, maxReadahead: 1 << 30, flags });
        const reply = out.finish(REQUEST).subarray(16);
        expect(reply.length).toBe(64);
        expect(reply.readUInt32LE(0)).toBe(7);
        expect(reply.readUInt32LE(4)).toBeLessThanOrEqual(minor);
        expect(reply.readUInt32LE(12) & ~flags).toBe(0);
        expect(reply.readUInt32LE(12) & NO_OPEN).toBe(0);
        expect(insists).toBe((flags & (1 << 24)) === 0);
      }),
    );
  });

  test("list names in as many bytes as they say, padded", () => {
    const name = fc.uint8Array({ minLength: 1, maxLength: 255 });
    fc.assert(
      fc.property(name, fc.boolean(), fc.nat(), (bytes, plus, next) => {
        const out = new ReplyWriter();
        out.dirent(bytes, next, file, plus);
        expect(out.payload).toBe(direntBytes(bytes.length, plus));
        const dirent = out.finish(REQUEST).subarray(16 + (plus ? 128 : 0));
        expect(dirent.length % 8).toBe(0);
        expect(dirent.readBigUInt64LE(0)).toBe(5n);
        expect(dirent.readBigUInt64LE(8)).toBe(BigInt(next));
        expect(dirent.readUInt32LE(16)).toBe(bytes.length);
        expect(dirent.readUInt32LE(20)).toBe(8);
        expect(dirent.subarray(24, 24 + bytes.length)).toEqual(Buffer.from(bytes));
        expect(dirent.subarray(24 + bytes.length).every((byte) => byte === 0)).toBe(true);
      }),
    );
  });

  test("hold as much as was promised to the kernel", () => {
    const out = new ReplyWriter();
    out.bytes(Buffer.alloc(MAX_PAYLOAD));
    expect(out.finish(REQUEST).length).toBe(16 + MAX_PAYLOAD);
  });
});
