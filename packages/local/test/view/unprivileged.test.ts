/** Views of those who are not root, and of root with its hands tied. Only root can make such people up. */
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../src/process/run.ts";
import { findProgram } from "../../src/view/programs.ts";
import type { ViewResult, ViewTree } from "../../src/view/view.ts";
import { enforce, ViewWorld, whyNoMounts } from "./view-world.ts";

const VIEW = join(import.meta.dirname, "../../src/view/view.ts");
const UID = 61_234;
const missing = process.getuid?.() !== 0 || (await whyNoMounts()) !== undefined;
const noTrace = missing || findProgram("strace", process.env.PATH) === undefined;

/** Gives /dev/fuse to everybody, as most machines do, or to root alone, in a mount namespace of its own. */
const DEVICE = `mount -t tmpfs -o mode=755 none "$1" && mknod -m "$2" "$1/fuse" c 10 229 &&
  mount --bind "$1/fuse" /dev/fuse && shift 2 && exec "$@"`;

type Shown = Omit<ViewResult, "stdout"> & { readonly stdout: string };

describe.skipIf(missing)("a view of somebody who is not root", () => {
  const world = new ViewWorld();
  afterAll(() => world[Symbol.dispose]());
  const device = join(world.dir, "device");
  const open = join(world.dir, "open");
  beforeAll(() => {
    for (const dir of [device, open]) mkdirSync(dir);
    chmodSync(world.dir, 0o755);
    chmodSync(open, 0o1777);
  });

  const somebody = ["setpriv", `--reuid=${UID}`, `--regid=${UID}`, "--clear-groups", "--"];
  const namespace = ["unshare", "--mount", "--propagation", "private", "--"];
  const deviceOf = (mode: string) => [...namespace, "sh", "-c", DEVICE, "sh", device, mode];
  const withDevice = deviceOf("666");
  const tied = ["setpriv", "--bounding-set", "-sys_admin", "--"];

  /** Runs `script` in a view that a process below `wrapper` makes. */
  async function view(
    wrapper: readonly string[],
    trees: readonly ViewTree[],
    script: string,
  ): Promise<Shown> {
    const program = `
      import { runInView } from ${JSON.stringify(VIEW)};
      const [rules, trees] = [new Map(JSON.parse(process.argv[2])), JSON.parse(process.argv[1])];
      for (const tree of trees) if (tree.rules.kind === "enforce") tree.rules.allowed = rules;
      const argv = ["sh", "-c", ${JSON.stringify(script)}];
      const stdio = { timeoutMs: 60000, maxBytes: 100000 };
      const result = await runInView(trees, { argv, cwd: trees[0].at, stdio });
      console.log(JSON.stringify({ ...result, stdout: result.stdout.toString() }));`;
    const allowed = trees.flatMap(({ rules }) => (rules.kind === "enforce" ? [...rules.allowed] : []));
    const words = ["--input-type=module", "-e", program, JSON.stringify(trees), JSON.stringify(allowed)];
    const env = { PATH: process.env.PATH, TMPDIR: open };
    const [first, ...rest] = [...wrapper, process.execPath, ...words];
    const { code, stdout, stderr } = await run(first!, rest, { env });
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout.toString()) as Shown;
  }

  const tree = (name: string, rules?: ViewTree["rules"]) => ({
    ...world.tree(
      name,
      { a: "A", "d/b": "B", "run.sh": { mode: 0o100755, content: "#!/bin/sh\necho ran\n" } },
      rules,
    ),
    at: join(open, name),
  });

  test("is mounted, and its command runs as who made it", async () => {
    const script =
      "id -u; id -g; stat -c %u:%g a; cat a d/b; ./run.sh; touch a; grep CapEff /proc/self/status";
    const { how, stdout, stderr, record } = await view([...withDevice, ...somebody], [tree("own")], script);
    expect([how, stdout]).toEqual([
      "fuse",
      `${UID}\n${UID}\n${UID}:${UID}\nABran\nCapEff:\t0000000000000000\n`,
    ]);
    expect(stderr).toMatch(/Read-only file system/);
    expect(record.files.map(({ path }) => path)).toEqual(["a", "d/b", "run.sh"]);
  });

  test("refuses what is not allowed, and cannot be taken away", async () => {
    const trees = [tree("enforced", enforce({ a: "any" })), tree("second")];
    const script = `cat a d/b ${trees[1]!.at}/d/b; umount ${trees[1]!.at}; umount -l .; cat d/b`;
    const { stdout, stderr, record } = await view([...withDevice, ...somebody], trees, script);
    expect(stdout).toBe("AB");
    expect(stderr.match(/d\/b: Permission denied/g)).toHaveLength(2);
    expect(record.files.map(({ tree, path, allowed }) => [tree, path, allowed])).toEqual([
      [0, "a", true],
      [0, "d/b", false],
      [1, "d/b", true],
    ]);
  });

  test("goes together with a network namespace", async () => {
    const script = "unshare --map-current-user --net -- sh -c 'id -u; cat a; grep -c : /proc/net/dev'";
    const { stdout } = await view([...withDevice, ...somebody], [tree("offline")], script);
    expect(stdout).toBe(`${UID}\nA1\n`);
  });

  test.skipIf(noTrace)("is traced where the device is not for them, and says so", async () => {
    const { how, because, stdout, record } = await view(
      [...deviceOf("600"), ...somebody],
      [tree("no-device")],
      "id -u; cat a; touch a || :",
    );
    expect([how, stdout]).toEqual(["strace", `${UID}\nA`]);
    expect(because).toMatch(/\/dev\/fuse cannot be opened/);
    expect(record.files.map(({ path }) => path)).toEqual(["a"]);
  });

  test.skipIf(noTrace)("is traced where nobody may make a namespace, at a place of its own", async () => {
    const trees = [tree("tied", enforce({ a: "any" }))];
    const { how, because, stdout, stderr, record } = await view(tied, trees, "cat a d/b; ls d");
    expect([how, stdout]).toEqual(["strace", "Ab\n"]);
    expect(stderr).toMatch(/Permission denied/);
    expect(because).toMatch(/unshare/);
    expect(record.files.map(({ path, allowed }) => [path, allowed])).toEqual([
      ["a", true],
      ["d/b", false],
    ]);
  });

  test.skipIf(noTrace)("is refused where it would have to cover what is there and cannot", async () => {
    const there = tree("there");
    mkdirSync(there.at);
    await expect(view(tied, [there], "cat a")).rejects.toThrow(/cannot be covered without a mount namespace/);
  });
});
