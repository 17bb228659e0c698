/** The sources of a configuration as it is: its own repository, and one for each repository that its lock names. */
import { basename } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { FlakeLock } from "@firstmile/formats/nix/flake-lock";
import type { Policy, Source } from "@firstmile/trust/policy/policy";
import { GIT_SCHEMES, urlProblem } from "@firstmile/trust/policy/urls";
import { repositoryKey, repositoryUrl } from "../admission/input-source.ts";
import { pathInsideTree } from "../admission/lock.ts";
import { gitIn } from "../git/in-directory.ts";

/** What becomes a `[source]`. */
export interface NewSource {
  readonly name: string;
  readonly url: string;
  /** Commits that are in use, at least one; the introduction has to come before all of them. */
  readonly commits: readonly CommitId[];
  /** `slice`: by what is read of it. `commits`: by who signs them. */
  readonly judged: "slice" | "commits";
}

/** An input of which nothing here can say where it comes from. */
export interface ForeignInput {
  readonly name: string;
  readonly where: string;
}

/** Where a checkout comes from, as rules may name it; a path where its remote is none that they may. */
export async function urlOf(checkout: string): Promise<string> {
  const found = await gitIn(checkout, ["config", "--get", "remote.origin.url"]);
  const remote = found.code === 0 ? found.stdout.toString().trim() : "";
  // `git@host:path`, as Git takes it, and a URL has it otherwise.
  const scp = /^([\w.-]+@)?([\w.-]+):(?!\/)(.+)$/.exec(remote);
  const url = scp ? `ssh://${scp[1] ?? ""}${scp[2]}/${scp[3]}` : remote.replace(/^(?=\/)/, "file://");
  return urlProblem(url, GIT_SCHEMES) === undefined ? url : `file://${encodeURI(checkout)}`;
}

/** One for each repository of the lock, with all commits of it. */
export function sourcesOfLock(lock: FlakeLock): { sources: NewSource[]; foreign: ForeignInput[] } {
  const byRepository = new Map<string, { name: string; url: string; commits: Set<CommitId> }>();
  const foreign: ForeignInput[] = [];
  for (const { name, locked } of lock.nodes.values()) {
    if (!locked || pathInsideTree(locked) !== undefined) continue;
    const url = repositoryUrl(locked);
    const key = url === undefined ? undefined : repositoryKey(url);
    if (url === undefined || key === undefined || locked.rev === undefined) {
      foreign.push({ name, where: url ?? locked.url ?? locked.path ?? locked.type });
      continue;
    }
    const known = byRepository.get(key) ?? { name: nameFrom(url), url, commits: new Set<CommitId>() };
    known.commits.add(locked.rev as CommitId);
    byRepository.set(key, known);
  }
  const found = [...byRepository.values()].map((one) => ({
    ...one,
    commits: [...one.commits],
    judged: "slice" as const,
  }));
  return { sources: found, foreign };
}

/** With names that neither these nor those of the rules share. Sources that the rules have already are left out. */
export function unknownTo(policy: Pick<Policy, "sources">, sources: readonly NewSource[]): NewSource[] {
  const taken = new Set<string>(policy.sources.keys());
  const fresh: NewSource[] = [];
  for (const source of sources) {
    if (sourceAt(policy, source.url)) continue;
    const name = freeName(source.name, taken);
    taken.add(name);
    fresh.push({ ...source, name });
  }
  return fresh;
}

/** The source of the rules that lists this repository. */
export function sourceAt(policy: Pick<Policy, "sources">, url: string): Source | undefined {
  const key = repositoryKey(url);
  return [...policy.sources.values()].find(({ urls }) => urls.some((own) => repositoryKey(own) === key));
}

export function nameFrom(path: string): string {
  const plain = basename(path)
    .replace(/\.git$/, "")
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-");
  return plain.replace(/^[^a-z0-9]+/, "").slice(0, 60) || "source";
}

/** The name, or with a number where somebody has it. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  for (let i = 2; ; i++) if (!taken.has(`${name}-${i}`)) return `${name}-${i}`;
}
