/** What is taken from commit objects, and what of them is refused before anything rests on it. */
import { type CommitId, hashObject } from "@firstmile/formats/git/object-id";
import { describe, expect, test } from "vitest";
import { commitFacts, MAX_COMMIT_BYTES } from "../../src/history/facts.ts";

const WHO = "A <a@example.org> 1 +0000";
const id = (n: number, digits = 40) => n.toString(16).padStart(digits, "0") as CommitId;

function bytes({ tree = id(1), parents = [] as readonly string[], headers = "", message = "x\n" }): Buffer {
  const lines = parents.map((parent) => `parent ${parent}\n`).join("");
  return Buffer.from(`tree ${tree}\n${lines}author ${WHO}\ncommitter ${WHO}\n${headers}\n${message}`);
}

function facts(content: Buffer, hash: "sha1" | "sha256" = "sha1") {
  return commitFacts(hashObject("commit", content, hash), content, undefined, 0);
}

describe("commitFacts", () => {
  test("other bytes than the id names", () => {
    expect(commitFacts(id(7), bytes({}), undefined, 0)).toMatchObject({
      corrupt: expect.stringContaining("hash"),
    });
  });

  test("a tree named by another hash than the commit", () => {
    expect(facts(bytes({ tree: id(1, 64) }))).toMatchObject({ corrupt: expect.stringContaining("sha256") });
    expect(facts(bytes({ tree: id(1, 64) }), "sha256")).toMatchObject({ tree: id(1, 64), parents: [] });
  });

  test("a commit over the limit, before it is hashed", () => {
    const large = Buffer.alloc(MAX_COMMIT_BYTES + 1);
    expect(commitFacts(id(7), large, undefined, 0)).toMatchObject({
      corrupt: expect.stringContaining("limit"),
    });
  });

  test("80,000 parents are read; headers of over 4 MiB are refused", () => {
    const parents = Array.from({ length: 100_000 }, (_, n) => id(n));
    expect(facts(bytes({ parents: parents.slice(0, 80_000) }))).toMatchObject({
      parents: { length: 80_000 },
    });
    expect(facts(bytes({ parents }))).toMatchObject({ corrupt: expect.stringContaining("does not end") });
  });

  test("a million lines of headers take time in proportion", () => {
    const time = (lines: number) => {
      const content = bytes({ headers: "x y\n".repeat(lines) });
      const start = performance.now();
      expect(facts(content)).toHaveProperty("tree");
      return performance.now() - start;
    };
    time(10_000);
    expect(time(1_000_000)).toBeLessThan(3000);
    expect(facts(bytes({ headers: `gpgsig a\n${" b\n".repeat(1_000_000)}` }))).toHaveProperty("tree");
  });
});
