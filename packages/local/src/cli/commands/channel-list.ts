/** `firstmile channel list [SOURCE]`. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { SourceName } from "@firstmile/trust/policy/names";
import type { Source } from "@firstmile/trust/policy/policy";
import {
  type AcceptedCommit,
  acceptedAt,
  type PublishedCommit,
  publishedCommits,
} from "../../channel/list.ts";
import { chooseSource } from "../../evidence/sources.ts";
import { UserSources } from "../../slicing/user-sources.ts";
import { trustedStateDirectory } from "../../state/directory.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput } from "../failure.ts";
import { type Rules, rulesToJudgeBy } from "../rules.ts";
import { harmless } from "../terminal.ts";
import type { ListFlags } from "./channel.command.ts";
import { count } from "./slice-shown.ts";

/** Commits that are judged and shown unless all are asked for. */
const SHOWN = 20;

export async function list(this: FirstmileContext, flags: ListFlags, named?: string): Promise<void> {
  const rules = await rulesToJudgeBy(this, flags.policy);
  const told: unknown[] = [];
  for (const { source, repository } of await sourcesNamed(this, rules, named)) {
    const question = { ...rules, source, repository, now: this.now };
    const all = await publishedCommits(question);
    const shown = flags.all ? all : all.slice(0, SHOWN);
    const judged: Judged[] = [];
    for (const one of shown) judged.push({ ...one, judged: await acceptedAt(question, one) });
    if (flags.json)
      told.push({ source: source.name, channel: source.channel ?? null, published: judged.map(asJson) });
    else show(this, source, judged, all.length - shown.length);
  }
  if (flags.json) this.terminal.json(told);
}

interface Named {
  readonly source: Source;
  readonly repository: string;
}

interface Judged extends PublishedCommit {
  readonly judged: AcceptedCommit;
}

async function sourcesNamed(
  context: FirstmileContext,
  { policy }: Rules,
  named: string | undefined,
): Promise<Named[]> {
  const path = named === undefined ? undefined : resolve(context.cwd, named);
  if (path !== undefined && existsSync(path))
    return [{ source: await chooseSource(policy, path), repository: path }];
  const slices = [...policy.sources.values()].filter(({ authenticate }) => authenticate === "slice");
  const wanted = named === undefined ? slices : [policy.sources.get(named as SourceName)];
  if (wanted.length === 0) throw badInput("no source of the rules is judged by slices");
  return Promise.all(
    wanted.map(async (source) => {
      if (!source) throw badInput(`the rules have no source ${named}`);
      return { source, repository: await copyOf(context, source) };
    }),
  );
}

/** What this machine has of a source: the gate's copy, or this user's. Nothing is fetched. */
async function copyOf(context: FirstmileContext, source: Source): Promise<string> {
  const gate = join(trustedStateDirectory(context), "gate", "sources", `${source.name}.git`);
  return existsSync(gate) ? gate : new UserSources(context.stateDir, new Map()).directory(source);
}

function show(
  { terminal }: FirstmileContext,
  source: Source,
  published: readonly Judged[],
  more: number,
): void {
  const role =
    source.channel === undefined ? "follows no channel" : `accepts what role ${source.channel} publishes`;
  terminal.print(terminal.style("bold", `${source.name}: ${role}`));
  if (published.length === 0) terminal.print("  nothing is published");
  for (const { commit, time, publications, judged } of published) {
    const mark = judged.accepted ? terminal.style("green", "✓") : terminal.style("red", "✗");
    const date = time === undefined ? "not here yet" : new Date(time * 1000).toISOString().slice(0, 10);
    const by = [...new Set(publications.flatMap((one) => one.by))].join(" and ") || "others";
    const names = judged.names === 0 ? "" : ` and the names of ${count(judged.names, "place")}`;
    const files = judged.accepted ? `, ${count(judged.files, "file")}${names}` : "";
    const problem = judged.problem === undefined ? "" : `: ${judged.problem}`;
    terminal.print(`  ${mark} ${commit}  ${date}, by ${by}${files}${problem}`);
    for (const text of attributesOf(publications)) terminal.print(`      ${harmless(text)}`);
  }
  if (more > 0) terminal.print(`  and ${more} more: --all lists them`);
}

/** `default.nix -A hello (x86_64-linux)`. */
function attributesOf(publications: Judged["publications"]): string[] {
  const all = publications.flatMap(({ channel }) =>
    channel.attributes.map((attribute) => `${attribute} (${channel.system})`),
  );
  return [...new Set(all)].sort();
}

function asJson({ commit, time, publications, judged }: Judged): unknown {
  const { accepted, files, names, problem } = judged;
  const by = [...new Set(publications.flatMap((one) => one.by))].sort();
  const attributes = [...new Set(publications.flatMap(({ channel }) => channel.attributes))].sort();
  return { commit, time: time ?? null, by, attributes, accepted, files, names, problem: problem ?? null };
}
