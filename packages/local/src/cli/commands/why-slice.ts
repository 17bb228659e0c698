/** `firstmile why FILE` where only files count: what its content comes to, and what signed one it is nearest to. */
import { visibleText } from "@firstmile/formats/bytes/visible";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { spellBytes } from "@firstmile/formats/statement/path";
import type { Source } from "@firstmile/trust/policy/policy";
import { judgeFiles } from "@firstmile/trust/slice/judged";
import { fileReason } from "@firstmile/trust/slice/reason";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { Checkout } from "../../asking/checkout.ts";
import { neutralGit } from "../../git/neutral.ts";
import { ladderOf } from "../../nearest/ladder-of.ts";
import type { Nearest } from "../../nearest/nearest-signed.ts";
import { filesAt } from "../../slicing/files-at.ts";
import { gatherCase } from "../../slicing/gather.ts";
import type { FirstmileContext } from "../context.ts";
import type { Rules } from "../rules.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";

export interface FileAnswer {
  readonly reasons: readonly Reason[];
  readonly nearest: Nearest | undefined;
}

/** The file as the commit has it, whatever lies in the checkout. */
export async function sliceFile(
  { now, stateDir }: FirstmileContext,
  { policy, statements }: Rules,
  source: Source,
  { root, inside, commit: id }: Checkout,
): Promise<FileAnswer> {
  const commit = id as CommitId;
  const gathered = await gatherCase({ repository: root, policy, source, commit, statements, now });
  const wanted = Buffer.from(inside).toString("latin1");
  const git = await neutralGit(root);
  const [found] = await filesAt(git, commit, (path) => path === wanted).finally(() => git.dispose());
  if (!found) return { reasons: [gathered.origin, absent(inside, commit)], nearest: undefined };
  const { coverage } = gathered;
  const [judged] = judgeFiles(coverage, [found.file]);
  const question = { source: gathered.source, commit, words: "", coverage };
  return {
    reasons: [gathered.origin, fileReason(question, judged!)],
    nearest: await ladderOf(judged!, { repository: root, coverage, stateDir }),
  };
}

function absent(path: string, commit: CommitId): Reason {
  return lacking("dirty-tree", `${visibleText(path)} is not in commit ${commit.slice(0, 12)}`, {
    remedy: "commit it",
  });
}

export function showNearest(terminal: Terminal, nearest: Nearest): void {
  terminal.print();
  terminal.print(wrap(harmless(nearest.text), terminal.width, "  "));
  for (const line of styledHunks(terminal, nearest)) terminal.print(line);
}

/** As a pager colours a diff. */
export function styledHunks(terminal: Terminal, { hunks }: Nearest): string[] {
  return hunks.map((line) => {
    const style = line.startsWith("@@") ? "cyan" : line.startsWith("+") ? "green" : "red";
    return line.startsWith(" ") ? line : terminal.style(style, line);
  });
}

/** For programs. */
export function nearestJson({ standing, text, signed, hunks }: Nearest): unknown {
  return {
    rung: standing.kind,
    percent: standing.kind === "covered" ? standing.percent : null,
    signed: signed ? { path: spellBytes(signed.path), by: signed.by } : null,
    text,
    hunks,
  };
}
