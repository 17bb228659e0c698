/**
 * Admission: from a commit somebody names to the derivations that Nix may build. Claim: every derivation recorded
 * came out of an evaluation, by this gate and offline, of trees of authentic commits and nothing else. Against: a
 * tree or lock that differs from what was signed, an expression that reaches outside, one that builds while it is
 * evaluated. And each download that is built with meets the policy's rules for downloads.
 */

import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import { derivationKind } from "@firstmile/formats/nix/derivation";
import type { DrvPath, StorePath } from "@firstmile/formats/nix/store-path";
import { downloadOf } from "@firstmile/trust/handoff/download";
import type { SourceName } from "@firstmile/trust/policy/names";
import type { Source } from "@firstmile/trust/policy/policy";
import { tomlKey } from "@firstmile/trust/policy/toml-key";
import { found, lacking, type Reason, type Verdict, verdict } from "@firstmile/trust/verdict/verdict";
import type { AdmittedDerivation, BroughtBasis, Ledger } from "../gate/ledger.ts";
import type { StoreObjections } from "../gate/objections.ts";
import type { RulesHolder, RulesInForce } from "../gate/rules-in-force.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { type DownloadJudge, downloadsReason, isSilent } from "../handoff/downloads.ts";
import { type EvaluateWith, evaluateAlone, evaluatePinned } from "../pins/evaluate-pinned.ts";
import { PinSearch } from "../pins/pin-search.ts";
import { PinnedTrees } from "../pins/pinned-trees.ts";
import type { Authenticator } from "./authenticator.ts";
import { type Closure, readClosure } from "./closure.ts";
import { type Evaluated, evaluateFile, evaluatePath } from "./evaluate-file.ts";
import { evaluateFlake } from "./evaluate-flake.ts";
import { FlakeInputs, type SliceInputs } from "./flake-inputs.ts";
import { sourceForInput } from "./input-source.ts";
import { ensureCommit } from "./locked-trees.ts";
import type { NixTools } from "./nix-tools.ts";
import {
  type AdmissionRequest,
  type FileRequest,
  type FlakeRequest,
  type RemoteFlakeRequest,
  wordsOf,
} from "./requests.ts";
import { AdmissionSlices } from "./slices.ts";
import type { SourceRepositories } from "./source-repositories.ts";
import { writeTree } from "./tree.ts";
import { treeOf } from "./tree-of.ts";

export interface AdmissionOptions {
  readonly rules: RulesHolder;
  readonly authenticator: Authenticator;
  readonly objections: StoreObjections;
  readonly repositories: SourceRepositories;
  readonly ledger: Ledger;
  readonly downloads: DownloadJudge;
  readonly nix: NixTools;
  /** Where trees are written for evaluation; this process's own. */
  readonly treesDir: string;
  /** Unix seconds. */
  readonly clock: () => number;
}

/** What an admission came to. */
export interface Admitted {
  readonly verdict: Verdict;
  /** The derivations asked for; empty where it was denied. */
  readonly roots: readonly DrvPath[];
  /** How many derivations were admitted with them. */
  readonly derivations: number;
}

