/**
 * Everything of Nix that Nix itself could forbid is allowed here: only the seal is left. What the same expressions reach
 * without one is shown beside it, so that an expression that never shows the mark proves nothing.
 */
import { execFileSync, spawn } from "node:child_process";

import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { missingForNixWorld, type NixVersion } from "@firstmile/testing/nix-world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VERSIONS, writeFiles } from "../admission/nix-of.ts";
import { attempts, type Outside } from "./escape-attempts.ts";
import type { EscapesAnswer, EscapesRequest } from "./escapes-child.ts";
import { described, MARKER, makeOutside, makeTree } from "./outside.ts";
import { digestOf } from "./private-store.ts";
import { nodeAs, ORDINARY, type Setting, type Who } from "./sealed-as.ts";

const TREE = "/tree/named";
const CHILD = join(import.meta.dirname, "escapes-child.ts");
const WHO: readonly Who[] = ["root", "an ordinary user"];

/** What both versions show without a seal: where these show nothing, the test itself is broken. */
const SHOWN_PLAIN = [
  "readFile",
  "readFile of a path that is put together",
  "readFile of a string",
  "import of a directory",
  "import",
  "scopedImport",
  "readDir",
  "pathExists",
  "pathExists of root's home",
  "hashFile",
  "hashFile of a string",
  "findFile",
  "the search path",
  "findFile of nixPath",
  "getEnv",
  "a path below home",
  "getEnv of what Nix was told",
  "storePath",
  "a store path as a string",
  "a store path with a context",
  "TOML",
  "trace",
  "throw",
  "tryEval",
  "positions of attributes",
  "toXML",
  "dirOf and baseNameOf",
  "exec of a shell",
  "exec of cat",
  "a link to a file",
  "exec of Nix itself",
  "a link to a directory",
  "a link to a directory, listed",
  "a link to an expression",
  "a link to the root",
  "a relative link",
  "a link through /proc",
  "a link's target, copied",
  "parents of the tree",
  "a link inside of a copy",
  "a link as a source with a hash",
  "parents in a string",
  "a flake's file that is a link",
  "/proc/self/root",
  "/proc/self/cwd",
  "/proc/thread-self/root",
  "an inherited descriptor",
  "an inherited descriptor, by /dev",
  "/proc/cmdline",
  "other processes",
  "/sys",
  "a block device",
  "getFlake absolute",
  "getFlake path",
  "getFlake tarball",
  "getFlake git, shallow",
  "getFlake git",
  "a flake's settings",
  "fetchTree path",
  "fetchTree path with its hash",
  "fetchTree git",
  "fetchTree tarball",
  "fetchTree of the store",
  "fetchGit",
  "fetchGit of a URL",
  "fetchurl",
  "fetchurl with its hash",
  "fetchTarball",
  "path with its hash",
  "fetchTarball with a hash",
  "the loopback",
  "the loopback by its name",
  "a download by a build",
  "nix/fetchurl.nix",
  "a channel",
  "variables of the caller",
  "a path",
  "a directory",
  "a path in a string",
  "builtins.path",
  "builtins.path with a filter",
  "builtins.path, flat",
  "builtins.path of the store",
  "filterSource",
  "filterSource that tells names",
  "toFile",
  "storePath as a source",
  "an attribute of a file",
  "a download by a build, on the loopback",
];

