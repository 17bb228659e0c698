import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fuzz } from "../../../../testing/src/fuzz.ts";
import { readVectors, type Vector } from "../../../../testing/src/vectors.ts";
import { FormatError } from "../../src/bytes/error.ts";
import { type CommitId, type ObjectId, parseCommitId } from "../../src/git/object-id.ts";
import { narHashOf } from "../../src/nix/hash.ts";
import { contentsDigest } from "../../src/statement/channel.ts";
import type { AuthorSignature, HandoffStatement, SignedThing } from "../../src/statement/handoff.ts";
import type { ReviewedChange, ReviewStatement } from "../../src/statement/review.ts";
import {
  MAX_STATEMENT,
  parseStatement,
  renderStatement,
  type Statement,
  UnknownStatementError,
} from "../../src/statement/statement.ts";
import { sortedTargets, type Target } from "../../src/statement/target.ts";

const vectors = readVectors("statement");
const claimed = (claim: string) => vectors.filter(({ expect: code }) => code === claim);

/** Without the line feed at the end of a text block. */
function payloadOf({ file, blocks }: Vector): Uint8Array {
  const bytes = blocks.get("statement")!;
  return bytes.at(-1) === 0x0a && file !== "statement/newline.txt" ? bytes.subarray(0, -1) : bytes;
}

function fieldOf(bytes: Uint8Array): string {
  try {
    parseStatement(bytes);
    return "valid";
  } catch (error) {
    if (error instanceof FormatError) return error.field;
    throw error;
  }
}

describe("vectors", () => {
  test.each(vectors.map((vector) => [vector.file, vector] as const))("%s", (_, vector) => {
    const payload = payloadOf(vector);
    expect(fieldOf(payload)).toBe(vector.expect);
    if (vector.expect !== "valid") return;
    expect(Buffer.from(renderStatement(parseStatement(payload))).toString()).toBe(
      Buffer.from(payload).toString(),
    );
  });
  test("are there", () => {
    expect(vectors.length).toBeGreaterThan(70);
    expect(claimed("valid").length).toBeGreaterThan(8);
  });
  test("an unknown type is told apart from damage", () => {
    const unknown = claimed("predicateType");
    expect(unknown.length).toBe(3);
    for (const vector of unknown)
      expect(() => parseStatement(payloadOf(vector))).toThrow(UnknownStatementError);
    for (const vector of claimed("predicate")) {
      expect(() => parseStatement(payloadOf(vector))).not.toThrow(UnknownStatementError);
    }
  });
  test("paths come out as the bytes that they are", () => {
    const paths = vectors.find(({ file }) => file === "statement/review-paths.txt")!;
    const { changes } = parseStatement(payloadOf(paths)) as ReviewStatement;
    expect(changes.map(({ path }) => path)).toEqual([
      "100%.nix",
      "a\tb",
      'a"b\\c',
      "br\xffoken",
      Buffer.from("é/🙂").toString("latin1"),
    ]);
  });
});

const hex = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((b) => Buffer.from(b).toString("hex"));
const objectId = fc.oneof(hex(20), hex(32)) as fc.Arbitrary<ObjectId>;
const commit = objectId as fc.Arbitrary<CommitId>;
const sourceName = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const fileName = fc
  .uint8Array({ minLength: 1, maxLength: 6 })
  .map((bytes) => Buffer.from(bytes).toString("latin1").replace(/[\0/]/g, "x"))
  .filter((name) => !/^(?:\.{1,2}|\.git)$/i.test(name));
