/** What is written into firstmile.toml for what is adopted: tables that stand for themselves, at its end. */

import type { CommitId } from "@firstmile/formats/git/object-id";
import { tomlKey } from "@firstmile/trust/policy/toml-key";
import type { PresentCaches } from "./present-caches.ts";

export interface RulesSource {
  readonly name: string;
  readonly url: string;
  readonly introduction: CommitId;
  readonly judged: "slice" | "commits";
}

/** `[source.NAME]` with one rule for all of it. */
export function sourceText({ name, url, introduction, judged }: RulesSource): string {
  const isSlice = judged === "slice";
  return [
    isSlice
      ? "# Nobody's signature counts here: what an evaluation reads of it has to be covered."
      : "# Its commits are signed; what they take from elsewhere is judged there.",
    `[source.${tomlKey(name)}]`,
    `urls = [${JSON.stringify(url)}]`,
    `authenticate = "${isSlice ? "slice" : "every-commit"}"`,
    `introduction = { commit = "${introduction}"${isSlice ? "" : ', signed_by = "root"'} }`,
    `[[source.${tomlKey(name)}.rule]]`,
    'paths = ["**"]',
    ...(isSlice ? ['review = "root"', 'waive = "root"'] : ['write = "root"']),
  ].join("\n");
}

/** A line of the roles' table: whoever adopts wants to be able to take things back. */
export function wardenText(people: readonly string[]): string {
  const names = people.map((name) => JSON.stringify(name)).join(", ");
  return `# Whoever may speak against a file, a source, a build or a key, each alone: firstmile distrust.\nwarden = { any = 1, of = [${names}] }`;
}

/** Builders and caches as the machine has them today: what is trusted already, said in rules that can be narrowed. */
export function outputText({ builders, caches }: PresentCaches): string {
  const principals = builders.map(
    ({ name, key }) => `[principal.${tomlKey(name)}]\nkeys = [${JSON.stringify(`nix:${key}`)}]`,
  );
  return [
    "# Whom this machine's Nix trusted before: one of them is enough, until you ask for more that agree.",
    ...principals,
    "[output]",
    `builders = "builder"`,
    `caches = [${caches.map((url) => JSON.stringify(url)).join(", ")}]`,
  ].join("\n");
}
