/** A history while it grows: its heads, who may sign what, and what was read of it. */
import type { Dice } from "./dice.ts";
import {
  type Commit,
  type File,
  type Files,
  type Mode,
  PEOPLE,
  type Person,
  pathsOf,
  type Review,
  sameFile,
  takingPart,
} from "./history.ts";
import { Provenance } from "./provenance.ts";
import { meets, type RuleSet, ruleOf } from "./rules.ts";
import { merged, Words } from "./texts.ts";

export const PATHS = ["default.nix", "flake.nix", "lib/a", "lib/b", "docs/q", "docs/r"] as const;

export interface Head {
  at: number;
  readonly owner: Person;
}

export interface Making {
  readonly move: string;
  /** Whose head it is. */
  readonly owner?: Person;
  /** How likely it is that a person signs whom the rules do not let. */
  readonly trick?: number;
}

/** How a history is made: all of it honest, or with tricks of this probability at each commit. */
export interface Manner {
  readonly rules: RuleSet;
  readonly mode: Mode;
  readonly honest: boolean;
  readonly trick: number;
}

export class Growth {
  readonly dice: Dice;
  readonly manner: Manner;
  readonly words = new Words();
  readonly commits: Commit[] = [];
  readonly reviews: Review[] = [];
  /** The first is the line that leads to the tip. */
  readonly heads: Head[] = [];
  /** What is still to be done of something that takes several commits. */
  readonly agenda: (() => void)[] = [];
  introduction = 0;
  private readonly introduced = new Set<number>();
  private readonly provenance = new Provenance(this.introduced);
  /** Of each commit itself and its ancestors, as bits. */
  private readonly reaching: bigint[] = [];

  constructor(dice: Dice, manner: Manner) {
    this.dice = dice;
    this.manner = manner;
  }

  get main(): Head {
    return this.heads[0]!;
  }

  files(at: number): Files {
    return this.commits[at]!.files;
  }

  /** The first commits, up to the introduction, all by alice and her signing everything. */
  begin(files: Files, isIntroduction: boolean): void {
    const place = this.commits.length;
    this.introduced.add(place);
    this.put(place === 0 ? [] : [place - 1], files, ["alice", "bob"], "begins");
    if (isIntroduction) {
      this.introduction = place;
      this.heads.push({ at: place, owner: "alice" });
    }
  }

  /**
   * A commit by people who may write what it changes, or now and then by others; undefined where nobody may and
   * nobody dares.
   */
  commit(parents: readonly number[], files: Files, making: Making): number | undefined {
    const trick = making.trick ?? this.manner.trick;
    if (!this.manner.honest && this.dice.chance(trick))
      return this.put(parents, files, [this.dice.pick(PEOPLE)], making.move);
    const signers = this.permitted(this.toBeWritten(parents, files), making.owner);
    return signers && this.put(parents, files, signers, making.move);
  }

  isAncestor(old: number, of: number): boolean {
    return (this.reaching[of]! & (1n << BigInt(old))) !== 0n;
  }

  ancestors(at: number): number[] {
    return [...this.commits.keys()].filter((old) => this.isAncestor(old, at));
  }

  /** The youngest common ancestor; undefined where there is none. */
  base(a: number, b: number): number | undefined {
    return [...this.commits.keys()].findLast((old) => this.isAncestor(old, a) && this.isAncestor(old, b));
  }

  /** Both sides' changes since their base; what only a person can decide is as `ours` has it. */
  mergedFiles(ours: Files, theirs: Files, base: Files): Map<string, File> {
    const files = new Map<string, File>();
    for (const path of pathsOf([ours, theirs, base])) {
      const file = merged(base.get(path), ours.get(path), theirs.get(path));
      const kept = file === null ? (ours.get(path) ?? theirs.get(path)) : file;
      if (kept) files.set(path, kept);
    }
    return files;
  }

  filesOrNone(at: number | undefined): Files {
    return at === undefined ? new Map() : this.files(at);
  }

  /** Lines that files at this path ever had. */
  oldLines(path: string): string[] {
    return [...new Set(this.commits.flatMap(({ files }) => files.get(path)?.lines ?? []))];
  }

  /** Somebody says to have read all that has to be read between two commits; people who wrote it seldom do. */
  read(from: number | undefined, to: number, who: readonly Person[]): void {
    const [before, after] = [this.filesOrNone(from), this.files(to)];
    const part = new Set(
      [...this.commits.keys()]
        .filter((at) => this.isAncestor(at, to) && (from === undefined || !this.isAncestor(at, from)))
        .flatMap((at) => takingPart(this.commits[at]!)),
    );
    for (const by of who) {
      if (part.has(by) && !(this.dice.chance(0.15) && !this.manner.honest)) continue;
      for (const path of pathsOf([before, after])) this.readPath(by, path, before.get(path), after.get(path));
    }
  }

  readPath(by: Person, path: string, before: File | undefined, after: File | undefined): void {
    if (sameFile(before, after) || !ruleOf(this.manner.rules, path).review) return;
    this.reviews.push({ by, verdict: "approve", path, before, after });
  }

  private toBeWritten(parents: readonly number[], files: Files): string[] {
    if (this.manner.mode === "every-commit") return [...this.provenance.ownOf(parents, files).keys()];
    const base = this.manner.mode === "tip" ? this.introduction : parents[0];
    const before = this.filesOrNone(base);
    return [...pathsOf([before, files])].filter((path) => !sameFile(before.get(path), files.get(path)));
  }

  private permitted(paths: readonly string[], owner: Person | undefined): Person[] | undefined {
    const alone = this.dice.shuffled(PEOPLE).map((name) => [name]);
    const first = owner && this.dice.chance(0.8) ? [[owner]] : [];
    const pairs = this.dice.shuffled([
      ["alice", "bob"],
      ["bob", "carol"],
      ["carol", "alice"],
    ] as Person[][]);
    return [...first, ...alone, ...pairs].find((people) =>
      paths.every((path) => meets(ruleOf(this.manner.rules, path).write, people)),
    );
  }

  private put(parents: readonly number[], files: Files, people: readonly Person[], move: string): number {
    const place = this.commits.length;
    const [signer, ...cosigners] = people as [Person, ...Person[]];
    const other = () => (this.dice.chance(0.04) ? this.dice.pick(PEOPLE) : signer);
    const coAuthors = this.dice.chance(0.03) ? [this.dice.pick(PEOPLE)] : [];
    this.commits.push({
      parents,
      files,
      author: other(),
      committer: other(),
      coAuthors,
      signer,
      cosigners,
      move,
    });
    this.provenance.add(parents, files);
    this.reaching.push(parents.reduce((bits, parent) => bits | this.reaching[parent]!, 1n << BigInt(place)));
    return place;
  }
}
