/** What a view records of names: that nothing which tells a name, or that there is none, goes unrecorded. */
import { join } from "node:path";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readNames } from "../../src/slicing/read-names.ts";
import { runMounted } from "../../src/view/mounted.ts";
import { runTraced } from "../../src/view/traced.ts";
import type { ViewRecord, ViewRules } from "../../src/view/view.ts";
import { makePlace, type Place, VERSIONS } from "../admission/nix-of.ts";
import { command, SUBMODULE, ViewWorld, whyNoMounts } from "./view-world.ts";

const noMounts = await whyNoMounts();

const FILES = {
  "dir/a": "a",
  "dir/link": { mode: 0o120000, content: "a" },
  "dir/sub": { mode: 0o160000, content: SUBMODULE },
  "dir/in/deep": "",
  "dir/odd\nname": "",
  lone: "",
  "module/default.nix": "1",
  "way/to/file": "x",
  away: { mode: 0o120000, content: "dir" },
};
const DIR = "d in, f a, f odd\\nname, l link, s sub";

/** `dir: d in, f a`, `- gone`. */
function told(record: ViewRecord): string[] {
  return readNames(record, new Set([0])).map((one) => {
    if (one.kind === "answer") return `${one.type} ${one.path}`;
    const entries = one.entries.map(({ type, name }) => `${type} ${name.replace("\n", "\\n")}`);
    return `${one.path || "."}: ${entries.sort().join(", ")}`;
  });
}

describe.skipIf(noMounts)("names that a command was told of", () => {
  let world: ViewWorld;
  beforeAll(() => {
    world = new ViewWorld();
  });
  afterAll(() => world[Symbol.dispose]());

  test.each([
    ["a listing", "ls dir", [`dir: ${DIR}`]],
    [
      "a listing with what stat says of each",
      "ls -l dir; stat dir/a dir/sub",
      [`dir: ${DIR}`, "f lone"],
      "; stat lone",
    ],
    ["find", "find dir", [`dir: ${DIR}`, "dir/in: f deep", "dir/sub: "]],
    ["test -e", "test -e lone; test -e gone; test -e dir/gone", ["- dir/gone", "- gone", "f lone"]],
    ["asked twice", "test -e gone; test -e gone; test -d gone", ["- gone"]],
    ["stat of a directory and a submodule", "stat dir; stat dir/sub", ["s dir/sub"]],
    ["a file that is opened, and the way to it", "cat way/to/file", []],
    ["an open that fails", "cat way/none", ["- way/none"]],
    ["through a link", "ls away/", [`dir: ${DIR}`]],
    ["a link that is looked at and not followed", "test -L away", ["l away"]],
    ["below a file", "test -e lone/x", ["f lone"]],
    ["a name after its directory was listed", "ls dir; test -e dir/gone; cat dir/a", [`dir: ${DIR}`]],
    ["names that no tree holds", "test -e .git; test -e dir/.GIT/x", []],
  ])("%s", async (_, script, expected, more = "") => {
    const { record } = await world.sh([world.tree("names", FILES)], `( ${script}${more} ) >/dev/null 2>&1`);
    expect(told(record)).toEqual(expected);
  });

  test("a listing that is begun in the middle is recorded whole", async () => {
    const { record } = await world.sh(
      [world.tree("middle", FILES)],
      `perl -e 'opendir(my $d, "dir"); seekdir($d, 4); readdir($d)'`,
    );
    expect(told(record)).toEqual([`dir: ${DIR}`]);
  });

  const rules = (names: Readonly<Record<string, "listed" | "found">>): ViewRules => ({
    kind: "enforce",
    allowed: new Map(Object.keys(FILES).map((path) => [path, "any"])),
    names: new Map(Object.entries(names)),
  });

  test("a name that is kept back does not exist, and is told apart", async () => {
    const tree = world.tree(
      "hidden",
      FILES,
      rules({ dir: "listed", "dir/a": "listed", "dir/link": "found" }),
    );
    const script =
      "ls -A dir; cat dir/a dir/link; test -e lone || echo no; test -e dir/in/deep || echo neither";
    const { record, stdout } = await world.sh([tree], script);
    expect(stdout.toString()).toBe("a\naano\nneither\n");
    expect(told(record)).toEqual(["dir: f a", "- lone"]);
    expect(record.hidden.map(({ type, path }) => `${type} ${path}`).sort()).toEqual([
      "d dir/in",
      "f dir/odd\nname",
      "f lone",
      "l dir/link",
      "s dir/sub",
    ]);
  });

  test("strace does not stand in where names are to be hidden", async () => {
    const tree = world.tree("traced", FILES, rules({ dir: "listed" }));
    await expect(runTraced([tree], command("/", ["true"]), "no mounts here")).rejects.toThrow(
      /strace can neither hide names nor tell which ones are asked for/,
    );
  });

  test("strace tells of listings", async () => {
    const tree = world.tree("listed", FILES);
    const { record } = await runTraced([tree], command(tree.at, ["ls", "dir"]), "no mounts here");
    expect(told(record)).toEqual([`dir: ${DIR}`]);
  });
});

