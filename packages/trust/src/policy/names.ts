/**
 * The names that a policy gives. Lower case only, so that no two names differ by what a reader overlooks: `NixOS.org`
 * beside `nixos.org` would be two operators, and so two votes.
 */
declare const nameBrand: unique symbol;

/** A person, team, bot or builder: a table `[principal.NAME]`. */
export type PrincipalName = string & { readonly [nameBrand]: "principal" };
/** A named threshold group: an entry of `[role]`. */
export type RoleName = string & { readonly [nameBrand]: "role" };
/** A Git repository of expressions: a table `[source.NAME]`. */
export type SourceName = string & { readonly [nameBrand]: "source" };
/** Another trust repository: a table `[import.NAME]`. */
export type ImportName = string & { readonly [nameBrand]: "import" };
/** Who runs a builder: principals of one operator are one vote. */
export type Operator = string & { readonly [nameBrand]: "operator" };

/** Longest name, in characters. */
export const MAX_NAME = 64;

const NAME = /^[a-z0-9][a-z0-9._-]*$/;

/** Whether `text` may name a principal, role, source or operator. */
export function isName(text: string): boolean {
  return text.length <= MAX_NAME && NAME.test(text);
}

/** What a name looks like, for the person who mends one. */
export const NAME_RULE = `names are lower-case letters, digits, ".", "_" and "-", begin with a letter or digit, and have at most ${MAX_NAME} characters`;
