/**
 * A seal: the machine's Nix in namespaces that hold the trees of one evaluation, a private store, and nothing else.
 *
 * Claims: what runs in it depends on the trees, the inputs and the arguments alone, reads no other byte of the machine,
 * asks no network and no daemon, and writes into the private store only. Against: any expression, signed or not, and
 * a reader who only wants to look at it. What comes out is data to judge: `store` may hold anything at all.
 * Leaves out faults of the kernel, and how long something takes, which an expression can see.
 */
import { cpSync, readdirSync } from "node:fs";
import type { NarHash } from "@firstmile/formats/nix/hash";
import type { StorePath } from "@firstmile/formats/nix/store-path";
import type { NixCommand, NixTools } from "../admission/nix-tools.ts";
import { type RunOptions, type RunResult, run } from "../process/run.ts";
import { userOf } from "../view/namespace.ts";
import { type OpenView, openView } from "../view/open.ts";
import type { ViewRecord, ViewResult, ViewTree } from "../view/view.ts";
import { evaluatorSettings } from "./evaluator-settings.ts";
import { Holder } from "./holder.ts";
import { resourceLimits, SEAL_LIMITS, type SealLimits } from "./limits.ts";
import { withoutSeal } from "./noise.ts";
import { SEALED, sealedEnvironment } from "./places.ts";
import { requireSealPrograms } from "./programs.ts";
import { evaluatorOf, isSame, type Mount, type Recipe, sealing, shownId } from "./recipe.ts";
import { SealError } from "./seal-error.ts";

/** A directory, seen read-only at a place of its own. */
export interface SealedTree {
  readonly at: string;
  readonly from: string;
}

/** A path that is valid in the private store. */
export interface SealedInput {
  readonly path: StorePath;
  readonly narHash: NarHash;
  readonly narSize: number;
  /** Where its content is. */
  readonly from: string;
}

export interface SealRequest {
  readonly trees?: readonly SealedTree[];
  readonly inputs?: readonly SealedInput[];
  /** Trees that are seen through a view; one whose place is an input's path stands for that input's content. */
  readonly views?: readonly ViewTree[];
  /** A directory that is copied in, at the same path, for Nix to write to: the cache of its Git fetcher. */
  readonly cache?: string;
  /** Experimental features. Default: those of the machine's Nix, on which derivations may depend. */
  readonly features?: readonly string[];
  readonly limits?: Partial<SealLimits>;
}

