/**
 * `firstmile check BASE..HEAD` in a checkout of a trust repository: which words against something a change of the rules
 * leaves in doubt. They stay in force; root is told before it signs.
 */

import type { CommitId } from "@firstmile/formats/git/object-id";
import type { DoubtfulWord } from "@firstmile/trust/hearing/in-doubt";
import { resolveImports } from "@firstmile/trust/imports/resolve";
import { loadPolicy } from "@firstmile/trust/policy/load";
import { renderDefects } from "@firstmile/trust/policy/render";
import { doubtfulWords } from "../../exceptions/words.ts";
import { neutralGit } from "../../git/neutral.ts";
import { resolveRange } from "../../reviewing/range.ts";
import { ReviewMaterial } from "../../reviewing/read-change.ts";
import { trustedStateDirectory } from "../../state/directory.ts";
import type { StatementPlace } from "../../statements/place.ts";
import { furtherStatements } from "../../trust-repository/evidence.ts";
import { withFormer } from "../../trust-repository/follow.ts";
import { loadImports } from "../../trust-repository/imports.ts";
import { formerRules } from "../../trust-repository/past.ts";
import { readRules } from "../../trust-repository/read.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput } from "../failure.ts";
import { wordsAtHand } from "../words-at-hand.ts";
import type { CheckFlags } from "./check.command.ts";
import { showWordsInDoubt, wordsJson } from "./words-shown.ts";

export async function checkRules(
  context: FirstmileContext,
  flags: CheckFlags,
  repository: string,
  range: string,
): Promise<void> {
  const git = await neutralGit(repository);
  try {
    using material = new ReviewMaterial(git);
    const { base, tip } = await resolveRange(repository, range, material.reader);
    if (base === undefined)
      throw badInput(`${range} does not name a range`, "name BASE..HEAD: origin/main..HEAD");
    const before = await wordsAt(context, repository, base);
    const after = await wordsAt(context, repository, tip);
    const known = new Set(before.map(({ statement }) => statement));
    const fresh = after.filter(({ statement }) => !known.has(statement));
    const { terminal } = context;
    if (flags.json)
      return terminal.json({
        base,
        head: tip,
        inDoubt: wordsJson(after),
        fresh: fresh.map(({ statement }) => statement),
      });
    const what = `the rules from ${base.slice(0, 12)} to ${tip.slice(0, 12)}`;
    const many = fresh.length === 1 ? "1 word" : `${fresh.length} words`;
    terminal.print(
      fresh.length === 0
        ? `${what}: no further word against something is in doubt`
        : `${what}: ${many} against something will be in doubt`,
    );
    showWordsInDoubt(terminal, after);
  } finally {
    git.dispose();
  }
}

/** By the rules of one commit of a trust repository, with what it carries and what is at hand here. */
async function wordsAt(
  context: FirstmileContext,
  repository: string,
  commit: CommitId,
): Promise<DoubtfulWord[]> {
  const { now } = context;
  const stateDir = trustedStateDirectory(context);
  const git = await neutralGit(repository);
  try {
    const [files] = await readRules(git, [commit]);
    const loaded = loadPolicy(files!);
    if (!loaded.ok)
      throw badInput(
        `the rules in ${commit.slice(0, 12)} are not valid`,
        undefined,
        renderDefects(loaded.defects, files!),
      );
    const former = await formerRules({ git, tip: commit, introduction: undefined });
    const listed = withFormer(loaded.policy, former);
    const imports = await loadImports(stateDir, listed, now);
    const policy = resolveImports(listed, imports, now);
    const { places } = await wordsAtHand(context, undefined, undefined);
    const own: StatementPlace = { kind: "commit", repository, commit, first: true };
    const further = furtherStatements(stateDir, policy, imports).places;
    return await doubtfulWords(policy, [own, { kind: "ref", repository }, ...further, ...places], now);
  } finally {
    git.dispose();
  }
}
