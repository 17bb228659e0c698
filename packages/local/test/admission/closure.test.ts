import { chmodSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { derivationStorePath, renderDerivation } from "@firstmile/formats/nix/derivation";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { type DrvPath, drvNameOf, parseDrvPath, type StorePath } from "@firstmile/formats/nix/store-path";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import { expect, test } from "vitest";
import { readClosure } from "../../src/admission/closure.ts";
import { storeReader } from "../../src/admission/derivation-reader.ts";
import { makePlace, type Place, VERSIONS, writeFiles } from "./nix-of.ts";

const missing = missingForNixWorld("host");

/** A chain of `length` derivations, each of which takes the two before it, with sources and a fixed output. */
async function chain(place: Place, length: number): Promise<DrvPath> {
  writeFiles(place.dir, {
    source: "source",
    "chain.nix": `let
      drv = name: more: derivation ({ inherit name; system = "x86_64-linux"; builder = "/bin/sh"; } // more);
      fixed = drv "fixed" { outputHash = "${"0".repeat(64)}"; outputHashAlgo = "sha256"; outputHashMode = "flat"; };
      next = { a, b }: n: { a = drv "d\${toString n}" { inherit a b; src = ./source; outputs = [ "out" "dev" ]; }; b = a; };
      end = builtins.foldl' next { a = fixed; b = fixed; } (builtins.genList (n: n) ${length});
    in end.a`,
  });
  return (await instantiate(place, "chain.nix"))[0]!;
}

/** As the user's own Nix does, into the store of this world. */
async function instantiate(place: Place, file: string): Promise<DrvPath[]> {
  const ended = await place.world.run("nix-instantiate", [join(place.dir, file)]);
  if (ended.code !== 0) throw new Error(ended.stderr);
  return ended.stdout
    .trim()
    .split("\n")
    .map((line) => parseDrvPath(line, place.nix.storeDir));
}

test.skipIf(missing)("reads everything below, and soon", async () => {
  await using place = await makePlace("host");
  const root = await chain(place, 2_000);
  const started = performance.now();
  const closure = await readClosure(storeReader(place.nix), [root, root]);
  if (!closure.ok) throw new Error(closure.reason.message);
  expect(closure.derivations.size).toBe(2_001);
  expect(performance.now() - started).toBeLessThan(5_000);
  const told = await place.world.run("nix-store", ["--query", "--requisites", root]);
  const theirs = told.stdout.split("\n").filter((path) => path.endsWith(".drv"));
  expect([...closure.derivations.keys()].sort()).toEqual(theirs.sort());
  expect(closure.derivations.get(root)?.name).toBe("d1999");
});

test.skipIf(missing)("a file that is changed, missing, no file or another's is found", async () => {
  await using place = await makePlace("host");
  const root = await chain(place, 20);
  const closure = await readClosure(storeReader(place.nix), [root]);
  if (!closure.ok) throw new Error(closure.reason.message);
  const victim = [...closure.derivations.keys()].find((path) => path.endsWith("-d7.drv"))!;
  const honest = readFileSync(victim);
  const attack = async (change: () => void) => {
    rmSync(victim, { force: true });
    change();
    const read = await readClosure(storeReader(place.nix), [root]);
    return read.ok || `${read.reason.code} ${read.reason.message}`;
  };
  const bad = /^derivation-corrupt .*-d7\.drv /;
  expect(await attack(() => {})).toMatch(bad);
  const text = honest.toString("latin1");
  expect(await attack(() => writeFileSync(victim, text.replace("/bin/sh", "/bin/zz"), "latin1"))).toMatch(
    bad,
  );
  expect(await attack(() => writeFileSync(victim, `${text} `, "latin1"))).toMatch(bad);
  expect(await attack(() => writeFileSync(victim, ""))).toMatch(bad);
  expect(await attack(() => symlinkSync("/dev/zero", victim))).toMatch(bad);
  expect(await attack(() => writeFileSync(victim, honest))).toBe(true);
});

test.skipIf(missing)("a derivation written by hand that claims another's output is found", async () => {
  await using place = await makePlace("host");
  const root = await chain(place, 3);
  const { storeDir } = place.nix;
  const honest = parseDerivation(readFileSync(root), storeDir);
  const claimed = `${storeDir}/${"0".repeat(32)}-d2` as StorePath;
  const outputs = new Map(honest.outputs).set("out", { kind: "input-addressed", path: claimed });
  const forged = { ...honest, outputs, env: new Map(honest.env).set("out", claimed) };
  const path = derivationStorePath(forged, drvNameOf(root), storeDir);
  chmodSync(storeDir, 0o755);
  writeFileSync(path, renderDerivation(forged));
  const read = await readClosure(storeReader(place.nix), [path]);
  expect(read.ok || read.reason.code).toBe("derivation-corrupt");
  const elsewhere = await readClosure(storeReader(place.nix), [
    join("/nix/store", root.slice(storeDir.length + 1)) as DrvPath,
  ]);
  expect(elsewhere.ok || elsewhere.reason.code).toBe("derivation-corrupt");
});

test.each(VERSIONS)(
  "a source that is some output of this store is refused, by its content it is not (%s)",
  async (version) => {
    if (missingForNixWorld(version) !== undefined) return;
    await using place = await makePlace(version);
    writeFiles(place.dir, {
      "made.nix": `derivation { name = "made"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo evil > $out" ]; }`,
      data: "data",
    });
    const built = await place.world.run("nix-build", ["--no-out-link", join(place.dir, "made.nix")]);
    expect(built.code).toBe(0);
    const output = built.stdout.trim();
    const added = (await place.world.run("nix-store", ["--add", join(place.dir, "data")])).stdout.trim();
    const judge = async (src: string) => {
      const file = `derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; src = ${src}; }`;
      writeFiles(place.dir, { "x.nix": file });
      const read = await readClosure(storeReader(place.nix), await instantiate(place, "x.nix"));
      return read.ok || `${read.reason.code} ${read.reason.message}`;
    };
    const appended = (path: string) => `builtins.appendContext "${path}" { "${path}" = { path = true; }; }`;
    expect(await judge(appended(output))).toMatch(/^outside-access .*-x\.drv takes .*-made from this store/);
    expect(await judge(`builtins.storePath "${output}"`)).toMatch(/^outside-access/);
    expect(await judge(appended(added))).toBe(true);
    expect(await judge("./data")).toBe(true);
    expect(await judge(`builtins.toFile "t" "text"`)).toBe(true);
  },
);