describe.each(VERSIONS)("ways out of a seal, Nix of %s", (version) => {
  const missing = missingForNixWorld(version);
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "esc-"));
    chmodSync(dir, 0o755);
    makeOutside(join(dir, "outside"));
    makeTree(join(dir, "tree"), join(dir, "outside"));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test.skipIf(missing).each(WHO)("none leads out, as %s", async (who) => {
    const setting = settingOf(dir, version, who);
    const outside = place(setting);
    const machine = () => [digestOf(join(ownOf(setting), "store")), validPaths(ownOf(setting))];
    const before = machine();
    const answer = await answerOf(setting, {
      isSealed: true,
      outside,
      treeDir: join(dir, "tree"),
      marker: MARKER,
    });
    expect(answer.seen).toEqual({});
    expect(answer.reached).toBe(0);
    expect(answer.uid).toBe(who === "root" ? 0 : ORDINARY);
    expect(machine()).toEqual(before);
    // What ends well learns nothing of outside: that is asserted above. Most of them fail.
    expect(answer.ended.length).toBeLessThan(25);
    expect(Object.keys(answer.messages).length).toBeGreaterThan(100);
  });

  test.skipIf(missing)("the same expressions lead out where there is no seal", async () => {
    const setting = settingOf(dir, version, "root");
    const outside = { ...place(setting), tree: join(dir, "tree") };
    const request = { isSealed: false, outside, treeDir: join(dir, "tree"), marker: MARKER };
    const answer = await answerOf(setting, request);
    // On a busy machine one may have run out of time.
    const only = SHOWN_PLAIN.filter((name) => !(name in answer.seen));
    const again = only.length === 0 ? answer : await answerOf(setting, { ...request, only });
    expect(Object.keys({ ...answer.seen, ...again.seen })).toEqual(expect.arrayContaining(SHOWN_PLAIN));
    expect(answer.reached).toBeGreaterThan(0);
  });
});

test("there are as many ways as are said", () => {
  const some = {
    dir: "/d",
    name: "n",
    storePath: "/s/x",
    sha256: "",
    narHash: "",
    port: 1,
    socket: "",
    abstract: "",
    tree: "/t",
  };
  expect(Object.keys(attempts(some)).length).toBeGreaterThan(130);
});

/** A caller whose whole surroundings lead outside. */
function settingOf(dir: string, version: NixVersion, who: Who): Setting {
  const outside = join(dir, "outside");
  return {
    version,
    who,
    dir,
    before: ["sh", "-c", 'exec 8<"$1" || exit 1; shift; exec "$@"', "sh", outside],
    env: {
      FIRSTMILE_SECRET: MARKER,
      NIX_PATH: `outside=${outside}:${outside}`,
      NIX_CONFIG: `extra-access-tokens = github.com=${MARKER}\naccept-flake-config = true`,
      XDG_CONFIG_HOME: join(outside, "config"),
      GIT_DIR: join(outside, "repo/.git"),
    },
  };
}

function ownOf({ dir, who }: Setting): string {
  return join(dir, who === "root" ? "root" : "user");
}

/** What there is of this caller's own: a home, a store with a path that is not for the expression. */
function place(setting: Setting): Omit<Outside, "port"> {
  const own = ownOf(setting);
  const outside = join(setting.dir, "outside");
  mkdirSync(own, { recursive: true, mode: 0o755 });
  writeFiles(own, { secret: MARKER });
  if (setting.who !== "root")
    for (const path of [own, join(own, "secret")]) chownSync(path, ORDINARY, ORDINARY);
  const storePath = added(setting, join(outside, "source"));
  return described(outside, { storePath, tree: TREE });
}

function added(setting: Setting, path: string): string {
  const script = join(setting.dir, "add.mjs");
  writeFileSync(
    script,
    `import { execFileSync } from "node:child_process";
console.log(execFileSync("nix-store", ["--add", JSON.parse(process.argv[2])], { encoding: "utf8" }).trim());`,
  );
  const { argv, env } = nodeAs({ ...setting, before: [] }, script, path);
  return execFileSync(argv[0]!, argv.slice(1), {
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
}

/** What the database holds; its other files change when it is only read. */
function validPaths(own: string): unknown {
  const database = new DatabaseSync(join(own, "state/db/db.sqlite"), { readOnly: true });
  try {
    return database.prepare("select path, hash from ValidPaths order by path").all();
  } finally {
    database.close();
  }
}

function answerOf(setting: Setting, request: EscapesRequest): Promise<EscapesAnswer> {
  const { argv, env } = nodeAs(setting, CHILD, request);
  const child = spawn(argv[0]!, argv.slice(1), { env, stdio: ["ignore", "pipe", "pipe"] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  return new Promise((resolve, reject) =>
    child.once("close", (code) =>
      code === 0
        ? resolve(JSON.parse(Buffer.concat(out).toString()) as EscapesAnswer)
        : reject(new Error(Buffer.concat(err).toString().slice(-4_000))),
    ),
  );
}
