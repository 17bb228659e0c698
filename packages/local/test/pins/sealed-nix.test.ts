/** A store in which nothing is valid but what was given: what Nix takes there, and what is left of it. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseNarHash } from "@firstmile/formats/nix/hash";
import { parseStorePath } from "@firstmile/formats/nix/store-path";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { evaluateFile } from "../../src/admission/evaluate-file.ts";
import type { NixTools } from "../../src/admission/nix-tools.ts";
import { sealedNix, sealingProblem, type ValidTree } from "../../src/pins/sealed-nix.ts";
import { makePlace, type Place, VERSIONS, writeFiles } from "../admission/nix-of.ts";

const ADDRESS = "https://example.org/x.tar.gz";
const CHECKOUT = resolve(import.meta.dirname, "../../../..");

describe.each(VERSIONS)("a sealed store, Nix of %s", (version) => {
  const missing = missingForNixWorld(version);
  let place: Place;
  let good: ValidTree;
  let planted: ValidTree;
  beforeAll(async () => {
    if (missing !== undefined) return;
    place = await makePlace(version);
    good = await added(place, "good", { "default.nix": '"good"', "d/x": "x" });
    planted = await added(place, "planted", { "default.nix": '"planted"' });
  });
  afterAll(() => place?.[Symbol.asyncDispose]());

  function evaluate(nix: NixTools, { narHash }: ValidTree, more = "") {
    const tree = join(place.dir, "tree");
    const call = `fetchTarball { url = "${ADDRESS}"; sha256 = "${narHash.slice(7)}"; }`;
    const text = `let t = ${call}; in derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ (import t) (toString (t + "/d")) ]; ${more} }`;
    writeFiles(tree, { "f.nix": text });
    return evaluateFile(nix, { treeDir: tree, file: "f.nix", attrs: [], argstr: {}, addresses: [ADDRESS] });
  }
  const said = async (result: ReturnType<typeof evaluate>) => {
    const ended = await result;
    return ended.ok ? ended.roots : ended.wanted;
  };

  test.skipIf(missing)("the tree that was given is taken, to the same derivation", async () => {
    using sealed = sealedNix(place.nix, [good]);
    const roots = await said(evaluate(sealed.nix, good));
    expect(roots).toEqual(await said(evaluate(place.nix, good)));
    expect(roots).toHaveLength(1);
  });

  test.skipIf(missing)("another is not there, although stock Nix would take it", async () => {
    using sealed = sealedNix(place.nix, [good]);
    expect(await said(evaluate(sealed.nix, planted))).toMatchObject({ address: ADDRESS });
    expect(await said(evaluate(place.nix, planted))).toHaveLength(1);
  });

  test.skipIf(missing)("what is written lasts no longer than the evaluation", async () => {
    using sealed = sealedNix(place.nix, [good]);
    const before = readdirSync(place.nix.storeDir);
    const ended = await evaluate(sealed.nix, good, "src = ./f.nix;");
    const [root] = ended.ok ? ended.roots : [];
    expect(root).toMatch(/-x\.drv$/);
    expect(readdirSync(place.nix.storeDir)).toEqual(before);
  });

  test.skipIf(missing)("a tree may be seen from elsewhere, in place of what the store has", async () => {
    const elsewhere = join(place.dir, "elsewhere");
    writeFiles(elsewhere, { "default.nix": '"elsewhere"' });
    using there = sealedNix(place.nix, [{ ...good, at: elsewhere }]);
    using here = sealedNix(place.nix, [good]);
    expect(await said(evaluate(there.nix, good))).not.toEqual(await said(evaluate(here.nix, good)));
  });

  test.skipIf(missing)("where it cannot be made, that is the finding, and not the evaluation's", async () => {
    using sealed = sealedNix({ ...place.nix, storeDir: join(place.dir, "no such") }, [good]);
    const ended = await evaluate(sealed.nix, good);
    if (ended.ok) throw new Error("evaluated all the same");
    expect(sealingProblem(place.nix.storeDir, ended.said!)?.message).toContain("cannot seal: overlay");
    expect(sealingProblem("/with, comma", "")?.message).toContain("cannot stand in a mount's options");
    expect(sealingProblem(place.nix.storeDir, "error: something else")).toBeUndefined();
  });
});

async function added(place: Place, name: string, files: Record<string, string>): Promise<ValidTree> {
  const dir = join(place.dir, name, "source");
  writeFiles(dir, files);
  const path = (await place.world.run("nix-store", ["--add", dir])).stdout.trim();
  const hex = execFileSync("nix-hash", ["--type", "sha256", dir], { encoding: "utf8" }).trim();
  const narHash = parseNarHash(`sha256:${hex}`);
  return { path: parseStorePath(path, place.nix.storeDir), narHash, narSize: 1000 };
}

const UNPRIVILEGED = `
  import { nixTools } from "${CHECKOUT}/packages/local/src/admission/nix-tools.ts";
  import { sealedNix } from "${CHECKOUT}/packages/local/src/pins/sealed-nix.ts";
  const nix = await nixTools(process.env);
  using sealed = sealedNix(nix, []);
  const { code, stdout, stderr } = await sealed.nix.run("nix-instantiate", ["--eval", "--expr", "1 + 1"]);
  console.log(process.getuid(), code, stdout.toString().trim() || stderr);
`;

test.skipIf(missingForNixWorld("host"))("whoever is not root seals a store of their own", () => {
  const dir = mkdtempSync(join(tmpdir(), "unprivileged-"));
  try {
    chmodSync(dir, 0o777);
    writeFileSync(join(dir, "main.ts"), UNPRIVILEGED);
    const env = {
      PATH: process.env.PATH,
      USER: "somebody",
      HOME: dir,
      TMPDIR: dir,
      NIX_REMOTE: "local",
      NIX_STORE_DIR: join(dir, "store"),
      NIX_STATE_DIR: join(dir, "state"),
      NIX_LOG_DIR: join(dir, "log"),
      NIX_CONF_DIR: join(dir, "etc"),
    };
    const as = ["--reuid=60123", "--regid=60123", "--clear-groups", process.execPath, join(dir, "main.ts")];
    expect(execFileSync("setpriv", as, { env, encoding: "utf8" }).trim()).toBe("60123 0 2");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
