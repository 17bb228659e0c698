/**
 * Where statements come from: the trust repository, those that it imports from, the evidence repositories that all of
 * these name, the gate's copies of the sources, what checkouts sent, and what this machine keeps of any of them. It is
 * one list for all questions.
 *
 * Claims: what the people of this machine's own rules put into their trust repository is heard before everything else,
 * whole, or nothing is decided. Of every other place there is the last state that came whole, and beside it every word
 * that it carried before and has dropped since. A place is told that is not reached, or that serves more than it may.
 * Against: a server of one of them that rewinds it, and an import's owners who would make this machine fetch without
 * end. Leaves out: what no place ever served here.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { heldState, type ImportedPolicy } from "@firstmile/trust/imports/imported";
import { resolveImports } from "@firstmile/trust/imports/resolve";
import type { ImportName } from "@firstmile/trust/policy/names";
import type { Policy } from "@firstmile/trust/policy/policy";
import { lacking } from "@firstmile/trust/verdict/verdict";
import { RepositoryError } from "../git/neutral.ts";
import { placeKey } from "../mirrors/ask-places.ts";
import { ProcessError } from "../process/run.ts";
import { keptGeneration, keptPlaces } from "../statements/kept.ts";
import type { StatementPlace } from "../statements/place.ts";
import { readStatements } from "../statements/read.ts";
import { ASKING, type BroughtEvidence, type EvidenceLimits, fetchEvidence } from "./evidence-fetch.ts";
import {
  evidenceDirectory,
  type HeldEvidence,
  readEvidenceIndex,
  writeEvidenceIndex,
} from "./evidence-index.ts";
import { trustStatements } from "./follow.ts";
import { within } from "./foreign-urls.ts";
import { sentPlaces, sourcePlaces, sourcesGeneration } from "./held-places.ts";
import { importDirectory } from "./imports.ts";
import { type Keeping, keepAgainst, keepLost } from "./keep-words.ts";
import { type Pin, readPin, trustGitDir } from "./pin.ts";

type Imports = ReadonlyMap<ImportName, ImportedPolicy>;

/** Most evidence repositories asked: first those of the machine's own rules. */
const MAX_PLACES = 32;
/** A directory that is being filled for so long was left by an update that was interrupted. */
const ABANDONED_MS = 600_000;
/** A copy that an index once named. */
const SETTLED = /^[0-9a-f]{16}-\w+$/;

/** How asking one of them went. */
export interface EvidenceUpdate extends HeldEvidence {
  /** Statements that this machine did not have. */
  readonly fresh: number;
  /** What it carries no longer, a sentence each: it stays in force here. */
  readonly lost: readonly string[];
}

/** Asks all of them at once, each within limits of its own; one that does not answer leaves what it gave before. */
export async function updateEvidence(
  stateDir: string,
  policy: Policy,
  imports: Imports,
  now: number,
  limits: Partial<EvidenceLimits> = {},
): Promise<EvidenceUpdate[]> {
  const all = evidenceUrls(policy, imports);
  const held = readEvidenceIndex(stateDir);
  if (all.length === 0 && held.length === 0) return [];
  const keeping = { stateDir, policies: [resolveImports(policy, imports, now)], now };
  const urls = all.slice(0, MAX_PLACES);
  const root = evidenceDirectory(stateDir);
  const answers = await Promise.all(urls.map((url) => ask(root, url, heldOf(url, held), limits)));
  const updates: EvidenceUpdate[] = [];
  for (const answer of answers) updates.push(await new Settling(root, keeping, answer).settle());
  const unnamed = held.filter(({ url }) => !urls.includes(url));
  // While an import gives nothing, it is not known which places it names: all of them are kept.
  const stay = isAnyUnavailable(imports) ? unnamed : [];
  if (stay.length === 0) await keepAgainstIn(keeping, root, unnamed);
  const places = [...updates.map(({ fresh: _, lost: __, ...place }) => place), ...stay];
  writeEvidenceIndex(stateDir, places);
  removeAbandoned(stateDir, [...held, ...places]);
  return [...updates, ...all.slice(MAX_PLACES).map(notAsked)];
}

