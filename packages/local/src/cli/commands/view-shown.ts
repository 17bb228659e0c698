/** What a view has seen, for people and for programs. */
import { spellBytes } from "@firstmile/formats/statement/path";
import { judgeFiles } from "@firstmile/trust/slice/judged";
import { fileReason } from "@firstmile/trust/slice/reason";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import { nearestOf } from "../../nearest/ladder-of.ts";
import type { Nearest } from "../../nearest/nearest-signed.ts";
import { lineCounts } from "../../slicing/slice-of.ts";
import type { OpenedFile, ViewResult } from "../../view/view.ts";
import type { FirstmileContext } from "../context.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";
import { count, thousands } from "./slice-shown.ts";
import type { ViewTarget } from "./view-target.ts";
import { styledHunks } from "./why-slice.ts";

/** Refused files told one by one. */
const SHOWN = 20;
/** Of these, those shown with the signed file that they came from. */
const COMPARED = 3;

export function showSummary(
  terminal: Terminal,
  target: ViewTarget,
  { record, how, because }: ViewResult,
): void {
  const { commit, judged, unjudged, name } = target;
  const opened = record.files.filter(({ allowed }) => allowed).length;
  const at = `${judged?.source.name ?? name} at ${commit.slice(0, 12)}`;
  const listed = count(record.directories.length, "directory").replace("directorys", "directories");
  terminal.say(`view: ${count(opened, "file")} of ${harmless(at)} opened, ${listed} listed`);
  if (how === "strace") terminal.say(`view: traced with strace, since ${harmless(because ?? "")}`);
  if (!judged) terminal.say(`view: not authenticated: ${harmless(unjudged)}`);
  for (const { path, reason } of record.broken)
    terminal.say(`view: ${terminal.style("red", "broken")}: ${visiblePath(path)}: ${harmless(reason)}`);
}

/** Each file that was held back: which, how long, who asked, what is missing, and the signed file that it came from. */
export async function showRefused(
  { terminal, stateDir }: FirstmileContext,
  { repository, commit, judged }: ViewTarget,
  { record }: ViewResult,
): Promise<void> {
  const refused = record.files.filter(({ allowed }) => !allowed);
  if (refused.length === 0 || !judged?.gathered) return;
  const { coverage } = judged.gathered;
  const files = judgeFiles(coverage, refused.slice(0, SHOWN).map(asRead));
  const lines = await lineCounts(repository, files);
  const nearest = await nearestOf(files.slice(0, COMPARED), { repository, coverage, stateDir });
  terminal.say(`view: ${terminal.style("red", "denied")}: ${count(refused.length, "file")}`);
  const question = { source: judged.source, commit, words: "", coverage };
  for (const [place, judgedFile] of files.entries()) {
    const reason = fileReason(question, judgedFile);
    const { pid, process } = refused[place]!;
    const { path } = judgedFile.file;
    terminal.say(
      `  ${visiblePath(path)}  ${count(lines[place]!, "line")}, asked for by ${asker(pid, process)}`,
    );
    terminal.say(`    ${reason.code}: ${wrap(harmless(reason.message), terminal.width, "    ")}`);
    if (!reason.ok && reason.remedy !== undefined)
      terminal.say(
        `    ${terminal.style("cyan", "help:")} ${wrap(harmless(reason.remedy), terminal.width, "    ")}`,
      );
    showLikeness(terminal, nearest.get(path));
  }
  if (refused.length > SHOWN)
    terminal.say(`  and ${thousands(refused.length - SHOWN)} more: --record FILE has all of them`);
}

/** What differs from what people have read; nothing where it is like nothing. */
function showLikeness(terminal: Terminal, nearest: Nearest | undefined): void {
  if (nearest?.standing.kind !== "covered") return;
  terminal.say(`    ${wrap(harmless(nearest.text), terminal.width, "    ")}`);
  for (const line of styledHunks(terminal, nearest)) terminal.say(`    ${line}`);
}

function asRead({ path, mode, id, sha256 }: OpenedFile) {
  return { path, mode, id, sha256, use: "evaluated" as const };
}

const MAX_ASKER = 100;

function asker(pid: number, process: string): string {
  const name = Buffer.from(process, "latin1").toString();
  const short = name.length > MAX_ASKER ? `${name.slice(0, MAX_ASKER)}…` : name;
  return `${harmless(short) || "a process"} (pid ${pid})`;
}

export function recordJson(
  { commit, tree, judged }: ViewTarget,
  { record, how, because, code }: ViewResult,
): unknown {
  return {
    source: judged?.source.name ?? null,
    commit,
    tree,
    authenticated: judged?.origin.ok ?? false,
    how,
    ...(because === undefined ? {} : { because }),
    code,
    files: record.files.map(({ tree: _, path, mode, process, ...file }) => ({
      path: spellBytes(path),
      mode: mode.toString(8),
      ...file,
      process: Buffer.from(process, "latin1").toString(),
    })),
    directories: record.directories.map(({ path }) => spellBytes(path)),
    broken: record.broken.map(({ path, id, reason }) => ({ path: spellBytes(path), id, reason })),
  };
}
