/**
 * The other trust repositories that the rules import from, each followed by itself.
 *
 * Claims: what an import gives was authenticated from the introduction that this machine's own rules name, and only
 * ever moved forward; a refusal changes nothing, and one import's failure is nobody else's. Against: whoever serves
 * an import (rollback, a forged head, another history at another URL), and whoever owns it and would make this machine
 * fetch without end. Leaves out: what the imported roles come to (`trust/imports`), and newer commits that every URL
 * withholds, until the import expires.
 *
 * Each has a state directory of its own below `trust/imports/NAME`, laid out as this machine's: a pin, a repository,
 * and what it imports in turn.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import {
  heldState,
  type ImportedPolicy,
  MAX_IMPORT_DEPTH,
  MAX_REPOSITORIES,
  type ResolvedPolicy,
} from "@firstmile/trust/imports/imported";
import { resolveImports } from "@firstmile/trust/imports/resolve";
import { type ImportName, isName } from "@firstmile/trust/policy/names";
import type { Import, Policy } from "@firstmile/trust/policy/policy";
import type { Introduction } from "@firstmile/trust/root/authenticate";
import type { Fingerprint } from "@firstmile/trust/signature/outcome";
import { firstRefusal, lacking, type Verdict } from "@firstmile/trust/verdict/verdict";
import { currentPolicy } from "./follow.ts";
import { within } from "./foreign-urls.ts";
import { followImport, isSameIntroduction } from "./import-follow.ts";
import type { Pin } from "./pin.ts";

/** How following one import went. */
export interface ImportUpdate {
  /** `acme`, or `acme/beta` for what acme imports. */
  readonly name: string;
  readonly verdict: Verdict;
  /** Commits that are new to this machine. */
  readonly commits: number;
  /** Statements that its tree carries no longer, a sentence each: they stay in force here. */
  readonly lost?: readonly string[];
}

/** Imports passed on the way, and how many repositories there were in all. */
interface Journey {
  readonly prefix: string;
  readonly passed: readonly string[];
  readonly budget: { left: number };
  /** The rules of all who import it: their people may have signed what it carries. */
  readonly known: readonly Policy[];
}

/** Fetches and follows every import of the policy, and those that these rest on; forgets what it no longer names. */
export async function updateImports(stateDir: string, policy: Policy, now: number): Promise<ImportUpdate[]> {
  const updates = await updateBelow(stateDir, policy, now, { ...start(), known: [policy] });
  if (updates.length > 0 || existsSync(stampFile(stateDir))) writeStamp(stateDir, now);
  return updates;
}

/** What this machine has of each import, judged anew at `now`; nothing is fetched. */
export async function loadImports(
  stateDir: string,
  policy: Policy,
  now: number,
): Promise<Map<ImportName, ImportedPolicy>> {
  const imported = await loadBelow(stateDir, policy, now, start());
  for (const spec of removedImports(policy)) {
    const one = await loadImport(importDirectory(stateDir, spec.name), spec, now, start());
    const held = heldState(one);
    const reason = lacking("no-policy", `the rules do not import ${spec.name} any more`);
    if (held) imported.set(spec.name, { ok: false, reason, held, isRemoved: true });
  }
  return imported;
}

/** Imports of former rules that these do not name: what their people said against something is in doubt, not gone. */
function removedImports(policy: Policy): Import[] {
  const former = (policy.past?.former ?? []).flatMap(({ imports }) => [...imports.values()]);
  const newest = new Map(former.toReversed().map((spec) => [spec.name, spec]));
  return [...newest.values()].filter(({ name }) => isName(name) && !policy.imports.has(name));
}

/** The policy to decide by: its imported members filled in with what this machine has of them. */
export async function withImports(stateDir: string, policy: Policy, now: number): Promise<ResolvedPolicy> {
  return resolveImports(policy, await loadImports(stateDir, policy, now), now);
}

/** Changes whenever what `loadImports` gives may have, other than by time: see `ResolvedPolicy.resolvedUntil`. */
export function importsGeneration(stateDir: string): string {
  try {
    const { mtimeMs, ino } = statSync(stampFile(stateDir));
    return `${mtimeMs} ${ino}`;
  } catch {
    return "none";
  }
}

function start(): Journey {
  return { prefix: "", passed: [], known: [], budget: { left: MAX_REPOSITORIES } };
}

