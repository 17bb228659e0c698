/**
 * Private stores that an attacker wrote. None of them reaches the real store: its files and its database stay as they
 * were, byte for byte.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Derivation, derivationStorePath, renderDerivation } from "@firstmile/formats/nix/derivation";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import {
  baseNameOf,
  type DrvPath,
  drvNameOf,
  parseDrvPath,
  type StorePath,
} from "@firstmile/formats/nix/store-path";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makePlace, type Place, writeFiles } from "../admission/nix-of.ts";
import { digestOf, type Evaluated, evaluatePrivately, readOut } from "./private-store.ts";

const missing = missingForNixWorld("host");

const EXPRESSION = `let
  drv = name: more: derivation ({ inherit name; system = "x86_64-linux"; builder = "/bin/sh"; } // more);
  tree = builtins.path { path = ./tree; name = "tree"; };
in drv "top" { tree = "\${tree}"; file = ./tree/file; text = builtins.toFile "text" "see \${tree}"; low = drv "low" { }; other = drv "other" { }; }`;

let place: Place;
let honest: Evaluated;
let untouched: string;

beforeAll(async () => {
  if (missing !== undefined) return;
  place = await makePlace("host");
  writeFiles(place.dir, { "default.nix": EXPRESSION, "tree/file": "content", "tree/sub/more": "more" });
  honest = await evaluatePrivately(place, join(place.dir, "default.nix"));
  // The machine's own store, with something in it.
  writeFiles(place.dir, { own: "own" });
  await place.world.run("nix-store", ["--add", join(place.dir, "own")]);
  untouched = machine();
});

afterAll(() => place?.[Symbol.asyncDispose]());

/** The real store and everything that its Nix knows. */
function machine(): string {
  return digestOf(place.world.storeDir) + digestOf(join(place.world.stateDir, "db"));
}

/** Where the private store has the one path of this name. */
function at(store: string, name: string): string {
  const base = readdirSync(store).filter((one) => one.slice(33) === name);
  if (base.length !== 1) throw new Error(`${base.length} paths are called ${name}`);
  return join(store, base[0]!);
}

function pathOf(name: string): StorePath {
  return join(place.world.storeDir, at(honest.store, name).slice(honest.store.length + 1)) as StorePath;
}

/** Changes a copy of the honest store, reads it, and gives the answer. */
async function judged(
  forge: (store: string) => void,
  more: Partial<Evaluated> = {},
  inputs: readonly StorePath[] = [],
): Promise<string> {
  const store = join(place.world.dir, "forged");
  rmSync(store, { recursive: true, force: true });
  cpSync(honest.store, store, { recursive: true, verbatimSymlinks: true });
  execFileSync("chmod", ["-R", "u+w", store]);
  forge(store);
  const { brought, cache, closure } = await readOut(place, { ...honest, store, ...more }, inputs);
  brought[Symbol.dispose]();
  cache[Symbol.dispose]();
  expect(machine()).toBe(untouched);
  return closure.ok ? "allowed" : `${closure.reason.code}: ${closure.reason.message}`;
}

function replace(path: string, by: () => void): void {
  rmSync(path, { recursive: true, force: true });
  by();
}

test.skipIf(missing)("an honest store is allowed, so that each refusal below is one", async () => {
  expect(await judged(() => {})).toBe("allowed");
});

const DERIVATIONS: Readonly<Record<string, (low: string, store: string) => void>> = {
  "another derivation's text": (low, store) => cpSync(at(store, "other.drv"), low),
  "one byte more": (low) => writeFileSync(low, `${readFileSync(low, "latin1")} `, "latin1"),
  "another builder": (low) =>
    writeFileSync(low, readFileSync(low, "latin1").replace("/bin/sh", "/bin/zz"), "latin1"),
  "an empty file": (low) => writeFileSync(low, ""),
  "not there": (low) => rmSync(low),
  "a link to the right text": (low, store) =>
    replace(low, () => {
      cpSync(at(honest.store, "low.drv"), join(store, "elsewhere"));
      symlinkSync("elsewhere", low);
    }),
  "a link out to the right text": (low) => replace(low, () => symlinkSync(at(honest.store, "low.drv"), low)),
  "a link to /dev/zero": (low) => replace(low, () => symlinkSync("/dev/zero", low)),
  "a directory": (low) => replace(low, () => mkdirSync(low)),
  "a FIFO": (low) => replace(low, () => execFileSync("mkfifo", [low])),
  "a device": (low) => replace(low, () => execFileSync("mknod", [low, "c", "1", "5"])),
  "a sparse terabyte": (low) => truncateSync(low, 2 ** 40),
  "unreadable bytes": (low) => writeFileSync(low, Buffer.alloc(10_000, 0xff)),
  "a dynamic derivation": (low) => writeFileSync(low, 'DrvWithVersion("xp-dyn-drv",[],[],[],"","",[],[])'),
};

