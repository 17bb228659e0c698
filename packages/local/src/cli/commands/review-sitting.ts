/**
 * Piece by piece: shown, asked about, and remembered until the end of the sitting. Whoever stops in the middle decides
 * what becomes of what they have said by then; nothing is signed half.
 */
import { RepositoryError } from "../../git/neutral.ts";
import type { SaidOfWork } from "../../reviewing/sitting.ts";
import type { ReviewWork } from "../../reviewing/work.ts";
import { isAtTerminal } from "../at-terminal.ts";
import type { FirstmileContext } from "../context.ts";
import type { ReviewFlags } from "./review.command.ts";
import { Interruption } from "./review-interruption.ts";
import type { WorkShower } from "./review-shower.ts";
import { warn } from "./review-shown.ts";
import type { WorkAnswer } from "./review-slice-question.ts";
import { pathOf, type ShownWork, sizeText } from "./review-work-shown.ts";
import { count } from "./slice-shown.ts";

export interface Sitting {
  readonly said: readonly SaidOfWork[];
  /** What was not gone through any more, or skipped. */
  readonly left: readonly ReviewWork[];
  /** Interrupted, and what was said is not to be signed. */
  readonly dropped: boolean;
}

export class Sitter {
  readonly #context: FirstmileContext;
  readonly #flags: ReviewFlags;
  readonly #shower: WorkShower;

  constructor(context: FirstmileContext, flags: ReviewFlags, shower: WorkShower) {
    this.#context = context;
    this.#flags = flags;
    this.#shower = shower;
  }

  async sit(work: readonly ReviewWork[]): Promise<Sitting> {
    const said: SaidOfWork[] = [];
    const left: ReviewWork[] = [];
    for (const [i, one] of work.entries()) {
      const answer = await this.#interruptible(one, `${i + 1} of ${work.length}`);
      if (answer === "interrupted" || answer.kind === "stop") {
        const isKept = answer !== "interrupted" || (await this.#keeps(said));
        return { said: isKept ? said : [], left: [...left, ...work.slice(i)], dropped: !isKept };
      }
      if (answer.kind === "skip") left.push(one);
      else said.push({ work: one, verdict: answer.kind, note: answer.note });
    }
    return { said, left, dropped: false };
  }

  async #interruptible(work: ReviewWork, place: string): Promise<WorkAnswer | "interrupted"> {
    using interruption = new Interruption();
    try {
      const shown = await this.#shower.read(work);
      interruption.check();
      return await this.#answer(shown, place, interruption);
    } catch (error) {
      if (interruption.happened) return "interrupted";
      if (!(error instanceof RepositoryError)) throw error;
      warn(this.#context.terminal, `${pathOf(work)} is left out: ${error.message}`);
      return { kind: "skip" };
    }
  }

  async #answer(shown: ShownWork, place: string, interruption: Interruption): Promise<WorkAnswer> {
    const { json, reject, editor } = this.#flags;
    const isAsked = isAsking(this.#flags);
    const edited = editor && isAsked ? await this.#shower.edit(shown, interruption) : undefined;
    if (!json && !editor) await this.#shower.page(shown, interruption);
    interruption.check();
    if (!isAsked) return { kind: reject ? "reject" : "approve", note: undefined };
    return this.#ask(shown, place, edited, interruption);
  }

  async #ask(
    { work }: ShownWork,
    place: string,
    note: string | undefined,
    interruption: Interruption,
  ): Promise<WorkAnswer> {
    const { askWork, noteProblem } = await import("./review-slice-question.ts");
    const problem = noteProblem(note);
    if (problem !== undefined) warn(this.#context.terminal, `the note is left out: ${problem}`);
    this.#context.terminal.clearProgress();
    const about = `${place}  ${pathOf(work)}, ${sizeText(work)}`;
    const question = { about, binary: work.binary, note: problem === undefined ? note : undefined };
    return askWork(this.#flags, question, interruption);
  }

  /** What was said before it was interrupted. */
  async #keeps(said: readonly SaidOfWork[]): Promise<boolean> {
    if (said.length === 0 || !isAsking(this.#flags)) return false;
    using interruption = new Interruption();
    const { askToKeep } = await import("./review-slice-question.ts");
    return askToKeep(verdictsText(said), interruption);
  }
}

/** Whether each piece is asked about. */
export function isAsking({ yes, reject }: ReviewFlags): boolean {
  return !yes && !reject && isAtTerminal();
}

/** `3 approvals and 1 rejection`. */
export function verdictsText(said: readonly SaidOfWork[]): string {
  const of = (verdict: SaidOfWork["verdict"]) => said.filter((one) => one.verdict === verdict).length;
  const parts = [
    of("approve") > 0 ? count(of("approve"), "approval") : "",
    of("reject") > 0 ? count(of("reject"), "rejection") : "",
  ];
  return parts.filter(Boolean).join(" and ");
}
