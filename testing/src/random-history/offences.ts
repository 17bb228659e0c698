/** What the model holds against a history: a list of offences, each of which the judge has to deny. */
import { firstParents, type Person, pathsOf, type RandomHistory, reached, sameFile } from "./history.ts";
import { type Own, Provenance } from "./provenance.ts";
import { unreadSteps } from "./reading.ts";
import { asksForReading, meets, ruleOf } from "./rules.ts";

export interface Offence {
  /** `strays`: the line of first parents, or the tip, does not come from the introduction. */
  readonly kind: "written" | "unread" | "rejected" | "strays";
  readonly commit: number;
  readonly path: string | undefined;
  readonly why: string;
}

export function offencesOf(history: RandomHistory): Offence[] {
  const { commits, introduction } = history;
  if (strays(history)) {
    const why = "does not come from the introduction";
    return [{ kind: "strays", commit: commits.length - 1, path: undefined, why }];
  }
  const { provenance, own } = Provenance.of(commits, introduction);
  return [...writtenOf(history, provenance, own), ...unreadSteps(history, own)];
}

/** Whether the tip, or the line on which it is judged, does not come from the introduction. */
export function strays({ commits, introduction, rules, mode }: RandomHistory): boolean {
  const tip = commits.length - 1;
  const byLine = mode === "first-parent" || (mode === "every-commit" && asksForReading(rules));
  if (byLine) return !firstParents(commits, tip).includes(introduction);
  return !reached(commits, [tip]).has(introduction);
}

function writtenOf(history: RandomHistory, provenance: Provenance, own: readonly Own[]): Offence[] {
  const { commits, introduction, mode } = history;
  const tip = commits.length - 1;
  const accepted = reached(commits, [introduction]);
  const fresh = (at: number) => !accepted.has(at);
  const against = (commit: number, other: number | undefined): Own => {
    const [before, after] = [other === undefined ? new Map() : commits[other]!.files, commits[commit]!.files];
    const paths = [...pathsOf([before, after])].filter(
      (path) => !sameFile(before.get(path), after.get(path)),
    );
    return new Map(paths.map((path) => [path, "brings a change"]));
  };
  switch (mode) {
    case "tip":
      return fresh(tip) ? byOthers(history, tip, against(tip, introduction)) : [];
    case "first-parent":
      return firstParents(commits, tip)
        .filter(fresh)
        .flatMap((at) => byOthers(history, at, against(at, commits[at]!.parents[0])));
    case "every-commit":
      return [...reached(commits, [tip])]
        .filter((at) => fresh(at) && !provenance.isForeign(at))
        .flatMap((at) => byOthers(history, at, own[at]!));
  }
}

function byOthers({ rules, commits }: RandomHistory, commit: number, own: Own): Offence[] {
  const { signer, cosigners } = commits[commit]!;
  const people: Person[] = [signer, ...cosigners];
  return [...own]
    .filter(([path]) => !meets(ruleOf(rules, path).write, people))
    .map(([path, why]) => ({ kind: "written", commit, path, why: `${people.join(" and ")}: ${why}` }));
}
