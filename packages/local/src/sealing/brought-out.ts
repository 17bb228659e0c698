/**
 * What a sealed evaluation left in its private store, read as the work of an attacker.
 *
 * Claims: each derivation that comes out is what its path names. Each source is one of the authenticated inputs, or is
 * named by the content that was read here. What is imported later is what was read, since nothing is read twice.
 * Against: an evaluator that was taken over and wrote its store itself. Neither the private store's database nor
 * what the sealed Nix prints is believed: what a text refers to is asked, and then proven by the path. Leaves out
 * whether outputs follow from a derivation: closure.ts.
 */

import { FormatError } from "@firstmile/formats/bytes/error";
import { type Derivation, derivationReferences } from "@firstmile/formats/nix/derivation";
import {
  baseNameOf,
  type DrvPath,
  drvNameOf,
  hashPartOf,
  isDrvPath,
  parseStoreBaseName,
  parseStorePath,
  type StorePath,
  storeDirOf,
} from "@firstmile/formats/nix/store-path";
import { checkOutputs } from "../admission/closure.ts";
import {
  CorruptDerivation,
  type DerivationReader,
  type UnexplainedSource,
} from "../admission/derivation-reader.ts";
import { type BroughtDerivation, BroughtDerivations } from "./brought-derivations.ts";
import { ContainedDirectory } from "./contained.ts";
import { type ContentName, nameWithoutReferences, pathsIn, textName } from "./content-name.ts";
import { BadSource, type Budget, type CopiedSource, readCopied, sourceBudget } from "./copied-source.ts";
import type { FileCache } from "./file-cache.ts";

/** What paths refer to, in the words of a store: by path. Believed only where the path proves it. */
export type AskReferences = (paths: readonly StorePath[]) => Promise<ReadonlyMap<string, readonly string[]>>;

export interface SealedResult {
  /** The private store's directory, as this process can read it. Nothing in it runs any more. */
  readonly store: string;
  /** What its paths are called. */
  readonly storeDir: string;
  /** The inputs that the seal was given, authenticated by the caller. */
  readonly inputs: Iterable<StorePath>;
  /** Asks the sealed store. Without it, a text that does not spell out what it refers to is refused. */
  readonly references?: AskReferences;
  /** Takes the sources' NARs for an import. Without it, they are hashed and thrown away. */
  readonly cache?: FileCache;
  /** How much is read of sources. Default: what large package sets need. */
  readonly budget?: Budget;
}

/** A source that the evaluation copied. */
export interface BroughtSource extends ContentName, Pick<CopiedSource, "narHash" | "narSize"> {}

/** Sources until others get a turn. */
const A_TURN = 250;
const MAX_LISTED = 2_000_000;

const HOSTILE =
  "read the expression before you evaluate it again: Nix itself does not write this, so the evaluator was taken over or its memory is bad";
const TOO_MUCH =
  "copy less into the store: builtins.path with a filter takes only the files that a build needs";

/** How a path came up: as an input of a derivation it has to be a derivation itself. */
interface Asked {
  readonly path: StorePath;
  readonly as: "source" | "derivation";
}

export class BroughtOut implements DerivationReader, Disposable {
  readonly storeDir: string;
  readonly ifCorrupt = HOSTILE;
  readonly #result: SealedResult;
  readonly #directory: ContainedDirectory;
  readonly #inputs: ReadonlySet<StorePath>;
  readonly #budget: Budget;
  readonly #derivations: BroughtDerivations;
  readonly #sources = new Map<StorePath, BroughtSource>();
  /** Text files whose references are not proven yet. */
  readonly #unproven = new Map<StorePath, CopiedSource>();
  #byHash: ReadonlyMap<string, readonly StorePath[]> | undefined;

