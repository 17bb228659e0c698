/**
 * Asks all places again whose statements this machine holds: the evidence repositories that the rules name, and the
 * mirrors of sources. Claim: what one of them dropped is kept and told; one that fails leaves what it gave before.
 */
import type { ResolvedPolicy } from "@firstmile/trust/imports/imported";
import { resolveImports } from "@firstmile/trust/imports/resolve";
import type { Policy } from "@firstmile/trust/policy/policy";
import { SourceRepositories } from "../admission/source-repositories.ts";
import { RepositoryError } from "../git/neutral.ts";
import { type EvidenceUpdate, updateEvidence } from "./evidence.ts";
import { currentPolicy } from "./follow.ts";
import { sourcesDirectory } from "./held-places.ts";
import { loadImports } from "./imports.ts";
import { keepLost, type Replaced } from "./keep-words.ts";

export interface Refreshed {
  readonly evidence: readonly EvidenceUpdate[];
  /** What mirrors of sources dropped, or could not give; a line each. */
  readonly sources: readonly string[];
}

/** `policy` is the one that this machine follows. */
export async function refreshPlaces(stateDir: string, policy: Policy, now: number): Promise<Refreshed> {
  const imports = await loadImports(stateDir, policy, now);
  const evidence = await updateEvidence(stateDir, policy, imports, now);
  const told: string[] = [];
  const statements = { keep: keeper(stateDir, () => now), tell: (line: string) => told.push(line) };
  const repositories = new SourceRepositories(sourcesDirectory(stateDir), statements);
  for (const source of policy.sources.values())
    if (repositories.isHere(source)) await repositories.refreshStatements(source);
  return { evidence, sources: told };
}

/** Keeps what mirrors drop, of the people whom the followed rules know at that moment. */
export function keeper(stateDir: string, clock: () => number) {
  return async (replaced: Replaced): Promise<readonly string[]> => {
    const now = clock();
    return keepLost({ stateDir, policies: [await followed(stateDir, now)], now }, replaced);
  };
}

async function followed(stateDir: string, now: number): Promise<ResolvedPolicy> {
  const current = await currentPolicy(stateDir, now);
  if (!current)
    throw new RepositoryError("this machine follows no rules, so it cannot tell whose words to keep");
  return resolveImports(current.policy, await loadImports(stateDir, current.policy, now), now);
}
