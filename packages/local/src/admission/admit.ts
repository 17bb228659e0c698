/**
 * Admission: from a commit somebody names to the derivations that Nix may build. Claim: every derivation recorded
 * came out of an evaluation, by this gate and offline, of trees of authentic commits and nothing else. Against: a
 * tree or lock that differs from what was signed, an expression that reaches outside, one that builds while it is
 * evaluated. And each download that is built with meets the policy's rules for downloads.
 */

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
import { StoreObjections } from "../gate/objections.ts";
import { Recipes } from "../gate/recipes.ts";
import type { RulesHolder, RulesInForce } from "../gate/rules-in-force.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { type DownloadJudge, downloadsReason, isSilent } from "../handoff/downloads.ts";
import { evaluatePinned } from "../pins/evaluate-pinned.ts";
import { PinSearch } from "../pins/pin-search.ts";
import { PinnedTrees } from "../pins/pinned-trees.ts";
import type { NotEvaluated } from "../sealing/evaluate.ts";
import { treePlace } from "../sealing/places.ts";
import type { SealRequest } from "../sealing/seal.ts";
import { readSealed, type SealedClosure } from "../sealing/sealed-closure.ts";
import type { AuthenticInput } from "./authentic-input.ts";
import type { Authenticator } from "./authenticator.ts";
import { type Closure, derivationsOf } from "./closure.ts";
import { type Evaluated, evaluateDirectory, evaluateFile, type FileQuestion } from "./evaluate-file.ts";
import { evaluateFlake } from "./evaluate-flake.ts";
import { FlakeInputs } from "./flake-inputs.ts";
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
  readonly repositories: SourceRepositories;
  readonly ledger: Ledger;
  readonly downloads: DownloadJudge;
  readonly nix: NixTools;
  /** Where trees are written for evaluation; this process's own. */
  readonly treesDir: string;
  /** Where what comes into the store is prepared; this process's own. */
  readonly importsDir: string;
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
  /** What the evaluation could fetch, for the store once all is allowed. */
  private readonly inputs: AuthenticInput[] = [];
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
    mkdirSync(this.options.treesDir, { recursive: true, mode: 0o755 });
    const treesDir = mkdtempSync(join(this.options.treesDir, "inputs-"));
    try {
      const evaluated =
        this.request.kind === "file"
          ? await this.file(this.request, treesDir)
          : await this.flake(this.request, treesDir);
      return evaluated && (await this.judged(evaluated));
    } finally {
      rmSync(treesDir, { recursive: true, force: true });
    }
  }

  /** Judges what came out of the seal. Only then is anything of it in the store of this machine. */
  private async judged(evaluated: Evaluated | NotEvaluated): Promise<Outcome | undefined> {
    await using _seal = evaluated.ok ? evaluated.seal : undefined;
    using sealed = evaluated.ok
      ? await readSealed(this.options.nix, evaluated, this.options.importsDir)
      : undefined;
    const closure = sealed?.closure;
    if (sealed && closure?.ok)
      await this.slices.takenWhole(sealed.reader, sourcesIn(closure.derivations.values()));
    // An evaluation that failed for a file that was held back is told as that.
    const slices = await this.slices.judge(sliceWords(this.request));
    this.reasons.push(...slices.reasons);
    if (slices.reasons.some((reason) => !reason.ok)) return undefined;
    this.basis.push(...slices.basis);
    if (!evaluated.ok) return this.stop(evaluated.reason);
    if (!closure?.ok) return this.stop(closure!.reason);
    const against = await this.objections(evaluated.roots, closure);
    if (against) return this.stop(against);
    const derivations = [...closure.derivations].map(([path, read]) => asAdmitted(path, read));
    if (!(await this.downloads(derivations)).ok) return undefined;
    const refused = await this.intoStore(sealed!);
    if (refused) return this.stop(refused);
    this.reasons.push(
      found(
        "admitted",
        `evaluates to ${evaluated.roots.join(", ")}, with ${derivations.length} ${derivations.length === 1 ? "derivation" : "derivations"} in all`,
      ),
    );
    return { roots: evaluated.roots, derivations };
  }

  /** What is allowed as a whole; the inputs too, which the user's own evaluation looks for when it is offline. */
  private async intoStore(sealed: SealedClosure): Promise<Reason | undefined> {
    for (const input of this.inputs) await input.keep();
    return sealed.import(this.options.nix);
  }

  private async downloads(derivations: readonly AdmittedDerivation[]): Promise<Reason> {
    const downloads = derivations.flatMap(({ download }) => download ?? []);
    const reason = downloadsReason(await this.options.downloads.judge(this.rules, downloads));
    if (downloads.length > 0 && !isSilent(this.rules)) this.reasons.push(reason);
    return reason;
  }

  /** Over the recipes at hand: what was just evaluated need not be in the store yet. */
  private async objections(
    roots: readonly DrvPath[],
    closure: Extract<Closure, { ok: true }>,
  ): Promise<Reason | undefined> {
    const objections = new StoreObjections(new Recipes(derivationsOf(closure)));
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

  private async file(request: FileRequest, treesDir: string): Promise<Evaluated | NotEvaluated | undefined> {
    const { commit, directoryName, file, attrs, argstr } = request;
    const treeDir = treePlace(directoryName);
    const question = { treeDir, file, attrs, argstr };
    if (this.source.authenticate === "slice") return this.slice(commit, question, treesDir);
    const from = await this.checkout(commit, directoryName);
    return this.evaluate(file, treesDir, (given, seal) =>
      evaluateDirectory(this.options.nix, from, { ...question, ...given }, seal),
    );
  }

  /** With nothing to fetch; and where it asks for something, with what its pins stand for. */
  private async evaluate(
    file: string,
    treesDir: string,
    evaluate: (given: Partial<FileQuestion>, seal: SealRequest) => Promise<Evaluated | NotEvaluated>,
  ): Promise<Evaluated | NotEvaluated> {
    const { nix, repositories, authenticator } = this.options;
    const search = new PinSearch(repositories, this.source, this.request.commit, file);
    const options = {
      repositories,
      nix,
      rules: this.rules,
      treesDir,
      authenticate: (source: Source, commit: CommitId) =>
        authenticator.authenticate(this.rules, { source: source.name, commit }),
      prepare: (source: Source, commit: CommitId) => this.slices.prepare(source, commit),
      show: (source: Source, commit: CommitId, stored: StorePath) =>
        this.slices.show(source, commit, stored, stored),
    };
    using pins = new PinnedTrees(options, search);
    const evaluated = await evaluatePinned(nix, pins, ({ seal, env, addresses }) =>
      evaluate({ env, addresses, read: this.slices.note }, { ...seal, views: this.slices.views }),
    );
    this.reasons.push(...pins.reasons);
    this.basis.push(...pins.basis);
    this.inputs.push(...pins.trees);
    if (evaluated.ok) return evaluated;
    const [reason, ...more] = evaluated.reasons;
    this.reasons.push(...more);
    return { ok: false, reason: reason! };
  }

  /** Through a view of the tree that shows what is covered: no file of it is written anywhere. */
  private async slice(
    commit: CommitId,
    question: FileQuestion,
    treesDir: string,
  ): Promise<Evaluated | NotEvaluated | undefined> {
    const origin = await this.slices.prepare(this.source, commit);
    this.reasons.push(origin);
    if (!origin.ok) return undefined;
    this.slices.show(this.source, commit, question.treeDir);
    const file = this.slices.path(question.file);
    if (typeof file !== "string") return this.stop(file);
    return this.evaluate(question.file, treesDir, (given, seal) =>
      evaluateFile(this.options.nix, { ...question, ...given, file }, seal),
    );
  }

  private async flake(
    { commit, dir, attrs, verb }: FlakeRequest,
    treesDir: string,
  ): Promise<Evaluated | NotEvaluated | undefined> {
    if (this.source.authenticate === "slice") return this.stop(sliceAsFlake(this.source));
    const { nix, repositories } = this.options;
    const show = (source: Source, id: CommitId, stored: StorePath) =>
      this.slices.show(source, id, stored, stored);
    const inputs = new FlakeInputs({ repositories, nix, treesDir, show }, this.rules, (source, id) =>
      this.input(source, id),
    );
    const reasons = await inputs.bring(this.source, commit, dir);
    this.reasons.push(...reasons);
    if (reasons.some((reason) => !reason.ok)) return undefined;
    const repository = await repositories.directory(this.source);
    const question = { repository, commit, dir, attrs, verb, treesDir, read: this.slices.note };
    const seal = { inputs: inputs.trees, views: this.slices.views };
    const evaluated = await evaluateFlake(nix, question, seal);
    this.inputs.push(...inputs.trees, ...(evaluated.ok ? evaluated.own : []));
    return evaluated;
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
    const unfinished = join(parent, `.${process.pid}-${performance.now()}`);
    const git = await neutralGit(await this.options.repositories.directory(this.source));
    try {
      using objects = new GitObjects(git.env);
      await writeTree(objects, await treeOf(objects, commit), unfinished);
      renameSync(unfinished, dir);
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
