/**
 * Attribute paths as people type them after `-A` or `#`: `hello`, `pkgs."a.b".c`. They are read here and written
 * anew, each name in quotes: a name that began with a dash would otherwise be an option of Nix's.
 */
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";

/** Names in order. Empty: the value itself. */
export type AttributePath = readonly string[];

const MAX_LENGTH = 4096;

/** The names, or the reason why Nix has no such attribute path. */
export function parseAttributePath(text: string): AttributePath | Reason {
  if (text.length > MAX_LENGTH) return bad(text.slice(0, 60), `is longer than ${MAX_LENGTH} characters`);
  const names: string[] = [];
  const token = /"([^"]*)"|([^".]+)|(\.)/y;
  let name: string | undefined;
  for (let at = 0; at < text.length; at = token.lastIndex) {
    token.lastIndex = at;
    const match = token.exec(text);
    if (!match) return bad(text, "has a quote that does not end");
    if (match[3] === undefined) name = (name ?? "") + (match[1] ?? match[2] ?? "");
    else if (!name) return bad(text, "has an empty name");
    else {
      names.push(name);
      name = undefined;
    }
  }
  if (text === "") return [];
  if (!name) return bad(text, "ends without a name");
  return [...names, name];
}

/** As `nix-instantiate -A` takes it, in one spelling. */
export function renderAttributePath(path: AttributePath): string {
  return path.map((name) => `"${name}"`).join(".");
}

/** A Nix string literal that is these characters and nothing else. */
export function nixString(text: string): string {
  return `"${text
    .replace(/["\\$]/g, "\\$&")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")}"`;
}

export function isReason(value: object): value is Reason {
  return "code" in value;
}

function bad(text: string, problem: string): Reason {
  return lacking("evaluation-failed", `${JSON.stringify(text)} is no attribute path: it ${problem}`, {
    remedy: 'write names with dots between them, quoted where they hold a dot: pkgs."a.b"',
  });
}
