/** `firstmile check BASE..HEAD`: for a pull request, or before a push. */
import { existsSync, writeFileSync } from "node:fs";
import { basename, isAbsolute, join, normalize, resolve } from "node:path";
import { visibleJson } from "@firstmile/formats/bytes/visible";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { spellBytes } from "@firstmile/formats/statement/path";
import { historyReason } from "@firstmile/trust/history/reason";
import type { Source } from "@firstmile/trust/policy/policy";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import type { NixTools } from "../../admission/nix-tools.ts";
import { parseFlakeReference } from "../../asking/flake-reference.ts";
import { type CheckedFlake, checkChange } from "../../checking/check.ts";
import { markdownReport } from "../../checking/markdown.ts";
import { type CheckReport, coveredPercent, type SliceCheck, waitingFor } from "../../checking/report.ts";
import { sarifReport } from "../../checking/sarif.ts";
import { authenticateHistory } from "../../evidence/history.ts";
import { chooseSource } from "../../evidence/sources.ts";
import { gitIn } from "../../git/in-directory.ts";
import { neutralGit } from "../../git/neutral.ts";
import { type ReviewRange, resolveRange } from "../../reviewing/range.ts";
import { ReviewMaterial } from "../../reviewing/read-change.ts";
import { UserSources } from "../../slicing/user-sources.ts";
import { PROGRAM_VERSION } from "../../state/version.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT } from "../failure.ts";
import { nixToLook } from "../nix-to-look.ts";
import { type Rules, rulesToJudgeBy } from "../rules.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";
import type { CheckFlags } from "./check.command.ts";

export async function check(
  this: FirstmileContext,
  flags: CheckFlags,
  ...[words = "", ...references]: readonly string[]
): Promise<void> {
  const repository = resolve(this.cwd, flags.repository ?? ".");
  if (flags.source === undefined && existsSync(join(repository, "firstmile.toml"))) {
    const { checkRules } = await import("./check-rules.ts");
    return checkRules(this, flags, repository, words);
  }
  const rules = await rulesToJudgeBy(this, flags.policy);
  const source = await chooseSource(rules.policy, repository, flags.source);
  const { file = "default.nix", attr: attrs = [] } = flags;
  const range = await rangeOf(repository, words);
  let nix: Promise<NixTools> | undefined;
  const report = await checkChange({
    repository,
    directoryName: await directoryName(repository),
    range,
    policy: rules.policy,
    statements: rules.statements,
    source,
    file,
    attrs,
    flakes: references.map(flakeHere),
    ...othersOf(this, rules, source, repository),
    now: this.now,
    nix: () => (nix ??= nixToLook(this, flags)),
    progress: (text) => this.terminal.progress(text),
  });
  const told = [
    writeReport(this, flags.markdown, () => markdownReport(report)),
    writeReport(this, flags.sarif, () =>
      visibleJson(JSON.stringify(sarifReport(report, PROGRAM_VERSION), undefined, 2)),
    ),
  ];
  if (flags.json) this.terminal.json(asJson(report));
  else if (!told.includes("stdout")) showReport(this.terminal, report);
  this.exit(report.findings.length === 0 ? EXIT.ok : EXIT.denied);
}

/** `.#hello`, or `./part#hello` of a flake in a directory of the repository. */
function flakeHere(words: string): CheckedFlake {
  const flake = parseFlakeReference(words);
  const dir = flake.kind === "local" ? normalize(flake.path) : "..";
  if (isAbsolute(dir) || dir.startsWith(".."))
    throw badInput(`${words} is no flake of this repository`, "name it from its root: .#x, or ./part#x");
  return { words, dir: dir === "." ? "" : dir.replace(/\/$/, ""), attr: flake.attrs[0]! };
}

/** Sources of inputs, which are fetched, and what the rules say of their commits. */
function othersOf(
  { stateDir, now, terminal }: FirstmileContext,
  rules: Rules,
  own: Source,
  repository: string,
) {
  const repositories = new UserSources(stateDir, new Map([[own.name, repository]]));
  const { policy, statements } = rules;
  const authenticate = async (source: Source, tip: CommitId): Promise<Reason> => {
    terminal.progress(`authenticating ${source.name}`);
    const at = await repositories.directory(source);
    const question = { repository: at, tip, policy, statements, source, now, cacheDir: stateDir };
    return historyReason(await authenticateHistory(question));
  };
  return { repositories, authenticate };
}

