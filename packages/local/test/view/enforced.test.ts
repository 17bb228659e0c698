/** What a command is kept from, and what it is told. */
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import type { ViewTree } from "../../src/view/view.ts";
import { enforce, openedPaths, ViewWorld, whyNoMounts } from "./view-world.ts";

const missing = await whyNoMounts();
const sha256 = (content: string) => createHash("sha256").update(content).digest("hex");

describe.skipIf(missing)("a view that enforces", () => {
  const world = new ViewWorld();
  afterAll(() => world[Symbol.dispose]());

  const files = {
    good: "good",
    "d/good": "good too",
    "d/bad": "bad",
    unlisted: "unlisted",
    "run.sh": { mode: 0o100755, content: "#!/bin/sh\necho ran\n" },
    "good-link": { mode: 0o120000, content: "good" },
    "bad-link": { mode: 0o120000, content: "good" },
  };
  const rules = enforce({
    good: [sha256("something else"), sha256("good")],
    "d/good": "any",
    "d/bad": [sha256("something else")],
    "good-link": [sha256("good")],
  });

  test("opens what is allowed there, with that content, and nothing else", async () => {
    const tree = world.tree("allowed", files, rules);
    const { stdout, stderr, record } = await world.sh(
      [tree],
      "cat good d/good good-link d/bad unlisted bad-link; ./run.sh",
    );
    expect(stdout.toString()).toBe("goodgood toogood");
    expect(stderr.replaceAll(/^(cat|sh: \d+): /gm, "")).toBe(
      "d/bad: Permission denied\nunlisted: Permission denied\nbad-link: Permission denied\n./run.sh: Permission denied\n",
    );
    expect(Object.fromEntries(record.files.map(({ path, allowed }) => [path, allowed]))).toEqual({
      good: true,
      "d/good": true,
      "good-link": true,
      "d/bad": false,
      unlisted: false,
      "bad-link": false,
      "run.sh": false,
    });
    expect(record.files.find(({ path }) => path === "unlisted")).toMatchObject({
      sha256: sha256("unlisted"),
      process: expect.stringMatching(/^cat: cat good/),
    });
  });

  test("refuses again what it refused, however it is opened", async () => {
    const tree = world.tree("again", files, rules);
    const script = `
      const fs = require("fs");
      const attempts = [
        () => fs.readFileSync("unlisted"), () => fs.readFileSync("unlisted"), () => fs.openSync("unlisted", "r+"),
        () => fs.openSync("unlisted", "a"), () => fs.copyFileSync("unlisted", "/dev/null"),
        () => fs.readlinkSync("bad-link"), () => fs.readFileSync("d/../unlisted"), () => fs.openSync("good", "r+"),
      ];
      const codes = attempts.map((attempt) => { try { attempt(); return "opened"; } catch (error) { return error.code; } });
      console.log(codes.join(" "))`;
    const { stdout, record } = await world.sh([tree], '"$1" -e "$2"', process.execPath, script);
    expect(stdout.toString()).toBe("EACCES EACCES EROFS EROFS EACCES EACCES EACCES EROFS\n");
    expect(openedPaths({ record })).toEqual(["bad-link", "unlisted"]);
  });

  test("lets what is not allowed be seen, since that opens nothing", async () => {
    const tree = world.tree("seen", files, rules);
    const { code, stdout, record } = await world.sh([tree], "stat -c %s unlisted && ls d");
    expect([code, stdout.toString(), record.files]).toEqual([0, "8\nbad\ngood\n", []]);
  });
});

describe.skipIf(missing)("objects that lie", () => {
  const world = new ViewWorld();
  afterAll(() => world[Symbol.dispose]());

  /** Unpacks everything, so that an object is a file of its own. */
  function loose(tree: ViewTree): (id: string) => string {
    const packs = join(tree.repository, "objects/pack");
    for (const name of readdirSync(packs)) {
      const pack = readFileSync(join(packs, name));
      rmSync(join(packs, name));
      if (name.endsWith(".pack")) world.git(tree.repository, ["unpack-objects", "-q"], pack);
    }
    return (id) => {
      const file = join(tree.repository, "objects", id.slice(0, 2), id.slice(2));
      chmodSync(file, 0o644);
      return file;
    };
  }

  const blob = (content: string | Buffer) => {
    const bytes = Buffer.from(content);
    return deflateSync(Buffer.concat([Buffer.from(`blob ${bytes.length}\0`), bytes]));
  };
  const idOf = (tree: ViewTree, path: string) => world.git(tree.repository, ["rev-parse", `main:${path}`]);

  test("are an error for who opens them, with the reason in the record; other files stay", async () => {
    const tree = world.tree("lies", {
      swapped: "swapped",
      torn: randomBytes(5000),
      lost: "lost",
      sound: "sound",
    });
    const file = loose(tree);
    const ids = Object.fromEntries(["swapped", "torn", "lost"].map((path) => [path, idOf(tree, path)]));
    writeFileSync(file(ids.swapped!), blob("SWAPPED"));
    writeFileSync(file(ids.torn!), readFileSync(file(ids.torn!)).subarray(0, 3000));
    rmSync(file(ids.lost!));
    const { code, stdout, stderr, record } = await world.sh([tree], "cat swapped torn lost; cat sound");
    expect([code, stdout.toString()]).toEqual([0, "sound"]);
    expect(stderr.match(/Input\/output error/g)).toHaveLength(3);
    expect(openedPaths({ record })).toEqual(["sound"]);
    expect(record.broken.map(({ path, id, reason }) => [path, id, reason])).toEqual([
      ["swapped", ids.swapped, expect.stringMatching(/does not hash to its id/)],
      ["torn", ids.torn, expect.stringMatching(/git cat-file ended|is not in the repository/)],
      ["lost", ids.lost, expect.stringMatching(/is not in the repository/)],
    ]);
  });

  test("are not served as directories at all", async () => {
    const tree = world.tree("directory", { "d/a": "A" });
    const other = world.tree("other", { "d/b": "B" });
    const id = idOf(tree, "d");
    const swapped = loose(other)(idOf(other, "d"));
    writeFileSync(loose(tree)(id), readFileSync(swapped));
    await expect(world.sh([tree], "ls d")).rejects.toMatchObject({
      name: "GitTreeError",
      message: expect.stringContaining(id),
    });
  });

  test("that are somebody's tree cannot leave their place", async () => {
    const tree = world.tree("escape", { a: "A" });
    const entry = (name: string) =>
      Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(idOf(tree, "a"), "hex")]);
    for (const name of ["..", ".", ".git", "a/b"]) {
      const args = ["hash-object", "-t", "tree", "-w", "--literally", "--stdin"];
      const id = world.git(tree.repository, args, entry(name)) as ViewTree["tree"];
      await expect(world.sh([{ ...tree, tree: id }], "ls")).rejects.toMatchObject({ name: "GitTreeError" });
    }
  });
});
