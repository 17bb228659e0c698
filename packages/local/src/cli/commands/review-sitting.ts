/**
 * Piece by piece: shown, asked about, and remembered until the end of the sitting. Whoever stops in the middle decides
 * what becomes of what they have said by then; nothing is signed half.
 */
import type { SaidOfWork } from "../../reviewing/sitting.ts";
import type { ReviewWork } from "../../reviewing/work.ts";
import { isAtTerminal } from "../at-terminal.ts";
import type { FirstmileContext } from "../context.ts";
import type { ReviewFlags } from "./review.command.ts";
import { EditorError } from "./review-editor.ts";
import { Interruption } from "./review-interruption.ts";
import type { WorkShower } from "./review-shower.ts";
import { warn } from "./review-shown.ts";
import type { WorkAnswer } from "./review-slice-question.ts";
import { pathOf, sizeText } from "./review-work-shown.ts";
import { count } from "./slice-shown.ts";

export interface Sitting {
  readonly said: readonly SaidOfWork[];
  /** Interrupted, and what was said is not to be signed. */
  readonly dropped: boolean;
}

const DROPPED: Sitting = { said: [], dropped: true };

export class Sitter {
  readonly #context: FirstmileContext;
  readonly #flags: ReviewFlags;
  readonly #shower: WorkShower;

  constructor(context: FirstmileContext, flags: ReviewFlags, shower: WorkShower) {
    this.#context = context;
    this.#flags = flags;
    this.#shower = shower;
  }

  /** Throws `RepositoryError` where some of it cannot be read. */
  async sit(work: readonly ReviewWork[]): Promise<Sitting> {
    await this.#shower.takeIn(work);
    return isAsking(this.#flags) ? this.#oneByOne(work) : this.#atOnce(work);
  }

  async #atOnce(work: readonly ReviewWork[]): Promise<Sitting> {
    using interruption = new Interruption();
    try {
      if (!this.#flags.json) await this.#shower.page(work, interruption);
      interruption.check();
      const verdict = this.#flags.reject ? "reject" : "approve";
      return { said: work.map((one) => ({ work: one, verdict, note: undefined })), dropped: false };
    } catch (error) {
      if (!interruption.happened) throw error;
      return DROPPED;
    }
  }

  async #oneByOne(work: readonly ReviewWork[]): Promise<Sitting> {
    const said: SaidOfWork[] = [];
    for (const [i, one] of work.entries()) {
      const answer = await this.#interruptible(one, `${i + 1} of ${work.length}`);
      if (answer === "interrupted") return (await this.#keeps(said)) ? { said, dropped: false } : DROPPED;
      if (answer.kind === "stop") break;
      if (answer.kind !== "skip") said.push({ work: one, verdict: answer.kind, note: answer.note });
    }
    return { said, dropped: false };
  }

  async #interruptible(work: ReviewWork, place: string): Promise<WorkAnswer | "interrupted"> {
    using interruption = new Interruption();
    try {
      return await this.#answer(work, place, interruption);
    } catch (error) {
      if (interruption.happened) return "interrupted";
      throw error;
    }
  }

  async #answer(work: ReviewWork, place: string, interruption: Interruption): Promise<WorkAnswer> {
    const note = await this.#show(work, interruption);
    interruption.check();
    const { askWork, noteProblem } = await import("./review-slice-question.ts");
    const problem = noteProblem(note);
    if (problem !== undefined) warn(this.#context.terminal, `the note is left out: ${problem}`);
    this.#context.terminal.clearProgress();
    const about = `${place}  ${pathOf(work)}, ${sizeText(work)}`;
    const question = { about, binary: work.binary, note: problem === undefined ? note : undefined };
    return askWork(this.#flags, question, interruption);
  }

  /** A note that was written on it, in an editor. */
  async #show(work: ReviewWork, interruption: Interruption): Promise<string | undefined> {
    try {
      if (this.#flags.editor) return await this.#shower.edit(work, interruption);
    } catch (error) {
      if (!(error instanceof EditorError)) throw error;
      warn(this.#context.terminal, `${error.message}: here it is without`);
    }
    await this.#shower.page([work], interruption);
    return undefined;
  }

  /** What was said before it was interrupted. */
  async #keeps(said: readonly SaidOfWork[]): Promise<boolean> {
    if (said.length === 0) return false;
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
