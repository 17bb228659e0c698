import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync, inflateSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { readVectors } from "../../../../testing/src/vectors.ts";
import { FormatError } from "../../src/bytes/error.ts";
import { hashObject, type ObjectHash, type ObjectKind } from "../../src/git/object-id.ts";
import { type PackObject, packIndexIds, storedZlib, writePack } from "../../src/git/pack.ts";

const hashBy = (algorithm: ObjectHash) => (bytes: Uint8Array) => createHash(algorithm).update(bytes).digest();

test.each(readVectors("pack").map((vector) => [vector.file, vector] as const))(
  "%s",
  (_, { header, blocks }) => {
    const objects = header
      .get("kinds")!
      .split(" ")
      .map((kind, i) => ({
        kind: kind as ObjectKind,
        content: blocks.get(`object-${i + 1}`)!,
      }));
    const hash = hashBy(header.get("hash") as ObjectHash);
    const pack = writePack(objects, { compress: storedZlib, hash });
    expect(Buffer.from(pack).toString("hex")).toBe(Buffer.from(blocks.get("pack")!).toString("hex"));
  },
);

test("storedZlib is what any zlib undoes, also where it takes several blocks", () => {
  const sizes = [0, 1, 3799, 3800, 3801, 65_534, 65_535, 65_536, 131_070, 200_000];
  for (const size of sizes) {
    const bytes = Buffer.alloc(size, 0xff);
    expect([size, inflateSync(storedZlib(bytes)).equals(bytes)]).toEqual([size, true]);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 9000 }), (bytes) => {
      expect(Buffer.compare(inflateSync(storedZlib(bytes)), bytes)).toBe(0);
    }),
    { numRuns: 200, seed: 6 },
  );
});

describe.each(["sha1", "sha256"] as const)("git index-pack, %s", (algorithm) => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "firstmile-pack-"));
    execFileSync("git", ["init", "--quiet", "--bare", `--object-format=${algorithm}`, dir]);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const taken = (pack: Uint8Array): string => {
    const args = ["-C", dir, "index-pack", "--stdin"];
    return execFileSync("git", args, { input: pack, stdio: "pipe" }).toString().trim().split("\t")[1]!;
  };

  test.each([
    ["stored", storedZlib],
    ["deflated", deflateSync],
  ])("takes in what is written, %s, and indexes the ids that we give", (_, compress) => {
    const contents = fc.uniqueArray(fc.uint8Array({ maxLength: 5000 }), {
      minLength: 1,
      maxLength: 30,
      selector: (bytes) => Buffer.from(bytes).toString("hex"),
    });
    fc.assert(
      fc.property(contents, (all) => {
        const objects: PackObject[] = all.map((content) => ({ kind: "blob", content }));
        const name = taken(writePack(objects, { compress, hash: hashBy(algorithm) }));
        const index = readFileSync(join(dir, "objects/pack", `pack-${name}.idx`));
        const ids = all.map((content) => hashObject("blob", content, algorithm)).sort();
        expect(Buffer.from(packIndexIds(index, algorithm)).toString("hex")).toBe(ids.join(""));
      }),
      { numRuns: 12, seed: 7 },
    );
  });

  test("refuses it where one bit is another", () => {
    const pack = Buffer.from(
      writePack([{ kind: "blob", content: Buffer.from("one") }], {
        compress: storedZlib,
        hash: hashBy(algorithm),
      }),
    );
    for (let at = 0; at < pack.length; at += 3) {
      const changed = Buffer.from(pack);
      changed[at]! ^= 1;
      expect(() => taken(changed), `byte ${at}`).toThrow();
    }
  });
});

describe("an index", () => {
  const index = (count: number, ids: Uint8Array) => {
    const head = Buffer.alloc(8 + 1024);
    head.writeUInt32BE(0xff744f63, 0);
    head.writeUInt32BE(2, 4);
    head.writeUInt32BE(count, 8 + 1020);
    return Buffer.concat([head, ids]);
  };

  test("gives as many ids as it says", () => {
    expect(packIndexIds(index(2, Buffer.alloc(50, 1)), "sha1")).toHaveLength(40);
    expect(packIndexIds(index(1, Buffer.alloc(50, 1)), "sha256")).toHaveLength(32);
  });

  test.each([
    ["an old one", index(0, Buffer.alloc(0)).fill(0, 0, 8)],
    ["one cut short", index(3, Buffer.alloc(59))],
    ["none", Buffer.alloc(0)],
  ])("refuses %s", (_, bytes) => {
    expect(() => packIndexIds(bytes, "sha1")).toThrow(FormatError);
  });

  test("no bytes crash its reader", () => {
    fuzz("packIndexIds", [index(2, Buffer.alloc(60))], (bytes) => packIndexIds(bytes, "sha1"));
  });
});
