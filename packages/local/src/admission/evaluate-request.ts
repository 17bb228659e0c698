/**
 * Evaluates one request of an admission, with all that it may fetch.
 *
 * Claims: what the evaluation could read are the trees of authentic commits, and of a source that is judged by its slices
 * what a view shows of it. Against: an expression that is not what was signed. Leaves out judging what it came to, and what
 * of a view was read: admit.ts. Nothing is in the machine's store when it ends.
 */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { StorePath } from "@firstmile/formats/nix/store-path";
import type { Source } from "@firstmile/trust/policy/policy";
import { lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import type { BroughtBasis } from "../gate/ledger.ts";
import type { RulesInForce } from "../gate/rules-in-force.ts";
import { neutralGit } from "../git/neutral.ts";
import { GitObjects } from "../git/objects.ts";
import { evaluatePinned } from "../pins/evaluate-pinned.ts";
import { PinSearch } from "../pins/pin-search.ts";
import { PinnedTrees } from "../pins/pinned-trees.ts";
import type { NotEvaluated } from "../sealing/evaluate.ts";
import { treePlace } from "../sealing/places.ts";
import type { SealRequest } from "../sealing/seal.ts";
import type { AdmissionOptions } from "./admit.ts";
import type { AuthenticInput } from "./authentic-input.ts";
import { type Evaluated, evaluateDirectory, evaluateFile, type FileQuestion } from "./evaluate-file.ts";
import { evaluateFlake } from "./evaluate-flake.ts";
import { FlakeInputs } from "./flake-inputs.ts";
import type { FileRequest, FlakeRequest } from "./requests.ts";
import type { AdmissionSlices } from "./slices.ts";
import { writeTree } from "./tree.ts";
import { treeOf } from "./tree-of.ts";

export interface RequestContext {
  readonly options: AdmissionOptions;
  readonly rules: RulesInForce;
  /** The request's own. */
  readonly source: Source;
  readonly slices: AdmissionSlices;
  /** A directory of this request's own, for trees. The caller removes it once it has read the seal. */
  readonly treesDir: string;
}

type MaybeEvaluated = Evaluated | NotEvaluated | undefined;

export class RequestEvaluation {
  /** Findings on what was evaluated and brought, in order. */
  readonly reasons: Reason[] = [];
  readonly basis: BroughtBasis[] = [];
  /** What the evaluation could fetch, for the store once all is allowed. */
  readonly inputs: AuthenticInput[] = [];
  private readonly context: RequestContext;

  constructor(context: RequestContext) {
    this.context = context;
  }

  /** Undefined where a finding does not hold before anything is evaluated. */
  async run(request: FileRequest | FlakeRequest): Promise<MaybeEvaluated> {
    const { source } = this.context;
    if (source.authenticate !== "slice" && !(await this.authenticate(source, request.commit)).ok)
      return undefined;
    return request.kind === "file" ? this.file(request) : this.flake(request);
  }

  private async authenticate(source: Source, commit: CommitId): Promise<Reason> {
    const { options, rules } = this.context;
    const reason = await options.authenticator.authenticate(rules, { source: source.name, commit });
    this.reasons.push(reason);
    this.basis.push({ source: source.name, commit });
    return reason;
  }

  private async file(request: FileRequest): Promise<MaybeEvaluated> {
    const { commit, directoryName, file, attrs, argstr } = request;
    const { source, options } = this.context;
    const treeDir = treePlace(directoryName);
    const question = { treeDir, file, attrs, argstr };
    if (source.authenticate === "slice") return this.slice(commit, question);
    const from = await this.checkout(commit, directoryName);
    return this.evaluate(request, (given, seal) =>
      evaluateDirectory(options.nix, from, { ...question, ...given }, seal),
    );
  }

  /** With nothing to fetch; and where it asks for something, with what its pins stand for. */
  private async evaluate(
    { commit, file }: Pick<FileRequest, "commit" | "file">,
    evaluate: (given: Partial<FileQuestion>, seal: SealRequest) => Promise<Evaluated | NotEvaluated>,
  ): Promise<Evaluated | NotEvaluated> {
    const { options, rules, source, slices, treesDir } = this.context;
    const { nix, repositories, authenticator } = options;
    const search = new PinSearch(repositories, source, commit, file);
    const wanted = {
      ...{ repositories, nix, rules, treesDir, show: this.show },
      authenticate: (pinned: Source, id: CommitId) =>
        authenticator.authenticate(rules, { source: pinned.name, commit: id }),
      prepare: (pinned: Source, id: CommitId) => slices.prepare(pinned, id),
    };
    using pins = new PinnedTrees(wanted, search);
    const evaluated = await evaluatePinned(nix, pins, ({ seal, env, addresses }) =>
      evaluate({ env, addresses, read: slices.note }, { ...seal, views: slices.views }),
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
  private async slice(commit: CommitId, question: FileQuestion): Promise<MaybeEvaluated> {
    const { options, source, slices } = this.context;
    const origin = await slices.prepare(source, commit);
    this.reasons.push(origin);
    if (!origin.ok) return undefined;
    slices.show(source, commit, question.treeDir);
    const file = slices.path(question.file);
    if (typeof file !== "string") return this.stop(file);
    return this.evaluate({ commit, file: question.file }, (given, seal) =>
      evaluateFile(options.nix, { ...question, ...given, file }, seal),
    );
  }

  private async flake({ commit, dir, attrs, verb }: FlakeRequest): Promise<MaybeEvaluated> {
    const { options, rules, source, slices, treesDir } = this.context;
    if (source.authenticate === "slice") return this.stop(sliceAsFlake(source));
    const { nix, repositories } = options;
    const wanted = { repositories, nix, treesDir, show: this.show };
    const inputs = new FlakeInputs(wanted, rules, (input, id) => this.input(input, id));
    const reasons = await inputs.bring(source, commit, dir);
    this.reasons.push(...reasons);
    if (reasons.some((reason) => !reason.ok)) return undefined;
    const repository = await repositories.directory(source);
    const question = { repository, commit, dir, attrs, verb, treesDir, read: slices.note };
    const evaluated = await evaluateFlake(nix, question, { inputs: inputs.trees, views: slices.views });
    this.inputs.push(...inputs.trees, ...(evaluated.ok ? evaluated.own : []));
    return evaluated;
  }

  /** Shows a slice source's tree at its store path. */
  private readonly show = (source: Source, commit: CommitId, stored: StorePath): void =>
    this.context.slices.show(source, commit, stored, stored);

  /** Of a source that is judged by its slices, only where it comes from is known before something is read of it. */
  private async input(source: Source, commit: CommitId): Promise<Reason> {
    if (source.authenticate !== "slice") return this.authenticate(source, commit);
    const origin = await this.context.slices.prepare(source, commit);
    this.reasons.push(origin);
    return origin;
  }

  /** The commit's tree as files, below a directory of the user's name for it. Written whole or not at all. */
  private async checkout(commit: CommitId, directoryName: string): Promise<string> {
    const { options, source } = this.context;
    const parent = join(options.treesDir, source.name, commit);
    const dir = join(parent, directoryName);
    if (existsSync(dir)) return dir;
    mkdirSync(parent, { recursive: true, mode: 0o755 });
    const unfinished = join(parent, `.${randomUUID()}`);
    const git = await neutralGit(await options.repositories.directory(source));
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

/** Nix reads a flake's own files past any view: from Git's objects, or from a copy of all of them. */
function sliceAsFlake({ name }: Source): Reason {
  const message = `source ${name} is judged by what is read of it, and of a flake itself Nix reads everything at once`;
  return lacking("view-unavailable", message, {
    remedy: `make it an input of a flake of your own, or evaluate a file of it: firstmile admit -f FILE -A ATTR`,
  });
}
