/**
 * The language in which a test of this project reads like a story: people with real keys, repositories built commit
 * by commit, rules, and the verdict of the library or of the command line. All of it lies below one temporary
 * directory, which goes with the world; no configuration of this machine or its user is read.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type CommitId, parseCommitId } from "@firstmile/formats/git/object-id";
import { authenticateHistory } from "@firstmile/local/evidence/history";
import { chooseSource } from "@firstmile/local/evidence/sources";
import { type RunResult, run } from "@firstmile/local/process/run";
import { addTrust, currentPolicy, updateTrust } from "@firstmile/local/trust-repository/follow";
import type { HistoryVerdict } from "@firstmile/trust/history/authenticate";
import { loadPolicy } from "@firstmile/trust/policy/load";
import type { Fingerprint } from "@firstmile/trust/signature/outcome";
import {
  BEGINNING,
  endAgents,
  type KeyKind,
  makePerson,
  type Person,
  type PersonOptions,
} from "./world-people.ts";
import { type PolicySpec, policyFiles } from "./world-policy.ts";
import { type CommitSpec, gitEnv, WorldRepository } from "./world-repository.ts";

export type { Person } from "./world-people.ts";
export { BEGINNING } from "./world-people.ts";
export type { PolicySpec } from "./world-policy.ts";
export type { WorldRepository } from "./world-repository.ts";

export const DAY = 86_400;
/** 2025-06-01: when a world's questions are asked unless told otherwise. */
export const WORLD_NOW = BEGINNING + 151 * DAY;

const CHECKOUT = resolve(import.meta.dirname, "../..");

export interface Question {
  readonly repository: WorldRepository;
  /** Default: the tip of main. */
  readonly tip?: CommitId;
  readonly policy: PolicySpec;
  /** Default: the only source. */
  readonly source?: string;
  readonly now?: number;
  /** Where to remember; nowhere unless told. */
  readonly cacheDir?: string;
}

/** One state of a trust repository. */
export interface RulesSpec extends Omit<CommitSpec, "files" | "whole"> {
  readonly policy: PolicySpec;
  readonly cosigners?: readonly Person[];
  /** Files beside those of the policy, or instead of them. */
  readonly files?: CommitSpec["files"];
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Run as this user, without any group. Needs root. */
  readonly uid?: number;
  /** A network namespace with nothing in it. Needs root. */
  readonly offline?: boolean;
}

export class World implements AsyncDisposable {
  readonly dir: string;
  private readonly people = new Map<string, Promise<Person>>();
  private count = 0;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** A person with a key of their own; the same one whenever the name is asked for again. */
  person(name: string, kind: KeyKind = "ssh-ed25519", options: PersonOptions = {}): Promise<Person> {
    const known = this.people.get(name) ?? makePerson(this.dir, name, kind, options);
    this.people.set(name, known);
    return known;
  }

  repository(name: string, format: "sha1" | "sha256" = "sha1"): Promise<WorldRepository> {
    return WorldRepository.make(this.path(`${name}-${this.count++}.git`), format);
  }

  /** A path of this world that nothing has used yet. */
  fresh(name: string): string {
    return this.path(`${name}-${this.count++}`);
  }

  path(...parts: readonly string[]): string {
    return join(this.dir, ...parts);
  }

  /** The verdict of the library. Throws where the rules have a defect. */
  async verify(question: Question): Promise<HistoryVerdict> {
    const files = await policyFiles(question.policy);
    const policy = loaded(files);
    const { dir } = question.repository;
    return authenticateHistory({
      repository: dir,
      tip: question.tip ?? question.repository.tip(),
      policy,
      source: await chooseSource(policy, dir, question.source ?? [...policy.sources.keys()][0]),
      now: question.now ?? WORLD_NOW,
      cacheDir: question.cacheDir,
    });
  }

  /** Writes the rules into a directory, for `--policy`. */
  async policyDirectory(policy: PolicySpec): Promise<string> {
    const dir = this.fresh("policy");
    for (const [path, content] of await policyFiles(policy)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), content);
    }
    return dir;
  }

  /** Commits a state of the rules to a trust repository, with co-signatures. */
  async rules(repository: WorldRepository, spec: RulesSpec): Promise<CommitId> {
    const { policy, cosigners = [], files = {}, ...commit } = spec;
    const all = { ...Object.fromEntries(await policyFiles(policy)), ...files };
    const id = await repository.commit({ ...commit, whole: true, files: all });
    for (const person of cosigners) await repository.cosign(id, person);
    return id;
  }

  /** A machine with a state directory of its own. */
  machine(): Machine {
    return new Machine(this.fresh("machine"));
  }

  /** The command line, as a process. */
  async firstmile(args: readonly string[], options: CliOptions = {}): Promise<RunResult> {
    const { cwd = this.dir, env = {}, uid, offline } = options;
    const as = uid === undefined ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
    const [command, ...rest] = [
      ...(offline ? ["unshare", "--net"] : []),
      ...as,
      join(CHECKOUT, "firstmile"),
      ...args,
    ];
    const state = env.FIRSTMILE_STATE ?? this.path("state");
    return run(command!, rest, { cwd, env: { ...gitEnv(), HOME: this.dir, FIRSTMILE_STATE: state, ...env } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endAgents(this.dir);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** What one machine pins and follows. */
export class Machine {
  readonly stateDir: string;

  constructor(stateDir: string) {
    this.stateDir = stateDir;
  }

  add(
    repository: { readonly dir: string },
    introduction: { readonly commit: CommitId; readonly signedBy: readonly Person[] },
    { now = WORLD_NOW, ...options }: { now?: number; branch?: string; replace?: boolean } = {},
  ) {
    const signedBy = introduction.signedBy.map((person) => person.fingerprint as Fingerprint);
    return addTrust(this.stateDir, repository.dir, { commit: introduction.commit, signedBy }, now, options);
  }

  update(now = WORLD_NOW) {
    return updateTrust(this.stateDir, now);
  }

  current(now = WORLD_NOW) {
    return currentPolicy(this.stateDir, now);
  }
}

export async function makeWorld(): Promise<World> {
  return new World(mkdtempSync(join(tmpdir(), "world-")));
}

/** What a verdict holds against which commit, sorted, for comparing. */
export function offences(verdict: HistoryVerdict): [CommitId, string][] {
  return verdict.denied
    .map(({ commit, code }): [CommitId, string] => [commit, code])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The same form, for what a test expects. */
export function expected(...pairs: readonly (readonly [CommitId, string])[]): [CommitId, string][] {
  return pairs
    .map(([commit, code]): [CommitId, string] => [parseCommitId(commit), code])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function loaded(files: ReadonlyMap<string, Uint8Array>) {
  const result = loadPolicy(files);
  if (result.ok) return result.policy;
  throw new Error(result.defects.map(({ line, code, message }) => `${line}: ${code}: ${message}`).join("\n"));
}
