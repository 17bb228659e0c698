/**
 * Evaluation reads the machine. The attacker may write to a source: the expression is properly signed, and the gate,
 * which is root, evaluates it. What must hold: nothing outside of the source's own tree is read or copied, also where
 * the admission is denied afterwards; no byte, base64 or digest of the secret is in the store, the state, the log or
 * the answer. Each expression is tried in a file and in a flake.
 */
import { expect } from "vitest";
import type { NixVersion } from "../src/nix-world.ts";
import type { Attack, Theme } from "./attack.ts";
import { probe, ReadingWorld, type Target } from "./reading-world.ts";

const DENIED = /^(?:outside-access|evaluation-failed|import-from-derivation)$/;

interface Reading {
  readonly number: number;
  readonly name: string;
  readonly expression: (target: Target) => string;
  /** Why it is harmless: it gives the very derivation that this expression gives. Otherwise it must be denied. */
  readonly same?: string;
}

const reading = (
  number: number,
  name: string,
  expression: Reading["expression"],
  same?: string,
): Reading => ({ number, name, expression, ...(same === undefined ? {} : { same }) });

const READINGS: readonly Reading[] = [
  reading(1, "readFile of a file that root alone may read", ({ file }) => `builtins.readFile ${file}`),
  reading(
    2,
    "readFile of its name put together from pieces",
    ({ file }) => `builtins.readFile (/. + ${JSON.stringify(file)})`,
  ),
  reading(
    3,
    "import and scopedImport of it",
    ({ file, dir }) => `builtins.scopedImport { } ${file} + import ${dir}`,
  ),
  reading(
    4,
    "a path that climbs out of the source by ..",
    () => `builtins.readFile (./. + "/../secret/token")`,
  ),
  reading(5, "a file as a derivation's source", ({ file }) => `"\${${file}}"`),
  reading(
    6,
    "builtins.path of a directory, with and without a filter",
    ({ dir }) => `"\${builtins.path { path = ${dir}; name = "x"; filter = _: _: true; }}"`,
  ),
  reading(7, "filterSource of a directory", ({ dir }) => `"\${builtins.filterSource (_: _: true) ${dir}}"`),
  reading(
    8,
    "a symbolic link of the source that leads out, read and imported",
    () => "builtins.readFile ./link + import ./linked",
  ),
  reading(
    9,
    "a file below a linked directory of the source",
    () => 'builtins.readFile (./linked + "/token")',
  ),
  reading(10, "hashFile of it", ({ file }) => `builtins.hashFile "sha256" ${file}`),
  reading(
    11,
    "the names of a directory that root alone may list",
    ({ dir }) => `builtins.toJSON (builtins.readDir ${dir})`,
  ),
  reading(
    12,
    "pathExists of it, which may say no and not yes",
    ({ file }) => `builtins.toJSON (builtins.pathExists ${file})`,
    "builtins.toJSON false",
  ),
  reading(
    13,
    "fetchTree of a directory by path",
    ({ dir }) => `(builtins.fetchTree { type = "path"; path = "${dir}"; }).outPath`,
  ),
  reading(
    14,
    "fetchTree by path under a made-up revision and time",
    ({ dir }) =>
      `(builtins.fetchTree { type = "path"; path = "${dir}"; rev = "${"0".repeat(40)}"; lastModified = 1; revCount = 1; }).outPath`,
  ),
  reading(15, "fetchTree of a reference in words", ({ dir }) => `(builtins.fetchTree "path:${dir}").outPath`),
  reading(
    16,
    "fetchTree of a file and of an archive by file: addresses",
    ({ file, archive }) =>
      `(builtins.fetchTree { type = "file"; url = "file://${file}"; }).outPath + (builtins.fetchTree { type = "tarball"; url = "file://${archive}"; }).outPath`,
  ),
  reading(
    17,
    "fetchTree of a Git repository of root's",
    ({ repository, commit }) =>
      `(builtins.fetchTree { type = "git"; url = "file://${repository}"; rev = "${commit}"; }).outPath`,
  ),
  reading(18, "getFlake of a directory by path", ({ dir }) => `(builtins.getFlake "path:${dir}").words`),
  reading(19, "getFlake of a directory by its plain name", ({ dir }) => `(builtins.getFlake "${dir}").words`),
  reading(
    20,
    "getFlake of a repository of root's by git+file",
    ({ repository }) => `(builtins.getFlake "git+file://${repository}").words`,
  ),
  reading(
    21,
    "getFlake of it at a commit",
    ({ repository, commit }) => `(builtins.getFlake "git+file://${repository}?rev=${commit}").words`,
  ),
  reading(
    22,
    "getFlake of an archive by a file: address",
    ({ archive }) => `(builtins.getFlake "file://${archive}").words`,
  ),
  reading(
    23,
    "a flake in the source whose unlocked input is a path of root's",
    ({ dir }) => `(builtins.getFlake "path:\${toString ./flk}").outputs.words or "${dir}"`,
  ),
  reading(
    24,
    "the gate's own secret key by fetchTree and getFlake",
    ({ state }) =>
      `builtins.readFile ((builtins.fetchTree { type = "path"; path = "${state}/gate/key"; }).outPath)`,
  ),
  reading(
    25,
    "fetchGit of a directory, a file: address and a plain path",
    ({ repository, commit }) =>
      `(builtins.fetchGit ${repository}).outPath + (builtins.fetchGit { url = "file://${repository}"; rev = "${commit}"; }).outPath`,
  ),
  reading(
    26,
    "fetchGit of an address that runs a program",
    ({ file }) => `(builtins.fetchGit { url = "ext::sh -c cat% ${file}"; }).outPath`,
  ),
  reading(
    27,
    "fetchurl and fetchTarball of file: addresses",
    ({ file, archive }) => `builtins.fetchurl "file://${file}" + builtins.fetchTarball "file://${archive}"`,
  ),
  reading(
    28,
    "<nix/fetchurl.nix> of a file: address, imported while evaluating",
    ({ file }) =>
      `import (import <nix/fetchurl.nix> { url = "file://${file}"; sha256 = "${"0".repeat(52)}"; })`,
  ),
  reading(
    29,
    "the search path: findFile with an entry of the expression's own",
    ({ dir }) => `builtins.readFile (builtins.findFile [ { prefix = ""; path = "${dir}"; } ] "token")`,
  ),
  reading(
    30,
    "the evaluator's own /proc: environment, arguments, descriptors, root",
    () =>
      `builtins.readFile /proc/self/environ + builtins.readFile /proc/self/cmdline + builtins.readFile /proc/self/fd/0`,
  ),
  reading(
    31,
    "another process's view of the machine by /proc/1/root",
    ({ file }) => `builtins.readFile "/proc/1/root${file}"`,
  ),
  reading(
    32,
    "a link of /proc that leads back to the machine, by getFlake",
    ({ dir }) => `(builtins.getFlake "path:/proc/self/root${dir}").words`,
  ),
  reading(
    33,
    "an import from a derivation that copies the file while evaluating",
    ({ file }) =>
      `import (derivation { name = "copy"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "read x < ${file}; echo \\"$x\\" > $out" ]; })`,
  ),
  reading(
    34,
    "builtins.exec and importNative, which nix.conf turned on",
    ({ file }) => `(builtins.exec or (x: builtins.readFile ${file})) [ "cat" "${file}" ]`,
  ),
  reading(
    35,
    "a variable of the gate's environment, which is empty for it",
    () => `builtins.getEnv "FIRSTMILE_STATE" + builtins.getEnv "PATH"`,
    '""',
  ),
  reading(
    36,
    "fetchClosure from a store of the expression's own",
    ({ store, dir }) =>
      `builtins.fetchClosure { fromStore = "file://${dir}"; fromPath = "${store}/${"0".repeat(32)}-x"; inputAddressed = true; }`,
  ),
  reading(
    37,
    "fetchMercurial of a directory",
    ({ dir }) => `(builtins.fetchMercurial { url = "file://${dir}"; }).outPath`,
  ),
];

