/** What `firstmile handoff` says of each source. */
import type { Asked, Examined } from "../../handoff/examine.ts";
import { claimedKey } from "../../handoff/examine.ts";
import type { HandoffTarget } from "../../handoff/targets.ts";
import { harmless, type Terminal, wrap } from "../terminal.ts";

export type Outcome = Examined | { readonly kind: "known"; readonly message: string };

export interface Item {
  readonly target: HandoffTarget;
  readonly asked: Asked;
  readonly outcome: Outcome;
}

export function showItem(terminal: Terminal, item: Item): void {
  const { word, colour, text, help } = wordsOf(item);
  const title = harmless(item.target.wanted.title);
  terminal.print(`${terminal.style(colour, word.padEnd(10))} ${terminal.style("bold", title)}`);
  for (const line of text) terminal.print(INDENT + wrap(harmless(line), terminal.width, INDENT));
  if (help !== undefined)
    terminal.print(
      INDENT + wrap(`${terminal.style("cyan", "help:")} ${harmless(help)}`, terminal.width, INDENT),
    );
}

/** As wide as the first column. */
const INDENT = " ".repeat(11);

interface Words {
  readonly word: string;
  readonly colour: "green" | "red" | "yellow" | "dim";
  readonly text: readonly string[];
  readonly help?: string;
}

function wordsOf({ target, asked, outcome }: Item): Words {
  switch (outcome.kind) {
    case "pinned":
      return {
        word: "pinned",
        colour: "dim",
        text: [`its hash is enough, by the rule at line ${outcome.line}`],
      };
    case "known":
      return { word: "known", colour: "green", text: [outcome.message] };
    case "holds":
      return { word: "signed", colour: "green", text: holdsText(outcome) };
    case "refused":
      return {
        word: outcome.code,
        colour: "red",
        text: [outcome.message],
        help: "do not use this source before you know why",
      };
    case "unknown-author":
      return {
        word: "whose?",
        colour: "yellow",
        text: outcome.found.map((found) => `${found.url} is by ${claimedKey(found)}`),
        help: `get that key from where its owner publishes it, and then: firstmile handoff ${target.wanted.urls[0] ?? ""} --key FILE`,
      };
    case "unsigned":
      return unsigned(asked, outcome);
    case "unavailable":
      return { word: "not there", colour: "red", text: [outcome.problem] };
  }
}

function holdsText({ made, author, isNew }: Extract<Examined, { kind: "holds" }>): string[] {
  const { check, signature } = made;
  if (!check.ok) return [];
  const over = {
    file: "over the source",
    uncompressed: "over the source, decompressed",
    list: "over a list that names the source",
    tag: "over a tag whose tree is the source",
  };
  const past = check.lapsed === undefined ? [] : [`the key is of the past: ${check.lapsed}`];
  const by = isNew ? `the key that you gave for ${author}` : `its author ${author}`;
  return [`by ${by}, ${check.key}, ${over[signature.over]}`, signature.url, ...past];
}

function unsigned(asked: Asked, { tried, problems }: Extract<Examined, { kind: "unsigned" }>): Words {
  const text = [`no signature at ${tried} places`, ...problems.slice(0, 3)];
  if (asked.kind !== "author") return { word: "unsigned", colour: "yellow", text };
  const help =
    'say where it is: --signature URL, or signature = "…" in the rule; or somebody of the rule\'s waive waives it';
  return {
    word: "unsigned",
    colour: "red",
    text: [...text, `${asked.author}'s signature is asked for`],
    help,
  };
}