test.skipIf(missing).each(Object.entries(DERIVATIONS))("a derivation that is %s", async (_, forge) => {
  const answer = await judged((store) => forge(at(store, "low.drv"), store));
  expect(answer).toMatch(/^derivation-corrupt: .*-low\.drv /);
});

const SOURCES: Readonly<Record<string, readonly [(store: string) => void, RegExp]>> = {
  "other content": [
    (s) => writeFileSync(join(at(s, "tree"), "file"), "Content"),
    /^outside-access: .* not named by its content$/,
  ],
  "one file more": [(s) => writeFileSync(join(at(s, "tree"), "new"), ""), /^outside-access/],
  "one file less": [(s) => rmSync(join(at(s, "tree"), "file")), /^outside-access/],
  "an executable bit": [(s) => chmodSync(join(at(s, "tree"), "file"), 0o755), /^outside-access/],
  "a file that became a directory": [
    (s) => replace(join(at(s, "tree"), "file"), () => mkdirSync(join(at(s, "tree"), "file"))),
    /^outside-access/,
  ],
  "another text": [(s) => writeFileSync(at(s, "text"), "see /etc/shadow"), /^outside-access/],
  "an executable text": [(s) => chmodSync(at(s, "text"), 0o755), /^outside-access/],
  "not there": [
    (s) => rmSync(at(s, "tree"), { recursive: true }),
    /^outside-access: .* neither an authenticated input nor copied/,
  ],
  "not there, and only a text refers to it": [(s) => rmSync(at(s, "file")), /^outside-access/],
  "a link to a directory": [
    (s) => replaced(s, "tree", (path) => symlinkSync(at(honest.store, "tree"), path)),
    /^outside-access/,
  ],
  "a link inside that leads out": [
    (s) =>
      replace(join(at(s, "tree"), "sub"), () =>
        symlinkSync(join(at(honest.store, "tree"), "sub"), join(at(s, "tree"), "sub")),
      ),
    /^outside-access/,
  ],
  "a FIFO inside": [
    (s) => execFileSync("mkfifo", [join(at(s, "tree"), "fifo")]),
    /^derivation-corrupt: .* device, FIFO or socket/,
  ],
  "a FIFO itself": [
    (s) => replaced(s, "file", (path) => execFileSync("mkfifo", [path])),
    /^derivation-corrupt: .* device, FIFO or socket/,
  ],
  "a device inside": [
    (s) => execFileSync("mknod", [join(at(s, "tree"), "zero"), "c", "1", "5"]),
    /^derivation-corrupt/,
  ],
  "a disk": [
    (s) => replaced(s, "file", (path) => execFileSync("mknod", [path, "b", "7", "0"])),
    /^derivation-corrupt/,
  ],
  "a sparse terabyte": [
    (s) => truncateSync(join(at(s, "tree"), "file"), 2 ** 40),
    /^evaluation-failed: .* is too large/,
  ],
  "many sparse gigabytes": [
    (s) => Array.from({ length: 9 }, (_, i) => sparse(join(at(s, "tree"), `z${i}`), 2 ** 33)),
    /^evaluation-failed: .* is too large/,
  ],
  "a directory without end": [
    (s) => mkdirSync(join(at(s, "tree"), "d/".repeat(1_000)), { recursive: true }),
    /^derivation-corrupt: .* deep/,
  ],
  "a link of 4,096 bytes": [
    (s) => symlinkSync("x".repeat(4_095), join(at(s, "tree"), "link")),
    /^outside-access|^derivation-corrupt/,
  ],
  "a name in capitals beside it": [
    (s) => writeFileSync(join(at(s, "tree"), "FILE"), "content"),
    /^outside-access/,
  ],
};

