import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { readVectors, type Vector } from "../../../../testing/src/vectors.ts";
import { FormatError } from "../../src/bytes/error.ts";
import { parseCommit } from "../../src/git/commit.ts";
import { parseCommitId, parseObjectId } from "../../src/git/object-id.ts";
import { parseTag } from "../../src/git/tag.ts";
import { parseTree } from "../../src/git/tree.ts";

const vectors = readVectors("git");

function read({ header, blocks }: Vector): { payload?: Uint8Array; signatures?: number } {
  const content = blocks.get("content")!;
  switch (header.get("kind")) {
    case "commit": {
      const commit = parseCommit(content);
      return { payload: commit.signedPayload(), signatures: commit.signatures };
    }
    case "tag": {
      const tag = parseTag(content);
      return { payload: tag.signedPayload(), signatures: tag.signatures };
    }
    default:
      parseTree(content, 20);
      return {};
  }
}

function outcome(vector: Vector): string {
  try {
    const { payload, signatures } = read(vector);
    const claimed = vector.blocks.get("payload");
    if (claimed) expect(Buffer.from(payload!).toString()).toBe(Buffer.from(claimed).toString());
    const count = vector.header.get("signatures");
    if (count) expect(String(signatures)).toBe(count);
    return "valid";
  } catch (error) {
    if (error instanceof FormatError) return `refused ${error.field}`;
    throw error;
  }
}

describe("vectors", () => {
  test.each(vectors.map((vector) => [vector.file, vector] as const))("%s", (_, vector) => {
    expect(outcome(vector)).toBe(vector.expect);
  });
});

const seeds = (kind: string) =>
  vectors
    .filter((v) => v.header.get("kind") === kind && v.expect === "valid")
    .map((v) => v.blocks.get("content")!);

test("no bytes crash the commit reader, and what it signs is part of what it read", () => {
  fuzz("parseCommit", seeds("commit"), (bytes) => {
    const commit = parseCommit(bytes);
    expect(commit.signedPayload().length <= bytes.length).toBe(true);
    expect(commit.signatures > 0).toBe(commit.signedPayload().length < bytes.length);
    expect(commit.parents.every((id) => id.length === commit.tree.length)).toBe(true);
    void [commit.gpgsig, commit.encoding, commit.otherHeaders, commit.author.identity()];
  });
});

test("no bytes crash the tag reader", () => {
  fuzz("parseTag", seeds("tag"), (bytes) => [
    parseTag(bytes).signedPayload(),
    parseTag(bytes).tagger?.identity(),
  ]);
});

test("no bytes crash the tree reader, and what it takes it writes back byte for byte", () => {
  fuzz("parseTree", seeds("tree"), (bytes) => {
    const again = parseTree(bytes, 20).map(({ mode, name, id }) =>
      Buffer.concat([Buffer.from(`${mode.toString(8)} `), name, Buffer.from([0]), Buffer.from(id, "hex")]),
    );
    expect(Buffer.concat(again).equals(bytes)).toBe(true);
  });
});

test("a message of 100 MB costs no more than the headers", () => {
  const head = Buffer.from(seeds("commit")[0]!);
  const large = Buffer.concat([head, Buffer.alloc(100_000_000, "\n-----BEGIN")]);
  const start = performance.now();
  const commit = parseCommit(large);
  expect(performance.now() - start).toBeLessThan(2_000);
  expect(commit.message.length).toBeGreaterThan(100_000_000);
});

test("headers without an end are given up on at their limit", () => {
  const endless = Buffer.concat([
    Buffer.from(`tree ${"0".repeat(40)}\nauthor a <a> 1 +0000\ncommitter `),
    Buffer.alloc(50_000_000, "x"),
  ]);
  expect(() => parseCommit(endless)).toThrow(/committer at offset 4194304/);
});

test("ids are whole and lower-case", () => {
  expect(parseObjectId("0".repeat(64)).length).toBe(64);
  for (const bad of ["", "0".repeat(39), "0".repeat(41), "A".repeat(40), `${"0".repeat(40)}\n`]) {
    expect(() => parseCommitId(bad)).toThrow(FormatError);
  }
});