async function updateBelow(
  stateDir: string,
  policy: Policy,
  now: number,
  journey: Journey,
): Promise<ImportUpdate[]> {
  forgetOthers(stateDir, policy);
  const updates: ImportUpdate[] = [];
  for (const spec of reachable(policy, journey)) {
    const dir = importDirectory(stateDir, spec.name);
    const name = journey.prefix + spec.name;
    const followed = await followImport(dir, spec.urls, introductionOf(spec), now, journey.known);
    updates.push({ name, ...followed });
    const onwards = { ...journey, prefix: `${name}/`, passed: [...journey.passed, spec.introduction.commit] };
    updates.push(...(await updateFurther(dir, spec, now, onwards)));
  }
  return updates;
}

/** By the newest policy of the import that is authentic, whether or not it could be fetched today. */
async function updateFurther(
  dir: string,
  spec: Import,
  now: number,
  journey: Journey,
): Promise<ImportUpdate[]> {
  const current = await currentPolicy(dir, now).catch(() => undefined);
  if (!current || !isFor(current.pin, spec)) return [];
  const { policy } = current;
  const imports = [...policy.imports].map(
    ([name, one]) => [name, { ...one, urls: within(one.urls, spec.urls) }] as const,
  );
  const further = { ...policy, imports: new Map<ImportName, Import>(spec.transitive ? imports : []) };
  return updateBelow(dir, further, now, { ...journey, known: [...journey.known, policy] });
}

async function loadBelow(
  stateDir: string,
  policy: Policy,
  now: number,
  journey: Journey,
): Promise<Map<ImportName, ImportedPolicy>> {
  const imported = new Map<ImportName, ImportedPolicy>();
  for (const spec of reachable(policy, journey))
    imported.set(spec.name, await loadImport(importDirectory(stateDir, spec.name), spec, now, journey));
  return imported;
}

async function loadImport(dir: string, spec: Import, now: number, journey: Journey): Promise<ImportedPolicy> {
  try {
    const current = await currentPolicy(dir, now);
    if (!current) return unavailable("no-policy", `${spec.name} was never fetched and authenticated`);
    if (!isFor(current.pin, spec))
      return unavailable("introduction-not-vouched", `${spec.name} was followed from another introduction`);
    const { pin, policy, reasons } = current;
    const onwards = { ...journey, passed: [...journey.passed, spec.introduction.commit] };
    const imported = spec.transitive ? await loadBelow(dir, policy, now, onwards) : new Map();
    const state = { commit: pin.followed, policy, imported };
    const refusal = firstRefusal(reasons);
    // It gives nothing any more; what it says against something is still heard.
    return refusal ? { ok: false, reason: refusal, held: state } : { ok: true, ...state };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const message = `what this machine has of ${spec.name} cannot be read: ${problem}`;
    return { ok: false, reason: lacking("policy-invalid", message), isUnreadable: true };
  }
}

/** The owners of an import decide what it imports: circles, depth and number end somewhere. */
function reachable(policy: Policy, { passed, budget }: Journey): Import[] {
  if (passed.length >= MAX_IMPORT_DEPTH) return [];
  const imports = [...policy.imports.values()].filter(
    ({ name, introduction }) => isName(name) && !passed.includes(introduction.commit),
  );
  const within = imports.slice(0, budget.left);
  budget.left -= within.length;
  return within;
}

/** A pin made for another introduction says nothing of this one. */
function isFor({ introduction }: Pin, spec: Import): boolean {
  return isSameIntroduction(introduction, introductionOf(spec));
}

function introductionOf({ introduction }: Import): Introduction {
  const { commit, signedBy } = introduction;
  return { commit: commit as string as CommitId, signedBy: signedBy as Fingerprint[] };
}

function forgetOthers(stateDir: string, policy: Policy): void {
  const removed = removedImports(policy).map(({ name }) => name);
  const names: ReadonlySet<string> = new Set([...policy.imports.keys(), ...removed]);
  for (const name of directories(join(stateDir, "trust", "imports")))
    if (!names.has(name)) rmSync(join(stateDir, "trust", "imports", name), { recursive: true, force: true });
}

function directories(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const entries = readdirSync(dir, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** The state directory of an import. */
export function importDirectory(stateDir: string, name: ImportName): string {
  return join(stateDir, "trust", "imports", name);
}

function stampFile(stateDir: string): string {
  return join(stateDir, "trust", "imports", ".updated");
}

function writeStamp(stateDir: string, now: number): void {
  const file = stampFile(stateDir);
  mkdirSync(join(stateDir, "trust", "imports"), { recursive: true, mode: 0o755 });
  writeFileSync(`${file}.new`, `${now}\n`, { mode: 0o644 });
  renameSync(`${file}.new`, file);
}

function unavailable(
  code: "no-policy" | "policy-invalid" | "introduction-not-vouched",
  message: string,
): ImportedPolicy {
  return { ok: false, reason: lacking(code, message, { remedy: "firstmile trust update" }) };
}