/** Puts something in the place of a path. Its name has to be looked up before it is removed. */
function replaced(store: string, name: string, by: (path: string) => void): void {
  const path = at(store, name);
  rmSync(path, { recursive: true });
  by(path);
}

function sparse(path: string, size: number): void {
  writeFileSync(path, "");
  truncateSync(path, size);
}

test.skipIf(missing).each(Object.entries(SOURCES))("a source that is %s", async (_, [forge, refusal]) => {
  const told = await judged(forge);
  expect(told).toMatch(refusal);
  expect(told).toMatch(/-(tree|file|text) /);
});

/** A process that is killed does not remove its socket. */
const BIND = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;

test.skipIf(missing)("a socket in the place of a source", async () => {
  const told = await judged((store) => {
    const path = at(store, "file");
    rmSync(path);
    spawnSync(process.execPath, ["-e", BIND, path]);
  });
  expect(told).toMatch(/^derivation-corrupt: .* device, FIFO or socket/);
});

test.skipIf(missing)("more names or bytes than are read end the reading", async () => {
  const store = join(place.world.dir, "large");
  cpSync(honest.store, store, { recursive: true });
  const dir = join(at(store, "tree"), "names");
  mkdirSync(dir);
  for (let i = 0; i < 2_000; i++) writeFileSync(join(dir, String(i)), "");
  const answer = async (budget: { entries: number; bytes: number }) => {
    const { closure } = await readOut(place, { ...honest, store }, [], { budget });
    return closure.ok || closure.reason;
  };
  const few = { entries: 1_999, bytes: 1 << 20 };
  expect(await answer(few)).toMatchObject({
    code: "evaluation-failed",
    message: expect.stringMatching(/-tree .*too many files/),
    remedy: expect.stringContaining("filter"),
  });
  // What is left over decides, not each source by itself.
  expect(few.entries).toBeLessThan(0);
  expect(await answer({ entries: 2_000, bytes: 3 })).toMatchObject({ code: "evaluation-failed" });
  expect(await answer({ entries: 2_010, bytes: 1 << 20 })).toMatchObject({ code: "outside-access" });
});

/** A derivation that was written by hand, at the path that it names. */
function written(store: string, change: (derivation: Derivation) => Derivation): DrvPath {
  const { storeDir } = place.world;
  const top = honest.roots[0]!;
  const derivation = change(parseDerivation(readFileSync(join(store, baseNameOf(top))), storeDir));
  const path = derivationStorePath(derivation, drvNameOf(top), storeDir);
  writeFileSync(join(store, baseNameOf(path)), renderDerivation(derivation));
  return path;
}

test.skipIf(missing)("a derivation written by hand is refused for what it claims and names", async () => {
  const store = join(place.world.dir, "by-hand");
  cpSync(honest.store, store, { recursive: true });
  const answer = async (change: (derivation: Derivation) => Derivation) => {
    const { closure } = await readOut(place, { ...honest, store, roots: [written(store, change)] });
    return closure.ok ? "allowed" : `${closure.reason.code}: ${closure.reason.message}`;
  };
  const nowhere = (name: string) => `${place.world.storeDir}/${"0".repeat(32)}-${name}` as StorePath;
  const claims = /^derivation-corrupt: .*-top.drv claims a path for out/;
  expect(await answer((drv) => drv)).toBe("allowed");
  const claimed = new Map([["out", { kind: "input-addressed", path: nowhere("top") } as const]]);
  expect(await answer((drv) => ({ ...drv, outputs: claimed }))).toMatch(claims);
  expect(await answer((drv) => ({ ...drv, inputSrcs: [nowhere("tree")] }))).toMatch(claims);
  const input = parseDrvPath(nowhere("low.drv"), place.world.storeDir);
  expect(await answer((drv) => ({ ...drv, inputDrvs: new Map([[input, ["out"]]]) }))).toMatch(
    /^derivation-corrupt: .*-low.drv was not written/,
  );
  const none = new Map([[parseDrvPath(pathOf("low.drv"), place.world.storeDir), ["lib"]]]);
  expect(await answer((drv) => ({ ...drv, inputDrvs: none }))).toMatch(
    /^derivation-corrupt: .* no output lib/,
  );
  expect(machine()).toBe(untouched);
});

