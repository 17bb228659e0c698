/**
 * Which arguments (`--argstr NAME VALUE`) people may give to the expressions of a source.
 *
 * Claims: an argument passes only where the source says `any`, or lists its name with a pattern that covers all of its
 * value. Against: a user of the machine whose unsigned text reaches a builder of signed code. Leaves out
 * what the expression makes of it. A pattern's `*` is any run of letters, digits and `._+-`, so that no value holds a
 * space, a quote or a dollar sign unless the pattern itself does.
 */
import type { DefectList } from "./defect.ts";
import { describe, entries, type Node } from "./document.ts";
import { quoted } from "./nearest.ts";

export type ArgumentRule =
  | { readonly kind: "none" }
  | { readonly kind: "any" }
  /** Patterns by the argument's name. */
  | { readonly kind: "listed"; readonly patterns: ReadonlyMap<string, readonly string[]> };

const NAME = /^[A-Za-z_][\w'-]{0,99}$/;
const MAX_PATTERN = 200;
const HELP =
  'write "none", "any", or a table of names, each with a list of values: { system = ["x86_64-linux"] }';

/** As a source says it; `none` where it says nothing, and where it is not well-formed, which is a defect. */
export function argumentRule(node: Node | undefined, defects: DefectList): ArgumentRule {
  if (node === undefined || node.value === "none") return { kind: "none" };
  if (node.value === "any") return { kind: "any" };
  if (!(node.value instanceof Map)) {
    defects.add(node.at, "bad-value", `"arguments" is ${describe(node)}`, HELP);
    return { kind: "none" };
  }
  const patterns = new Map<string, readonly string[]>();
  for (const [name, values] of entries(node)) {
    if (!NAME.test(name))
      defects.add(values.keyAt, "bad-value", `${quoted(name)} cannot be the name of an argument`, HELP);
    patterns.set(name, patternsIn(name, values, defects));
  }
  return { kind: "listed", patterns };
}

function patternsIn(name: string, { value, at }: Node, defects: DefectList): string[] {
  const items = Array.isArray(value) ? (value as readonly Node[]) : [];
  const texts = items.map((item) => item.value);
  if (texts.length > 0 && texts.every(isPattern)) return texts as string[];
  const help = `list the values that it may have, each at most ${MAX_PATTERN} characters with at most one *: ["release", "v*"]`;
  defects.add(at, "bad-value", `the values of ${quoted(name)} are not a list of texts`, help);
  return [];
}

function isPattern(text: unknown): boolean {
  return typeof text === "string" && text.length <= MAX_PATTERN && /^[^*\p{Cc}]*\*?[^*\p{Cc}]*$/u.test(text);
}

/** Names of those arguments that the rule does not allow. */
export function refusedArguments(rule: ArgumentRule, given: Readonly<Record<string, string>>): string[] {
  const names = Object.keys(given);
  if (rule.kind === "any") return [];
  if (rule.kind === "none") return names;
  return names.filter(
    (name) => !(rule.patterns.get(name) ?? []).some((pattern) => covers(pattern, given[name]!)),
  );
}

function covers(pattern: string, value: string): boolean {
  const [start = "", end] = pattern.split("*");
  if (end === undefined) return value === pattern;
  const isAround = value.startsWith(start) && value.endsWith(end) && value.length >= pattern.length - 1;
  return isAround && /^[A-Za-z0-9._+-]*$/.test(value.slice(start.length, value.length - end.length));
}
