/** Words against something that are in doubt, each with the commands that repeat it or let it end. */
import type { DoubtfulWord } from "@firstmile/trust/hearing/in-doubt";
import { harmless, type Terminal, wrap } from "../terminal.ts";

/** Digits of a statement's name in a command. */
const DIGITS = 16;
/** Words that are shown whole; of more, each has a line of its own. */
const SHOWN = 20;

/** What a person types about one word, in a checkout of the trust repository. */
export function commandsFor({ statement }: DoubtfulWord): { readonly repeat: string; readonly drop: string } {
  const name = statement.slice(0, DIGITS);
  return {
    repeat: `firstmile repeat ${name} --to .`,
    drop: `firstmile withdraw ${name} --to . --because 'root lets it end'`,
  };
}

export function showWordsInDoubt(terminal: Terminal, words: readonly DoubtfulWord[]): void {
  if (words.length === 0) return;
  const line = (text: string, indent = "  ") =>
    terminal.print(`${indent}${wrap(text, terminal.width - indent.length, `${indent}  `)}`);
  const many = words.length === 1 ? "1 word is" : `${words.length} words are`;
  terminal.print();
  line(`${terminal.style("yellow", "in doubt")}  ${many} still in force, until root lets them end`, "");
  for (const [i, word] of words.entries()) {
    const { kind, against, by, doubt, because } = word;
    const why = because === undefined ? "" : `: ${because}`;
    line(harmless(`${kind} of ${against} by ${by.join(" and ")}${why}`));
    line(harmless(doubt), "    ");
    const { repeat, drop } = commandsFor(word);
    if (i < SHOWN) terminal.print(`    ${repeat}`);
    terminal.print(`    ${drop}`);
  }
  line(
    "type the command that you want in a checkout of the trust repository: repeat keeps the word, withdraw ends it",
  );
}

/** The same for programs. */
export function wordsJson(words: readonly DoubtfulWord[]) {
  return words.map((word) => ({ ...word, because: word.because ?? null, ...commandsFor(word) }));
}
