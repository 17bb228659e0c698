/** `firstmile verify REPO|URL|SOURCE[@REV] [REV]`: the history of a source, judged by its rules. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { spellBytes } from "@firstmile/formats/statement/path";
import type { HistoryVerdict } from "@firstmile/trust/history/authenticate";
import type { DeniedCommit } from "@firstmile/trust/history/judge";
import type { Source } from "@firstmile/trust/policy/policy";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import { gatherExceptions } from "../../evidence/exceptions.ts";
import { authenticateHistory } from "../../evidence/history.ts";
import { chooseSource } from "../../evidence/sources.ts";
import { resolveRevision } from "../../git/neutral.ts";
import { type JudgedSource, judgeMirrors, sourceFreshness } from "../../mirrors/judge-source.ts";
import { unreadText } from "../../statements/unread.ts";
import type { FirstmileContext } from "../context.ts";
import { EXIT } from "../failure.ts";
import { type Rules, rulesToJudgeBy } from "../rules.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";
import { showVerdict } from "../verdict-tree.ts";
import type { VerifyFlags } from "./verify.command.ts";
import { type FetchedTarget, fetchTarget, targetOf } from "./verify-target.ts";

export async function verify(
  this: FirstmileContext,
  flags: VerifyFlags,
  named: string,
  revision?: string,
): Promise<void> {
  const rules = await rulesToJudgeBy(this, flags.policy);
  const started = performance.now();
  const run = new VerifyRun(this, rules, flags);
  const target = targetOf(this.cwd, rules.policy, named, revision);
  const judged =
    target.kind === "path" ? await run.here(target.path, target.revision) : await run.remote(target);
  const seconds = (performance.now() - started) / 1000;
  if (flags.json) this.terminal.json(asJson(judged));
  else show(this.terminal, judged, seconds);
  this.exit(allowed(judged) ? EXIT.ok : EXIT.denied);
}

interface Judged extends JudgedSource {
  /** Undefined: it was here already. */
  readonly fetched: FetchedTarget | undefined;
}

class VerifyRun {
  private readonly context: FirstmileContext;
  private readonly rules: Rules;
  private readonly flags: VerifyFlags;

  constructor(context: FirstmileContext, rules: Rules, flags: VerifyFlags) {
    this.context = context;
    this.rules = rules;
    this.flags = flags;
  }

  async here(path: string, revision: string): Promise<Judged> {
    const tip = (await resolveRevision(path, revision)) as CommitId;
    const source = await chooseSource(this.rules.policy, path, this.flags.source);
    const verdict = await this.authenticate(path, source, tip);
    return { verdict, findings: await this.freshness(path, source, tip), fetched: undefined };
  }

  async remote(target: Parameters<typeof fetchTarget>[2]): Promise<Judged> {
    const { terminal, stateDir } = this.context;
    terminal.progress(`fetching from ${target.urls.join(", ")}`);
    const fetched = await fetchTarget(
      stateDir,
      this.rules.policy,
      target,
      this.flags.source,
      await this.needsFiles(),
    );
    const { repository, source } = fetched;
    for (const line of fetched.dropped) terminal.say(harmless(line));
    const { verdict, findings } = await judgeMirrors(fetched, (head) =>
      this.authenticate(repository, source, head, fetched.onlyCommits),
    );
    const fresh = await this.freshness(repository, source, verdict.commit);
    return { verdict, findings: [...findings, ...fresh], fetched };
  }

  /** Contents that are distrusted are looked for in the tree. */
  private async needsFiles(): Promise<boolean> {
    const { policy, statements } = this.rules;
    const { distrust } = await gatherExceptions(policy, statements, this.context.now);
    return !distrust.contents().next().done;
  }

  private async authenticate(
    repository: string,
    source: Source,
    tip: CommitId,
    commitsAlone = false,
  ): Promise<HistoryVerdict> {
    const { incomplete, ...verdict } = await authenticateHistory({
      repository,
      tip,
      policy: this.rules.policy,
      statements: this.rules.statements,
      source,
      now: this.context.now,
      cacheDir: this.flags.cache ? this.context.stateDir : undefined,
      commitsAlone,
      progress: (done, total) => this.context.terminal.progress(`checking commits: ${done} of ${total}`),
    });
    for (const place of incomplete) this.context.terminal.say(unreadText(place));
    for (const note of verdict.notes ?? []) this.context.terminal.say(`note: ${harmless(note)}`);
    return verdict;
  }