export class Admissions {
  private readonly options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.options = options;
  }

  /** Judges a request; records its derivations where everything holds. Never half: the record is one transaction. */
  async admit(asked: AdmissionRequest): Promise<Admitted> {
    const subject = { kind: "request", words: wordsOf(asked) } as const;
    const rules = await this.options.rules.get();
    if (!rules.ok) return denied(verdict(subject, [rules.reason]));
    const request = asked.kind === "remote flake" ? await this.fetched(rules.rules, asked) : asked;
    if ("code" in request) return denied(verdict(subject, [request]));
    const source = rules.rules.policy.sources.get(request.source as SourceName);
    if (!source) return denied(verdict(subject, [unknownSource(request.source)]));
    const attempt = new Attempt(this.options, rules.rules, source, request);
    const outcome = await attempt.run();
    const reasons = verdict(subject, [rules.rules.reason, ...attempt.reasons]);
    if (!reasons.allowed || !outcome) return denied(reasons);
    this.options.ledger.admit(subject.words, attempt.basis, outcome.derivations, this.options.clock());
    for (const { source: name, commit } of attempt.basis) {
      await this.options.repositories.keep(rules.rules.policy.sources.get(name as SourceName)!, commit);
    }
    return { verdict: reasons, roots: outcome.roots, derivations: outcome.derivations.length };
  }

  /** The same request once its commit is here: its source is found by URL, and authenticated like any other. */
  private async fetched({ policy }: RulesInForce, asked: RemoteFlakeRequest): Promise<FlakeRequest | Reason> {
    const source = sourceForInput(policy, { type: "git", url: asked.url, fields: {} });
    if (!source) return unknownSource(asked.url);
    const { commit, dir, attrs, verb } = asked;
    const absent = await ensureCommit(this.options.repositories, source, commit);
    return absent ?? { kind: "flake", source: source.name, commit, dir, attrs, verb };
  }
}

interface Outcome {
  readonly roots: readonly DrvPath[];
  readonly derivations: readonly AdmittedDerivation[];
}

/** One request on its way; stops at the first step whose findings do not hold. */
class Attempt {
  readonly reasons: Reason[] = [];
  readonly basis: BroughtBasis[] = [];
  private readonly options: AdmissionOptions;
  private readonly rules: RulesInForce;
  private readonly source: Source;
  private readonly request: FileRequest | FlakeRequest;
  private readonly slices: AdmissionSlices;

  constructor(
    options: AdmissionOptions,
    rules: RulesInForce,
    source: Source,
    request: FileRequest | FlakeRequest,
  ) {
    this.options = options;
    this.rules = rules;
    this.source = source;
    this.request = request;
    this.slices = new AdmissionSlices(options, rules);
  }

  async run(): Promise<Outcome | undefined> {
    const { commit } = this.request;
    if (this.source.authenticate !== "slice" && !(await this.authenticate(this.source, commit)).ok)
      return undefined;
    const evaluated =
      this.request.kind === "file" ? await this.file(this.request) : await this.flake(this.request);
    if (!evaluated) return undefined;
    const closure = evaluated.ok ? await readClosure(this.options.nix, evaluated.roots) : evaluated;
    if (closure.ok) await this.slices.takenWhole(this.options.nix, sourcesIn(closure.derivations.values()));
    // An evaluation that failed for a file that was held back is told as that.
    const slices = await this.slices.judge(sliceWords(this.request));
    this.reasons.push(...slices.reasons);
    if (slices.reasons.some((reason) => !reason.ok)) return undefined;
    this.basis.push(...slices.basis);
    if (!evaluated.ok) return this.stop(evaluated.reason);
    if (!closure.ok) return this.stop(closure.reason);
    const against = await this.objections(evaluated.roots);
    if (against) return this.stop(against);
    const derivations = [...closure.derivations].map(([path, read]) => asAdmitted(path, read));
    if (!(await this.downloads(derivations)).ok) return undefined;
    this.reasons.push(
      found(
        "admitted",
        `evaluates to ${evaluated.roots.join(", ")}, with ${derivations.length} ${derivations.length === 1 ? "derivation" : "derivations"} in all`,
      ),
    );
    return { roots: evaluated.roots, derivations };
  }

  private async downloads(derivations: readonly AdmittedDerivation[]): Promise<Reason> {
    const downloads = derivations.flatMap(({ download }) => download ?? []);
    const reason = downloadsReason(await this.options.downloads.judge(this.rules, downloads));
    if (downloads.length > 0 && !isSilent(this.rules)) this.reasons.push(reason);
    return reason;
  }

  private async objections(roots: readonly DrvPath[]): Promise<Reason | undefined> {
    const { objections } = this.options;
    for (const root of roots) {
      const against = await objections.against(this.rules.distrust, root);
      if (against) return against;
    }
    return undefined;
  }

