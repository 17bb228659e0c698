/** Trees of single files, compared with what is read back and with Git's own. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { latin1 } from "../../src/bytes/text.ts";
import { hashObject, type ObjectId } from "../../src/git/object-id.ts";
import { parseTree } from "../../src/git/tree.ts";
import { type FileEntry, treesOfFiles } from "../../src/git/tree-of-files.ts";

const EMPTY = hashObject("blob", new Uint8Array(0), "sha1");
const file = (path: string, mode = 0o100644): FileEntry => ({ path, mode, id: EMPTY });

/** Paths of files, found from the root down. */
function pathsIn(files: readonly FileEntry[]): [string, number][] {
  const trees = treesOfFiles(files, "sha1");
  const byId = new Map(trees.map(({ id, content }) => [id, content]));
  const walk = (id: ObjectId, prefix: string): [string, number][] =>
    parseTree(byId.get(id)!, 20).flatMap(({ name, mode, id: inner }): [string, number][] => {
      const path = prefix + latin1(name);
      return mode === 0o40000 ? walk(inner, `${path}/`) : [[path, mode]];
    });
  return walk(trees.at(-1)!.id, "");
}

const name = fc
  .stringMatching(/^[\x21-\x2e\x30-\xff]{1,4}$/)
  .filter((text) => !/^(?:\.{1,2}|\.git)$/i.test(text));
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));
/** No path below another. */
const files = fc
  .uniqueArray(path, { maxLength: 12 })
  .map((paths) => paths.filter((one) => !paths.some((other) => other !== one && other.startsWith(`${one}/`))))
  .chain((paths) =>
    fc.tuple(
      ...paths.map((one) => fc.constantFrom(0o100644, 0o100755, 0o120000).map((mode) => file(one, mode))),
    ),
  );

describe("trees of files", () => {
  test("hold these files and no others, in the order that a reader asks for", () => {
    fc.assert(
      fc.property(files, (some) => {
        const expected = some.map(({ path: at, mode }) => [at, mode]).sort();
        expect(pathsIn(some).sort()).toEqual(expected);
      }),
    );
  });

  test("of no files is the empty tree", () => {
    expect(treesOfFiles([], "sha1").map(({ id }) => id as string)).toEqual([
      "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    ]);
  });

  describe("are Git's own", () => {
    let dir: string;
    beforeAll(() => {
      dir = mkdtempSync(join(tmpdir(), "trees-"));
      git(["init", "--quiet", "--bare", "--template="]);
    });
    afterAll(() => rmSync(dir, { recursive: true }));
    const git = (args: readonly string[], input: Uint8Array | string = "") =>
      execFileSync("git", ["-C", dir, ...args], { input })
        .toString()
        .trim();

    test("for names that sort by the slash that a directory has", () => {
      git(["hash-object", "-w", "--stdin"]);
      const some = ["a.b", "a/x", "a-b", "a0", "b/a/c", "b/a.c"].map((one) => file(one));
      const listing = some.map(({ path: at }) => `100644 ${EMPTY}\t${at}\0`).join("");
      git(["update-index", "-z", "--index-info"], listing);
      expect(treesOfFiles(some, "sha1").at(-1)!.id as string).toBe(git(["write-tree"]));
    });
  });
});
