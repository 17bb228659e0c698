/**
 * `npm run bench -- slice`: what deciding coverage costs. A slice of 5,000 files, against 100,000 reviewed changes in
 * 2,000 sittings of a team: over a tree of 25,000 files with four versions each, and, the worst case, all of them over
 * the slice's own files, each of twenty versions being read as a change of the one before. Of every twentieth file the
 * last change has no reader. From verified statements to the finding; reading and checking them is told apart.
 */
import { createHash } from "node:crypto";
import type { ObjectId } from "@firstmile/formats/git/object-id";
import type { ReviewedChange, ReviewStatement } from "@firstmile/formats/statement/review";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import { identitiesOf } from "@firstmile/trust/signature/identities";
import { SliceCoverage } from "@firstmile/trust/slice/cover";
import { Distrust } from "@firstmile/trust/slice/distrust";
import type { SliceFile } from "@firstmile/trust/slice/file";
import { judgeFiles } from "@firstmile/trust/slice/judged";
import { sliceReason } from "@firstmile/trust/slice/reason";
import { Waivers } from "@firstmile/trust/slice/waivers";
import { reviewsOf } from "@firstmile/trust/statement/review-index";
import { type VerifiedStatement, verifyStatement } from "@firstmile/trust/statement/verify";
import { makePerson, type Person } from "../../testing/src/world-people.ts";
import { policyFiles } from "../../testing/src/world-policy.ts";
import { signedBy } from "../../testing/src/world-statements.ts";
import { median } from "../measure.ts";
import { type Row, seconds } from "../report.ts";

const FILES = 5_000;
const UNREAD = 20;
const CHANGES = 100_000;
const SITTINGS = 2_000;
const ROUNDS = 9;
const NOW = 1_750_000_000;
const GOAL = 0.5;
const COMMIT = "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334";

interface Shape {
  readonly what: string;
  /** Of the whole tree; the slice is the first of them. */
  readonly files: number;
}

const SHAPES: readonly Shape[] = [
  { what: "of a tree", files: 25_000 },
  { what: "of these files alone", files: FILES },
];

export async function decidingRows(): Promise<Row[]> {
  const people = await Promise.all(["ann", "ben", "cat"].map((name) => makePerson("", name, "fido")));
  const policy = await readersAre(people);
  const rows: Row[] = [];
  for (const shape of SHAPES) rows.push(await decidingRow(shape, policy, people));
  return rows;
}

async function decidingRow({ what, files }: Shape, policy: Policy, people: readonly Person[]): Promise<Row> {
  const versions = CHANGES / files;
  const envelopes = await sittings(people, files, versions);
  const { result: statements, time: checking } = timed(() => checked(policy, envelopes));
  const asked = slice(versions);
  const runs = Array.from({ length: ROUNDS }, () => timed(() => decide(policy, statements, asked)));
  if (runs[0]!.result !== FILES / UNREAD) throw new Error(`${runs[0]!.result} files are not covered`);
  const times = runs.map(({ time }) => time);
  // Whoever asks once asks a program that has just started.
  const [first] = times as [number];
  return {
    what: `coverage of ${FILES} files against ${CHANGES} reviewed changes ${what}`,
    ours: `${seconds(first)}, again ${seconds(median(times))}`,
    beside: `reading and checking ${SITTINGS} statements ${seconds(checking)}`,
    goal: seconds(GOAL),
    reached: first <= GOAL,
    figures: { times, checking },
  };
}

/** How many files do not pass. */
function decide(
  policy: Policy,
  statements: readonly VerifiedStatement[],
  asked: readonly SliceFile[],
): number {
  const source = [...policy.sources.values()][0] as Source;
  const { ownerOf } = identitiesOf(policy);
  const coverage = new SliceCoverage(policy, source, {
    reviews: reviewsOf(statements, ownerOf),
    distrust: new Distrust(policy, statements),
    waivers: new Waivers(policy, ownerOf, statements, NOW),
    vouched: new Map(),
    wrote: () => new Set(),
  });
  const judged = judgeFiles(coverage, asked);
  const reason = sliceReason({ source, commit: COMMIT, words: "", coverage }, judged);
  return Number(/^\d+/.exec(reason.message)![0]);
}

function checked(policy: Policy, envelopes: readonly Uint8Array[]): VerifiedStatement[] {
  const { keys } = identitiesOf(policy);
  return envelopes.map((envelope) => verifyStatement(envelope, keys, NOW)).filter((one) => one.ok);
}

async function readersAre(people: readonly Person[]): Promise<Policy> {
  const rules = [{ paths: ["**"], review: "reader", waive: "root" }];
  const pkgs = { introduction: COMMIT as never, authenticate: "slice" as const, rules };
  const roles = { reader: people, warden: people };
  const loaded = loadPolicy(await policyFiles({ people, roles, sources: { pkgs } }));
  if (!loaded.ok) throw new Error("the rules of the benchmark have defects");
  return loaded.policy;
}

/** Each of one person over a few dozen changes, here and there in the tree. */
function sittings(people: readonly Person[], files: number, versions: number): Promise<Uint8Array[]> {
  const changes: ReviewedChange[][] = Array.from({ length: SITTINGS }, () => []);
  for (let file = 0; file < files; file++) {
    for (let version = 0; version < versions; version++) {
      const isOther = version === versions - 1 && file % UNREAD === 0;
      const after = contentOf(file, isOther ? versions : version);
      const before = version === 0 ? undefined : contentOf(file, version - 1);
      changes[(file * 7 + version * 97) % SITTINGS]!.push({ path: pathOf(file), before, after });
    }
  }
  return Promise.all(changes.map((list, i) => signedBy(reviewed(list), [people[i % people.length]!])));
}

function reviewed(changes: readonly ReviewedChange[]): ReviewStatement {
  const said = {
    verdict: "approve",
    depth: "read",
    machine: false,
    note: undefined,
    source: "pkgs",
  } as const;
  return { kind: "review", ...said, changes: changes.toSorted((a, b) => (a.path < b.path ? -1 : 1)) };
}

/** The last version of each file. */
function slice(versions: number): SliceFile[] {
  return Array.from({ length: FILES }, (_, file) => ({
    path: pathOf(file),
    ...contentOf(file, versions - 1),
    use: "evaluated",
  }));
}

function pathOf(file: number): string {
  return `pkgs/by-name/${String(file % 100).padStart(2, "0")}/package-${String(file).padStart(5, "0")}/package.nix`;
}

const contents = new Map<string, { id: ObjectId; mode: number; sha256: string }>();

function contentOf(file: number, version: number) {
  const text = `${file} ${version}`;
  const known = contents.get(text) ?? {
    id: createHash("sha1").update(text).digest("hex") as ObjectId,
    mode: 0o100644,
    sha256: createHash("sha256").update(text).digest("hex"),
  };
  contents.set(text, known);
  return known;
}

function timed<T>(work: () => T): { result: T; time: number } {
  const start = performance.now();
  const result = work();
  return { result, time: (performance.now() - start) / 1000 };
}