/** The numbers of those that read it where no guard is: without it, the tests would fail by them. */
const OPEN_TO_PLAIN_NIX: Readonly<Record<NixVersion, readonly number[]>> = {
  host: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 17, 18, 19, 20, 21, 22, 23, 24, 25, 27, 29, 32, 34],
  sid: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 27, 29, 34],
};

const quote = (attr: number) => `a${attr}`;

function files(target: Target) {
  const all = [
    ...READINGS.map(({ number, expression }) => [quote(number), expression(target)]),
    ...READINGS.filter(({ same }) => same !== undefined).map(({ number, same }) => [`same${number}`, same!]),
    ["honest", "builtins.readFile ./words"],
  ];
  const set = all.map(([attr, text]) => `    ${attr} = ${probe(text!)};`).join("\n");
  return {
    words: "harmless words\n",
    link: { mode: 0o120000, content: target.file },
    linked: { mode: 0o120000, content: target.dir },
    "flk/flake.nix": `{ inputs.s = { url = "path:${target.dir}"; flake = false; }; outputs = { s, ... }: { words = builtins.readFile "\${s}/token"; }; }`,
    "default.nix": `{\n${set}\n}`,
    "flake.nix": `{ outputs = _: { packages.x86_64-linux = import ./default.nix; }; }`,
  };
}

