/** Views whose server, command or owner is ended before its time: nothing hangs, and nothing stays. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { neutralGit } from "../../src/git/neutral.ts";
import { enter, userOf } from "../../src/view/namespace.ts";
import { requirePrograms } from "../../src/view/programs.ts";
import { ServerProcess } from "../../src/view/server-process.ts";
import { removeLeftBehind, ViewDirectory } from "../../src/view/view-directory.ts";
import { watch } from "../../src/view/watchdog.ts";
import { ViewWorld, whyNoMounts } from "./view-world.ts";

const missing = await whyNoMounts();
const VIEW = join(import.meta.dirname, "../../src/view/view.ts");

describe.skipIf(missing)("a view that ends before its time", () => {
  const world = new ViewWorld();
  afterAll(() => world[Symbol.dispose]());

  test("gives the command an error when the server is killed", async () => {
    const tree = world.tree("killed", { a: "A", b: "B" });
    const [ready, gone, said] = ["ready", "gone", "said"].map((name) => join(world.dir, name));
    const script =
      'cat a; : >"$1"; until [ -e "$2" ]; do sleep 0.02; done; cat b 2>"$3"; ls . 2>>"$3"; echo on';
    const running = world.sh([tree], script, ready!, gone!, said!);
    running.catch(() => {});
    await until(() => existsSync(ready!));
    for (const pid of servers(process.pid)) process.kill(pid, "SIGKILL");
    writeFileSync(gone!, "");
    await expect(running).rejects.toMatchObject({
      code: "view-ended",
      message: expect.stringMatching(/server of the view ended/),
    });
    expect(readFileSync(said!, "utf8")).toMatch(/not connected|aborted/);
    expect(existsSync(tree.at)).toBe(false);
  });

  test("ends a server that answers no more, and so the waiting of who asks", async () => {
    const tree = world.tree("stopped", { a: "A" });
    const [programs, user] = [requirePrograms(), userOf(process)];
    using directory = new ViewDirectory(world.dir);
    const git = await neutralGit(tree.repository);
    const server = new ServerProcess(programs, user, directory.path);
    const served = [{ env: git.env, tree: tree.tree, rules: tree.rules }];
    await server.serve({ trees: served, dir: directory.path, programs });
    const release = watch(server, programs, user, { everyMs: 100, patienceMs: 500 });
    await sleep(1000);
    process.kill(server.pid, "SIGSTOP");
    const argv = [...enter(programs, user, server.pid), "cat", join(server.mount, "00", "a")];
    const waiting = spawn(argv[0]!, argv.slice(1), { stdio: ["ignore", "ignore", "pipe"] });
    expect(await ending(waiting)).toBe(1);
    release();
    await expect(server.finish()).rejects.toMatchObject({ code: "view-ended" });
    git.dispose();
  });

  test("dies with whoever made it, the server and what it runs", async () => {
    const tree = world.tree("orphan", { a: "A" });
    const pids = join(world.dir, "pids");
    const owner = spawn(
      process.execPath,
      ["--input-type=module", "-e", owning(tree, `echo $$ >"${pids}"; exec sleep 60`)],
      {
        env: { ...process.env, TMPDIR: world.dir, XDG_RUNTIME_DIR: world.dir },
        stdio: "ignore",
      },
    );
    await until(() => existsSync(pids) && readFileSync(pids, "utf8").endsWith("\n"));
    const started = [Number(readFileSync(pids, "utf8")), ...servers(owner.pid!)];
    expect(started).toHaveLength(2);
    owner.kill("SIGKILL");
    await ending(owner);
    await until(() => !started.some((pid) => existsSync(`/proc/${pid}`)));
    expect(leftIn(world.dir)).toHaveLength(1);
    expect(existsSync(tree.at)).toBe(true);
    removeLeftBehind(world.dir);
    expect(leftIn(world.dir)).toEqual([]);
    expect(existsSync(tree.at)).toBe(false);
  });

  test("passes on to the command what is sent to end it", async () => {
    const tree = world.tree("signalled", { a: "A" });
    const ready = join(world.dir, "trapped");
    const script = `trap 'cat a; exit 9' TERM; : >"${ready}"; while :; do sleep 0.05; done`;
    const owner = spawn(process.execPath, ["--input-type=module", "-e", owning(tree, script, '"inherit"')], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let said = "";
    owner.stdout!.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await until(() => existsSync(ready));
    owner.kill("SIGTERM");
    expect(await ending(owner)).toBe(9);
    expect(said).toBe("A");
  });

  function owning(tree: unknown, script: string, stdio = "{ timeoutMs: 60000, maxBytes: 1000 }"): string {
    const argv = JSON.stringify(["sh", "-c", script]);
    return `
      import { runInView } from ${JSON.stringify(VIEW)};
      const tree = ${JSON.stringify(tree)};
      const { code } = await runInView([tree], { argv: ${argv}, cwd: tree.at, stdio: ${stdio} });
      process.exit(code);`;
  }
});

describe("what views leave behind", () => {
  const world = new ViewWorld();
  afterAll(() => world[Symbol.dispose]());

  test("is removed where their process is gone, and nothing else is", () => {
    using alive = new ViewDirectory(world.dir);
    const name = alive.path.split("/").at(-1)!;
    const dead = join(world.dir, name.replace(/-\d+-(\w+)$/, "-1-$1"));
    const elsewhere = join(world.dir, name.replace(/^firstmile-view-\d+/, "firstmile-view-1"));
    const place = join(world.dir, "place");
    const other = join(world.dir, "other");
    for (const dir of [dead, elsewhere, place, other]) mkdirSync(dir);
    writeFileSync(join(other, "kept"), "");
    const inode = (path: string) => statSync(path).ino;
    writeFileSync(
      join(dead, "places"),
      JSON.stringify([
        { at: place, kind: "empty", inode: inode(place) },
        { at: other, kind: "tree", inode: 1 },
      ]),
    );
    removeLeftBehind(world.dir);
    expect([alive.path, dead, elsewhere, place, join(other, "kept")].map(existsSync)).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
  });
});

function leftIn(dir: string): string[] {
  return readdirSync(dir).filter((name) => name.startsWith("firstmile-view-"));
}

function ending(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once("exit", resolve));
}

/** Processes that serve a view of this one. */
function servers(owner: number): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");
      const status = readFileSync(`/proc/${pid}/status`, "latin1");
      return argv[1]?.endsWith("/server-main.mjs") && status.includes(`\nPPid:\t${owner}\n`);
    } catch {
      return false;
    }
  });
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(20);
}
