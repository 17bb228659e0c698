/** Evidence repositories as a person reads of them: what came, and what is held. */
import type { EvidenceUpdate } from "../../trust-repository/evidence.ts";
import type { HeldEvidence } from "../../trust-repository/evidence-index.ts";
import { harmless } from "../terminal.ts";
import { duration, minute } from "../time-text.ts";
import { count } from "./slice-shown.ts";

/** After asking: a line for the place, and one for each thing that it carries no longer. */
export function updateText(update: EvidenceUpdate): string[] {
  return [askedText(update), ...update.lost.map((line) => harmless(`evidence ${update.url}: ${line}`))];
}

function askedText({ url, fresh, statements, problem }: EvidenceUpdate): string {
  const kept = statements > 0 ? `; the ${count(statements, "statement")} of before stay` : "";
  if (problem !== undefined) return harmless(`evidence ${url}: nothing was taken: ${problem}${kept}`);
  const news = fresh === 0 ? "nothing new" : count(fresh, "new statement");
  return harmless(`evidence ${url}: ${news}, ${count(statements, "statement")} in all`);
}

/** What is held, and since when. */
export function heldText({ url, statements, reached, problem }: HeldEvidence, now: number): string {
  const when = reached === undefined ? "never reached" : `${minute(reached)}, ${duration(now - reached)} ago`;
  const since = problem === undefined ? "" : `; not since: ${problem}`;
  return harmless(`evidence ${url}: ${count(statements, "statement")}, ${when}${since}`);
}
