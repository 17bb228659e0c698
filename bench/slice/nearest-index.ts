/**
 * The index alone, in a process of its own with `--expose-gc`, so that its memory can be told from other things:
 * argument: how many files. Prints `IndexFigures` as JSON.
 */
import { edited, seeded } from "@firstmile/testing/package-text";
import { copiedFrom } from "@firstmile/trust/nearest/copied";
import { NearestIndex } from "@firstmile/trust/nearest/index";
import { median } from "../measure.ts";
import { packageTexts } from "./packages-tree.ts";

export interface IndexFigures {
  readonly files: number;
  readonly bytes: number;
  readonly buildSeconds: number;
  /** Of all threads, the collector's too. */
  readonly buildCpuSeconds: number;
  readonly indexBytes: number;
  /** Milliseconds, with comparing the best candidates by their lines. */
  readonly queryMedian: number;
  readonly query99: number;
  /** Percent, by number of edits: the file that was edited is told as the likest. */
  readonly recall: Readonly<Record<string, number>>;
}

const ASKED = 300;
const EDITS = [1, 3, 10, 30];
const SMALL = 800;

const files = Number(process.argv[2]);
const contents: Buffer[] = [];
for (const text of packageTexts(files)) contents.push(Buffer.from(text));
const nameOf = (i: number) => i.toString(16).padStart(64, "0");
const contentOf = (name: string) => contents[Number.parseInt(name, 16)]!;

const before = used();
const start = performance.now();
const cpu = process.cpuUsage();
const index = new NearestIndex();
for (const [i, content] of contents.entries()) index.add(nameOf(i), `pkgs/${i}`, content);
const buildSeconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(cpu);
const indexBytes = used() - before;

const times: number[] = [];
const random = seeded(1);
const some = (from: readonly number[]) =>
  Array.from({ length: ASKED }, () => from[Math.floor(random() * from.length)]!);
const all = contents.map((_, i) => i);
const asked = some(all);
const small = some(all.filter((i) => contents[i]!.length < SMALL));
const recall = Object.fromEntries([
  ...EDITS.map((edits) => [`${edits}`, recallOf(asked, edits)]),
  ["small 3", recallOf(small, 3)],
]);
const figures: IndexFigures = {
  files,
  bytes: contents.reduce((sum, { length }) => sum + length, 0),
  buildSeconds,
  buildCpuSeconds: (user + system) / 1e6,
  indexBytes,
  queryMedian: median(times),
  query99: times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)]!,
  recall,
};
console.log(JSON.stringify(figures));

function recallOf(places: readonly number[], edits: number): number {
  const found = places.filter((i) => likest(edited(contents[i]!.toString(), edits, random)) === nameOf(i));
  return (100 * found.length) / places.length;
}

function likest(text: string): string | undefined {
  const content = Buffer.from(text);
  const begun = performance.now();
  const candidates = index.query(content, "");
  const copied = copiedFrom(
    content,
    candidates.map((candidate) => ({ ...candidate, content: contentOf(candidate.sha256) })),
  );
  times.push(performance.now() - begun);
  return copied?.origins[0]?.signed.sha256;
}

function used(): number {
  for (let i = 0; i < 3; i++) globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