const path = fc.array(fileName, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const version = fc.record({
  id: objectId,
  mode: fc.constantFrom(0o100644, 0o100755, 0o120000, 0o100664, 0o160000),
});
const change: fc.Arbitrary<ReviewedChange> = fc
  .record({ path, before: maybe(version), after: maybe(version), sha256: hex(32), was: maybe(hex(32)) })
  .filter(({ before, after }) => before?.id !== after?.id)
  .map(({ sha256, was, before, after, ...rest }) => ({
    ...rest,
    before: before && was && before.mode !== 0o160000 ? { ...before, sha256: was } : before,
    after: after && { ...after, sha256: after.mode === 0o160000 ? undefined : sha256 },
  }));
const because = fc.string({ unit: fc.constantFrom(...'ab \n"\\é🙂%'), minLength: 1, maxLength: 20 });
const until = fc.integer({ min: 0, max: 253_402_300_799 });
const target: fc.Arbitrary<Target> = fc.oneof(
  fc.record({
    kind: fc.constant("content" as const),
    sha256: hex(32),
    id: maybe(objectId),
    path: maybe(path),
  }),
  fc.record({
    kind: fc.constant("store" as const),
    baseName: fc.stringMatching(/^[0-9a-df-np-sv-z]{32}-[0-9a-zA-Z+._?=-]{1,20}$/),
  }),
);
const targets = fc.array(target, { minLength: 1, maxLength: 5 }).map(sortedTargets);
const sorted = (unit: fc.Arbitrary<string>, minLength: number) =>
  fc.uniqueArray(unit, { minLength, maxLength: 4 }).map((list) => list.sort());
const some = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const handedFile = fc.record({
  name: fc.stringMatching(/^[a-z0-9+_%@.-]{1,12}$/).filter((name) => !/^\.{1,2}$/.test(name)),
  sha256: hex(32),
  sha512: maybe(hex(64)),
  blake2b512: maybe(hex(64)),
});
const handoffSignature = fc.record({
  kind: fc.constantFrom("openpgp", "ssh", "minisign", "signify", "sigstore"),
  bytes: some,
}) as fc.Arbitrary<AuthorSignature>;
const signedThing: fc.Arbitrary<SignedThing> = fc.oneof(
  fc.record({ kind: fc.constantFrom("file" as const, "uncompressed" as const) }),
  fc.record({ kind: fc.constant("list" as const), list: some }),
);
const nar = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((digest) => ({ kind: "nar" as const, narHash: narHashOf(digest) }));
const handoffUrls = fc.uniqueArray(fc.stringMatching(/^[!-~]{1,20}$/), { minLength: 1, maxLength: 4 });
const handoff: fc.Arbitrary<HandoffStatement> = fc
  .record({
    output: fc.option(nar),
    urls: handoffUrls,
    file: handedFile,
    becomes: fc.constantFrom("file" as const, "executable" as const, "tree" as const),
    signed: signedThing,
    signature: handoffSignature,
    tag: fc.option(fc.record({ kind: fc.constant("tag" as const), tag: some, commit: some })),
  })
  .map(({ output, urls, file, becomes, signed, signature, tag }) => {
    const needsDigest = signed.kind === "uncompressed" && /^(?:ssh|sigstore)$/.test(signature.kind);
    const flat = { kind: "file" as const, sha256: file.sha256, sha512: file.sha512 };
    const released = {
      kind: "file" as const,
      file,
      becomes: output ? becomes : ("file" as const),
      signed: needsDigest ? { kind: "file" as const } : signed,
      signature,
    };
    return { kind: "handoff" as const, output: output ?? flat, urls, release: (output && tag) || released };
  });
const byPath = (a: ReviewedChange, b: ReviewedChange) => (a.path < b.path ? -1 : 1);
const statement: fc.Arbitrary<Statement> = fc.oneof(
  fc.record({
    kind: fc.constant("cosign" as const),
    commit,
    narHash: maybe(fc.uint8Array({ minLength: 32, maxLength: 32 }).map(narHashOf)),
  }),
  fc.record({
    kind: fc.constant("head" as const),
    commit,
    at: until,
    source: fc.option(sourceName),
  }),
  handoff,
  fc.record({
    kind: fc.constant("review" as const),
    verdict: fc.constantFrom("approve" as const, "reject" as const),
    depth: fc.constantFrom("read" as const, "skimmed" as const),
    machine: fc.boolean(),
    note: maybe(because),
    source: maybe(sourceName),
    changes: fc
      .uniqueArray(change, { minLength: 1, maxLength: 5, selector: ({ path: name }) => name })
      .map((changes) => changes.sort(byPath)),
  }),
  fc.record({
    kind: fc.constant("waiver" as const),
    targets,
    paths: fc.constant([]),
    source: maybe(sourceName),
    until,
    because,
  }),
  fc.record({
    kind: fc.constant("waiver" as const),
    targets: fc.constant([]),
    paths: sorted(fc.string({ minLength: 1, maxLength: 8 }), 1),
    source: sourceName,
    until,
    because,
  }),
  fc.record({
    kind: fc.constant("distrust" as const),
    targets,
    keys: sorted(fc.stringMatching(/^[!-~][ -~]{0,10}[!-~]$/), 0),
    because,
  }),
  fc.record({
    kind: fc.constant("channel" as const),
    commit,
    source: sourceName,
    attributes: fc.array(fc.stringMatching(/^[ -~]{1,20}$/), { minLength: 1, maxLength: 3 }),
    system: fc.stringMatching(/^[a-z0-9_-]{1,20}$/),
    paths: sorted(path, 1),
    contents: hex(32),
  }),
);

describe("for every statement", () => {
  test("what is written is read again", () => {
    fc.assert(
      fc.property(statement, (value) => {
        expect(parseStatement(renderStatement(value))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });
  test("no byte of it can be another without the statement being another or none", () => {
    fc.assert(
      fc.property(statement, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
        const bytes = Buffer.from(renderStatement(value));
        bytes[at % bytes.length]! ^= flip;
        let read: Statement;
        try {
          read = parseStatement(bytes);
        } catch (error) {
          if (error instanceof FormatError) return;
          throw error;
        }
        expect(read).not.toEqual(value);
      }),
      { numRuns: 1000 },
    );
  });
});

test("a channel's contents come to what the specification says", () => {
  const file = (path: string, mode: number, text: string) => ({
    path,
    mode,
    sha256: createHash("sha256").update(text).digest("hex"),
  });
  const files = [file("a.nix", 0o100644, "{ }: 1\n"), file("b.nix", 0o100755, "{ }: 2\n")];
  const spec = readFileSync(join(import.meta.dirname, "../../../../spec/statements.md"), "utf8");
  expect(spec).toContain(`\`contents\` is \`${contentsDigest(files)}\``);
});

test("a path that no tree has cannot be written", () => {
  const review = (name: string): Statement => ({
    kind: "review",
    verdict: "approve",
    depth: "read",
    machine: false,
    note: undefined,
    source: undefined,
    changes: [{ path: name, before: undefined, after: undefined }],
  });
  for (const name of ["../a", "", "a//b", ".git/config", "a\0", "\u0100"]) {
    expect(() => renderStatement(review(name)), name).toThrow(FormatError);
  }
});

test("a statement over the limit is refused before it is read", () => {
  const commitId = parseCommitId("a".repeat(40));
  const small = renderStatement({ kind: "cosign", commit: commitId, narHash: undefined });
  expect(fieldOf(small)).toBe("valid");
  expect(fieldOf(Buffer.concat([small, Buffer.alloc(MAX_STATEMENT)]))).toBe("input");
});

test("as many changes as fit are read in a moment", () => {
  const id = "1".repeat(40) as ObjectId;
  const changes = Array.from({ length: 1_000 }, (_, i) => ({
    path: `pkgs/by-name/${String(i).padStart(6, "0")}.nix`,
    before: undefined,
    after: { id, mode: 0o100644, sha256: "5".repeat(64) },
  }));
  const review: Statement = {
    kind: "review",
    verdict: "approve",
    depth: "read",
    machine: false,
    note: undefined,
    source: undefined,
    changes,
  };
  const start = performance.now();
  expect((parseStatement(renderStatement(review)) as ReviewStatement).changes.length).toBe(1_000);
  expect(performance.now() - start).toBeLessThan(5_000);
});

test("fuzz", () => {
  fuzz("statement", claimed("valid").map(payloadOf), (bytes) => {
    if (!Buffer.from(renderStatement(parseStatement(bytes))).equals(bytes)) {
      throw new Error("renders to other bytes");
    }
  });
});
