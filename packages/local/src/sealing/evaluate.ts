/**
 * One evaluation in a seal. Claims: Firstmile evaluates every expression here, signed or not, so that seal.ts holds for
 * all of them. The result stays in the seal. The caller reads it, and disposes of the seal.
 */
import type { Reason } from "@firstmile/trust/verdict/verdict";
import {
  evaluationFailure,
  lastMessage,
  type WantedAddress,
  wantedAddress,
} from "../admission/evaluation-failure.ts";
import { type NixCommand, NixError, type NixTools } from "../admission/nix-tools.ts";
import { ProcessError } from "../process/run.ts";
import type { ViewRecord, ViewResult } from "../view/view.ts";
import { limitReached, printedTooMuch, tooLong } from "./limits.ts";
import { withoutSeal } from "./noise.ts";
import { type OpenSeal, openSeal, type SealRequest } from "./seal.ts";
import { SealError, sealUnavailable } from "./seal-error.ts";
import { evaluateUnsealed } from "./unsealed.ts";

export interface NotEvaluated {
  readonly ok: false;
  readonly reason: Reason;
  /** Where it failed for something that a fetcher was to bring. */
  readonly wanted?: WantedAddress | undefined;
}

/** What an evaluation read of its views, and what Nix said meanwhile. */
export interface ReadInSeal {
  readonly record: ViewRecord;
  readonly log: string;
  readonly how: ViewResult["how"];
}

export interface Evaluation {
  readonly seal: SealRequest;
  readonly command: NixCommand;
  readonly args: readonly string[];
  /** Over the seal's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where trees are seen, with a slash at the end: taken away from the places that Nix names. */
  readonly mountPoints?: readonly (string | RegExp)[];
  /** Told what was read of the views, whether it ended well or not. */
  readonly read?: ((read: ReadInSeal) => void) | undefined;
}

export type Ended = { readonly ok: true; readonly stdout: Buffer; readonly seal: OpenSeal } | NotEvaluated;

/** Throws `NixError`, `ViewError`, and what views throw. A machine that cannot seal is a reason. */
export async function evaluateSealed(nix: NixTools, evaluation: Evaluation): Promise<Ended> {
  if (nix.unsealed) return evaluateUnsealed(nix, nix.unsealed.root(), evaluation);
  await using opening = new AsyncDisposableStack();
  try {
    const seal = opening.use(await openSeal(nix, evaluation.seal));
    const ended = await evaluateIn(seal, evaluation);
    if (!ended.ok) return ended;
    const opened = opening.move();
    return { ...ended, seal: { ...seal, [Symbol.asyncDispose]: () => opened.disposeAsync() } };
  } catch (error) {
    if (error instanceof SealError) return { ok: false, reason: sealUnavailable(error) };
    throw error;
  }
}

/** Of what `-vv` says of every file: see slicing/uses.ts. */
const MAX_SAID = 64 << 20;

async function evaluateIn(
  seal: OpenSeal,
  { command, args, env = {}, mountPoints = [], read }: Evaluation,
): Promise<{ ok: true; stdout: Buffer } | NotEvaluated> {
  let log = "";
  try {
    const ended = await seal.run(command, args, { env, maxErrorBytes: MAX_SAID });
    log = ended.stderr;
    if (ended.code === 0) return { ok: true, stdout: ended.stdout };
    const said = withoutSeal(ended.stderr, mountPoints);
    const limit = limitReached(seal.limits, ended.code, lastMessage(said));
    if (limit) return { ok: false, reason: limit };
    return { ok: false, reason: evaluationFailure(said), wanted: wantedAddress(said) };
  } catch (error) {
    return { ok: false, reason: endedFromHere(seal, error) };
  } finally {
    read?.({ record: await seal.record(), log, how: seal.how });
  }
}

function endedFromHere({ limits }: OpenSeal, error: unknown): Reason {
  if (!(error instanceof ProcessError)) throw error;
  if (/did not end within/.test(error.message)) return tooLong(limits.timeMs);
  if (/printed more/.test(error.message)) return printedTooMuch(limits.outputBytes);
  throw new NixError(error.message, { cause: error });
}
