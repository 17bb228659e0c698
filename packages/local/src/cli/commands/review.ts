/** `firstmile review REPO REV|BASE..REV`: shows a change, asks, signs, keeps. */
import { resolve } from "node:path";
import { gitIn } from "../../git/in-directory.ts";
import { neutralGit } from "../../git/neutral.ts";
import { draftReviews, type SaidOfReview } from "../../reviewing/draft.ts";
import { type KeptStatement, signAndKeep } from "../../reviewing/keep.ts";
import { longestShown } from "../../reviewing/longest-shown.ts";
import { placeFor } from "../../reviewing/place-for.ts";
import { forkOf, type ReviewRange, resolveRange } from "../../reviewing/range.ts";
import { commitsOf } from "../../reviewing/range-commits.ts";
import { ReviewMaterial } from "../../reviewing/read-change.ts";
import { readyKey, readyPlace } from "../../reviewing/ready.ts";
import type { WritablePlace } from "../../statements/write.ts";
import { isAtTerminal } from "../at-terminal.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT } from "../failure.ts";
import { wrap } from "../terminal.ts";
import type { ReviewFlags } from "./review.command.ts";
import { INTERRUPTED, Interruption } from "./review-interruption.ts";
import { page } from "./review-pager.ts";
import type { Answer } from "./review-question.ts";
import {
  keptText,
  onwardText,
  type Shown,
  short,
  shownText,
  summaryText,
  warn,
  warnings,
} from "./review-shown.ts";

export async function review(
  this: FirstmileContext,
  flags: ReviewFlags,
  repository?: string,
  revision?: string,
): Promise<void> {
  if (flags.list || flags.suggest) {
    const { listReviews } = await import("./review-list.ts");
    return listReviews(this, flags, repository, revision);
  }
  if (flags.again) {
    const { reviewAgain } = await import("./review-again.ts");
    return reviewAgain(this, flags, repository);
  }
  if (repository === undefined)
    throw badInput("review what?", "firstmile review REPO REV, or SOURCE REV -A ATTR");
  if (isOfSlice(flags, repository)) {
    const { reviewSlice } = await import("./review-slice.ts");
    return reviewSlice(this, flags, repository, revision);
  }
  if (revision === undefined)
    throw badInput("which change of it?", "name a commit or BASE..REV, or what a slice evaluates: -A ATTR");
  if (!flags.yes && !flags.reject && !isAtTerminal())
    throw badInput("nobody can be asked here", "say --yes to approve, --reject to reject");
  using interruption = new Interruption();
  try {
    await new ReviewRun(this, flags, resolve(this.cwd, repository), interruption).run(revision);
  } catch (error) {
    if (!interruption.explains(error)) throw error;
    this.terminal.say("interrupted: nothing was signed");
    this.exit(INTERRUPTED);
  }
}

/** Files of a source whose files count, whatever commits brought them. */
function isOfSlice({ attr, file, path }: ReviewFlags, named: string): boolean {
  return attr !== undefined || file !== undefined || path !== undefined || named.includes("#");
}

class ReviewRun {
  private readonly context: FirstmileContext;
  private readonly flags: ReviewFlags;
  private readonly repository: string;
  private readonly place: WritablePlace;
  private readonly interruption: Interruption;

  constructor(context: FirstmileContext, flags: ReviewFlags, repository: string, interruption: Interruption) {
    this.context = context;
    this.flags = flags;
    this.repository = repository;
    this.interruption = interruption;
    this.place = placeFor(context.cwd, flags.to, repository);
  }

  async run(revision: string): Promise<void> {
    const git = await neutralGit(this.repository);
    try {
      using material = new ReviewMaterial(git);
      const range = await resolveRange(this.repository, revision, material.reader);
      const user = await readyKey(this.repository);
      await readyPlace(this.place);
      const shown = await this.read(material, range, git);
      const columns = this.context.terminal.width;
      const notes = warnings(shown, this.repository, await forkOf(git, range), columns);
      await this.answered(shown, notes, user);
    } finally {
      git.dispose();
    }
  }

