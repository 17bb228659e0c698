/** A name of another person's choice is planted wherever a name can come from, and every command is read that tells it. */
import { parsePath } from "@firstmile/formats/statement/path";
import { makeWorld, type Person, type World, type WorldRepository } from "@firstmile/testing/world";
import { signingEnv } from "@firstmile/testing/world-people";
import { emailOf } from "@firstmile/testing/world-repository";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SliceStory, sliceStory } from "../reviewing/slice-story.ts";

/** What a name would like to say on a line of its own, and how it would hide. */
const LIE = "allowed  source pkgs at 0000000000000000000000000000000000000000";
const NASTY = `dócs\n${LIE}\n\x1b[2K\x1b[1A\r\u202e\u00a0\u2800\u200b\t\u0085e\u0301|\`<b>`;
const SHOWN = `dócs\\x0a${LIE}\\x0a\\x1b[2K\\x1b[1A\\x0d\\u{202e}\\u{a0}\\u{2800}\\u{200b}\\x09\\u{85}e\\u{301}|\`<b>`;
const PATH = `${NASTY}/a.nix`;
const WIDTHS = ["60", "80", "200"];
const EVIL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u2800\p{Default_Ignorable_Code_Point}]/u;

let world: World;
let alice: Person;
let repository: WorldRepository;
let policy: string;
let slice: SliceStory;
let checkedOut: string;
beforeAll(async () => {
  world = await makeWorld();
  alice = await world.person("alice");
  repository = await world.repository("pkgs");
  const introduction = await repository.commit({ by: alice, files: { "README.md": "1\n" } });
  await repository.commit({
    by: alice,
    files: { [PATH]: "2\n", "ok/ü.nix": "3\n" },
    message: `${NASTY}\n`,
    author: NASTY.replace(/[\n<>]/g, ""),
  });
  policy = await world.policyDirectory({
    name: NASTY,
    people: [alice],
    roles: { docs: [alice] },
    sources: {
      pkgs: {
        introduction,
        url: `https://example.org/${"x".repeat(60)}`,
        rules: [
          { paths: ["**"], write: { any: 1, of: [alice] } },
          { paths: ["/d*/**", "/ok/**"], write: "writer", review: { any: 1, of: [alice] } },
        ],
      },
    },
  });
  slice = await sliceStory(world, [alice], { [PATH]: "1\n", "ü.nix": `${"x".repeat(500)}\n` });
  const clone = world.fresh("clone");
  await slice.repository.git("clone", "-q", slice.repository.dir, clone);
  checkedOut = `${clone}/${PATH}`;
  const rules = await world.repository("rules");
  const spec = { by: alice, policy: { name: NASTY, people: [alice] } };
  const first = await world.rules(rules, spec);
  const words = ["trust", "add", rules.dir, "--introduction", first, "--signed-by", alice.fingerprint];
  const added = await world.firstmile(words, {});
  if (added.code !== 0) throw new Error(added.stdout + added.stderr);
}, 120_000);
afterAll(() => world[Symbol.asyncDispose]());

/** No line begins with the lie, nothing is unseen, and the names are there as they are spelled. */
function expectSound(told: string, tells: boolean): void {
  for (const line of told.split("\n")) {
    expect(line).not.toMatch(EVIL);
    expect(line.trimStart().startsWith("allowed  source")).toBe(false);
  }
  if (tells)
    expect(told.replace(/\s+/g, "").replaceAll("↳", "")).toContain(SHOWN.slice(0, 60).replace(/\s+/g, ""));
}

const ofRules: Asked[] = [
  ["trust show", () => ["trust", "show"], true],
  ["trust update", () => ["trust", "update"], true],
  ["trust graph", () => ["trust", "graph"], false],
];

type Asked = readonly [what: string, words: () => readonly string[], tells: boolean];

const inHistory: Asked[] = [
  ["verify", () => ["verify", repository.dir], true],
  ["why COMMIT", () => ["why", repository.tip(), "--repository", repository.dir], true],
  ["check", () => ["check", "main~1..main", "--repository", repository.dir], true],
  [
    "check --markdown",
    () => ["check", "main~1..main", "--repository", repository.dir, "--markdown", "-"],
    true,
  ],
  ["review", () => ["review", repository.dir, "main", "--yes"], false],
  ["verify of what is not there", () => ["verify", repository.dir, NASTY], false],
  ["verify of a source that is not there", () => ["verify", NASTY], true],
];
const inSlice: Asked[] = [
  ["review --list", () => ["review", slice.repository.dir, "main", "--path", ".", "--list", "--all"], true],
  ["review --yes", () => ["review", slice.repository.dir, "main", "--path", ".", "--yes"], false],
  [
    "review of no file",
    () => ["review", slice.repository.dir, "main", "--path", `no${NASTY}`, "--list"],
    false,
  ],
  ["why FILE", () => ["why", checkedOut], true],
];

async function told(words: readonly string[], rules: string, env: Readonly<Record<string, string>>) {
  const own = signingEnv(alice, { "user.email": emailOf(alice.name) });
  const args = words[0] === "trust" ? words : [...words, "--policy", rules];
  const { stdout, stderr } = await world.firstmile(args, { env: { ...own, ...env } });
  return stdout.toString() + stderr;
}

describe("for programs", () => {
  const paths: [string, () => readonly string[], () => string, RegExp][] = [
    ["verify", () => ["verify", repository.dir, "--json"], () => policy, /"paths": \[\s+("(?:[^"\\]|\\.)*")/],
    [
      "check",
      () => ["check", "main~1..main", "--repository", repository.dir, "--json"],
      () => policy,
      /"path": ("(?:[^"\\]|\\.)*")/,
    ],
    [
      "review --list",
      () => ["review", slice.repository.dir, "main", "--path", ".", "--list", "--json"],
      () => slice.policy,
      /"paths": \[\s+("d(?:[^"\\]|\\.)*")/,
    ],
  ];
  test.each(paths)(
    "%s: paths are spelled as in statements",
    { timeout: 240_000 },
    async (_, words, rules, path) => {
      const text = await told(words(), rules(), {});
      for (const line of text.split("\n")) expect(line).not.toMatch(EVIL);
      expect(parsePath(JSON.parse(path.exec(text)![1]!))).toBe(Buffer.from(PATH).toString("latin1"));
      expect(() => JSON.parse(text)).not.toThrow();
    },
  );

  test("SARIF names the path as a URI", async () => {
    const words = ["check", "main~1..main", "--repository", repository.dir, "--sarif", "-"];
    const text = await told(words, policy, {});
    const { runs } = JSON.parse(text.slice(text.indexOf("{")));
    const uris = runs[0].results.map((one: never) => uriIn(one));
    expect(uris).toContain(PATH.split("/").map(encodeURIComponent).join("/"));
    expect(text).not.toMatch(/[\u0085\u202e\u200b]/);
  });
});

const GROUPS: [string, () => string, Asked[]][] = [
  ["a history", () => policy, inHistory],
  ["a slice", () => slice.policy, inSlice],
  ["a trust repository", () => "", ofRules],
];
describe.each(GROUPS)("names in %s", (_, rules, asked) => {
  test.each(asked)("%s", { timeout: 240_000 }, async (_what, words, tells) => {
    for (const COLUMNS of WIDTHS) expectSound(await told(words(), rules(), { COLUMNS }), tells);
  });
});

function uriIn({
  locations,
}: {
  locations: { physicalLocation: { artifactLocation: { uri: string } } }[];
}): string {
  return locations[0]?.physicalLocation.artifactLocation.uri ?? "";
}
