/**
 * Admission: from a commit somebody names to the derivations that Nix may build. Claim: every derivation recorded
 * came out of an evaluation, by this gate and offline, of trees of authentic commits and nothing else. Against: a
 * tree or lock that differs from what was signed, an expression that reaches outside, one that builds while it is
 * evaluated. And each download that is built with meets the policy's rules for downloads.
 */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { derivationKind } from "@firstmile/formats/nix/derivation";
import type { DrvPath, StorePath } from "@firstmile/formats/nix/store-path";
import { downloadOf } from "@firstmile/trust/handoff/download";
import type { SourceName } from "@firstmile/trust/policy/names";
import type { Source } from "@firstmile/trust/policy/policy";
import { tomlKey } from "@firstmile/trust/policy/toml-key";
import { found, lacking, type Reason, type Verdict, verdict } from "@firstmile/trust/verdict/verdict";
import type { Asker } from "../gate/control.ts";
import { impureIn } from "../gate/impure.ts";
import type { AdmittedDerivation, BroughtBasis, Ledger } from "../gate/ledger.ts";
import { StoreObjections } from "../gate/objections.ts";
import { Recipes } from "../gate/recipes.ts";
import type { RulesHolder, RulesInForce } from "../gate/rules-in-force.ts";
import { type DownloadJudge, downloadsReason, isSilent } from "../handoff/downloads.ts";
import type { NotEvaluated } from "../sealing/evaluate.ts";
import { readSealed, type SealedClosure } from "../sealing/sealed-closure.ts";
import { againstArguments, type Given } from "./arguments.ts";
import type { AuthenticInput } from "./authentic-input.ts";
import type { Authenticator } from "./authenticator.ts";
import { type Closure, derivationsOf } from "./closure.ts";
import type { Evaluated } from "./evaluate-file.ts";
import { RequestEvaluation } from "./evaluate-request.ts";
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
  async admit(asked: AdmissionRequest, asker: Asker): Promise<Admitted> {
    const subject = { kind: "request", words: wordsOf(asked) } as const;
    const rules = await this.options.rules.get();
    if (!rules.ok) return denied(verdict(subject, [rules.reason]));
    const request = asked.kind === "remote flake" ? await this.fetched(rules.rules, asked) : asked;
    if ("code" in request) return denied(verdict(subject, [request]));
    const source = rules.rules.policy.sources.get(request.source as SourceName);
    if (!source) return denied(verdict(subject, [unknownSource(request.source)]));
    const given = givenBy(asker, request);
    const against = given && againstArguments(source, given);
    if (against) return denied(verdict(subject, [against]));
    const attempt = new Attempt(this.options, rules.rules, source, request);
    const outcome = await attempt.run();
    const reasons = verdict(subject, [rules.rules.reason, ...attempt.reasons]);
    if (!reasons.allowed || !outcome) return denied(reasons);
    const basis = given ? withArguments(attempt.basis, request, given) : attempt.basis;
    // Before it is confirmed: what is admitted must not lose its commit.
    for (const { source: name, commit } of attempt.basis) {
      await this.options.repositories.keep(rules.rules.policy.sources.get(name as SourceName)!, commit);
    }
    this.options.ledger.admit(subject.words, basis, outcome.derivations, this.options.clock());
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

/** Arguments that the source's rules must allow. */
function givenBy(asker: Asker, request: FileRequest | FlakeRequest): Given | undefined {
  if (asker === "root" || request.kind !== "file") return undefined;
  return Object.keys(request.argstr).length > 0 ? request.argstr : undefined;
}

/** On the source whose expressions they were given to, so that its rules of the day are asked at each build. */
function withArguments(
  basis: readonly BroughtBasis[],
  { source, commit }: FileRequest | FlakeRequest,
  given: Given,
): BroughtBasis[] {
  const own = basis.filter((one) => one.source === source);
  const others = basis.filter((one) => one.source !== source);
  return [...(own.length > 0 ? own : [{ source, commit }]).map((one) => ({ ...one, given })), ...others];
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
    mkdirSync(this.options.treesDir, { recursive: true, mode: 0o755 });
    const treesDir = mkdtempSync(join(this.options.treesDir, "inputs-"));
    const { options, rules, source, slices } = this;
    const evaluation = new RequestEvaluation({ options, rules, source, slices, treesDir });
    try {
      const evaluated = await evaluation.run(this.request);
      this.reasons.push(...evaluation.reasons);
      this.basis.push(...evaluation.basis);
      return evaluated && (await this.judged(evaluated, evaluation.inputs));
    } finally {
      rmSync(treesDir, { recursive: true, force: true });
    }
  }

  /** Judges what came out of the seal. Only then is anything of it in the store of this machine. */
  private async judged(
    evaluated: Evaluated | NotEvaluated,
    inputs: readonly AuthenticInput[],
  ): Promise<Outcome | undefined> {
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
    const impure = impureIn(this.rules.policy, closure.derivations);
    if (impure) return this.stop(impure);
    const derivations = [...closure.derivations].map(([path, read]) => asAdmitted(path, read));
    if (!(await this.downloads(derivations)).ok) return undefined;
    if (this.reasons.some((reason) => !reason.ok)) return undefined;
    const refused = await this.intoStore(sealed!, inputs);
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
  private async intoStore(
    sealed: SealedClosure,
    inputs: readonly AuthenticInput[],
  ): Promise<Reason | undefined> {
    for (const input of inputs) await input.keep();
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

function unknownSource(name: string): Reason {
  return lacking("unknown-source", `the policy has no source ${name}`, {
    remedy: `add [source.${tomlKey(name)}] to the trust repository`,
  });
}

function denied(reasons: Verdict): Admitted {
  return { verdict: { ...reasons, allowed: false }, roots: [], derivations: 0 };
}
