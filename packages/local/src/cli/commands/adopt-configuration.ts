/** What of a checkout is adopted, and what evaluating it reads of which source. */
import { existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { Source } from "@firstmile/trust/policy/policy";
import { judgeFiles } from "@firstmile/trust/slice/judged";
import { judgedPath } from "@firstmile/trust/slice/known-names";
import { firstRefusal } from "@firstmile/trust/verdict/verdict";
import { readFlakeLock } from "../../admission/lock.ts";
import { nixTools } from "../../admission/nix-tools.ts";
import { treeOf } from "../../admission/tree-of.ts";
import { AdoptionError } from "../../adopting/adoption-error.ts";
import { sourceWanted } from "../../adopting/pin-sources.ts";
import { type NewSource, nameFrom, sourceAt, sourcesOfLock, urlOf } from "../../adopting/sources.ts";
import { type Checkout, checkoutOf } from "../../asking/checkout.ts";
import { parseFlakeReference } from "../../asking/flake-reference.ts";
import { neutralGit } from "../../git/neutral.ts";
import { GitObjects } from "../../git/objects.ts";
import { fileSlices } from "../../slicing/file-slices.ts";
import type { FlakeSlices } from "../../slicing/flake-slices.ts";
import { gatherCase } from "../../slicing/gather.ts";
import { lineCounts, type Slice } from "../../slicing/slice-of.ts";
import { UserSources } from "../../slicing/user-sources.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT, Failure } from "../failure.ts";
import type { Rules } from "../rules.ts";
import type { AdoptFlags } from "./adopt.command.ts";
import { slicesOfFlake } from "./slice-flake.ts";

export interface Configuration {
  /** The root of the checkout, and its commit. */
  readonly checkout: string;
  readonly commit: CommitId;
  /** The checkout's own first. */
  readonly sources: readonly NewSource[];
  readonly asked:
    | { readonly kind: "file"; readonly file: string; readonly attrs: readonly string[] }
    | { readonly kind: "flakes"; readonly references: readonly string[] };
  /** As a person would name it. */
  readonly words: string;
}

/** What of one source is read. */
export interface Adopted {
  readonly source: Source;
  readonly slice: Slice;
}

export async function configurationOf(
  context: FirstmileContext,
  flags: AdoptFlags,
  references: readonly string[],
): Promise<Configuration> {
  if (flags.file !== undefined && references.length > 0)
    throw badInput("a file and flakes cannot be adopted in one go", "give -f FILE -A ATTR, or FLAKEREF#ATTR");
  return references.length > 0 ? ofFlakes(context, references) : ofFile(context, flags);
}

async function ofFile(
  context: FirstmileContext,
  { file = "default.nix", attr = [] }: AdoptFlags,
): Promise<Configuration> {
  const path = resolve(context.cwd, file);
  if (!existsSync(path))
    throw badInput(`there is no ${file} here`, "name the file: -f FILE -A ATTR, or FLAKEREF#ATTR");
  const checkout = clean(await checkoutOf(path));
  const commit = checkout.commit as CommitId;
  const inside = statSync(path).isDirectory() ? `${checkout.inside}/default.nix` : checkout.inside;
  const own = { ...(await ownSource(checkout)), judged: "slice" as const };
  const place = inside.replace(/^\//, "");
  const elsewhere = place === "default.nix" ? [] : [`-f ${place}`];
  const words = [own.name, ...elsewhere, ...attr.map((one) => `-A ${one}`)].join(" ");
  const asked = { kind: "file" as const, file: place, attrs: attr };
  return { checkout: checkout.root, commit, sources: [own], asked, words };
}

async function ofFlakes(context: FirstmileContext, references: readonly string[]): Promise<Configuration> {
  const flakes = references.map((text) => ({ text, flake: parseFlakeReference(text) }));
  const checkouts: Checkout[] = [];
  for (const { text, flake } of flakes) {
    if (flake.kind !== "local") throw badInput(`${text} is not here`, "clone it, and name the checkout: .#x");
    checkouts.push(clean(await checkoutOf(resolve(context.cwd, flake.path))));
  }
  const [first, ...others] = checkouts as [Checkout, ...Checkout[]];
  if (others.some(({ root }) => root !== first.root))
    throw badInput("these flakes are of several checkouts", "adopt one after the other, into one --dir");
  const own = { ...(await ownSource(first)), judged: "commits" as const };
  const inputs: NewSource[] = [];
  for (const inside of new Set(checkouts.map((one) => one.inside)))
    inputs.push(...(await inputsOf(first, inside)));
  const asked = { kind: "flakes" as const, references: flakes.map(({ text }) => absolute(context, text)) };
  const words = references.join(" ");
  return {
    checkout: first.root,
    commit: first.commit as CommitId,
    sources: [own, ...merged(inputs)],
    asked,
    words,
  };
}

function absolute({ cwd }: FirstmileContext, reference: string): string {
  const [path, attr] = reference.split("#") as [string, string | undefined];
  return `${resolve(cwd, path.replace(/^path:/, "") || ".")}${attr === undefined ? "" : `#${attr}`}`;
}

/** Whoever adopts signs what is committed, and sees what is not. */
function clean(checkout: Checkout): Checkout {
  const { dirty, root, commit } = checkout;
  if (dirty.length === 0) return checkout;
  throw badInput(
    `${dirty.length === 1 ? "1 file" : `${dirty.length} files`} in ${root} differ from commit ${commit.slice(0, 12)}: ${dirty[0]!.slice(3)}`,
    "commit them, or put them aside: git stash --include-untracked",
  );
}

async function ownSource({ root, commit }: Checkout) {
  return { name: nameFrom(root), url: await urlOf(root), commits: [commit as CommitId] };
}

async function inputsOf({ root, commit }: Checkout, dir: string): Promise<NewSource[]> {
  const git = await neutralGit(root);
  try {
    using objects = new GitObjects(git.env);
    const read = await readFlakeLock(objects, await treeOf(objects, commit as CommitId), dir);
    if (!read.ok) throw new AdoptionError(read.reason.message, read.reason.remedy ?? "");
    const { sources, foreign } = read.lock ? sourcesOfLock(read.lock) : { sources: [], foreign: [] };
    const [first] = foreign;
    if (first)
      throw new AdoptionError(
        `input ${first.name} comes from ${first.where}, which is no Git repository at a commit`,
        "take it as a Git repository, or into the tree: github:…, git+https:…, path:./…",
      );
    return sources;
  } finally {
    git.dispose();
  }
}

function merged(sources: readonly NewSource[]): NewSource[] {
  const byUrl = Map.groupBy(sources, ({ url }) => url);
  return [...byUrl.values()].map((same) => ({
    ...same[0]!,
    commits: [...new Set(same.flatMap(({ commits }) => commits))],
  }));
}

/** What is read of each source; or a source that the rules would need for a pin. Throws `Failure`. */
export async function adoptedSlices(
  context: FirstmileContext,
  rules: Rules,
  configuration: Configuration,
): Promise<Adopted[] | NewSource> {
  const { asked } = configuration;
  if (asked.kind === "file") return ofOwnFile(context, rules, configuration, asked);
  const all: Adopted[] = [];
  for (const reference of asked.references) all.push(...(await slicesOfFlake(context, rules, reference)));
  return together(all);
}

/** The same files under rules that have changed since: nothing is evaluated anew. */
export async function judgedAgain(
  context: FirstmileContext,
  { policy, statements }: Rules,
  { checkout, sources }: Configuration,
  slices: readonly Adopted[],
): Promise<Adopted[]> {
  const own = sourceAt(policy, sources[0]!.url);
  const here = new Map(own ? [[own.name, checkout]] : []);
  const repositories = new UserSources(context.stateDir, here);
  const again = slices.map(async ({ source: before, slice }) => {
    const source = policy.sources.get(before.name)!;
    const repository = await repositories.directory(source);
    const { commit } = slice;
    const question = { repository, policy, source, commit, statements, now: context.now };
    const gathered = await gatherCase(question);
    const { coverage, source: current } = gathered;
    const judged = judgeFiles(
      coverage,
      slice.files.map(({ file }) => file),
    );
    const files = judged.map((one, i) => ({ ...one, lines: slice.files[i]!.lines }));
    const names = gathered.names.judge(slice.names.map((one) => one.names));
    const odd = slice.odd.filter(({ path, type }) => !gathered.names.existence(path, type, undefined)?.named);
    return { source: current, slice: { ...slice, files, names, odd } };
  });
  return Promise.all(again);
}

async function ofOwnFile(
  context: FirstmileContext,
  rules: Rules,
  { checkout, commit, sources }: Configuration,
  { file, attrs }: { file: string; attrs: readonly string[] },
): Promise<Adopted[] | NewSource> {
  const source = sourceAt(rules.policy, sources[0]!.url);
  if (source?.authenticate !== "slice")
    throw badInput(
      `the rules judge ${source?.name ?? sources[0]!.name} by its commits, not by what is read of it`,
      "there is nothing to waive then: firstmile verify",
    );
  const repositories = new UserSources(context.stateDir, new Map([[source.name, checkout]]));
  const [nix, directoryName] = [await nixTools(context.env), basename(checkout)];
  const question = { ...rules, repositories, source, commit, directoryName, file, attrs, now: context.now };
  const outcome = await fileSlices({ ...question, nix });
  if (outcome.ok) return Promise.all(outcome.reads.map((read) => adoptedOf(outcome, read)));
  const wanted = await sourceWanted(outcome.reasons, { repository: checkout, commit, file });
  if (wanted) return wanted;
  const { code, message, remedy } = firstRefusal(outcome.reasons)!;
  throw new Failure(EXIT.input, `${code}: ${message}`, remedy);
}

type Read = Extract<FlakeSlices, { ok: true }>;

async function adoptedOf(
  { roots, derivations }: Read,
  { gathered, commit, repository, judged, names, odd }: Read["reads"][number],
): Promise<Adopted> {
  const lines = await lineCounts(repository, judged);
  const files = judged.map((one, i) => ({ ...one, lines: lines[i]! }));
  return { source: gathered.source, slice: { commit, files, names, odd, roots, derivations, how: "fuse" } };
}

/** Several attributes read much the same of one commit. */
function together(all: readonly Adopted[]): Adopted[] {
  const groups = Map.groupBy(all, ({ source, slice }) => `${source.name} ${slice.commit}`);
  return [...groups.values()].map((same) => {
    const files = new Map(
      same.flatMap(({ slice }) => slice.files.map((one) => [one.file.path, one] as const)),
    );
    const sorted = [...files.values()].sort((a, b) => (a.file.path < b.file.path ? -1 : 1));
    const names = new Map(
      same.flatMap(({ slice }) => slice.names.map((one) => [judgedPath(one.names), one] as const)),
    );
    const odd = new Map(same.flatMap(({ slice }) => slice.odd.map((one) => [one.path, one] as const)));
    const all = { files: sorted, names: [...names.values()], odd: [...odd.values()] };
    return { source: same[0]!.source, slice: { ...same[0]!.slice, ...all } };
  });
}
