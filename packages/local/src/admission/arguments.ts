/**
 * Arguments of a request, as the rules of its source have them. Root's requests are not asked: root can give Nix any
 * derivation that it likes.
 */
import { type ArgumentRule, refusedArguments } from "@firstmile/trust/policy/arguments";
import type { Source } from "@firstmile/trust/policy/policy";
import { tomlKey } from "@firstmile/trust/policy/toml-key";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";

/** What `--argstr` gave, by name. */
export type Given = Readonly<Record<string, string>>;

/** Undefined where the source allows all of them. */
export function againstArguments(source: Source, given: Given): Reason | undefined {
  const [name] = refusedArguments(source.arguments, given);
  if (name === undefined) return undefined;
  const value = given[name]!;
  const message = `source ${source.name} ${wordsOf(source.arguments, name)}, and --argstr ${shown(name)} ${shown(value)} is unsigned text`;
  return lacking("arguments-not-allowed", message, { remedy: remedyFor(source, name, value) });
}

function wordsOf(rule: ArgumentRule, name: string): string {
  if (rule.kind !== "listed") return "takes no arguments";
  return rule.patterns.has(name) ? `takes other values of ${name}` : "takes other arguments";
}

/** The line that would allow it, where a list can name it; and what a person can do without new rules. */
function remedyFor({ name: source, arguments: rule }: Source, name: string, value: string): string {
  const without = "put the value into a file of the source and sign it";
  if (!/^[A-Za-z_][\w'-]{0,99}$/.test(name) || !/^[!-~ ]{0,200}$/.test(value) || value.includes("*"))
    return without;
  const known = rule.kind === "listed" ? (rule.patterns.get(name) ?? []) : [];
  const line = `${tomlKey(name)} = ${JSON.stringify([...known, value])}`;
  return `${without}, or allow it in the trust repository: [source.${tomlKey(source)}.arguments] ${line}`;
}

/** What a person typed: in quotes where anything in it could be read otherwise. */
export function shown(text: string): string {
  const short = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return /^[\w.,:=@/+-]+$/.test(short) ? short : JSON.stringify(short);
}