interface Answer {
  readonly url: string;
  readonly held: HeldEvidence | undefined;
  readonly brought: BroughtEvidence | Error;
}

function heldOf(url: string, held: readonly HeldEvidence[]): HeldEvidence | undefined {
  return held.find((one) => one.url === url);
}

function notAsked(url: string): EvidenceUpdate {
  const problem = `only ${MAX_PLACES} places of evidence are asked, and the rules name others before it`;
  return { url, tips: [], statements: 0, problem, fresh: 0, lost: [] };
}

async function ask(
  root: string,
  url: string,
  held: HeldEvidence | undefined,
  limits: Partial<EvidenceLimits>,
): Promise<Answer> {
  try {
    return { url, held, brought: await fetchEvidence(root, url, held, limits) };
  } catch (error) {
    return { url, held, brought: ownFailure(error) };
  }
}

/** What a place, or the lack of room to keep its words, does. Throws all else. */
function ownFailure(error: unknown): Error {
  if (error instanceof RepositoryError || error instanceof ProcessError) return error;
  throw error;
}

/** Takes what a place brought, after what it dropped is kept. */
class Settling {
  readonly #root: string;
  readonly #keeping: Keeping;
  readonly #answer: Answer;

  constructor(root: string, keeping: Keeping, answer: Answer) {
    this.#root = root;
    this.#keeping = keeping;
    this.#answer = answer;
  }