describe.each(VERSIONS)("names that Nix of %s was told of", (version) => {
  const missing = missingForNixWorld(version) ?? noMounts;
  let place: Place;
  let world: ViewWorld;
  beforeAll(async () => {
    if (missing !== undefined) return;
    place = await makePlace(version);
    world = new ViewWorld();
  });
  afterAll(async () => {
    world?.[Symbol.dispose]();
    await place?.[Symbol.asyncDispose]();
  });

  const namesOf = async (expression: string) => {
    const tree = {
      ...world.tree("unused", { ...FILES, "default.nix": expression }),
      at: join(place.dir, "tree"),
    };
    const words = ["--eval", "--strict", join(tree.at, "default.nix")];
    const { argv, env } = place.nix.words("nix-instantiate", words, { offline: true });
    const stdio = { timeoutMs: 60_000, maxBytes: 1 << 20 };
    const { code, stderr, record } = await runMounted([tree], { argv, env, cwd: "/", stdio });
    if (code !== 0) throw new Error(stderr);
    return told(record);
  };

  test.skipIf(missing).each([
    ["nothing", "1", []],
    [
      "pathExists",
      "map builtins.pathExists [ ./lone ./gone ./dir/sub ./dir ]",
      ["s dir/sub", "- gone", "f lone"],
    ],
    ["readDir", "builtins.readDir ./dir", [`dir: ${DIR}`]],
    ["readDir through a link", "builtins.readDir ./away", [`dir: ${DIR}`]],
    ["readDir of a submodule", "builtins.readDir ./dir/sub", ["dir/sub: "]],
    ["a directory that is copied", `"\${./way}"`, ["way: d to", "way/to: f file"]],
    [
      "filterSource, which takes nothing in",
      `"\${builtins.filterSource (p: t: t == "symlink") ./dir}"`,
      [`dir: ${DIR}`],
    ],
    [
      "builtins.path with a filter",
      `"\${builtins.path { path = ./dir; filter = p: t: false; }}"`,
      [`dir: ${DIR}`],
    ],
    ["import of a directory", "import ./module", []],
    [
      "import of a directory, where there is one",
      "if builtins.pathExists ./way/default.nix then import ./way else 1",
      ["- way/default.nix"],
    ],
    ["a file that is hashed", `builtins.hashFile "sha256" ./lone`, []],
    ["a path that is only a path", "toString ./gone + toString ./dir", []],
    ["findFile", 'builtins.findFile [ { prefix = ""; path = ./way; } ] "to"', ["d way/to"]],
  ])("%s", async (_, expression, expected) => {
    expect(await namesOf(expression)).toEqual(expected);
  });

  test.skipIf(missing || version !== "sid")("readFileType", async () => {
    expect(await namesOf("map builtins.readFileType [ ./lone ./away ]")).toEqual(["l away", "f lone"]);
  });
});
