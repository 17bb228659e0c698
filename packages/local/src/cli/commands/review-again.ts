/**
 * `firstmile review --again`: signs anew, with the user's key of today, what the same person approved with keys that
 * root has retired since. Claims: only statements of that person's retired keys are signed, and each is shown before.
 * Against: a thief of a retired key whose later approvals the owner would sign unseen.
 */
import { resolve } from "node:path";
import type { ReviewStatement } from "@firstmile/formats/statement/review";
import type { PrincipalName } from "@firstmile/trust/policy/names";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import { statementIdentities } from "@firstmile/trust/statement/identities";
import type { VerifiedStatement } from "@firstmile/trust/statement/verify";
import { electorateNow } from "../../evidence/electorate.ts";
import { heardStatements } from "../../evidence/statements.ts";
import { signAndKeep } from "../../reviewing/keep.ts";
import { placeFor } from "../../reviewing/place-for.ts";
import { readyKey, readyPlace } from "../../reviewing/ready.ts";
import { signerUnder } from "../../signing/signer.ts";
import { retirements } from "../../trust-repository/retired-keys.ts";
import { askYes } from "../ask-yes.ts";
import type { FirstmileContext } from "../context.ts";
import { badInput, EXIT } from "../failure.ts";
import { harmless } from "../terminal.ts";
import { wordsAtHand } from "../words-at-hand.ts";
import type { ReviewFlags } from "./review.command.ts";

type Reading = VerifiedStatement<ReviewStatement>;

export async function reviewAgain(
  context: FirstmileContext,
  flags: ReviewFlags,
  named: string | undefined,
): Promise<void> {
  const { cwd, now, terminal } = context;
  const repository = resolve(cwd, named ?? ".");
  const { rules, places } = await wordsAtHand(context, flags.policy, flags.to);
  if (!rules) throw badInput("no rules were found that could list your keys", "name rules with --policy DIR");
  const { policy } = electorateNow(rules.policy, now);
  const user = await readyKey(repository);
  const place = placeFor(cwd, flags.to, repository);
  await readyPlace(place);
  const found = await signerUnder(policy, user);
  if (found.kind !== "person")
    throw badInput(
      `your key is not listed in the rules of ${policy.name}`,
      "sign with the key that took the place of the retired one: git config user.signingkey",
    );
  const signer = found.name;
  const all = [...places, { kind: "ref", repository } as const];
  const { statements } = await heardStatements(policy, all, now, new Set(["review"]));
  const again = onlyByRetired(policy, signer, statements);
  if (again.length === 0) {
    terminal.print(`nothing at hand was approved by ${signer} with retired keys alone`);
    return context.exit(EXIT.denied);
  }
  for (const { statement, digest } of again) {
    const paths = statement.changes.map(({ path }) => visiblePath(path));
    terminal.print(
      harmless(
        `${digest.slice(0, 12)}  ${paths.slice(0, 5).join(" ")}${paths.length > 5 ? ` and ${paths.length - 5} more` : ""}`,
      ),
    );
  }
  const question = `sign these ${again.length} again as ${signer}?`;
  if (!(await askYes(context, question, flags.yes))) return context.exit(EXIT.denied);
  const kept = await signAndKeep(
    again.map(({ statement }) => statement),
    { user, place, now },
  );
  if (flags.json) return terminal.json({ by: signer, statements: kept });
  terminal.print(`${kept.length} signed again by ${signer}`);
}

/** Approvals that this person signed with retired keys, and with none of those in use. */
function onlyByRetired(
  policy: Parameters<typeof retirements>[0],
  person: PrincipalName,
  statements: readonly VerifiedStatement[],
): Reading[] {
  const { ownerOf } = statementIdentities(policy);
  const retired = retirements(policy);
  const found = new Map<string, { reading: Reading; current: boolean }>();
  for (const one of statements) {
    if (one.statement.kind !== "review" || one.statement.verdict !== "approve") continue;
    for (const outcome of one.outcomes) {
      const good = outcome.valid ? outcome : outcome.lapsed;
      if (!good || ownerOf.get(good.key) !== person) continue;
      const isRetired = retired.has(good.key) || retired.has(good.signingKey);
      const before = found.get(one.digest)?.current ?? false;
      found.set(one.digest, { reading: one as Reading, current: before || !isRetired });
    }
  }
  return [...found.values()].flatMap(({ reading, current }) => (current ? [] : [reading]));
}