export interface OpenSeal extends AsyncDisposable {
  run(command: NixCommand, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** The private store's directory, readable from this process until the seal is disposed of. Judge what is in it. */
  readonly store: string;
  readonly inputs: readonly SealedInput[];
  readonly limits: SealLimits;
  readonly how: ViewResult["how"];
  /** Ends the views, and gives what was read of them. A command that is run later sees no tree. To be asked once. */
  record(): Promise<ViewRecord>;
}

const NOTHING: ViewRecord = { files: [], directories: [], broken: [] };

/** Throws `SealError`, `ViewError`, and what the views throw. */
export async function openSeal(nix: NixTools, request: SealRequest): Promise<OpenSeal> {
  const limits = { ...SEAL_LIMITS, ...request.limits };
  const programs = requireSealPrograms();
  const user = userOf(process);
  const evaluator = evaluatorOf(user);
  await using opening = new AsyncDisposableStack();
  const inputs = [...new Map((request.inputs ?? []).map((input) => [input.path, input])).values()];
  const { views = [] } = request;
  const view = views.length === 0 ? undefined : opening.use(await openView(views));
  const holder = opening.use(
    await Holder.start({ programs, limits, user, owner: evaluator, enter: view?.enter ?? [] }),
  );
  const own = ownMounts(holder, shownId(user, evaluator), nix.storeDir);
  const recipe: Recipe = {
    programs,
    user,
    evaluator,
    nix: await nix.files("nix"),
    others: await otherPrograms(nix, !isSame(user, evaluator), request),
    mounts: [...own, ...givenMounts(holder, { ...request, inputs }, view)],
    env: sealedEnvironment(nix.storeDir),
  };
  const settings = await evaluatorSettings(nix, request.features);
  const seal = new Seal(recipe, holder, view, limits, settings, new Set(own.map(({ at }) => at)));
  await seal.register(inputs);
  const opened = opening.move();
  return {
    run: (command, args, options) => seal.run(command, args, options),
    store: `${holder.path}/store`,
    inputs,
    limits,
    how: view?.how ?? "fuse",
    record: () => seal.end(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Git is there for `fetchGit` alone, whose cache is brought with it. */
async function otherPrograms(nix: NixTools, isAnother: boolean, { cache }: SealRequest) {
  return {
    ...(isAnother ? { setpriv: await nix.files("setpriv") } : {}),
    ...(cache === undefined ? {} : { git: await nix.files("git") }),
  };
}

/** The store is the outermost: inputs are put into it. */
function ownMounts(holder: Holder, id: number, storeDir: string): Mount[] {
  const passwd = `sealed:x:${id}:${id}::${SEALED.home}:/none\n`;
  return [
    { from: holder.sharedDirectory("store"), at: storeDir, writable: true },
    { from: holder.directory("state"), at: SEALED.state, writable: true },
    { from: holder.directory("home"), at: SEALED.home, writable: true },
    { from: holder.directory("tmp"), at: SEALED.temporary, writable: true },
    { from: holder.file("passwd", passwd), at: "/etc/passwd" },
  ];
}

function givenMounts(
  holder: Holder,
  { trees = [], inputs = [], views = [], cache }: SealRequest,
  view?: OpenView,
): Mount[] {
  const viewed = new Map(views.map(({ at }, i) => [at, view!.roots[i]!]));
  const shown = [...trees, ...inputs.map(({ path, from }) => ({ at: path as string, from }))];
  const plain = shown.filter(({ at }) => !viewed.has(at));
  const mounts = [...plain, ...[...viewed].map(([at, from]) => ({ at, from }))];
  // Outer ones first: they would hide what is put inside of them.
  mounts.sort((a, b) => a.at.length - b.at.length);
  return cache === undefined
    ? mounts
    : [...mounts, { from: copied(holder, cache), at: cache, writable: true }];
}

function copied(holder: Holder, cache: string): string {
  const at = holder.directory("cache");
  cpSync(cache, `${holder.path}/cache`, { recursive: true, verbatimSymlinks: true });
  for (const name of readdirSync(`${holder.path}/cache`, { recursive: true, encoding: "utf8" }))
    holder.give(`cache/${name}`);
  return at;
}

class Seal {
  #recipe: Recipe;
  readonly #holder: Holder;
  #view: OpenView | undefined;
  #hasEnded = false;
  /** Places of the seal itself. */
  readonly #own: ReadonlySet<string>;
  readonly #limits: SealLimits;
  readonly #settings: readonly string[];

  constructor(
    recipe: Recipe,
    holder: Holder,
    view: OpenView | undefined,
    limits: SealLimits,
    settings: readonly string[],
    own: ReadonlySet<string>,
  ) {
    this.#recipe = recipe;
    this.#holder = holder;
    this.#view = view;
    this.#limits = limits;
    this.#settings = settings;
    this.#own = own;
  }

  /** From now on, commands find nothing but the store as it was left. */
  async end(): Promise<ViewRecord> {
    const view = this.#view;
    this.#view = undefined;
    const mounts = this.#recipe.mounts.filter(({ at }) => this.#own.has(at));
    this.#recipe = { ...this.#recipe, mounts };
    this.#hasEnded = true;
    return view ? view.finish() : NOTHING;
  }

  /**
   * Whether a store that an evaluation has left could lead the next command's mounts out of the seal: by a link above
   * a place where a library goes. Root's evaluator cannot move what lies there; an ordinary user's is that user.
   */
  #isMisleading(): boolean {
    const { user, evaluator, nix, mounts } = this.#recipe;
    const [store] = mounts;
    return (
      this.#hasEnded &&
      isSame(user, evaluator) &&
      nix.libraries.some(({ at }) => at.startsWith(`${store!.at}/`))
    );
  }

  async run(command: NixCommand, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    if (this.#isMisleading())
      return { code: 1, stdout: Buffer.alloc(0), stderr: "error: the seal has ended" };
    // Before the command's own, which may turn on more features.
    const argv = this.#words(command, [...this.#settings, ...args], options.env);
    const { timeMs, outputBytes } = this.#limits;
    const limits = { timeoutMs: timeMs, maxBytes: outputBytes, ...options };
    const ended = await run(argv[0]!, argv.slice(1), { ...limits, cwd: "/", env: {}, alone: true });
    const problem = ended.code === 0 ? undefined : NOT_BEGUN.exec(ended.stderr)?.[0];
    if (problem !== undefined)
      throw isForbidden(problem) ? new SealError(problem) : new SealError(problem, "mend what it names");
    return ended;
  }

  /** Makes the inputs valid, and nothing else: path, hash, size, no deriver, no references. */
  async register(inputs: readonly SealedInput[]): Promise<void> {
    if (inputs.length === 0) return;
    const input = inputs
      .map(({ path, narHash, narSize }) => `${path}\n${narHash}\n${narSize}\n\n0\n`)
      .join("");
    const ended = await this.run("nix-store", ["--load-db"], { input });
    if (ended.code !== 0)
      throw new SealError(
        `the private store takes no inputs: ${withoutSeal(ended.stderr, []).trim()}`,
        "see whether Nix itself runs: nix-store --version",
      );
  }

  #words(command: NixCommand, args: readonly string[], more: NodeJS.ProcessEnv = {}): string[] {
    const { prlimit } = this.#recipe.programs;
    const env = { ...this.#recipe.env, ...(more as Record<string, string>) };
    const sealed = sealing({ ...this.#recipe, env }, command, args);
    const limited = [prlimit, ...resourceLimits(this.#limits), "--", ...sealed];
    const inside = [...this.#holder.enter, ...limited];
    return this.#view?.around(inside) ?? inside;
  }
}

/** Whether the kernel refused it, and not a file or a limit. */
function isForbidden(problem: string): boolean {
  return /namespace|uid map|not permitted|[Pp]ermission/.test(problem);
}

/** What these programs say before there is anything of Nix: its own first words are others. */
const NOT_BEGUN = /^(?:bwrap|prlimit|setpriv|nsenter|unshare|strace): .*/;
