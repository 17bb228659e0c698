/** Trees as a command sees them. */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runMounted } from "../../src/view/mounted.ts";
import { runInView } from "../../src/view/view.ts";
import { command, openedPaths, SUBMODULE, ViewWorld, whyNoMounts } from "./view-world.ts";

const missing = await whyNoMounts();
const sha256 = (content: string | Buffer) => createHash("sha256").update(content).digest("hex");

describe.skipIf(missing)("a mounted tree", () => {
  const world = new ViewWorld();
  afterAll(() => world[Symbol.dispose]());

  /** Runs JavaScript at the tree's place; gives the value of `value`. */
  async function evaluate(trees: Parameters<typeof world.sh>[0], script: string): Promise<unknown> {
    const { code, stdout, stderr } = await runMounted(
      trees,
      command(trees[0]!.at, [
        process.execPath,
        "-e",
        `const fs = require("fs"); ${script}; console.log(JSON.stringify(value))`,
      ]),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(stdout.toString());
  }

  test("has the files of the tree, with their types, permissions and sizes", async () => {
    const tree = world.tree("types", {
      file: "content\n",
      empty: "",
      "run.sh": { mode: 0o100755, content: "#!/bin/sh\necho ran\n" },
      "dir/inner/deep": "deep",
      link: { mode: 0o120000, content: "dir/inner/deep" },
      module: { mode: 0o160000, content: SUBMODULE },
    });
    const script = `
      const value = Object.fromEntries(fs.readdirSync(".", { recursive: true }).map((name) => {
        const { mode, size, mtimeMs } = fs.lstatSync(name);
        return [name, [mode.toString(8), size, mtimeMs]];
      }))`;
    expect(await evaluate([tree], script)).toEqual({
      file: ["100444", 8, 1000],
      empty: ["100444", 0, 1000],
      "run.sh": ["100555", 19, 1000],
      dir: ["40555", 0, 1000],
      "dir/inner": ["40555", 0, 1000],
      "dir/inner/deep": ["100444", 4, 1000],
      link: ["120777", 14, 1000],
      module: ["40555", 0, 1000],
    });
    const { stdout, record } = await world.sh(
      [tree],
      "cat link; ./run.sh; ls -A module; test -x file || echo no",
    );
    expect(stdout.toString()).toBe("deepran\nno\n");
    expect(record.files.map(({ path, mode }) => [path, mode.toString(8)])).toEqual([
      ["link", "120000"],
      ["dir/inner/deep", "100644"],
      ["run.sh", "100755"],
    ]);
  });

  test("records each opened file once: content, mode, and who asked", async () => {
    const tree = world.tree("record", { a: "A", "d/b": "B", unread: "" });
    const script = "cat a a d/b >/dev/null; head -c 1 a >/dev/null; ls d >/dev/null; test -e unread";
    const { record } = await world.sh([tree], script);
    const at = (path: string, content: string) => ({
      tree: 0,
      path,
      mode: 0o100644,
      id: world.git(tree.repository, ["rev-parse", `main:${path}`]),
      sha256: sha256(content),
      allowed: true,
      pid: expect.any(Number),
      process: "cat: cat a a d/b",
    });
    expect(record).toEqual({
      files: [at("a", "A"), at("d/b", "B")],
      directories: [{ tree: 0, path: "d", entries: [{ type: "f", name: "b" }] }],
      asked: expect.any(Array),
      hidden: [],
      broken: [],
    });
  });

  test("serves names that are not UTF-8, and tells them as bytes", async () => {
    const names = {
      "caf\xe9": "latin",
      "caf\xc3\xa9": "utf",
      'q"\\\n': "odd",
      [`${"n".repeat(255)}`]: "long",
    };
    const tree = world.tree("names", names);
    const { record, stdout } = await world.sh([tree], 'LC_ALL=C; for each in *; do cat "$each"; done');
    expect(stdout.toString()).toBe("utflatinlongodd");
    expect(openedPaths({ record })).toEqual(Object.keys(names).sort());
  });

  test("reads big files whole, in pieces and from the middle", async () => {
    const content = randomBytes(40 << 20);
    const tree = world.tree("big", { big: content });
    expect(
      await evaluate(
        [tree],
        `
      const whole = fs.readFileSync("big");
      const piece = Buffer.alloc(1000);
      fs.readSync(fs.openSync("big"), piece, 0, 1000, 30_000_001);
      const value = [require("crypto").createHash("sha256").update(whole).digest("hex"), piece.toString("hex")]`,
      ),
    ).toEqual([sha256(content), content.subarray(30_000_001, 30_001_001).toString("hex")]);
  });

  test("lists directories of any size, and finds each name in them", async () => {
    const names = Array.from({ length: 5000 }, (_, i) => `entry-${i}-${"x".repeat(i % 90)}`);
    const tree = world.tree("wide", Object.fromEntries(names.map((name) => [`dir/${name}`, name])));
    const { stdout, record } = await world.sh([tree], "ls dir; cat dir/entry-4999-*; ls dir/nothing || true");
    const lines = stdout.toString().split("\n");
    expect(lines.slice(0, 5000)).toEqual(names.toSorted());
    expect(lines[5000]).toBe(names[4999]);
    expect(openedPaths({ record })).toEqual([`dir/${names[4999]}`]);
  });

  test("takes no change, from root neither", async () => {
    const tree = world.tree("fixed", { a: "A", "d/b": "B" });
    const { stdout } = await world.sh(
      [tree],
      `try() { "$@" 2>&1 | sed 's/.*: //'; }
       try sh -c '>a'; try touch new; try mkdir new; try rm a; try mv a b; try ln a b; try ln -s a b
       try chmod 777 a; try touch a; try rmdir d; cat a`,
    );
    expect(stdout.toString()).toBe(`${"Read-only file system\n".repeat(10)}A`);
  });

  test("gives the command's exit code, output, directory and environment", async () => {
    const tree = world.tree("command", { "d/a": "A" });
    const inside = {
      ...command(join(tree.at, "d"), ["sh", "-c", 'pwd; echo "$X" >&2; exit 7']),
      env: { X: "said" },
    };
    const { code, stdout, stderr, how } = await runMounted([tree], inside);
    expect({ code, stdout: stdout.toString(), stderr, how }).toEqual({
      code: 7,
      stdout: `${tree.at}/d\n`,
      stderr: "said\n",
      how: "fuse",
    });
    expect((await world.sh([tree], "kill -TERM $$")).code).toBe(143);
    expect((await runMounted([tree], command("/", ["/nonexistent/program"]))).code).toBe(127);
  });

  test("takes words of the command for nothing but words", async () => {
    const tree = world.tree("words", { a: "" });
    const words = ["$(touch x)", "a b", "--", "-n", "'\"", ""];
    const { stdout } = await runMounted([tree], command(tree.at, ["printf", "<%s>", ...words]));
    expect(stdout.toString()).toBe(words.map((word) => `<${word}>`).join(""));
  });

  test("puts several trees in their places at once, one inside another too", async () => {
    const outer = world.tree("outer", { a: "outer", "inner/hidden": "hidden" });
    const inner = { ...world.tree("inner", { b: "inner" }), at: join(outer.at, "inner") };
    const apart = world.tree("apart", { a: "apart" });
    mkdirSync(apart.at);
    writeFileSync(join(apart.at, "covered"), "");
    const script = 'cat a inner/b "$1/a"; ls inner "$1"';
    const inside = command(outer.at, ["sh", "-c", script, "sh", apart.at]);
    const { stdout, record } = await runInView([inner, apart, outer], inside);
    expect(stdout.toString()).toBe(`outerinnerapart${apart.at}:\na\n\ninner:\nb\n`);
    expect(record.files.map(({ tree, path }) => [tree, path])).toEqual([
      [2, "a"],
      [0, "b"],
      [1, "a"],
    ]);
    expect(existsSync(outer.at)).toBe(false);
    expect(readdirSync(apart.at)).toEqual(["covered"]);
  });

  test("covers the very repository that it is served from", async () => {
    const tree = world.tree("self", { a: "A" });
    const { stdout } = await world.sh([{ ...tree, at: tree.repository }], "ls; cat a");
    expect(stdout.toString()).toBe("a\nA");
  });

  test("serves repositories that name objects by SHA-256", async () => {
    const tree = world.tree("long-ids", { "d/a": "A" }, undefined, "sha256");
    const { stdout, record } = await world.sh([tree], "cat d/a");
    expect(stdout.toString()).toBe("A");
    expect(record.files[0]!.id).toBe(world.git(tree.repository, ["rev-parse", "main:d/a"]));
  });

  test("leaves nothing behind: no mount, no directory, no process", async () => {
    const tree = world.tree("gone", { a: "A" });
    const { stdout } = await world.sh([tree], "grep -c firstmile /proc/self/mountinfo");
    expect(Number(stdout.toString())).toBe(2);
    expect(existsSync(tree.at)).toBe(false);
    const own = `-${process.pid}-`;
    expect(
      readdirSync(tmpdir()).filter((name) => name.startsWith("firstmile-view") && name.includes(own)),
    ).toEqual([]);
  });

  test("ends a command that takes too long or says too much", async () => {
    const tree = world.tree("limits", { a: "A" });
    const limited = (argv: string[], stdio: { timeoutMs: number; maxBytes: number }) =>
      runMounted([tree], { argv, cwd: tree.at, stdio });
    await expect(
      limited(["sh", "-c", "sleep 60 & sleep 60"], { timeoutMs: 300, maxBytes: 9 }),
    ).rejects.toThrow(/did not end within 0.3 s/);
    await expect(limited(["cat", "/dev/zero"], { timeoutMs: 60_000, maxBytes: 9 })).rejects.toThrow(
      /printed more/,
    );
  });

  test("goes together with a network namespace", async () => {
    const tree = world.tree("offline", { a: "A" });
    const { stdout } = await world.sh([tree], "unshare --net -- sh -c 'cat a; grep -c : /proc/net/dev'");
    expect(stdout.toString()).toBe("A1\n");
  });

  test("is refused where it has no place", async () => {
    const tree = world.tree("nowhere", { a: "A" });
    const inFile = { ...tree, at: join(tree.at, "a") };
    for (const views of [[tree, inFile], []])
      await expect(runInView(views, command("/", ["true"]))).rejects.toMatchObject({
        code: "view-misplaced",
      });
    await expect(runInView([tree], command("/nonexistent", ["true"]))).rejects.toMatchObject({
      code: "view-misplaced",
      message: expect.stringContaining("/nonexistent"),
    });
    for (const at of ["relative", "/tmp/../tmp/x", "/nonexistent/x", "/etc/passwd", `${tree.at}/`]) {
      await expect(runInView([{ ...tree, at }], command("/", ["true"]))).rejects.toMatchObject({
        code: "view-misplaced",
      });
    }
  });
});