  private async freshness(repository: string, source: Source, commit: CommitId): Promise<Reason[]> {
    const { now } = this.context;
    const { policy, statements } = this.rules;
    const freshness = await sourceFreshness({ repository, statements, policy, source, commit, now });
    return freshness ? [freshness.reason] : [];
  }
}

function allowed({ verdict, findings }: Judged): boolean {
  return verdict.allowed && findings.every((finding) => finding.ok);
}

/** The history's verdict alone, unless there is more to say. */
function asJson(judged: Judged): unknown {
  const { verdict: said, findings, fetched } = judged;
  const verdict = {
    ...said,
    denied: said.denied.map(spelled),
    ...(said.takenBack && { takenBack: said.takenBack.map(spelled) }),
  };
  const more = findings.length > 0 ? { allowed: allowed(judged), findings } : {};
  if (!fetched) return { ...verdict, ...more };
  const { heads, silent, bytes, onlyCommits } = fetched;
  return { ...verdict, ...more, fetched: { heads, silent, bytes, onlyCommits } };
}

/** Offending commits told one by one: nobody reads a million lines. */
const MAX_SHOWN = 1000;

function spelled<T extends { readonly paths?: readonly string[] }>(told: T): T {
  return told.paths === undefined ? told : { ...told, paths: told.paths.map(spellBytes) };
}

function show(terminal: Terminal, judged: Judged, seconds: number): void {
  const { verdict, fetched } = judged;
  showHeading(terminal, judged);
  for (const denied of verdict.denied.slice(0, MAX_SHOWN)) showDenied(terminal, denied);
  const more = verdict.denied.length - MAX_SHOWN;
  if (more > 0) terminal.print(`  and ${more} more: --json has all of them`);
  for (const [code, remedy] of new Map(verdict.denied.map((denied) => [denied.code, denied.remedy]))) {
    if (remedy !== undefined)
      terminal.print(
        wrap(`${terminal.style("cyan", "help:")} ${code}: ${harmless(remedy)}`, terminal.width, "  "),
      );
  }
  showTakenBack(terminal, verdict);
  if (fetched) terminal.print(terminal.style("dim", transferred(fetched)));
  terminal.print(terminal.style("dim", `${workDone(verdict)}, ${seconds.toFixed(2)} s`));
}

function showTakenBack(terminal: Terminal, { takenBack = [] }: HistoryVerdict): void {
  for (const { commit, paths } of takenBack.slice(0, MAX_SHOWN)) {
    const more = paths.length > 1 ? ` and ${paths.length - 1} more` : "";
    const about = `${commit.slice(0, 12)}  taken-back: ${visiblePath(paths[0]!)}${more} passes unread, since the line takes it back to an earlier version and the rule says reverts = "free"`;
    terminal.print(`  ${wrap(about, terminal.width, "    ")}`);
  }
}

function showHeading(terminal: Terminal, judged: Judged): void {
  const { verdict, findings } = judged;
  if (findings.length > 0) {
    const subject = { kind: "commit", source: `source ${verdict.source}`, id: verdict.commit } as const;
    return showVerdict(terminal, { allowed: allowed(judged), subject, reasons: findings });
  }
  const word = verdict.allowed ? terminal.style("green", "allowed") : terminal.style("red", "denied");
  terminal.print(`${word}  source ${verdict.source} at ${verdict.commit}`);
}

function workDone(verdict: HistoryVerdict): string {
  if (verdict.checked === 0) return "nothing new since it was last authenticated";
  const offending = verdict.allowed ? "" : `, ${verdict.denied.length} of them denied`;
  const good = verdict.goodlisted.length;
  const excepted = good === 0 ? "" : `, ${good} accepted by the source's goodlist`;
  const commits = verdict.checked === 1 ? "1 commit" : `${verdict.checked} commits`;
  return `${commits} checked${offending}${excepted}`;
}

function transferred({ heads, bytes, onlyCommits, whole }: FetchedTarget): string {
  const from = heads.map(({ url }) => harmless(url)).join(", ");
  const what = onlyCommits
    ? whole
      ? ", files too: the server cannot leave them out"
      : ", commits only"
    : "";
  return `${bytes} bytes fetched from ${from}${what}`;
}

function showDenied(terminal: Terminal, denied: DeniedCommit): void {
  const about = `${denied.commit.slice(0, 12)}  ${terminal.style("red", denied.code)}: ${harmless(denied.message)}`;
  terminal.print(`  ${wrap(about, terminal.width, "    ")}`);
  for (const path of (denied.paths ?? []).slice(0, 5)) terminal.print(`    ${visiblePath(path)}`);
}