/** Where it went: nowhere, into a file, or to stdout in place of the lines for people. */
function writeReport(
  { cwd, terminal }: FirstmileContext,
  file: string | undefined,
  text: () => string,
): "nowhere" | "file" | "stdout" {
  if (file === undefined) return "nowhere";
  if (file === "-") {
    terminal.print(text().trimEnd());
    return "stdout";
  }
  writeFileSync(resolve(cwd, file), `${text().trimEnd()}\n`);
  return "file";
}

async function rangeOf(
  repository: string,
  words: string,
): Promise<ReviewRange & { readonly base: CommitId }> {
  const git = await neutralGit(repository);
  try {
    using material = new ReviewMaterial(git);
    const { base, ...range } = await resolveRange(repository, words, material.reader);
    if (base === undefined || !range.named)
      throw badInput(`${words} names no range`, "name BASE..HEAD: origin/main..HEAD");
    return { ...range, base };
  } finally {
    git.dispose();
  }
}

async function directoryName(repository: string): Promise<string> {
  const root = await gitIn(repository, ["rev-parse", "--show-toplevel"]);
  const path = root.code === 0 ? root.stdout.toString().trimEnd() : repository;
  return basename(path).replace(/\.git$/, "");
}

const NAMES_SHOWN = 10;

function showReport(terminal: Terminal, report: CheckReport): void {
  const { source, base, head, change, findings, slices } = report;
  const files = `${change.files} ${change.files === 1 ? "file" : "files"}`;
  const range = `${source} from ${base.slice(0, 12)} to ${head.slice(0, 12)}: ${files}, +${change.added} -${change.removed}`;
  const word =
    findings.length === 0
      ? terminal.style("green", "nothing open")
      : terminal.style("red", `${findings.length} open`);
  terminal.print(`${word}  ${range}`);
  for (const one of slices) showSlice(terminal, one);
  for (const { code, path, line, message, remedy } of findings) {
    const place = path === undefined ? "" : `${visiblePath(path)}:${line}: `;
    terminal.print(
      wrap(`  ${place}${terminal.style("red", code)}: ${harmless(message)}`, terminal.width, "    "),
    );
    if (remedy !== undefined)
      terminal.print(
        `    ${terminal.style("cyan", "help:")} ${wrap(harmless(remedy), terminal.width, "      ")}`,
      );
  }
  for (const [name, count] of waitingFor(findings)) terminal.print(`${name} could read ${count} of them`);
}

function showSlice(
  terminal: Terminal,
  { words, failure, before, after, changed, derivations, downloads }: SliceCheck,
): void {
  if (failure || !after) {
    terminal.print(
      `  ${harmless(words)}: ${terminal.style("red", failure?.code ?? "is not there")}, told below`,
    );
    return;
  }
  const [old, now] = [before && coveredPercent(before), coveredPercent(after)];
  const covered = now === undefined ? "" : `, covered ${old === undefined ? "" : `${old} % -> `}${now} %`;
  terminal.print(
    `  ${harmless(words)}: ${changed.files} of ${after.files} files that are read change, ${changed.open} of them open${covered}; ${derivations.fresh} derivations new, ${derivations.gone} gone`,
  );
  for (const text of changed.names.slice(0, NAMES_SHOWN))
    terminal.print(`    ${wrap(`name  ${harmless(text)}`, terminal.width, "          ")}`);
  if (changed.names.length > NAMES_SHOWN)
    terminal.print(`    and ${changed.names.length - NAMES_SHOWN} more names: --json has all of them`);
  for (const { before: from, after: to } of downloads)
    terminal.print(`    download  ${harmless(from ?? "none")} -> ${harmless(to ?? "none")}`);
}

function asJson({ findings, ...report }: CheckReport): unknown {
  return {
    ...report,
    findings: findings.map((one) => ({
      ...one,
      path: one.path === undefined ? null : spellBytes(one.path),
    })),
  };
}