  private async read(
    material: ReviewMaterial,
    range: ReviewRange,
    git: Awaited<ReturnType<typeof neutralGit>>,
  ): Promise<Shown> {
    this.context.terminal.progress("reading what differs");
    const change = await material.change(range);
    const { changes } = change;
    if (changes.length === 0)
      throw badInput(emptyText(range), "name a commit that changes a file, or BASE..REV");
    // What no statement can say is found before anybody has read for an hour.
    draftReviews(this.said({ verdict: "approve", note: this.flags.note }), changes);
    const commits = await commitsOf(git, material.objects, range, await this.emails());
    const counts = await change.lineCounts();
    return { range, change, commits, counts, longest: await longestShown(change) };
  }

  private async answered(
    shown: Shown,
    notes: readonly string[],
    user: Awaited<ReturnType<typeof readyKey>>,
  ): Promise<void> {
    const { terminal, now } = this.context;
    this.interruption.check();
    if (!this.flags.json) await page(this.context, () => shownText(terminal, shown), this.interruption);
    for (const note of notes) warn(terminal, note);
    const answer = await this.answer();
    this.interruption.check();
    if (!answer) return this.nothing();
    const reviews = draftReviews(this.said(answer), shown.change.changes);
    const goOn = this.interruption.settle;
    const kept = await signAndKeep(reviews, { user, place: this.place, now, goOn });
    if (this.flags.json) terminal.json({ ...this.asJson(shown, answer), statements: kept, notes });
    else this.tell(shown, answer, kept);
  }

  private async answer(): Promise<Answer | undefined> {
    const { yes, reject, note } = this.flags;
    if (yes || !isAtTerminal()) return { verdict: reject ? "reject" : "approve", note };
    this.context.terminal.clearProgress();
    const { askVerdict } = await import("./review-question.ts");
    return askVerdict(this.flags, this.interruption);
  }

  private nothing(): void {
    this.context.terminal.say("nothing was signed");
    this.context.exit(EXIT.denied);
  }

  private said({ verdict, note }: Answer): SaidOfReview {
    const { skimmed, machine, source } = this.flags;
    return { verdict, depth: skimmed ? "skimmed" : "read", machine, note, source };
  }

  private asJson({ range, change }: Shown, answer: Answer) {
    const { note = null, source = null, ...said } = this.said(answer);
    const { base = null, tip } = range;
    return { base, commit: tip, ...said, note, source, paths: change.changes.length };
  }

  private tell(shown: Shown, { verdict }: Answer, kept: readonly KeptStatement[]): void {
    const { terminal } = this.context;
    const done =
      verdict === "approve" ? terminal.style("green", "approved") : terminal.style("red", "rejected");
    const line = (text: string) => terminal.print(wrap(text, terminal.width, "  "));
    line(`${done}  ${summaryText(shown)}`);
    line(keptText(kept, this.place));
    line("It is bound to content, path by path, so it holds after a squash or a rebase too.");
    if (verdict === "approve" && (this.flags.skimmed || this.flags.machine))
      line("Rules count what a person has read line by line: this is on record, and meets none.");
    line(onwardText(this.place));
  }

  /** This user's addresses, as Git would put them into a commit here. */
  private async emails(): Promise<string[]> {
    const found = await gitIn(this.repository, ["config", "--get", "user.email"]);
    const { GIT_AUTHOR_EMAIL, GIT_COMMITTER_EMAIL, EMAIL } = this.context.env;
    const named = [found.stdout.toString().trim(), GIT_AUTHOR_EMAIL, GIT_COMMITTER_EMAIL, EMAIL];
    return [...new Set(named.filter((email) => email !== undefined && email !== ""))] as string[];
  }
}

function emptyText({ base, tip, named }: ReviewRange): string {
  if (base === undefined) return `${short(tip)} holds no file`;
  const what = named ? `between ${short(base)} and ${short(tip)}` : `in ${short(tip)} from its first parent`;
  return `nothing differs ${what}`;
}
