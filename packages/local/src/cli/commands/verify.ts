/** `firstmile verify REPO [REV]`: the history of a source, judged by its rules. */
import { resolve } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { HistoryVerdict } from "@firstmile/trust/history/authenticate";
import type { DeniedCommit } from "@firstmile/trust/history/judge";
import { authenticateHistory } from "../../evidence/history.ts";
import { chooseSource } from "../../evidence/sources.ts";
import { resolveRevision } from "../../git/neutral.ts";
import type { FirstmileContext } from "../context.ts";
import { EXIT } from "../failure.ts";
import { rulesToJudgeBy } from "../rules.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";
import type { VerifyFlags } from "./verify.command.ts";

export async function verify(
  this: FirstmileContext,
  flags: VerifyFlags,
  repository: string,
  revision = "HEAD",
): Promise<void> {
  const rules = await rulesToJudgeBy(this, flags.policy);
  const path = resolve(this.cwd, repository);
  const tip = (await resolveRevision(path, revision)) as CommitId;
  const source = await chooseSource(rules.policy, path, flags.source);
  const started = performance.now();
  const verdict = await authenticateHistory({
    repository: path,
    tip,
    policy: rules.policy,
    policyFiles: rules.files,
    source,
    now: this.now,
    cacheDir: flags.cache ? this.stateDir : undefined,
    progress: (done, total) => this.terminal.progress(`checking commits: ${done} of ${total}`),
  });
  const seconds = (performance.now() - started) / 1000;
  if (flags.json) this.terminal.json(verdict);
  else show(this.terminal, verdict, seconds);
  this.exit(verdict.allowed ? EXIT.ok : EXIT.denied);
}

function show(terminal: Terminal, verdict: HistoryVerdict, seconds: number): void {
  const word = verdict.allowed ? terminal.style("green", "allowed") : terminal.style("red", "denied");
  terminal.print(`${word}  source ${verdict.source} at ${verdict.commit}`);
  for (const denied of verdict.denied) showDenied(terminal, denied);
  for (const [code, remedy] of new Map(verdict.denied.map((denied) => [denied.code, denied.remedy]))) {
    if (remedy !== undefined)
      terminal.print(
        `${terminal.style("cyan", "help:")} ${code}: ${wrap(harmless(remedy), terminal.width, "  ")}`,
      );
  }
  const offending = verdict.allowed ? "" : `, ${verdict.denied.length} of them denied`;
  const known =
    verdict.checked === 0
      ? "nothing new since it was last authenticated"
      : `${verdict.checked} commits checked${offending}`;
  terminal.print(terminal.style("dim", `${known}, ${seconds.toFixed(2)} s`));
}

function showDenied(terminal: Terminal, denied: DeniedCommit): void {
  const about = `${denied.commit.slice(0, 12)}  ${terminal.style("red", denied.code)}: ${harmless(denied.message)}`;
  terminal.print(`  ${wrap(about, terminal.width, "    ")}`);
  for (const path of (denied.paths ?? []).slice(0, 5)) terminal.print(`    ${harmless(path)}`);
}