  constructor(result: SealedResult) {
    this.#result = result;
    this.storeDir = result.storeDir;
    this.#inputs = new Set(result.inputs);
    this.#budget = result.budget ?? sourceBudget();
    this.#directory = ContainedDirectory.open(result.store);
    this.#derivations = new BroughtDerivations(this.#directory, result.storeDir);
  }

  /** All that was read and held, for an import. Inputs are not among them. */
  get derivations(): ReadonlyMap<DrvPath, BroughtDerivation> {
    return this.#derivations.all;
  }

  get sources(): ReadonlyMap<StorePath, BroughtSource> {
    return this.#sources;
  }

  isInput(path: StorePath): boolean {
    return this.#inputs.has(path);
  }

  derivation(path: DrvPath): Derivation {
    return this.#derivations.at(path);
  }

  async unexplained(sources: readonly StorePath[]): Promise<UnexplainedSource | undefined> {
    let open: Asked[] = sources.map((path) => ({ path, as: "source" }));
    const carried = new Set<DrvPath>();
    while (open.length > 0) {
      const bad = await this.#explain(open, carried);
      if (bad) return bad;
      const proven = await this.#proveTexts();
      if ("problem" in proven) return proven;
      open = proven.references.map((path) => ({ path, as: "source" }));
    }
    await this.#checkCarried(carried);
    return undefined;
  }

  /** These and what they refer to, as far as that is known without asking. */
  async #explain(open: Asked[], carried: Set<DrvPath>): Promise<UnexplainedSource | undefined> {
    let done = 0;
    for (let asked = open.pop(); asked; asked = open.pop()) {
      const { path } = asked;
      if (++done % A_TURN === 0) await new Promise(setImmediate);
      if (this.#inputs.has(path) || this.#sources.has(path) || this.#unproven.has(path)) continue;
      if (isDrvPath(path) && carried.has(path)) continue;
      const derivation = this.#carriedDerivation(asked);
      if (derivation && isDrvPath(path)) {
        carried.add(path);
        for (const source of derivation.inputSrcs) open.push({ path: source, as: "source" });
        for (const input of derivation.inputDrvs.keys()) open.push({ path: input, as: "derivation" });
        continue;
      }
      const bad = await this.#source(path, open);
      if (bad) return bad;
    }
    return undefined;
  }

