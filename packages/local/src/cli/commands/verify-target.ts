/** What `firstmile verify` was told to look at: a repository here, a URL, or a source of the policy by its name. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { needsOnlyCommits } from "@firstmile/trust/freshness/needs-only-commits";
import type { SourceName } from "@firstmile/trust/policy/names";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import { GIT_SCHEMES, sameRepository } from "@firstmile/trust/policy/urls";
import { chooseSource } from "../../evidence/sources.ts";
import { fetchSource, type SourceAnswers } from "../../mirrors/source-cache.ts";
import { badInput } from "../failure.ts";

export type Target =
  | { readonly kind: "path"; readonly path: string; readonly revision: string }
  | {
      readonly kind: "remote";
      readonly urls: readonly string[];
      readonly revision: string | undefined;
      /** Where the name or the URL says which source it is. */
      readonly source: Source | undefined;
    };

/** A path that is there is a path; then URLs; then `SOURCE` or `SOURCE@REV`. */
export function targetOf(cwd: string, policy: Policy, named: string, revision: string | undefined): Target {
  const path = resolve(cwd, named);
  if (existsSync(path)) return { kind: "path", path, revision: revision ?? "HEAD" };
  if (isUrl(named)) return { kind: "remote", urls: [named], revision, source: sourceAt(policy, named) };
  const at = named.indexOf("@");
  const name = at < 0 ? named : named.slice(0, at);
  const source = policy.sources.get(name as SourceName);
  if (!source) return { kind: "path", path, revision: revision ?? "HEAD" };
  if (at >= 0 && revision !== undefined)
    throw badInput("two revisions are named", `${name}@REV, or ${name} REV`);
  return { kind: "remote", urls: source.urls, revision: at < 0 ? revision : named.slice(at + 1), source };
}

/** `host:path` is how ssh is asked; anything else with a scheme is a URL, or refused as none when it is fetched. */
function isUrl(text: string): boolean {
  if (/^[A-Za-z0-9+.-]*::/.test(text)) return true;
  const scheme = /^([a-z][a-z0-9+.-]*:)\/\//.exec(text)?.[1];
  if (scheme !== undefined && !GIT_SCHEMES.includes(scheme))
    throw badInput(`${scheme}// is not supported`, `known: ${GIT_SCHEMES.join(" ")}`);
  return scheme !== undefined || /^[\w.-]+@[\w.-]+:/.test(text);
}

function sourceAt(policy: Policy, url: string): Source | undefined {
  const all = [...policy.sources.values()];
  return all.find(({ urls }) => urls.some((known) => sameRepository(known) === sameRepository(url)));
}

export interface FetchedTarget extends SourceAnswers {
  readonly source: Source;
  /** Whether only commits were asked for. */
  readonly onlyCommits: boolean;
}

/**
 * Fetches, and says which source it is: the one named, or else the one whose introduction came along. `files`: whether
 * they are needed whatever the rules of the source say.
 */
export async function fetchTarget(
  stateDir: string,
  policy: Policy,
  target: Target & { readonly kind: "remote" },
  sourceName: string | undefined,
  files = false,
): Promise<FetchedTarget> {
  const named = sourceName === undefined ? target.source : policy.sources.get(sourceName as SourceName);
  const possible = named ? [named] : [...policy.sources.values()];
  const onlyCommits = !files && possible.every(needsOnlyCommits);
  const format = possible[0]?.introduction.commit.length === 64 ? "sha256" : "sha1";
  const { urls, revision } = target;
  const answers = await fetchSource({ stateDir, urls, format, onlyCommits, revision });
  const source = named ?? (await chooseSource(policy, answers.repository, sourceName));
  return { ...answers, source, onlyCommits };
}
