/** What was adopted, as a person reads it: what passes, until when, and what comes next. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import { day } from "@firstmile/trust/slice/reason";
import type { RulesSource } from "../../adopting/rules-text.ts";
import type { Step } from "../../adopting/steps.ts";
import { harmless, type Terminal } from "../terminal.ts";
import type { Adopted } from "./adopt-configuration.ts";
import { count, coverageLine, share } from "./slice-shown.ts";

/** What an adoption came to. */
export interface Done {
  readonly dir: string;
  readonly fresh: boolean;
  readonly first: CommitId;
  readonly head: CommitId;
  readonly signedBy: string | undefined;
  readonly sources: readonly RulesSource[];
  readonly slices: readonly Adopted[];
  readonly steps: readonly Step[];
  readonly hasCaches: boolean;
  readonly words: string;
}

export function showAdopted(terminal: Terminal, done: Done): void {
  const { dir, fresh, first, signedBy, sources, slices, steps, hasCaches, words } = done;
  terminal.print(`${terminal.style("green", "adopted")}  ${harmless(words)} as it is, in ${harmless(dir)}`);
  for (const { name, url, judged } of sources)
    terminal.print(
      `  source ${name}  ${harmless(url)}  ${judged === "slice" ? "by what is read of it" : "by its signed commits"}`,
    );
  terminal.print(
    hasCaches
      ? "  with the caches that this machine trusts today, any one of them"
      : "  without caches: everything is built here",
  );
  terminal.print();
  for (const { source, slice } of slices) terminal.print(`${source.name}: ${coverageLine(slice.files)}`);
  const total = steps.reduce((sum, one) => sum + one.files.length, 0);
  let left = total;
  for (const { until, files } of steps) {
    left -= files.length;
    terminal.print(
      `  from ${day(until)} on ${count(files.length, "file")} more have to have been read; ${share(left, total)} are waived still`,
    );
  }
  showNext(terminal, { dir, fresh, first, signedBy, words });
}

function showNext(
  terminal: Terminal,
  { dir, fresh, first, signedBy, words }: Pick<Done, "dir" | "fresh" | "first" | "signedBy" | "words">,
): void {
  terminal.print();
  terminal.print(
    fresh
      ? "push it where your machines reach it, then on each of them:"
      : "push it, with the signatures of others of root if they are needed (firstmile cosign), then on each machine:",
  );
  if (fresh)
    terminal.print(
      `  firstmile trust add URL --introduction ${first}${signedBy === undefined ? "" : ` --signed-by ${signedBy}`}`,
    );
  else terminal.print("  firstmile trust update");
  terminal.print("Each change from now on needs somebody who read it: firstmile review SOURCE REV -A ATTR");
  terminal.print(
    `How much is left, and what ends when: firstmile coverage ${harmless(words)} --policy ${harmless(dir)}`,
  );
}

export function adoptedJson({ slices, steps, sources, ...rest }: Done) {
  return {
    ...rest,
    signedBy: rest.signedBy ?? null,
    sources,
    slices: slices.map(({ source, slice }) => ({
      source: source.name,
      commit: slice.commit,
      files: slice.files.length,
    })),
    steps: steps.map(({ number, until, files }) => ({ number, until, files: files.length })),
  };
}
