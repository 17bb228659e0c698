/**
 * Where statements come from, beside the sources themselves: the trust repository, those that it imports from, and the
 * evidence repositories that all of these name.
 *
 * Claims: what the people of this machine's own rules put into their trust repository is heard before everything else,
 * whole, or nothing is decided; of every other place there is the last state that came whole, and each is told that is
 * not reached, or that serves more than it may. Against: whoever serves one of them, or owns an import and would make
 * this machine fetch without end. Leaves out: what no place serves.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { heldState, type ImportedPolicy } from "@firstmile/trust/imports/imported";
import type { ImportName } from "@firstmile/trust/policy/names";
import type { Policy } from "@firstmile/trust/policy/policy";
import { RepositoryError } from "../git/neutral.ts";
import { ProcessError } from "../process/run.ts";
import type { StatementPlace } from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";
import { type EvidenceLimits, fetchEvidence } from "./evidence-fetch.ts";
import {
  evidenceDirectory,
  type HeldEvidence,
  readEvidenceIndex,
  writeEvidenceIndex,
} from "./evidence-index.ts";
import { trustStatements } from "./follow.ts";
import { importDirectory } from "./imports.ts";
import { type Pin, trustGitDir } from "./pin.ts";

type Imports = ReadonlyMap<ImportName, ImportedPolicy>;

/** Most evidence repositories asked: first those of the machine's own rules. */
const MAX_PLACES = 32;
/** What no index has named for so long was left by an update that was interrupted, or is read by nobody any more. */
const ABANDONED_MS = 600_000;

/** How asking one of them went. */
export interface EvidenceUpdate extends HeldEvidence {
  /** Statements that this machine did not have. */
  readonly fresh: number;
}

/** Asks all of them at once, each within limits of its own; one that does not answer leaves what it gave before. */
export async function updateEvidence(
  stateDir: string,
  policy: Pick<Policy, "evidence">,
  imports: Imports,
  now: number,
  limits: Partial<EvidenceLimits> = {},
): Promise<EvidenceUpdate[]> {
  const urls = evidenceUrls(policy, imports);
  const held = readEvidenceIndex(stateDir);
  if (urls.length === 0 && held.length === 0) return [];
  const updates = await Promise.all(
    urls.map((url) => askOne(stateDir, { url, now, limits, held: held.find((one) => one.url === url) })),
  );
  const places = updates.map(({ fresh: _, ...place }) => place);
  writeEvidenceIndex(stateDir, places);
  removeAbandoned(stateDir, [...held, ...places]);
  return updates;
}

interface Question {
  readonly url: string;
  readonly now: number;
  readonly held: HeldEvidence | undefined;
  readonly limits: Partial<EvidenceLimits>;
}

async function askOne(stateDir: string, { url, now, held, limits }: Question): Promise<EvidenceUpdate> {
  try {
    const brought = await fetchEvidence(evidenceDirectory(stateDir), url, held, limits);
    const { directory, tips, statements, fresh } = brought;
    return { url, ...(directory === undefined ? {} : { directory }), tips, statements, reached: now, fresh };
  } catch (error) {
    if (!(error instanceof RepositoryError || error instanceof ProcessError)) throw error;
    return { ...(held ?? { url, tips: [], statements: 0 }), problem: error.message, fresh: 0 };
  }
}

/** Those that the rules name, and then those of imports: the roles taken over speak there. */
function evidenceUrls(policy: Pick<Policy, "evidence">, imports: Imports): string[] {
  const further = [...imports.values()].flatMap((one) => {
    const state = heldState(one);
    return state ? evidenceUrls(state.policy, state.imported) : [];
  });
  return [...new Set([...policy.evidence, ...further])].slice(0, MAX_PLACES);
}

function removeAbandoned(stateDir: string, named: readonly HeldEvidence[]): void {
  const root = evidenceDirectory(stateDir);
  const kept = new Set(named.map(({ directory }) => directory));
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    const path = join(root, entry.name);
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (entry.isDirectory() && !kept.has(entry.name) && age > ABANDONED_MS)
      rmSync(path, { recursive: true, force: true });
  }
}

/** Places with statements, and a name for the state that all of them are in. */
export interface StatementPlaces {
  readonly places: readonly StatementPlace[];
  readonly state: string;
}

/** All that counts under the rules that this machine follows. Throws where its own cannot be read whole. */
export async function followedStatements(
  stateDir: string,
  { pin, policy }: { readonly pin: Pin; readonly policy: Policy },
  imports: Imports,
): Promise<StatementPlaces> {
  const own = trustStatements(stateDir, pin);
  const { incomplete } = await readStatements([own]);
  if (incomplete.length > 0)
    throw new RepositoryError(`the statements of ${policy.name} cannot be read whole: are they too many?`);
  const further = furtherStatements(stateDir, policy, imports);
  return { places: [own, ...further.places], state: `${pin.followed} ${further.state}` };
}

/** What the gate's copies of the sources carry themselves. */
export function sourceStatements(stateDir: string): StatementPlace[] {
  const root = join(stateDir, "gate", "sources");
  if (!existsSync(root)) return [];
  const copies = readdirSync(root).filter((name) => name.endsWith(".git"));
  return copies.map((name) => ({ kind: "ref", repository: join(root, name) }));
}

/** What this machine has of imports and evidence repositories. */
export function furtherStatements(
  stateDir: string,
  policy: Pick<Policy, "evidence">,
  imports: Imports,
): StatementPlaces {
  const urls = evidenceUrls(policy, imports);
  const held = readEvidenceIndex(stateDir).filter(({ url }) => urls.includes(url));
  const imported = importedStatements(stateDir, imports);
  const root = evidenceDirectory(stateDir);
  const places = held.flatMap(({ url, directory }): StatementPlace[] =>
    directory === undefined ? [] : [{ kind: "ref", repository: join(root, directory), called: url }],
  );
  const brought = held.map(({ url, directory, tips }) => [url, directory ?? null, tips]);
  const state = JSON.stringify([imported.map(({ commit }) => commit), brought]);
  const name = createHash("sha256").update(state).digest("hex");
  return { places: [...imported, ...places], state: name };
}

/** The statements that imported trust repositories themselves carry, as far as each was followed. */
function importedStatements(stateDir: string, imports: Imports): (StatementPlace & { kind: "commit" })[] {
  return [...imports].flatMap(([name, one]) => {
    const state = heldState(one);
    if (!state) return [];
    const dir = importDirectory(stateDir, name);
    const own = { kind: "commit", repository: trustGitDir(dir), commit: state.commit } as const;
    return [own, ...importedStatements(dir, state.imported)];
  });
}

/** What is held of each repository that the rules name; nothing is fetched. */
export function heldEvidence(
  stateDir: string,
  policy: Pick<Policy, "evidence">,
  imports: Imports,
): HeldEvidence[] {
  const held = new Map(readEvidenceIndex(stateDir).map((one) => [one.url, one]));
  return evidenceUrls(policy, imports).map((url) => held.get(url) ?? { url, tips: [], statements: 0 });
}