  /** A derivation that is taken as a file: what `drv.drvPath` gives in an attribute. A text may be called so too. */
  #carriedDerivation({ path, as }: Asked): Derivation | undefined {
    if (!isDrvPath(path)) return undefined;
    if (as === "derivation") return this.derivation(path);
    try {
      return this.derivation(path);
    } catch (error) {
      if (error instanceof CorruptDerivation) return undefined;
      throw error;
    }
  }

  async #source(path: StorePath, open: Asked[]): Promise<UnexplainedSource | undefined> {
    if (storeDirOf(path) !== this.storeDir) return unexplained(path, `which is not in ${this.storeDir}`);
    if (!this.#isThere(path))
      return unexplained(path, "which is neither an authenticated input nor copied by the evaluation");
    try {
      const copied = await this.#copied(path);
      const name = nameWithoutReferences(path, copied) ?? this.#spelledOut(path, copied);
      if (!name && !copied.file) return unexplained(path, NOT_BY_CONTENT);
      // Its text is not needed any more, and there may be many.
      if (!name) this.#unproven.set(path, { ...copied, file: { ...copied.file!, text: undefined } });
      else
        for (const reference of this.#hold(path, copied, name)) open.push({ path: reference, as: "source" });
      return undefined;
    } catch (error) {
      if (error instanceof BadSource) return badSource(path, error);
      throw error;
    }
  }

  #isThere(path: StorePath): boolean {
    return this.#directory.entry(Buffer.from(baseNameOf(path))) !== undefined;
  }

  async #copied(path: StorePath): Promise<CopiedSource> {
    using nar = this.#result.cache?.nar(path);
    const name = Buffer.from(baseNameOf(path));
    return await readCopied(this.#directory, name, this.#budget, (chunk) => nar?.write(chunk));
  }

  #hold(path: StorePath, { narHash, narSize }: CopiedSource, name: ContentName): readonly StorePath[] {
    this.#sources.set(path, { ...name, narHash, narSize });
    return name.references;
  }

  /** A text that refers to just the paths that it spells out. */
  #spelledOut(path: StorePath, copied: CopiedSource): ContentName | undefined {
    if (!copied.file?.text) return undefined;
    const spelled = pathsIn(copied.file.text, this.storeDir, (hash) => this.#known().get(hash) ?? []);
    return spelled.length === 0 ? undefined : textName(path, copied, spelled);
  }

  /** What the private store has, by the hash part. */
  #known(): ReadonlyMap<string, readonly StorePath[]> {
    if (this.#byHash) return this.#byHash;
    const byHash = new Map<string, StorePath[]>();
    let listed = 0;
    for (const name of this.#directory.names()) {
      if (++listed > MAX_LISTED) throw new BadSource("is one of too many", true);
      const path = asStorePath(name.toString("latin1"), this.storeDir);
      if (path) byHash.set(hashPartOf(path), [...(byHash.get(hashPartOf(path)) ?? []), path]);
    }
    this.#byHash = byHash;
    return byHash;
  }

  /** A text may refer to paths that it does not spell out; the sealed store then says which. */
  async #proveTexts(): Promise<{ references: StorePath[] } | UnexplainedSource> {
    const open = [...this.#unproven];
    this.#unproven.clear();
    if (open.length === 0) return { references: [] };
    const told = await this.#result.references?.(open.map(([path]) => path));
    const references: StorePath[] = [];
    for (const [path, copied] of open) {
      const asked = (told?.get(path) ?? []).flatMap((text) => asReference(text, this.storeDir) ?? []);
      const name = textName(path, copied, asked);
      if (!name) return unexplained(path, NOT_BY_CONTENT);
      references.push(...this.#hold(path, copied, name));
    }
    return { references };
  }

  async #checkCarried(carried: ReadonlySet<DrvPath>): Promise<void> {
    const read = [...carried].map((path) => {
      const derivation = this.derivation(path);
      return [path, { name: drvNameOf(path), derivation }] as const;
    });
    await checkOutputs(new Map(read), this.storeDir);
  }

  async requisites(paths: Iterable<StorePath>): Promise<ReadonlySet<string>> {
    const seen = new Set<StorePath>(paths);
    // It grows while it is walked.
    for (const path of seen) for (const reference of this.referencesOf(path)) seen.add(reference);
    return seen;
  }

  /** What a path that was read refers to. Throws where it was not read. */
  referencesOf(path: StorePath): readonly StorePath[] {
    const derivation = isDrvPath(path) ? this.#derivations.all.get(path) : undefined;
    if (derivation) return derivationReferences(derivation.derivation);
    const source = this.#sources.get(path);
    if (source) return source.references;
    if (this.#inputs.has(path)) return [];
    throw new Error(`${path} was not read`);
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

const NOT_BY_CONTENT = "from the sealed store, which is not named by its content";

function unexplained(path: StorePath, problem: string): UnexplainedSource {
  return { path, problem };
}

function badSource(path: StorePath, { message, isLimit }: BadSource): UnexplainedSource {
  const refusal = isLimit
    ? ({ code: "evaluation-failed", remedy: TOO_MUCH } as const)
    : ({ code: "derivation-corrupt", remedy: HOSTILE } as const);
  return { path, problem: `from the sealed store, which ${message}`, refusal };
}

function asStorePath(baseName: string, storeDir: string): StorePath | undefined {
  return orNone(() => parseStoreBaseName(baseName, storeDir));
}

function asReference(text: string, storeDir: string): StorePath | undefined {
  return orNone(() => parseStorePath(text, storeDir));
}

function orNone<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