  private async authenticate(source: Source, commit: CommitId): Promise<Reason> {
    const reason = await this.options.authenticator.authenticate(this.rules, { source: source.name, commit });
    this.reasons.push(reason);
    this.basis.push({ source: source.name, commit });
    return reason;
  }

  private async file({
    commit,
    directoryName,
    file,
    attrs,
    argstr,
  }: FileRequest): Promise<Evaluated | undefined> {
    if (this.source.authenticate === "slice")
      return this.slice({ commit, directoryName, file, attrs, argstr });
    const treeDir = await this.checkout(commit, directoryName);
    return this.evaluate(file, (nix, addresses) =>
      evaluateFile(nix, { treeDir, file, attrs, argstr, addresses }),
    );
  }

  /** With nothing to fetch; and where it asks for something, with what its pins stand for. */
  private async evaluate(file: string, evaluate: EvaluateWith): Promise<Evaluated> {
    const { nix, repositories, authenticator } = this.options;
    const search = new PinSearch(repositories, this.source, this.request.commit, file);
    const options = {
      repositories,
      nix,
      rules: this.rules,
      authenticate: (source: Source, commit: CommitId) =>
        authenticator.authenticate(this.rules, { source: source.name, commit }),
      prepare: (source: Source, commit: CommitId) => this.slices.prepare(source, commit),
      show: (source: Source, commit: CommitId, at: string, stored: StorePath) =>
        this.slices.show(source, commit, [at], stored),
    };
    using pins = new PinnedTrees(options, search);
    const evaluated = await evaluatePinned(nix, pins, (tools, addresses) =>
      evaluate(this.slices.nix(tools), addresses),
    );
    this.reasons.push(...pins.reasons);
    this.basis.push(...pins.basis);
    if (evaluated.ok) return evaluated;
    const [reason, ...more] = evaluated.reasons;
    this.reasons.push(...more);
    return { ok: false, reason: reason! };
  }

  /** Through a view of the tree that shows what is covered: no file of it is written anywhere. */
  private async slice(request: Omit<FileRequest, "kind" | "source">): Promise<Evaluated | undefined> {
    const { commit, directoryName, file, attrs, argstr } = request;
    mkdirSync(this.options.treesDir, { recursive: true, mode: 0o755 });
    const parent = mkdtempSync(join(this.options.treesDir, "view-"));
    const treeDir = join(parent, directoryName);
    mkdirSync(treeDir);
    try {
      const origin = await this.slices.prepare(this.source, commit);
      this.reasons.push(origin);
      if (!origin.ok) return undefined;
      this.slices.show(this.source, commit, [treeDir]);
      const path = this.slices.path(file);
      if (typeof path !== "string") return this.stop(path);
      return await this.evaluate(file, (nix, addresses) =>
        evaluatePath(nix, { treeDir, file, attrs, argstr, addresses }, join(treeDir, path)),
      );
    } finally {
      rmSync(parent, { recursive: true, force: true });
    }
  }

  private async flake({ commit, dir, attrs, verb }: FlakeRequest): Promise<Evaluated | undefined> {
    if (this.source.authenticate === "slice") return this.stop(sliceAsFlake(this.source));
    const inputs = new FlakeInputs(this.options, this.rules, (source, id) => this.input(source, id));
    mkdirSync(this.options.treesDir, { recursive: true, mode: 0o755 });
    const parent = mkdtempSync(join(this.options.treesDir, "inputs-"));
    try {
      const reasons = await inputs.bring(this.source, commit, dir, this.shownBelow(parent));
      this.reasons.push(...reasons);
      if (reasons.some((reason) => !reason.ok)) return undefined;
      const repository = await this.options.repositories.directory(this.source);
      const { addresses } = inputs;
      const question = { repository, commit, dir, attrs, verb, addresses };
      const evaluate = (nix: NixTools) => evaluateFlake(this.slices.nix(nix), question);
      return await evaluateAlone(this.options.nix, evaluate, inputs.trees);
    } finally {
      rmSync(parent, { recursive: true, force: true });
    }
  }

