/**
 * Turns what Nix prints when an evaluation fails into a reason. Printed text decides nothing here but which of the
 * refusals it is: the evaluation has failed already. The text may hold what the expression chose to print, terminal
 * escapes included, so everything is cut and cleaned before it is shown.
 */
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";

const MAX_LINES = 12;
const MAX_LINE = 400;

/** The reason for an evaluation that ended with an error, from Nix's stderr. */
export function evaluationFailure(stderr: string): Reason {
  const text = plainText(stderr);
  const { message, place } = lastError(text);
  const asked = place === undefined ? "" : `, asked for at ${place}`;
  for (const [pattern, describe] of OUTSIDE) {
    const match = pattern.exec(message);
    if (match) return outsideAccess(`${describe(match[1] ?? "")}${asked}`);
  }
  const imported = IMPORTED.exec(message);
  if (imported) return importFromDerivation(imported[1]!, asked);
  return lacking("evaluation-failed", `Nix cannot evaluate this: ${message}`, {
    because: lastLines(text, place),
    remedy:
      "mend the expression: nix-instantiate --show-trace, or nix eval --show-trace, shows the same error",
  });
}

/** What a fetcher was asked for and may not have, or cannot: an address, and the place that asked. */
export interface WantedAddress {
  readonly address: string;
  /** `file:line:column`, where Nix told it. */
  readonly place: string | undefined;
}

/** Undefined for an evaluation that failed for another reason. */
export function wantedAddress(stderr: string): WantedAddress | undefined {
  const { message, place } = lastError(plainText(stderr));
  const address = FORBIDDEN_ADDRESS.exec(message)?.[1] ?? MISSED_ADDRESS.exec(message)?.[1];
  return address === undefined ? undefined : { address, place };
}

/** The reason for a file or address outside of the authenticated trees. */
export function outsideAccess(what: string): Reason {
  return lacking("outside-access", `the evaluation reaches outside of the authenticated trees: ${what}`, {
    remedy: "take the file into the repository, or lock what it comes from as a flake input with a source",
  });
}

function importFromDerivation(derivation: string, asked: string): Reason {
  const message = `the evaluation needs ${derivation} to be built first (import from derivation)${asked}`;
  return lacking("import-from-derivation", message, {
    remedy: "commit what the derivation makes to the repository, and import that file",
  });
}

/** 2.8 writes paths in single quotes, 2.34 some of them in both. */
const QUOTED = `'"?([^'"]*)"?'`;
const IMPORTED = new RegExp(
  `cannot build ${QUOTED}.* during evaluation because the option 'allow-import-from-derivation'`,
);

const FORBIDDEN_ADDRESS = new RegExp(`access to URI ${QUOTED} is forbidden`);
const MISSED_ADDRESS = /unable to download '([^']*)'/;

/** Places in the tree have lost their first slash by then, and those in the store have a hash. */
const ABSENT_FILE =
  /^(?:getting status of|opening file|path) '(\/(?![^']*\/[0-9a-df-np-sv-z]{32}-)[^']*)'(?:: No such file| does not exist)/;

/** As 2.8 and 2.34 say it; anything else stays "evaluation-failed", which is a refusal too. */
const OUTSIDE: readonly (readonly [RegExp, (what: string) => string])[] = [
  [new RegExp(`access to (?:absolute |canonical )?path ${QUOTED} is forbidden`), (path) => path],
  [FORBIDDEN_ADDRESS, (uri) => uri],
  [
    /file '([^']*)' was not found in the Nix search path/,
    (name) => `<${name}>, which only NIX_PATH could find`,
  ],
  [/cannot look up '(<[^']*>)' in pure eval/, (name) => `${name}, which only NIX_PATH could find`],
  [/in pure evaluation mode, '?([^' ]+)'? (?:requires|will not fetch)/, (what) => `${what} without a hash`],
  [/the path '(~?[^']*)' can ?not be resolved in pure/, (path) => path],
  [/cannot fetch input '([^']*)' because it uses/, (input) => input],
  [MISSED_ADDRESS, (uri) => uri],
  [ABSENT_FILE, (path) => path.replace(/^\/+/, "/")],
  [/Git repository "?([^"]*)"? does not exist/, (path) => path],
  [
    /(?:program|executing) 'git'( failed)?/,
    () => "a commit of a Git repository that no lock or pin leads to",
  ],
  [
    /(cannot call '[^']*' on unlocked flake reference|cannot update unlocked flake input '[^']*')/,
    (what) => what,
  ],
];

/** The message of the error that Nix ended with. */
export function lastMessage(stderr: string): string {
  return lastError(plainText(stderr)).message;
}

/** The message of the error itself, and the `.nix` file, line and column that it came from. */
function lastError(text: string): { message: string; place: string | undefined } {
  const lines = text.split("\n");
  // 2.8 opens with the error and lets the trace follow; 2.34 closes with it.
  const at = lines.findLastIndex((line) => /^\s*error: \S/.test(line));
  if (at < 0)
    return {
      message: cut(lines.find((line) => line.trim() !== "")?.trim() ?? "no message"),
      place: undefined,
    };
  const message = cut(lines[at]!.trim().slice("error: ".length));
  const places = (part: readonly string[]) => part.flatMap((line) => PLACE.exec(line)?.[1] ?? []);
  const place = places(lines.slice(at))[0] ?? places(lines.slice(0, at)).findLast((p) => !p.startsWith("«"));
  return { message, place };
}

const PLACE = /^\s*at (\S.*:\d+:\d+):$/;

/** What Nix said last, as far as it is no picture of the source. */
function lastLines(text: string, place: string | undefined): Reason[] {
  const said = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^\d*\|/.test(line) && !/^(?:at |warning: )/.test(line));
  const lines = said.slice(-MAX_LINES).map(cut);
  if (place !== undefined) lines.unshift(`at ${place}`);
  return lines.map((line) => lacking("evaluation-failed", line));
}

function cut(line: string): string {
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line;
}

/**
 * Without anything that a terminal obeys: escape sequences, C0 and C1 controls, and what reorders a line or hides in
 * it. A stray byte that is not UTF-8 was decoded to U+FFFD before.
 */
export function plainText(text: string): string {
  return text.replace(ESCAPES, "").replace(CONTROLS, "");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
