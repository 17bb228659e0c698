/** Where a command looks for words against something, and by whose rules. */

import { gitIn } from "../git/in-directory.ts";
import { trustedStateDirectory } from "../state/directory.ts";
import type { StatementPlace } from "../statements/place.ts";
import { followedStatements } from "../trust-repository/evidence.ts";
import { currentPolicy } from "../trust-repository/follow.ts";
import { loadImports } from "../trust-repository/imports.ts";
import type { FirstmileContext } from "./context.ts";
import { type Rules, rulesAtHand } from "./rules.ts";

/** Rules that are named, of the checkout `to`, or this machine's; with all places that this machine has. */
export async function wordsAtHand(
  context: FirstmileContext,
  named: string | undefined,
  to: string | undefined,
): Promise<{ readonly rules: Rules | undefined; readonly places: readonly StatementPlace[] }> {
  const rules = await rulesAtHand(context, named, to);
  const here = await checkoutStatements(context.cwd);
  const places = [...(rules?.statements ?? []), ...(await followedPlaces(context)), ...here];
  return { rules, places };
}

async function followedPlaces(context: FirstmileContext): Promise<readonly StatementPlace[]> {
  const { now } = context;
  const stateDir = trustedStateDirectory(context);
  const current = await currentPolicy(stateDir, now);
  if (!current) return [];
  const { places } = await followedStatements(
    stateDir,
    current,
    await loadImports(stateDir, current.policy, now),
  );
  return places;
}

/** What the checkout that the user stands in carries. */
async function checkoutStatements(cwd: string): Promise<StatementPlace[]> {
  const found = await gitIn(cwd, ["rev-parse", "--show-toplevel"]);
  return found.code === 0 ? [{ kind: "ref", repository: found.stdout.toString().trimEnd() }] : [];
}
