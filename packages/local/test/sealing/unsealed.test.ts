/** Machines that cannot seal, and the evaluation of one's own code that does without. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { missingForNixWorld } from "@firstmile/testing/nix-world";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unsealed } from "../../src/sealing/unsealed.ts";
import { evaluateSlice } from "../../src/slicing/evaluate.ts";
import { commitAll, makePlace, type Place, VERSIONS, writeFiles } from "../admission/nix-of.ts";
import { sealedAs } from "./sealed-as.ts";

const observed = () => ({ kind: "observe" }) as const;

describe.each(VERSIONS)("without a seal, Nix of %s", (version) => {
  const missing = missingForNixWorld(version);
  let place: Place;
  beforeAll(async () => {
    if (missing === undefined) place = await makePlace(version);
  });
  afterAll(() => place?.[Symbol.asyncDispose]());

  function request(expression: string) {
    const repository = join(place.dir, "named");
    writeFiles(repository, { "default.nix": expression, "src/a": "a", other: "other" });
    const { commit } = commitAll(repository);
    return { repository, commit, directoryName: "named", file: "default.nix", attrs: [], argstr: {} };
  }

  test.skipIf(missing)("the derivation and the files are the same, and the store is another", async () => {
    const asked = request(
      `derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; src = ./src; args = [ (baseNameOf ./.) ]; }`,
    );
    const ends = [];
    for (const nix of [place.nix, unsealed(place.nix)]) {
      const ended = await evaluateSlice(nix, asked, observed);
      if (!ended.ok) throw new Error(JSON.stringify(ended.reason));
      expect(readdirSync(ended.seal.store).some((name) => name.endsWith("-x.drv"))).toBe(true);
      await ended.seal[Symbol.asyncDispose]();
      ends.push({ roots: ended.roots, files: ended.files });
    }
    expect(ends[1]).toEqual(ends[0]);
    expect(ends[0]!.files.map(({ path }) => path)).toEqual(["default.nix", "src/a"]);
    const names = existsSync(place.nix.storeDir) ? readdirSync(place.nix.storeDir) : [];
    expect(names.filter((name) => name.endsWith(".drv"))).toEqual([]);
  });

  test.skipIf(missing)("what is read elsewhere is still refused by restricted mode", async () => {
    const ended = await evaluateSlice(
      unsealed(place.nix),
      request("builtins.readFile /etc/hostname"),
      observed,
    );
    expect(!ended.ok && ended.reason.code).toBe("outside-access");
  });
});

test.skipIf(missingForNixWorld("host"))("where bubblewrap is missing, nothing is evaluated", async () => {
  await using place = await makePlace("host");
  const hide = 'mount --bind /dev/null "$(command -v bwrap)" && exec "$@"';
  const before = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", hide, "sh"];
  const setting = { version: "host", who: "root", dir: place.dir, before } as const;
  expect(() => sealedAs(setting, { args: ["--eval", "--expr", "1"] })).toThrow(/SealError: bwrap not found/);
});

describe.skipIf(missingForNixWorld("host"))("a root who has no other id to give", () => {
  let place: Place;
  beforeAll(async () => {
    place = await makePlace("host");
  });
  afterAll(() => place[Symbol.asyncDispose]());
  const sealedBefore = (script: string) => {
    const before = ["unshare", "--user", "--map-root-user", "--", "sh", "-c", `${script} exec "$@"`, "sh"];
    return sealedAs(
      { version: "host", who: "root", dir: place.dir, before },
      { args: ["--eval", "--expr", "1"] },
    );
  };

  test("has it evaluated in a user namespace", () => {
    expect(sealedBefore("")).toMatchObject({ uid: 0, code: 0, stdout: "1\n" });
  });

  test("has nothing evaluated where there may be none", () => {
    expect(() => sealedBefore("echo 0 >/proc/sys/user/max_user_namespaces;")).toThrow(/SealError: bwrap: /);
  });
});
