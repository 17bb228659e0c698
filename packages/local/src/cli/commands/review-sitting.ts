/**
 * Piece by piece: shown, asked about, and remembered until the end of the sitting. Whoever stops in the middle decides
 * what becomes of what they have said by then; nothing is signed half.
 */
import type { GoneFile } from "../../reviewing/gone-files.ts";
import type { NamesWork } from "../../reviewing/names-work.ts";
import type { SaidOfNames, SaidOfWork } from "../../reviewing/sitting.ts";
import type { ReviewWork } from "../../reviewing/work.ts";
import { isAtTerminal } from "../at-terminal.ts";
import type { FirstmileContext } from "../context.ts";
import type { ReviewFlags } from "./review.command.ts";
import { EditorError } from "./review-editor.ts";
import { Interruption } from "./review-interruption.ts";
import type { WorkShower } from "./review-shower.ts";
import { warn } from "./review-shown.ts";
import { seenSize } from "./review-sitting-shown.ts";
import type { WorkAnswer } from "./review-slice-question.ts";
import { pathOf, sizeText } from "./review-work-shown.ts";
import { count } from "./slice-shown.ts";

/** What is shown together. */
export interface SeenAtOnce {
  readonly names: readonly NamesWork[];
  readonly gone: readonly GoneFile[];
}

export interface Sitting {
  readonly said: readonly SaidOfWork[];
  /** Undefined: nothing was said of names. */
  readonly names: SaidOfNames | undefined;
  /** Interrupted, and what was said is not to be signed. */
  readonly dropped: boolean;
}

const DROPPED: Sitting = { said: [], names: undefined, dropped: true };

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
  async sit(work: readonly ReviewWork[], seen: SeenAtOnce): Promise<Sitting> {
    await this.#shower.takeIn(work, seen.gone);
    return isAsking(this.#flags) ? this.#oneByOne(work, seen) : this.#atOnce(work, seen);
  }

  async #atOnce(work: readonly ReviewWork[], seen: SeenAtOnce): Promise<Sitting> {
    using interruption = new Interruption();
    try {
      if (!this.#flags.json) await this.#shower.page(work, seen.names, seen.gone, interruption);
      interruption.check();
      const verdict = this.#flags.reject ? "reject" : "approve";
      const said = work.map((one) => ({ work: one, verdict, note: undefined }) as const);
      return {
        said,
        names: isNothing(seen) ? undefined : { ...seen, verdict, note: undefined },
        dropped: false,
      };
    } catch (error) {
      if (!interruption.happened) throw error;
      return DROPPED;
    }
  }

  /** Names and what went away come first, all at once: they are quickly looked at. */
  async #oneByOne(work: readonly ReviewWork[], seen: SeenAtOnce): Promise<Sitting> {
    const said: SaidOfWork[] = [];
    const pieces: (ReviewWork | SeenAtOnce)[] = [...(isNothing(seen) ? [] : [seen]), ...work];
    let saidOfNames: SaidOfNames | undefined;
    for (const [i, one] of pieces.entries()) {
      const answer = await this.#interruptible(one, `${i + 1} of ${pieces.length}`);
      if (answer === "interrupted") {
        const keeps = await this.#keeps(said, saidOfNames);
        return keeps ? { said, names: saidOfNames, dropped: false } : DROPPED;
      }
      if (answer.kind === "stop") break;
      if (answer.kind === "skip") continue;
      const { kind: verdict, note } = answer;
      if (isNames(one)) saidOfNames = { ...one, verdict, note };
      else said.push({ work: one, verdict, note });
    }
    return { said, names: saidOfNames, dropped: false };
  }

  async #interruptible(piece: ReviewWork | SeenAtOnce, place: string): Promise<WorkAnswer | "interrupted"> {
    using interruption = new Interruption();
    try {
      return isNames(piece)
        ? await this.#answerNames(piece, place, interruption)
        : await this.#answer(piece, place, interruption);
    } catch (error) {
      if (interruption.happened) return "interrupted";
      throw error;
    }
  }

  async #answerNames(seen: SeenAtOnce, place: string, interruption: Interruption): Promise<WorkAnswer> {
    await this.#shower.page([], seen.names, seen.gone, interruption);
    interruption.check();
    const { askWork } = await import("./review-slice-question.ts");
    this.#context.terminal.clearProgress();
    const question = { about: `${place}  ${seenSize(seen)}`, binary: false, note: undefined };
    return askWork(this.#flags, question, interruption);
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
    await this.#shower.page([work], [], [], interruption);
    return undefined;
  }

  /** What was said before it was interrupted. */
  async #keeps(said: readonly SaidOfWork[], names: SaidOfNames | undefined): Promise<boolean> {
    if (said.length === 0 && names === undefined) return false;
    using interruption = new Interruption();
    const { askToKeep } = await import("./review-slice-question.ts");
    return askToKeep(verdictsText(names ? [...said, names] : said), interruption);
  }
}

function isNames(piece: ReviewWork | SeenAtOnce): piece is SeenAtOnce {
  return "gone" in piece;
}

function isNothing({ names, gone }: SeenAtOnce): boolean {
  return names.length + gone.length === 0;
}

/** Whether each piece is asked about. */
export function isAsking({ yes, reject }: ReviewFlags): boolean {
  return !yes && !reject && isAtTerminal();
}

/** `3 approvals and 1 rejection`. */
export function verdictsText(said: readonly Pick<SaidOfWork, "verdict">[]): string {
  const of = (verdict: SaidOfWork["verdict"]) => said.filter((one) => one.verdict === verdict).length;
  const parts = [
    of("approve") > 0 ? count(of("approve"), "approval") : "",
    of("reject") > 0 ? count(of("reject"), "rejection") : "",
  ];
  return parts.filter(Boolean).join(" and ");
}
