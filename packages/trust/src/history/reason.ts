/** A history's verdict as one finding among others. */
import { visiblePath } from "../slice/visible-path.ts";
import { found, lacking, type Reason } from "../verdict/verdict.ts";
import type { HistoryVerdict } from "./authenticate.ts";

/** Most offending commits shown below one finding; `firstmile verify` lists all. */
const SHOWN = 10;

export function historyReason(verdict: HistoryVerdict): Reason {
  const at = `source ${verdict.source} at ${verdict.commit.slice(0, 12)}`;
  if (verdict.allowed) return found("authentic", `${at} is authentic`, takenBackReasons(verdict));
  const because = verdict.denied.slice(0, SHOWN).map((denied) => {
    const more = denied.paths?.slice(1, 4) ?? [];
    const also = more.length > 0 ? ` (also ${more.map(visiblePath).join(", ")})` : "";
    return lacking(denied.code, `${denied.commit.slice(0, 12)}: ${denied.message}${also}`, {
      remedy: denied.remedy,
    });
  });
  const more = verdict.denied.length > SHOWN ? `, ${SHOWN} of them shown` : "";
  const count =
    verdict.denied.length === 1 ? "one commit breaks" : `${verdict.denied.length} commits${more} break`;
  return lacking(verdict.denied[0]?.code ?? "missing-object", `${at} is not authentic: ${count} its rules`, {
    because,
  });
}

function takenBackReasons({ takenBack = [] }: HistoryVerdict): Reason[] {
  const shown = takenBack.slice(0, SHOWN).map(({ commit, paths }) => {
    const more = paths.length > 1 ? ` and ${paths.length - 1} more` : "";
    const what = `${commit.slice(0, 12)}: changes ${visiblePath(paths[0]!)}${more}, which the line takes back to an earlier version`;
    return found("taken-back", `${what}; the rule lets that pass unread, by reverts = "free"`);
  });
  const more = takenBack.length - SHOWN;
  return more > 0 ? [...shown, found("taken-back", `and ${more} commits more`)] : shown;
}
