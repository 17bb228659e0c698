import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { readVectors } from "../../../../testing/src/vectors.ts";
import { FormatError } from "../../src/bytes/error.ts";
import { encodeUtf8, latin1 } from "../../src/bytes/text.ts";
import { listedAs, MAX_LIST, parseChecksumList } from "../../src/checksums/list.ts";

const vectors = readVectors("checksums");

function says(list: Uint8Array, name: string): string {
  const listed = listedAs(parseChecksumList(list), name);
  return listed.map(({ algorithm, digest }) => `${algorithm} ${digest}\n`).join("");
}

function fieldOf(list: Uint8Array): string {
  try {
    says(list, "hello-1.0.tar");
    return "valid";
  } catch (error) {
    if (error instanceof FormatError) return error.field;
    throw error;
  }
}

describe("vectors", () => {
  test.each(vectors)("$file", ({ blocks, expect: claim }) => {
    const list = blocks.get("list")!;
    expect(fieldOf(list)).toBe(claim);
    if (claim === "valid") expect(says(list, "hello-1.0.tar")).toBe(latin1(blocks.get("hello-1.0.tar")!));
  });
});

test("whatever coreutils writes of plain names is read as it stands", () => {
  const dir = mkdtempSync(join(tmpdir(), "firstmile-list-"));
  const name = fc.stringMatching(/^[ -.0-~]{1,20}$/).filter((text) => !/^(?:\.{1,2}|-)$|\\/.test(text));
  try {
    fc.assert(
      fc.property(name, fc.constantFrom("sha256sum", "sha512sum"), fc.boolean(), (file, program, tag) => {
        writeFileSync(join(dir, file), "content");
        const args = [...(tag ? ["--tag"] : []), "--", file];
        const list = execFileSync(program, args, { cwd: dir });
        const plain = latin1(execFileSync(program, ["-"], { cwd: dir, input: "content" })).split(" ")[0];
        expect(parseChecksumList(list)).toEqual([
          { name: file, algorithm: program.slice(0, 6), digest: plain },
        ]);
      }),
      { numRuns: 30 },
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("a list over the limit is refused before it is read", () => {
  expect(fieldOf(new Uint8Array(MAX_LIST + 1))).toBe("line");
});

test("fuzz", () => {
  const valid = vectors.filter(({ expect: claim }) => claim === "valid");
  fuzz(
    "checksums",
    valid.map(({ blocks }) => blocks.get("list")!),
    (bytes) => {
      for (const { name } of parseChecksumList(bytes)) {
        if (name.split("/").includes("..")) throw new Error("climbs out");
      }
    },
  );
  expect(says(encodeUtf8(`${"a".repeat(64)}  x\n`), "x")).toContain("sha256");
});