async function tried(world: ReadingWorld, { number, same }: Reading): Promise<void> {
  for (const how of ["file", "flake"] as const) {
    const before = world.stored();
    const known = await world.leaks();
    const answer = await world.admit(quote(number), how);
    const leaks = (await world.leaks(answer.said)).filter((place) => !known.includes(place));
    if (same === undefined || !answer.allowed) {
      expect({ how, leaks, allowed: answer.allowed }).toEqual({ how, leaks: [], allowed: false });
      expect(answer.codes.at(-1)).toMatch(DENIED);
      expect({ how, left: world.stored().filter((name) => !before.includes(name)) }).toEqual({
        how,
        left: [],
      });
    } else {
      expect({ how, leaks }).toEqual({ how, leaks: [] });
      expect(answer.roots).toEqual((await world.admit(`same${number}`, how)).roots);
    }
  }
}

const asAttack = (one: Reading): Attack<ReadingWorld> => ({
  number: one.number,
  name: one.name,
  held:
    one.same === undefined
      ? "The evaluation sees the source's own tree alone; nothing of the secret is anywhere afterwards."
      : "It gives the derivation that it gives on a machine that has nothing of the kind.",
  run: (world) => tried(world, one),
});

export const evaluationReads: Theme<ReadingWorld> = {
  title: "Evaluation reads the machine",
  by: "a permitted writer of a source",
  guard: "local/admission/evaluate-file.ts, local/sealing",
  open: (version) =>
    ReadingWorld.open(version, files, { "allow-unsafe-native-code-during-evaluation": "true" }),
  controls: [
    {
      name: "what reads its own tree is admitted, as a file and as a flake",
      async run(world) {
        const ended = await world.gate.firstmile("admit", "-f", "default.nix", "-A", "honest");
        expect([ended.code, ended.stdout]).toEqual([0, expect.stringContaining("is authentic")]);
        expect((await world.gate.firstmile("admit", ".#honest")).code).toBe(0);
      },
    },
    {
      name: "the search finds the secret in the store, where plain Nix puts it",
      async run(world) {
        await world.gate.run("nix-instantiate", ["-A", "a1"]);
        expect(await world.leaks()).not.toEqual([]);
        await world.gate.run("nix-store", ["--gc"]);
        expect(await world.leaks()).toEqual([]);
      },
    },
    {
      name: "plain Nix, as root, reads the secret by most of these expressions",
      async run(world) {
        const open: number[] = [];
        for (const { number } of READINGS) if (await world.readsPlainly(quote(number))) open.push(number);
        expect(open).toEqual(OPEN_TO_PLAIN_NIX[world.gate.nix.version]);
      },
    },
  ],
  attacks: READINGS.map(asAttack),
};
