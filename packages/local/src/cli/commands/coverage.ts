/** `firstmile coverage`: how much is covered, by what, and until when. */

import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { visibleText } from "@firstmile/formats/bytes/visible";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { checkoutOf } from "../../asking/checkout.ts";
import { parseFlakeReference } from "../../asking/flake-reference.ts";
import { admittedParts } from "../../coverage/admitted.ts";
import { ifNothingHappens, type Point, sharesOf, together, waivedParts } from "../../coverage/counts.ts";
import type { CoveredPart } from "../../coverage/parts.ts";
import { pastCoverage, type TrustHistory } from "../../coverage/timeline.ts";
import { chooseSource } from "../../evidence/sources.ts";
import type { AdmittedSlices } from "../../gate/admitted-slices.ts";
import { GateClient } from "../../gate/client.ts";
import { gitIn } from "../../git/in-directory.ts";
import type { JudgedDownload } from "../../slicing/downloads.ts";
import { UserSources } from "../../slicing/user-sources.ts";
import { trustedStateDirectory } from "../../state/directory.ts";
import { readPin, trustGitDir } from "../../trust-repository/pin.ts";
import type { FirstmileContext } from "../context.ts";
import { burnDownSvg } from "../drawing/burn-down-svg.ts";
import { badInput, EXIT } from "../failure.ts";
import { type Rules, rulesToJudgeBy } from "../rules.ts";
import type { CoverageFlags } from "./coverage.command.ts";
import { coverageJson, showCoverage } from "./coverage-shown.ts";
import { SliceReader } from "./slice.ts";
import { slicesOfFlake } from "./slice-flake.ts";
import type { ShownSlice } from "./slice-shown.ts";

/** All that is counted. */
export interface Counted {
  readonly parts: readonly CoveredPart[];
  readonly downloads: readonly JudgedDownload[];
  /** Sources that are judged by their commits. */
  readonly others: readonly string[];
  readonly rules: Rules;
}

export async function coverage(
  this: FirstmileContext,
  flags: CoverageFlags,
  named?: string,
  revision?: string,
): Promise<void> {
  if (named !== undefined && flags.admitted)
    throw badInput("a source is named, and all that was admitted is asked for", "one of them");
  const counted =
    named === undefined ? await ofGate(this, flags) : await ofNamed(this, flags, named, revision);
  const points = await pointsOf(this, flags, counted);
  if (flags.svg !== undefined) draw(this, flags.svg, points, counted);
  if (flags.json) this.terminal.json(coverageJson(counted, points));
  else showCoverage(this.terminal, counted);
  this.exit(isWhole(counted) ? EXIT.ok : EXIT.denied);
}

function isWhole({ parts, downloads }: Counted): boolean {
  const { open } = together(parts.map(({ files }) => sharesOf(files)));
  return open.files === 0 && downloads.every(({ reason }) => reason.ok);
}

async function ofGate(context: FirstmileContext, { policy, attr, file }: CoverageFlags): Promise<Counted> {
  if (attr !== undefined || file !== undefined)
    throw badInput(
      "attributes are named, and no source",
      "firstmile coverage SOURCE [REV] -A ATTR, or --admitted",
    );
  const rules = await rulesToJudgeBy(context, policy);
  context.terminal.progress("asking the gate what it admitted");
  const admitted = await new GateClient(context.stateDir).get<AdmittedSlices>("/slices");
  context.terminal.progress("reading what speaks for it");
  return { ...(await admittedParts(admitted, { ...rules, now: context.now })), rules };
}

async function ofNamed(
  context: FirstmileContext,
  flags: CoverageFlags,
  named: string,
  revision: string | undefined,
): Promise<Counted> {
  const reader = await SliceReader.open(context, flags);
  const { rules } = reader;
  if (named.includes("#")) {
    const parts = await ofFlake(context, rules, named);
    return { parts, downloads: uniqueDownloads(parts), others: [], rules };
  }
  const target = await reader.target(named, revision);
  const part = partOf(await reader.read(target), target.repository);
  return { parts: [part], downloads: part.downloads, others: [], rules };
}

async function ofFlake(context: FirstmileContext, rules: Rules, reference: string): Promise<CoveredPart[]> {
  const shown = await slicesOfFlake(context, rules, reference);
  const flake = parseFlakeReference(reference);
  const { root } = await checkoutOf(resolve(context.cwd, flake.kind === "local" ? flake.path : "."));
  const own = await chooseSource(rules.policy, root);
  const repositories = new UserSources(context.stateDir, new Map([[own.name, root]]));
  return Promise.all(shown.map(async (one) => partOf(one, await repositories.directory(one.source))));
}

function partOf({ slice, source, words, downloads }: ShownSlice, repository: string): CoveredPart {
  return {
    repository,
    source,
    commit: slice.commit,
    words,
    files: slice.files,
    names: slice.names,
    downloads,
  };
}

/** Inputs of one flake share what the flake downloads. */
function uniqueDownloads(parts: readonly CoveredPart[]): JudgedDownload[] {
  const all = parts.flatMap(({ downloads }) => downloads.map((one) => [one.download.drvPath, one] as const));
  return [...new Map(all).values()];
}

interface Points {
  readonly past: readonly Point[];
  readonly future: readonly Point[];
}

async function pointsOf(
  context: FirstmileContext,
  flags: CoverageFlags,
  { parts }: Counted,
): Promise<Points> {
  const { now, terminal } = context;
  const today = { time: now, shares: together(parts.map(({ files }) => sharesOf(files))) };
  const future = ifNothingHappens(today, waivedParts(parts.flatMap(({ files }) => files)));
  if (flags.svg === undefined) return { past: [today], future };
  terminal.progress("looking back");
  const history = await historyOf(context, flags.policy);
  const past = history ? await pastCoverage(history, parts, now) : [];
  return { past: [...past, today], future };
}

/** The rules' own history: of the checkout that is named, or of what this machine follows. */
async function historyOf(
  context: FirstmileContext,
  directory: string | undefined,
): Promise<TrustHistory | undefined> {
  if (directory === undefined) {
    const state = trustedStateDirectory(context);
    const pin = readPin(state);
    return pin && { repository: trustGitDir(state), head: pin.followed };
  }
  const repository = resolve(context.cwd, directory);
  const head = await gitIn(repository, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  return head.code === 0 ? { repository, head: head.stdout.toString().trim() as CommitId } : undefined;
}

function draw(
  context: FirstmileContext,
  file: string,
  { past, future }: Points,
  { parts, rules }: Counted,
): void {
  const files = parts.reduce((sum, one) => sum + one.files.length, 0);
  const words = [...new Set(parts.map(({ source, words }) => `${source.name} ${words}`.trim()))];
  const shown =
    words.length > 2 ? `${words.slice(0, 2).join(", ")} and ${words.length - 2} more` : words.join(", ");
  const svg = burnDownSvg({
    title: `Coverage by the rules of ${rules.policy.name}`,
    subtitle:
      `${files.toLocaleString("en-US")} ${files === 1 ? "file" : "files"} that are read today: ${shown}`.slice(
        0,
        110,
      ),
    past,
    future,
  });
  try {
    writeFileSync(resolve(context.cwd, file), svg);
  } catch (error) {
    throw badInput(`${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
  context.terminal.say(`drawn into ${visibleText(file)}`);
}