  async settle(): Promise<EvidenceUpdate> {
    const { url, held, brought } = this.#answer;
    if (brought instanceof Error) return this.#nothing(brought);
    const { directory, tips, statements, fresh } = brought;
    const taken = { url, tips, statements, reached: this.#keeping.now, fresh };
    if (directory === undefined || directory === held?.directory)
      return { ...taken, ...(directory === undefined ? {} : { directory }), lost: [] };
    try {
      const lost = await this.#keep(directory);
      const settled = `${placeKey(url)}-${directory.slice(ASKING.length)}`;
      renameSync(join(this.#root, directory), join(this.#root, settled));
      return { ...taken, directory: settled, lost };
    } catch (error) {
      rmSync(join(this.#root, directory), { recursive: true, force: true });
      return this.#nothing(ownFailure(error));
    }
  }

  #nothing({ message: problem }: Error): EvidenceUpdate {
    const { url, held } = this.#answer;
    return { ...(held ?? { url, tips: [], statements: 0 }), problem, fresh: 0, lost: [] };
  }

  async #keep(directory: string): Promise<string[]> {
    const { url, held } = this.#answer;
    if (held?.directory === undefined) return [];
    const before = [{ kind: "ref" as const, repository: join(this.#root, held.directory) }];
    const after = [{ kind: "ref" as const, repository: join(this.#root, directory) }];
    return keepLost(this.#keeping, { before, after, from: url });
  }
}

/** What a place said against something outlives the place. */
async function keepAgainstIn(keeping: Keeping, root: string, places: readonly HeldEvidence[]): Promise<void> {
  for (const place of evidencePlaces(root, places)) {
    const { found } = await readStatements([place]);
    await keepAgainst(keeping, found);
  }
}

/** Those that the rules name, and then those of imports: the roles taken over speak there. */
function evidenceUrls(policy: Pick<Policy, "evidence" | "imports">, imports: Imports): string[] {
  const further = [...imports].flatMap(([name, one]) => {
    const state = heldState(one);
    return state
      ? within(evidenceUrls(state.policy, state.imported), policy.imports.get(name)?.urls ?? [])
      : [];
  });
  return [...new Set([...policy.evidence, ...further])];
}

function isAnyUnavailable(imports: Imports): boolean {
  return [...imports.values()].some((one) => !one.ok || isAnyUnavailable(one.imported));
}

/** The copy before the newest one stays, for decisions that are reading it. */
function removeAbandoned(stateDir: string, named: readonly HeldEvidence[]): void {
  const root = evidenceDirectory(stateDir);
  const kept = new Set([...named, ...readEvidenceIndex(stateDir)].map(({ directory }) => directory));
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    const path = join(root, entry.name);
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    const isOver = SETTLED.test(entry.name) || age > ABANDONED_MS;
    if (entry.isDirectory() && !kept.has(entry.name) && isOver)
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
  const { incomplete, broken } = await readStatements([own]);
  // One that is damaged is told with each question that reads it.
  if (incomplete.length > broken.length)
    throw new RepositoryError(`the statements of ${policy.name} cannot be read whole: are they too many?`);
  const further = furtherStatements(stateDir, policy, imports);
  return { places: [own, ...further.places], state: `${pin.followed} ${further.state}` };
}

/** What this machine has beside the rules' own: kept, of imports, of evidence repositories, of sources, of checkouts. */
export function furtherStatements(
  stateDir: string,
  policy: Pick<Policy, "evidence" | "imports" | "sources">,
  imports: Imports,
): StatementPlaces {
  const urls = evidenceUrls(policy, imports);
  const index = readEvidenceIndex(stateDir);
  const held = isAnyUnavailable(imports) ? index : index.filter(({ url }) => urls.includes(url));
  const imported = importedStatements(stateDir, imports);
  const brought = held.map(({ url, directory, tips }) => [url, directory ?? null, tips]);
  const state = JSON.stringify([imported, brought, keptGeneration(stateDir), sourcesGeneration(stateDir)]);
  const places = [
    ...keptPlaces(stateDir),
    ...imported,
    ...evidencePlaces(evidenceDirectory(stateDir), held),
    ...sourcePlaces(stateDir, policy),
    ...sentPlaces(stateDir),
  ];
  return { places, state: createHash("sha256").update(state).digest("hex") };
}

function evidencePlaces(root: string, held: readonly HeldEvidence[]): (StatementPlace & { kind: "ref" })[] {
  return held.flatMap(({ url, directory, tips }) =>
    directory === undefined
      ? []
      : [{ kind: "ref" as const, repository: join(root, directory), called: url, tips }],
  );
}

/** The statements that imported trust repositories themselves carry or carried, as far as each was followed. */
function importedStatements(stateDir: string, imports: Imports): StatementPlace[] {
  return [...imports].flatMap(([name, one]) => {
    const dir = importDirectory(stateDir, name);
    const state = heldState(one);
    // What one said stays said while it gives nothing: its rules may have run out.
    const commit = state?.commit ?? followedCommit(dir);
    if (commit === undefined) return keptPlaces(dir);
    const own = { kind: "commit", repository: trustGitDir(dir), commit, called: `import ${name}` } as const;
    const further = state ? importedStatements(dir, state.imported) : heldBelow(dir);
    return [...keptPlaces(dir), own, ...further];
  });
}

/** Undefined also where the pin cannot be read: then the import itself says so, and nothing of it counts. */
function followedCommit(dir: string): CommitId | undefined {
  try {
    return readPin(dir)?.followed;
  } catch {
    return undefined;
  }
}

/** Of the imports of an import that gives nothing. */
function heldBelow(dir: string): StatementPlace[] {
  const root = join(dir, "trust", "imports");
  if (!existsSync(root)) return [];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => {
      const gone = lacking("import-unavailable", "what imports it gives nothing now");
      return importedStatements(dir, new Map([[name as ImportName, { ok: false, reason: gone }]]));
    });
}

/** What is held of each repository that the rules name; nothing is fetched. */
export function heldEvidence(
  stateDir: string,
  policy: Pick<Policy, "evidence" | "imports">,
  imports: Imports,
): HeldEvidence[] {
  const held = readEvidenceIndex(stateDir);
  const urls = evidenceUrls(policy, imports);
  return urls.map((url) => heldOf(url, held) ?? { url, tips: [], statements: 0 });
}
