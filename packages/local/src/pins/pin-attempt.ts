/**
 * One pin, taken for what is meant: its commit authenticated, its tree held against its hash and put where its fetcher
 * looks. Against: what pinned-trees.ts names. Leaves out which pin is meant.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { LockedReference } from "@firstmile/formats/nix/flake-lock";
import { sriHash } from "@firstmile/formats/nix/hash";
import type { CommitPin } from "@firstmile/formats/nix/pin";
import type { StorePath } from "@firstmile/formats/nix/store-path";
import type { Source } from "@firstmile/trust/policy/policy";
import { found, lacking, type Reason } from "@firstmile/trust/verdict/verdict";
import { type AuthenticInput, viewedInput, writtenInput } from "../admission/authentic-input.ts";
import { LockedTrees } from "../admission/locked-trees.ts";
import type { NixTools } from "../admission/nix-tools.ts";
import { notPlain } from "../admission/slices.ts";
import type { SourceRepositories } from "../admission/source-repositories.ts";
import type { RulesInForce } from "../gate/rules-in-force.ts";
import type { GitMirrors } from "./git-mirror.ts";
import type { NamedPin } from "./tree-pins.ts";

export interface PinAttemptOptions {
  readonly repositories: SourceRepositories;
  readonly nix: NixTools;
  readonly rules: Pick<RulesInForce, "policy">;
  /** The finding on a commit of a source that is authenticated as a whole. */
  readonly authenticate: (source: Source, commit: CommitId) => Promise<Reason>;
  /** The finding on a commit of which only what is read is judged: whether it is of the source at all. */
  readonly prepare: (source: Source, commit: CommitId) => Promise<Reason>;
  /** Has its tree seen at its place in the store, through a view that shows what is covered. */
  readonly show: (source: Source, commit: CommitId, stored: StorePath) => void;
  /** A directory of this process's own, for trees that the store does not have. The caller removes it. */
  readonly treesDir: string;
}

export interface BroughtPin {
  readonly ok: true;
  readonly reasons: readonly Reason[];
  readonly source: Source;
  readonly commit: CommitId;
  /** In SRI, for people; empty where Nix computes it. */
  readonly hash: string;
  /** Undefined for what `fetchGit` is given. */
  readonly tree?: AuthenticInput;
  /** Only what is read of it is judged. */
  readonly viewed?: boolean;
}

export type PinOutcome = BroughtPin | { readonly ok: false; readonly reasons: readonly Reason[] };

export class PinAttempt {
  readonly #options: PinAttemptOptions;
  readonly #pin: NamedPin & { readonly pin: CommitPin };
  readonly #storeName: string;
  readonly #locked: LockedReference;
  readonly #reasons: Reason[] = [];
  #canBeViewed = false;

  constructor(options: PinAttemptOptions, pin: NamedPin & { readonly pin: CommitPin }, storeName: string) {
    this.#options = options;
    this.#pin = pin;
    this.#storeName = storeName;
    const { repository: url, rev, narHash } = pin.pin;
    this.#locked = { type: "git", url, rev, fields: {}, ...(narHash === undefined ? {} : { narHash }) };
  }

  /** For `fetchTarball`. */
  async tree(): Promise<PinOutcome> {
    this.#canBeViewed = true;
    const from = await this.#commit();
    if (!from) return { ok: false, reasons: this.#reasons };
    const { source, commit } = from;
    const viewed = source.authenticate === "slice";
    const { nix, treesDir } = this.#options;
    const keep = () => this.#check(source, commit, (tree) => tree.addToStore());
    const checked = await this.#check(source, commit, async (tree) => ({
      isPlain: tree.isPlain,
      input: viewed
        ? viewedInput(tree, keep)
        : await writtenInput(nix, tree, treesDir, (dir) => tree.writeTo(dir)),
    }));
    if (!checked) return { ok: false, reasons: this.#reasons };
    if (viewed && !checked.isPlain)
      return { ok: false, reasons: [notPlain(this.#pin.label, this.#pin.renew)] };
    const { input: tree } = checked;
    if (viewed) this.#options.show(source, commit, tree.path);
    return { ok: true, reasons: this.#reasons, source, commit, hash: sriHash(tree.narHash), tree, viewed };
  }

  /** For `fetchGit`: into the cache where it looks. */
  async git(mirrors: GitMirrors, addresses: readonly string[]): Promise<PinOutcome> {
    const from = await this.#commit();
    if (!from) return { ok: false, reasons: this.#reasons };
    const { source, commit } = from;
    if (this.#pin.pin.narHash !== undefined && !(await this.#check(source, commit, async () => true)))
      return { ok: false, reasons: this.#reasons };
    await mirrors.add(await this.#options.repositories.directory(source), commit, addresses);
    const given = `${this.#pin.label} is commit ${commit}, given to fetchGit from its own objects`;
    return { ok: true, reasons: [...this.#reasons, found("authentic", given)], source, commit, hash: "" };
  }

  async #commit(): Promise<{ source: Source; commit: CommitId } | undefined> {
    const judge = async (source: Source, commit: CommitId) => {
      const reason = await this.#judge(source, commit);
      this.#reasons.push(reason);
      return reason;
    };
    const { repositories, nix, rules } = this.#options;
    const from = await new LockedTrees({ repositories, nix }, rules, judge).commit(
      this.#pin.label,
      this.#locked,
    );
    if (!from || !("code" in from)) return from;
    this.#reasons.push(from);
    return undefined;
  }

  async #judge(source: Source, commit: CommitId): Promise<Reason> {
    if (source.authenticate !== "slice") return this.#options.authenticate(source, commit);
    if (!this.#canBeViewed) return wholeTreeAsked(this.#pin.label, source);
    return this.#options.prepare(source, commit);
  }

  async #check<T>(
    source: Source,
    commit: CommitId,
    use: Parameters<typeof LockedTrees.prototype.tree<T>>[3],
  ): Promise<T | undefined> {
    const { repositories, nix, rules } = this.#options;
    const trees = new LockedTrees({ repositories, nix }, rules, this.#options.authenticate);
    const { label, renew } = this.#pin;
    const unhashed = this.#pin.pin.narHash === undefined;
    const wanted = { label, locked: this.#locked, renew, storeName: this.#storeName, unhashed };
    const { reason, used } = await trees.tree(wanted, source, commit, use);
    this.#reasons.push(reason);
    return used;
  }
}

function wholeTreeAsked(label: string, { name }: Source): Reason {
  const message = `${label} is given whole to fetchGit, and of source ${name} only what is read has to be covered`;
  return lacking("not-covered", message, {
    remedy: "fetch it with fetchTarball and a sha256, so that it can be read through a view",
  });
}