  /** Inputs are seen in the store; and beside it, from where a sealed store takes them. */
  private shownBelow(parent: string): SliceInputs {
    let count = 0;
    return {
      show: (source, commit, stored) => {
        const at = join(parent, String(count++));
        mkdirSync(at);
        this.slices.show(source, commit, [stored, at], stored);
        return at;
      },
    };
  }

  /** Of a source that is judged by its slices, only where it comes from is known before something is read of it. */
  private async input(source: Source, commit: CommitId): Promise<Reason> {
    if (source.authenticate !== "slice") return this.authenticate(source, commit);
    const origin = await this.slices.prepare(source, commit);
    this.reasons.push(origin);
    return origin;
  }

  /** The commit's tree as files, below a directory of the user's name for it. Written whole or not at all. */
  private async checkout(commit: CommitId, directoryName: string): Promise<string> {
    const parent = join(this.options.treesDir, this.source.name, commit);
    const dir = join(parent, directoryName);
    if (existsSync(dir)) return dir;
    mkdirSync(parent, { recursive: true, mode: 0o755 });
    const unfinished = join(parent, `.${randomUUID()}`);
    const git = await neutralGit(await this.options.repositories.directory(this.source));
    try {
      using objects = new GitObjects(git.env);
      await writeTree(objects, await treeOf(objects, commit), unfinished);
      placeOnce(unfinished, dir);
      return dir;
    } finally {
      git.dispose();
      rmSync(unfinished, { recursive: true, force: true });
    }
  }

  private stop(reason: Reason): undefined {
    this.reasons.push(reason);
  }
}

/** Another request for this commit may have written the same tree meanwhile: the name stands for its content. */
function placeOnce(finished: string, dir: string): void {
  try {
    renameSync(finished, dir);
  } catch (error) {
    const isThere = error instanceof Error && "code" in error && ALREADY_THERE.has(String(error.code));
    if (!isThere) throw error;
  }
}

const ALREADY_THERE: ReadonlySet<string> = new Set(["ENOTEMPTY", "EEXIST"]);

type ReadDerivation = Closure extends infer C
  ? C extends { ok: true; derivations: ReadonlyMap<DrvPath, infer Read> }
    ? Read
    : never
  : never;

/** What derivations take as it is. */
function asAdmitted(path: DrvPath, { name, derivation }: ReadDerivation): AdmittedDerivation {
  const outputs = new Map<string, StorePath>();
  for (const [output, value] of derivation.outputs) {
    if ("path" in value) outputs.set(output, value.path);
  }
  const download = downloadOf(path, name, derivation);
  return { path, name, outputs, fixed: derivationKind(derivation) === "fixed", download };
}

/** As `firstmile review` and `firstmile slice` take it. */
function sliceWords(request: FileRequest | FlakeRequest): string {
  if (request.kind === "flake") return request.attrs.map((attr) => `-A ${attr}`).join(" ");
  const file = request.file === "default.nix" ? [] : [`-f ${request.file}`];
  return [...file, ...request.attrs.map((attr) => `-A ${attr}`)].join(" ");
}

function sourcesIn(derivations: Iterable<ReadDerivation>): Set<StorePath> {
  return new Set([...derivations].flatMap(({ derivation }) => derivation.inputSrcs));
}

/** Nix reads a flake's own files past any view: from Git's objects, or from a copy of all of them. */
function sliceAsFlake({ name }: Source): Reason {
  const message = `source ${name} is judged by what is read of it, and of a flake itself Nix reads everything at once`;
  return lacking("view-unavailable", message, {
    remedy: `make it an input of a flake of your own, or evaluate a file of it: firstmile admit -f FILE -A ATTR`,
  });
}

function unknownSource(name: string): Reason {
  return lacking("unknown-source", `the policy has no source ${name}`, {
    remedy: `add [source.${tomlKey(name)}] to the trust repository`,
  });
}

function denied(reasons: Verdict): Admitted {
  return { verdict: { ...reasons, allowed: false }, roots: [], derivations: 0 };
}
