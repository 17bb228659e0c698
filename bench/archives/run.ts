/**
 * Mutated archives, and which of those that Firstmile accepts another program reads otherwise. Not a measure of time:
 * the goal is none. `FIRSTMILE_ARCHIVES` says how many, `FIRSTMILE_ARCHIVES_SEED` which; differences are kept in
 * .cache/bench/archives.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Accepted, accepted, differences } from "@firstmile/testing/archives/compare";
import { Mutations } from "@firstmile/testing/archives/mutate";
import {
  type ArchiveReader,
  byFetchTarball,
  byPrefetch,
  byProgram,
} from "@firstmile/testing/archives/readers";
import { realArchives } from "@firstmile/testing/archives/seeds";
import { CACHE, ROOT } from "../places.ts";
import { absent, type Row } from "../report.ts";

const COUNT = Number(process.env.FIRSTMILE_ARCHIVES ?? 100_000);
const SEED = Number(process.env.FIRSTMILE_ARCHIVES_SEED ?? 1);
const AT_ONCE = 500;

export async function archiveRows(): Promise<Row[]> {
  const dir = mkdtempSync(join(tmpdir(), "firstmile-mutated-"));
  chmodSync(dir, 0o755);
  try {
    const { passed, unique } = await mutated(dir);
    const rows: Row[] = [];
    for (const reader of readersIn(dir)) {
      rows.push("name" in reader ? await shownTo(reader, unique, passed) : reader);
      console.error(`${rows.at(-1)!.what}: ${rows.at(-1)!.ours}`);
    }
    return rows;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** How many pass, and each of them once. */
async function mutated(dir: string): Promise<{ passed: number; unique: readonly Accepted[] }> {
  const mutations = new Mutations([...(await realArchives(dir)).values()], SEED);
  const unique = new Map<string, Accepted>();
  let passed = 0;
  for (let i = 0; i < COUNT; i++) {
    const archive = mutations.next();
    const read = await accepted(archive);
    if (!read) continue;
    passed++;
    unique.set(archive.toString("latin1"), read);
  }
  return { passed, unique: [...unique.values()] };
}

function readersIn(dir: string): (ArchiveReader | Row)[] {
  const sid = process.env.FIRSTMILE_SID_TREE ?? join(ROOT, ".cache/sid");
  const home = (name: string) => {
    mkdirSync(join(dir, name));
    return join(dir, name);
  };
  const newer = existsSync(join(sid, ".sid-tree"))
    ? [byFetchTarball("Nix 2.34", home("f34"), sid), byPrefetch("Nix 2.34", home("p34"), sid)]
    : [absent("mutated archives, Nix 2.34", "needs scripts/sid-tree")];
  return [
    byProgram("tar", "C"),
    byProgram("tar", "C.UTF-8"),
    byProgram("bsdtar", "C.UTF-8"),
    byFetchTarball("Nix 2.8", home("f8")),
    ...newer,
    byPrefetch("Nix 2.8", home("p8")),
  ];
}

async function shownTo(reader: ArchiveReader, archives: readonly Accepted[], passed: number): Promise<Row> {
  const kept = join(CACHE, "archives");
  mkdirSync(kept, { recursive: true });
  let found = 0;
  for (let from = 0; from < archives.length; from += AT_ONCE) {
    for (const { archive } of await differences(archives.slice(from, from + AT_ONCE), [reader]))
      writeFileSync(join(kept, `${reader.name.replaceAll(/[^\w.]+/g, "-")}-${found++}.tar`), archive);
  }
  return {
    what: `mutated archives, ${reader.name}`,
    ours: `${found} read otherwise`,
    beside: `${COUNT} made, ${passed} accepted, ${archives.length} different ones shown`,
    goal: "0",
    reached: found === 0,
    figures: { seed: SEED, made: COUNT, accepted: passed, shown: archives.length, otherwise: found },
  };
}
