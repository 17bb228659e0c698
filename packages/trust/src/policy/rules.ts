/**
 * The rules of a source, path by path. A source is judged by its commits or by the files that an evaluation reads: what
 * speaks of the one is refused where the other is looked at, since a rule that is passed over is a hole.
 */

import type { z } from "zod";
import { checkShape } from "./check.ts";
import type { DefectList } from "./defect.ts";
import { child, type Node } from "./document.ts";
import type { GroupUses } from "./group-uses.ts";
import { quoted } from "./nearest.ts";
import { compileGlob, type Glob } from "./paths.ts";
import type { Group, ReviewRule, Rule } from "./policy.ts";
import { ruleShape } from "./shape.ts";
import { tomlKey } from "./toml-key.ts";

/** Met by nobody, whoever signs. */
const NOBODY: Group = { any: 1, of: [] };

export class RuleReader {
  readonly #uses: GroupUses;
  readonly #defects: DefectList;

  constructor(uses: GroupUses, defects: DefectList) {
    this.#uses = uses;
    this.#defects = defects;
  }

  /** All of a source; `isSlice`: it is judged by the files that an evaluation reads. */
  rules(name: string, node: Node, isSlice: boolean): Rule[] {
    const list = child(node, "rule");
    if (list !== undefined && !Array.isArray(list.value)) return [];
    const nodes = (list?.value ?? []) as Node[];
    if (nodes.length === 0 && node.value instanceof Map) {
      const key = isSlice ? "review" : "write";
      const help = `add [[source.${tomlKey(name)}.rule]] with paths = ["**"] and ${key} = "a role"`;
      this.#defects.add(node.keyAt, "source-without-rules", `nobody may ${key} ${quoted(name)}`, help);
    }
    return nodes.map((rule) => this.#rule(rule, isSlice)).filter((rule) => rule !== undefined);
  }

  #rule(node: Node, isSlice: boolean): Rule | undefined {
    const shape = checkShape(ruleShape, node, "rule", this.#defects);
    if (!shape) return undefined;
    const list = child(node, "paths")!;
    const paths = shape.paths.map((text, i) => this.#glob(text, child(list, i)!));
    const write = isSlice ? this.#noWriter(shape, node) : this.#writer(shape, node);
    const review = this.#review(shape, node);
    const waive = this.#uses.waive(shape.waive, node);
    if (!write || review === "broken") return undefined;
    return {
      paths: paths.filter((glob) => glob !== undefined),
      write: write.group,
      role: write.role,
      review,
      waive,
      ...(shape.listings === "shown" ? { listings: shape.listings } : {}),
      line: node.at.line,
    };
  }

  #writer({ write, anywhere, waive, listings }: z.infer<typeof ruleShape>, node: Node) {
    if (listings !== undefined) onlyWithSlice(this.#defects, "listings", child(node, "listings")!);
    if (anywhere !== undefined) onlyWithSlice(this.#defects, "anywhere", child(node, "anywhere")!);
    if (waive !== undefined) onlyWithSlice(this.#defects, "waive", child(node, "waive")!);
    if (write !== undefined) return this.#uses.who(write, child(node, "write")!);
    missingKey(this.#defects, node, "write", "a rule");
    return undefined;
  }

  /** Whoever wrote a file is not asked, so nobody may believe that it is. */
  #noWriter({ review }: z.infer<typeof ruleShape>, node: Node) {
    if (review === undefined) missingKey(this.#defects, node, "review", "a rule of a slice");
    onlyWithCommits(this.#defects, "write", child(node, "write"));
    onlyWithCommits(this.#defects, "merge_is_review", child(node, "merge_is_review"));
    onlyWithCommits(this.#defects, "reverts", child(node, "reverts"));
    return review === undefined ? undefined : { group: NOBODY, role: undefined };
  }

  #review(
    { review, merge_is_review, bump, reverts, anywhere }: z.infer<typeof ruleShape>,
    node: Node,
  ): ReviewRule | undefined | "broken" {
    if (review === undefined) {
      const alone =
        merge_is_review !== undefined ? "merge_is_review" : (bump && "bump") || (reverts && "reverts");
      if (alone === undefined) return undefined;
      const problem = `${alone} says how a review is met, and this rule asks for none`;
      this.#defects.add(child(node, alone)!.at, "bad-value", problem, 'add review = "a role", or remove it');
      return "broken";
    }
    const by = this.#uses.who(review, child(node, "review")!);
    if (!by) return "broken";
    const { group, role } = by;
    const isReview = { mergeIsReview: merge_is_review ?? false, bump, reverts, anywhere: anywhere ?? false };
    return { by: group, role, ...isReview };
  }

  #glob(text: string, node: Node): Glob | undefined {
    const glob = compileGlob(text);
    if (typeof glob !== "string") return glob;
    const help = 'write paths from the root as in .gitignore: "pkgs/hello/**", "/flake.nix", "*.nix"';
    this.#defects.add(node.at, "bad-glob", `${quoted(text)} is no glob: ${glob}`, help);
    return undefined;
  }
}

/** A key that only some kinds of source need. */
export function missingKey(defects: DefectList, node: Node, key: string, what: string): void {
  defects.add(node.keyAt, "missing-key", `${what} needs ${quoted(key)}`, `add ${key} = "a role"`);
}

/** A key that a source judged by its commits has no use for. */
export function onlyWithSlice(defects: DefectList, key: string, node: Node): void {
  const problem = `${quoted(key)} speaks of files that an evaluation reads, and this source is judged by its commits`;
  defects.add(node.keyAt, "bad-value", problem, 'remove it, or write authenticate = "slice"');
}

/** A key, if it is there, that a source judged by what is read of it has no use for. */
export function onlyWithCommits(defects: DefectList, key: string, node: Node | undefined): void {
  if (node === undefined) return;
  const problem = `${quoted(key)} speaks of commits, and authenticate = "slice" looks at none`;
  defects.add(node.keyAt, "bad-value", problem, "remove it: review says whose word counts");
}
