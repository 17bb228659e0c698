/** Views on machines that let nobody mount. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { findProgram } from "../../src/view/programs.ts";
import { runTraced } from "../../src/view/traced.ts";
import type { ViewTree } from "../../src/view/view.ts";
import { command, enforce, openedPaths, ViewWorld } from "./view-world.ts";

const missing = findProgram("strace", process.env.PATH) === undefined;
const sha256 = (content: string) => createHash("sha256").update(content).digest("hex");

describe.skipIf(missing)("a traced view", () => {
  const world = new ViewWorld();
  afterAll(() => world[Symbol.dispose]());

  const trace = (trees: readonly ViewTree[], script: string) =>
    runTraced(trees, command(trees[0]!.at, ["sh", "-c", script]), "no mounts here");

  const files = {
    a: "A",
    "d/b": "B",
    "d/run.sh": { mode: 0o100755, content: "#!/bin/sh\necho ran\n" },
    link: { mode: 0o120000, content: "d/b" },
    "caf\xe9": "names",
    unread: "",
  };

  test("shows the same tree and gives the same record, links aside", async () => {
    const tree = world.tree("same", files);
    const { code, stdout, record, how, because } = await trace(
      [tree],
      "ls d; cat a link caf*; ./d/run.sh; touch a; exit 3",
    );
    expect([code, stdout.toString(), how, because]).toEqual([
      3,
      "b\nrun.sh\nABnamesran\n",
      "strace",
      "no mounts here",
    ]);
    expect(openedPaths({ record })).toEqual(["a", "caf\xe9", "d/b", "d/run.sh", "link"]);
    expect(record.directories).toContainEqual(expect.objectContaining({ tree: 0, path: "d" }));
    expect(record.files.find(({ path }) => path === "d/b")).toEqual({
      tree: 0,
      path: "d/b",
      mode: 0o100644,
      id: world.git(tree.repository, ["rev-parse", "main:d/b"]),
      sha256: sha256("B"),
      allowed: true,
      pid: expect.any(Number),
      process: expect.stringMatching(/^cat: cat a link/),
    });
    expect(existsSync(tree.at)).toBe(false);
  });

  test("takes no change", async () => {
    const tree = world.tree("fixed", files);
    const { stdout } = await trace([tree], "{ >a; touch new; rm -f a; } 2>&1; cat a");
    expect(stdout.toString()).toMatch(/^(.*Read-only file system\n){3}A$/);
  });

  test("covers what is there", async () => {
    const tree = world.tree("covered", { a: "A" });
    mkdirSync(tree.at);
    writeFileSync(join(tree.at, "hidden"), "");
    expect((await trace([tree], "ls")).stdout.toString()).toBe("a\n");
  });

  test("has nothing in it of what is not allowed, for root neither", async () => {
    const rules = enforce({ a: [sha256("A")], "d/b": [sha256("other")], link: "any" });
    const tree = world.tree("enforced", files, rules);
    const { stdout, stderr, record } = await trace(
      [tree],
      "cat a d/b link unread; ls; wc -c <d/b; chmod 644 d/b",
    );
    expect(stdout.toString()).toBe("Aa\ncaf\xe9\nd\nlink\nunread\n".replace("\xe9", "\ufffd"));
    expect(stderr.match(/Permission denied|Read-only/g)).toEqual([
      "Permission denied",
      "Permission denied",
      "Permission denied",
      "Permission denied",
      "Read-only",
    ]);
    expect(Object.fromEntries(record.files.map(({ path, allowed }) => [path, allowed]))).toEqual({
      a: true,
      link: true,
      "d/b": false,
      unread: false,
    });
  });
});
