/**
 * What other programs read in archives that are accepted: real ones by each program, and a sample of mutated ones.
 * `npm run bench -- archives` does the same with 100,000.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Accepted, accepted, differences } from "@firstmile/testing/archives/compare";
import { Mutations } from "@firstmile/testing/archives/mutate";
import { KEYS, VALUES } from "@firstmile/testing/archives/odd-texts";
import { byFetchTarball, byPrefetch, byProgram } from "@firstmile/testing/archives/readers";
import { realArchives } from "@firstmile/testing/archives/seeds";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../src/process/run.ts";
import { pax, tarOf } from "./tar-maker.ts";

const SAMPLE = 2_000;
const sid = process.env.FIRSTMILE_SID_TREE ?? join(import.meta.dirname, "../../../../.cache/sid");

async function lacks(program: string): Promise<boolean> {
  return run(program, ["--version"]).then(
    ({ code }) => code !== 0,
    () => true,
  );
}
const withoutBsdtar = await lacks("bsdtar");
const withoutNix = await lacks("nix-instantiate");
const withoutSid = !existsSync(join(sid, ".sid-tree")) || process.getuid!() !== 0;

let dir: string;
let real: ReadonlyMap<string, Buffer>;
let archives: readonly Accepted[];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "firstmile-differential-"));
  chmodSync(dir, 0o755);
  real = await realArchives(dir);
  const mutations = new Mutations([...real.values()], 20);
  const unique = new Map<string, Accepted>();
  const mutated = Array.from({ length: SAMPLE }, () => mutations.next());
  for (const bytes of [...real.values(), ...withEachRecord(), ...mutated]) {
    const read = await accepted(bytes);
    if (read) unique.set(bytes.toString("latin1"), read);
  }
  archives = [...unique.values()];
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Every keyword of pax that the mutations know, with every value: in front of a program, and of one that may not run. */
function withEachRecord(): Buffer[] {
  const top = { name: "a/", type: "5" };
  return KEYS.flatMap((key) =>
    VALUES.map((value) => {
      const record = pax({ [key]: value });
      const program = { name: "a/run", content: "#!/bin/sh\n", mode: "0000755\0" };
      return tarOf([top, record, program, record, { name: "a/text", content: "text" }]);
    }),
  );
}

function homeOf(name: string): string {
  mkdirSync(join(dir, name));
  return join(dir, name);
}

test("archives of every program here are accepted, and so is a part of the mutated ones", async () => {
  for (const [name, bytes] of real) expect([name, await accepted(bytes)]).toEqual([name, expect.anything()]);
  expect(real.size).toBeGreaterThanOrEqual(6);
  expect(archives.length).toBeGreaterThan(SAMPLE / 40);
});

describe("what is accepted is read alike", () => {
  test("by GNU tar", async () => {
    expect(await differences(archives, [byProgram("tar", "C"), byProgram("tar", "C.UTF-8")])).toEqual([]);
  });
  test.skipIf(withoutBsdtar)("by bsdtar", async () => {
    expect(await differences(archives, [byProgram("bsdtar", "C.UTF-8")])).toEqual([]);
  });
  test.skipIf(withoutNix)("by Nix of this machine", { timeout: 400_000 }, async () => {
    const readers = [byFetchTarball("host", homeOf("f")), byPrefetch("host", homeOf("p"))];
    expect(await differences(archives, readers)).toEqual([]);
  });
  test.skipIf(withoutSid)("by Nix of sid", { timeout: 400_000 }, async () => {
    const readers = [byFetchTarball("sid", homeOf("fs"), sid), byPrefetch("sid", homeOf("ps"), sid)];
    expect(await differences(archives, readers)).toEqual([]);
  });
});

test("a reader that differs is noticed", async () => {
  const [first] = archives;
  const other = { name: "other", strips: false, read: async () => [undefined] };
  expect(await differences([first!], [other])).toMatchObject([{ reader: "other", theirs: undefined }]);
});