test.skipIf(missing)("a source that is nowhere is refused, also where its derivation is right", async () => {
  const own = (
    await place.world.run("nix-store", ["--add", join(place.dir, "own")])
  ).stdout.trim() as StorePath;
  writeFiles(place.dir, {
    "nowhere.nix": `derivation { name = "nowhere"; system = "x86_64-linux"; builder = "/bin/sh"; src = builtins.appendContext "${own}" { "${own}" = { path = true; }; }; }`,
  });
  const told = await place.world.run("nix-instantiate", [join(place.dir, "nowhere.nix")]);
  const root = parseDrvPath(told.stdout.trim(), place.world.storeDir);
  const store = join(place.world.dir, "alone");
  mkdirSync(store);
  cpSync(root, join(store, baseNameOf(root)));
  const evaluated = { roots: [root], store, paths: new Map() };
  const refused = await readOut(place, evaluated);
  expect(refused.closure.ok || refused.closure.reason.message).toMatch(
    /-own which is neither an authenticated input nor copied/,
  );
  const allowed = await readOut(place, evaluated, [own]);
  expect(allowed.closure.ok).toBe(true);
});

test.skipIf(missing)("roots that are nowhere, elsewhere, or not a derivation", async () => {
  const asked = async (root: string) => {
    const { closure } = await readOut(place, { ...honest, roots: [root as DrvPath] });
    return closure.ok || closure.reason.code;
  };
  expect(await asked(`${place.world.storeDir}/${"0".repeat(32)}-x.drv`)).toBe("derivation-corrupt");
  expect(await asked(`/nix/store/${baseNameOf(honest.roots[0]!)}`)).toBe("derivation-corrupt");
  expect(await asked(pathOf("tree"))).toBe("derivation-corrupt");
});

test.skipIf(missing)("a store that is a link is not opened", async () => {
  const link = join(place.world.dir, "link");
  symlinkSync(honest.store, link);
  await expect(readOut(place, { ...honest, store: link })).rejects.toThrow(/ELOOP|ENOTDIR/);
});

test.skipIf(missing)("what a text refers to is proven by its path, whatever is said", async () => {
  writeFiles(place.dir, {
    "hidden.nix": `let text = builtins.toFile "told" "x"; in derivation { name = "h"; system = "x86_64-linux"; builder = "/bin/sh";
      hidden = builtins.toFile "hidden" "nothing\${builtins.substring 0 0 text}"; }`,
  });
  const kept = join(place.world.dir, "kept");
  renameSync(honest.store, kept);
  const machineStore = join(place.world.dir, "machine");
  renameSync(place.world.storeDir, machineStore);
  mkdirSync(place.world.storeDir);
  try {
    const evaluated = await evaluatePrivately(place, join(place.dir, "hidden.nix"));
    const answer = async (paths: Evaluated["paths"]) => {
      const { brought, closure } = await readOut(place, { ...evaluated, paths });
      return closure.ok
        ? [...brought.sources.keys()].map((path) => path.slice(-4)).sort()
        : closure.reason.code;
    };
    expect(await answer(evaluated.paths)).toEqual(["dden", "told"]);
    expect(await answer(new Map())).toBe("outside-access");
    const lie = [...evaluated.paths].map(
      ([path, info]) => [path, { ...info, references: [...evaluated.paths.keys()] }] as const,
    );
    expect(await answer(new Map(lie))).toBe("outside-access");
  } finally {
    rmSync(honest.store, { recursive: true, force: true });
    renameSync(kept, honest.store);
    rmSync(place.world.storeDir, { recursive: true, force: true });
    renameSync(machineStore, place.world.storeDir);
  }
});
