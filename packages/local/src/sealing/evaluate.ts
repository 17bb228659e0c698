/**
 * One evaluation in a seal: what it printed, or why there is no result. What is open afterwards is given to whoever asked,
 * who reads the private store and disposes of it.
 */

import type { Reason } from "@firstmile/trust/verdict/verdict";
import {
  evaluationFailure,
  lastMessage,
  type WantedAddress,
  wantedAddress,
} from "../admission/evaluation-failure.ts";
import type { NixCommand, NixTools } from "../admission/nix-tools.ts";
import { NixError } from "../admission/nix-tools.ts";
import { ProcessError } from "../process/run.ts";
import { limitReached, printedTooMuch, tooLong } from "./limits.ts";
import { withoutSeal } from "./noise.ts";
import { type OpenSeal, openSeal, type SealRequest } from "./seal.ts";
import { SealError, sealUnavailable } from "./seal-error.ts";

export type SealedEnd =
  | { readonly ok: true; readonly stdout: Buffer; readonly said: string }
  | {
      readonly ok: false;
      readonly reason: Reason;
      /** Where it failed for something that a fetcher was to bring. */
      readonly wanted?: WantedAddress | undefined;
      /** What Nix said. */
      readonly said: string;
    };

/** Opens a seal for one command. Throws as `openSeal`, but for a machine that cannot: that is a reason. */
export async function evaluateSealed(
  nix: NixTools,
  request: SealRequest,
  command: NixCommand,
  args: readonly string[],
): Promise<SealedEnd> {
  try {
    await using seal = await openSeal(nix, request);
    return await evaluateIn(seal, command, args, []);
  } catch (error) {
    if (error instanceof SealError) return { ok: false, reason: sealUnavailable(error), said: "" };
    throw error;
  }
}

/** `mountPoints`: what is taken away from the places that Nix names. */
export async function evaluateIn(
  seal: OpenSeal,
  command: NixCommand,
  args: readonly string[],
  mountPoints: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<SealedEnd> {
  const { limits } = seal;
  try {
    const ended = await seal.run(command, args, { env, maxErrorBytes: MAX_SAID });
    const said = withoutSeal(ended.stderr, mountPoints);
    if (ended.code === 0) return { ok: true, stdout: ended.stdout, said };
    const limit = limitReached(limits, ended.code, lastMessage(said));
    if (limit) return { ok: false, reason: limit, said };
    return { ok: false, reason: evaluationFailure(said), wanted: wantedAddress(said), said };
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    if (/did not end within/.test(error.message))
      return { ok: false, reason: tooLong(limits.timeMs), said: "" };
    if (/printed more/.test(error.message))
      return { ok: false, reason: printedTooMuch(limits.outputBytes), said: "" };
    throw new NixError(error.message, { cause: error });
  }
}

/** Of what `-vv` says of every file: see slicing/uses.ts. */
const MAX_SAID = 64 << 20;
