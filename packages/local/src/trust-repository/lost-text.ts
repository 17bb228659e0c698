/** Statements that a place carried and carries no longer, as a person reads of them. */
import type { Statement } from "@firstmile/formats/statement/statement";
import type { Target } from "@firstmile/formats/statement/target";
import { visiblePath } from "@firstmile/trust/slice/visible-path";
import type { Word } from "./keep-words.ts";

/** Things named in one sentence. */
const NAMED = 5;

/** One sentence for each kind and its signers. */
export function lostText(words: readonly Word[], from: string): string[] {
  const groups = Map.groupBy(words, ({ statement, by }) => JSON.stringify([kindOf(statement), by]));
  return [...groups.values()].map((group) => groupText(group, from));
}

function groupText(group: readonly Word[], from: string): string {
  const [{ statement, by }] = group as [Word, ...Word[]];
  const one = group.length === 1;
  const what = `${group.length} ${one ? kindOf(statement) : pluralOf(statement)}`;
  const who = by.length === 0 ? "signed by no person of these rules" : `by ${by.join(" and ")}`;
  const carried = `${what} ${who}${aboutText(group)} ${one ? "is" : "are"} no longer carried by ${from}`;
  const they = one ? "it" : "they";
  if (statement?.kind === "waiver") return `${carried}; ${they} ended with that`;
  if (by.length === 0) return carried;
  return `${carried}; ${they} stay${one ? "s" : ""} in force here until ${they} ${one ? "is" : "are"} withdrawn`;
}

function kindOf(statement: Statement | undefined): string {
  if (statement === undefined) return "statement of a kind that is not known";
  if (statement.kind === "review" && statement.verdict === "reject") return "rejection";
  return statement.kind === "cosign" ? "co-signature" : statement.kind;
}

function pluralOf(statement: Statement | undefined): string {
  return statement === undefined ? "statements of a kind that is not known" : `${kindOf(statement)}s`;
}

function aboutText(group: readonly Word[]): string {
  const all = [...new Set(group.flatMap(({ statement }) => (statement ? aboutOf(statement) : [])))];
  if (all.length === 0) return "";
  const more = all.length > NAMED ? ` and ${all.length - NAMED} more` : "";
  return ` of ${all.slice(0, NAMED).join(", ")}${more}`;
}

function aboutOf(statement: Statement): string[] {
  switch (statement.kind) {
    case "distrust":
      return [...statement.targets.map(targetText), ...statement.keys];
    case "waiver":
      return [...statement.targets.map(targetText), ...(statement.paths ?? [])];
    case "review":
      return statement.changes.map(({ path }) => visiblePath(path));
    case "cosign":
    case "head":
    case "channel":
      return [statement.commit.slice(0, 12)];
    case "handoff":
      return [visiblePath(statement.urls[0]!)];
    default:
      return [];
  }
}

function targetText(target: Target): string {
  if (target.kind === "store") return target.baseName;
  return target.path === undefined ? `content ${target.sha256.slice(0, 12)}` : visiblePath(target.path);
}
