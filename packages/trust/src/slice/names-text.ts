/** Names, and what became of them, as a person reads them. */
import type { AnswerType, NamedEntry } from "@firstmile/formats/statement/listing";
import { visiblePath } from "./visible-path.ts";

/** Names in one line. */
const IN_LINE = 3;

/** `patches/`; `./` for the root. */
export function directoryText(path: string): string {
  return path === "" ? "./" : `${visiblePath(path)}/`;
}

/** `14 names`. */
export function namesText(count: number, noun = "name"): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

/** `1 listing and 2 answers`; undefined: neither. */
export function countText(listings: number, answers: number): string | undefined {
  const parts = [
    ...(listings > 0 ? [namesText(listings, "listing")] : []),
    ...(answers > 0 ? [namesText(answers, "asked name")] : []),
  ];
  return parts.length === 0 ? undefined : parts.join(" and ");
}

/** What people who read a change are told: `1-fix-cve.patch is gone`. */
export function changeLines(gone: readonly NamedEntry[], come: readonly NamedEntry[]): string[] {
  const now = new Map(come.map(({ name, type }) => [name, type]));
  const before = new Set(gone.map(({ name }) => name));
  const went = gone.map(({ name, type }) => {
    const other = now.get(name);
    if (other === undefined) return `${visiblePath(name)} is gone`;
    return `${visiblePath(name)} is ${TYPES[other]} now, and was ${TYPES[type]}`;
  });
  const came = come.filter(({ name }) => !before.has(name));
  return [
    ...went,
    ...came.map(({ name, type }) => `${visiblePath(name)} is new${type === "f" ? "" : `, ${TYPES[type]}`}`),
  ];
}

export const TYPES: Readonly<Record<AnswerType, string>> = {
  f: "a file",
  d: "a directory",
  l: "a symbolic link",
  s: "a submodule",
  "-": "nothing",
};

/** `a, b, c and 4 more`. */
export function some(words: readonly string[], most = IN_LINE): string {
  const shown = words.slice(0, most);
  if (words.length > most)
    return `${shown.join(", ")} and ${namesText(words.length - most, "more").replace(/s$/, "")}`;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}
