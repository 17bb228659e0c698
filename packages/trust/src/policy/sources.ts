/** Sources and their rules, and the rules for outputs. */
import type { z } from "zod";
import { checkShape } from "./check.ts";
import type { DefectList } from "./defect.ts";
import { child, entries, type Node } from "./document.ts";
import { parseDuration } from "./duration.ts";
import type { GroupReader } from "./groups.ts";
import { isWholeId } from "./key-life.ts";
import { isName, NAME_RULE, type RoleName, type SourceName } from "./names.ts";
import { quoted } from "./nearest.ts";
import { compileGlob, type Glob } from "./paths.ts";
import type { Group, HeadRule, IntroductionCommit, OutputRules, ReviewRule, Rule, Source } from "./policy.ts";
import { type GroupShape, outputShape, ruleShape, sourceShape } from "./shape.ts";
import { CACHE_SCHEMES, GIT_SCHEMES, sameRepository, urlProblem } from "./urls.ts";

/** A group that a rule rests on, and where the policy says so. */
export interface GroupUse {
  readonly group: Group;
  readonly role: RoleName | undefined;
  readonly node: Node;
}

/** Met by nobody, whoever signs. */
const NOBODY: Group = { any: 1, of: [] };

export class SourceReader {
  readonly #groups: GroupReader;
  readonly #defects: DefectList;
  readonly #urls = new Map<string, string>();
  /** Groups whose members sign commits. */
  readonly signing: GroupUse[] = [];
  /** Groups whose members sign outputs. */
  readonly building: GroupUse[] = [];

  constructor(groups: GroupReader, defects: DefectList) {
    this.#groups = groups;
    this.#defects = defects;
  }

  sources(table: Node | undefined): Map<SourceName, Source> {
    const sources = new Map<SourceName, Source>();
    for (const [name, node] of entries(table)) {
      const source = this.#source(name, node);
      if (source) sources.set(source.name, source);
    }
    return sources;
  }

  /** A demand for a signed head, of a source or of the trust repository itself. */
  head(shape: { signed_by: string; max_age: string } | undefined, parent: Node): HeadRule | undefined {
    const node = child(parent, "head");
    if (!shape || !node) return undefined;
    const signedBy = this.#use(shape.signed_by, child(node, "signed_by")!, this.signing);
    const maxAge = parseDuration(shape.max_age);
    if (maxAge === undefined) {
      const problem = `${quoted(shape.max_age)} is no span of time up to a year`;
      this.#defects.add(child(node, "max_age")!.at, "bad-duration", problem, 'write "36h", "7d" or "2w"');
    }
    return signedBy === undefined || maxAge === undefined ? undefined : { signedBy, maxAge };
  }

  /** Where else something is served. */
  mirrors(urls: readonly string[], list: Node | undefined): void {
    urls.forEach((url, i) => {
      this.#checkUrl(url, GIT_SCHEMES, child(list!, i)!);
    });
  }

  output(node: Node): OutputRules | undefined {
    const shape = checkShape(outputShape, node, "output", this.#defects);
    if (!shape) return undefined;
    const caches = child(node, "caches");
    shape.caches.forEach((url, i) => {
      this.#checkUrl(url, CACHE_SCHEMES, child(caches!, i)!);
    });
    const builders = this.#use(shape.builders, child(node, "builders")!, this.building);
    if (builders === undefined) return undefined;
    const { level, conflict } = shape;
    const waive = this.#waive(shape.waive, node);
    return { builders, level, caches: shape.caches, localBuilds: shape.local_builds, conflict, waive };
  }

  #source(name: string, node: Node): Source | undefined {
    if (!isName(name))
      this.#defects.add(node.keyAt, "bad-name", `${quoted(name)} is no source's name`, NAME_RULE);
    const isSlice = child(node, "authenticate")?.value === "slice";
    const rules = this.#rules(name, node, isSlice);
    const shape = checkShape(sourceShape, node, "source", this.#defects);
    if (!isSlice) this.#requireSigner(child(node, "introduction"));
    if (!shape) return undefined;
    const urls = child(node, "urls")!;
    shape.urls.forEach((url, i) => {
      this.#checkUrl(url, GIT_SCHEMES, child(urls, i)!);
      this.#claimUrl(url, name, child(urls, i)!);
    });
    const introduction = child(node, "introduction")!;
    const { commit, signed_by } = shape.introduction;
    this.#checkCommit(commit, child(introduction, "commit")!);
    shape.goodlist.forEach((id, i) => {
      this.#checkCommit(id, child(child(node, "goodlist")!, i)!);
    });
    const head = this.head(shape.head, node);
    const signedBy =
      signed_by === undefined
        ? undefined
        : this.#use(signed_by, child(introduction, "signed_by")!, this.signing);
    const channel = this.#channel(shape.channel, node, isSlice);
    if (signedBy === undefined && (!isSlice || signed_by !== undefined)) return undefined;
    return {
      name: name as SourceName,
      urls: shape.urls,
      authenticate: shape.authenticate,
      introduction: { commit: commit as IntroductionCommit, signedBy },
      goodlist: new Set(shape.goodlist),
      head,
      channel,
      rules,
    };
  }

  /** Only where no commit counts for who signed it may nobody have signed the first one. */
  #requireSigner(introduction: Node | undefined): void {
    if (!(introduction?.value instanceof Map) || child(introduction, "signed_by")) return;
    this.#missing(introduction, "signed_by", "an introduction");
  }

  #missing(node: Node, key: string, what: string): void {
    this.#defects.add(node.keyAt, "missing-key", `${what} needs ${quoted(key)}`, `add ${key} = "a role"`);
  }

  #channel(role: string | undefined, node: Node, isSlice: boolean): RoleName | undefined {
    if (role === undefined) return undefined;
    const at = child(node, "channel")!;
    if (isSlice) return this.#use(role, at, this.signing);
    this.#onlyWithSlice("channel", at);
    return undefined;
  }

  #onlyWithSlice(key: string, node: Node): void {
    const problem = `${quoted(key)} speaks of files that an evaluation reads, and this source is judged by its commits`;
    this.#defects.add(node.keyAt, "bad-value", problem, 'remove it, or write authenticate = "slice"');
  }

  /** A role whose waivers count. */
  #waive(role: string | undefined, node: Node): RoleName | undefined {
    return role === undefined ? undefined : this.#use(role, child(node, "waive")!, this.signing);
  }

  #rules(name: string, node: Node, isSlice: boolean): Rule[] {
    const list = child(node, "rule");
    if (list !== undefined && !Array.isArray(list.value)) return [];
    const nodes = (list?.value ?? []) as Node[];
    if (nodes.length === 0 && node.value instanceof Map) {
      const key = isSlice ? "review" : "write";
      const help = `add [[source.${name}.rule]] with paths = ["**"] and ${key} = "a role"`;
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
    const waive = this.#waive(shape.waive, node);
    if (!write || review === "broken") return undefined;
    return {
      paths: paths.filter((glob) => glob !== undefined),
      write: write.group,
      role: write.role,
      review,
      waive,
      line: node.at.line,
    };
  }

  #writer({ write, anywhere, waive }: z.infer<typeof ruleShape>, node: Node) {
    if (anywhere !== undefined) this.#onlyWithSlice("anywhere", child(node, "anywhere")!);
    if (waive !== undefined) this.#onlyWithSlice("waive", child(node, "waive")!);
    if (write !== undefined) return this.#who(write, child(node, "write")!);
    this.#missing(node, "write", "a rule");
    return undefined;
  }

  /** Whoever wrote a file is not asked, so nobody may believe that it is. */
  #noWriter({ write, review, merge_is_review }: z.infer<typeof ruleShape>, node: Node) {
    if (review === undefined) this.#missing(node, "review", "a rule of a slice");
    for (const [key, value] of Object.entries({ write, merge_is_review })) {
      if (value === undefined) continue;
      const problem = `${quoted(key)} speaks of commits, and authenticate = "slice" looks at none`;
      this.#defects.add(
        child(node, key)!.keyAt,
        "bad-value",
        problem,
        "remove it: review says whose word counts",
      );
    }
    return review === undefined ? undefined : { group: NOBODY, role: undefined };
  }

  #review(
    { review, merge_is_review, bump, anywhere }: z.infer<typeof ruleShape>,
    node: Node,
  ): ReviewRule | undefined | "broken" {
    if (review === undefined) {
      const alone = merge_is_review !== undefined ? "merge_is_review" : bump && "bump";
      if (alone === undefined) return undefined;
      const problem = `${alone} says how a review is met, and this rule asks for none`;
      this.#defects.add(child(node, alone)!.at, "bad-value", problem, 'add review = "a role", or remove it');
      return "broken";
    }
    const by = this.#who(review, child(node, "review")!);
    if (!by) return "broken";
    const { group, role } = by;
    return { by: group, role, mergeIsReview: merge_is_review ?? false, bump, anywhere: anywhere ?? false };
  }

  /** The same for rules that are read elsewhere. */
  readonly who = (shape: string | GroupShape, node: Node) => this.#who(shape, node);

  /** A role by name, or a group in place. */
  #who(shape: string | GroupShape, node: Node): { group: Group; role: RoleName | undefined } | undefined {
    const role = typeof shape === "string" ? this.#groups.named(shape, node.at) : undefined;
    const group =
      typeof shape === "string" ? role && this.#groups.group(role) : this.#groups.inline(shape, node);
    if (!group) return undefined;
    this.signing.push({ group, role, node });
    return { group, role };
  }

  #glob(text: string, node: Node): Glob | undefined {
    const glob = compileGlob(text);
    if (typeof glob !== "string") return glob;
    const help = 'write paths from the root as in .gitignore: "pkgs/hello/**", "/flake.nix", "*.nix"';
    this.#defects.add(node.at, "bad-glob", `${quoted(text)} is no glob: ${glob}`, help);
    return undefined;
  }

  #use(name: string, node: Node, uses: GroupUse[]): RoleName | undefined {
    const role = this.#groups.named(name, node.at);
    const group = role && this.#groups.group(role);
    if (group) uses.push({ group, role, node });
    return role;
  }

  #checkCommit(commit: string, node: Node): void {
    if (isWholeId(commit)) return;
    const help =
      "write the full id in lower-case hex, as git rev-parse prints it: a short one could come to mean another";
    this.#defects.add(node.at, "bad-commit", `${quoted(commit)} is no full commit id`, help);
  }

  #checkUrl(url: string, schemes: readonly string[], node: Node): void {
    const problem = urlProblem(url, schemes);
    if (problem === undefined) return;
    const help = `write a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(", ")}`;
    this.#defects.add(node.at, "bad-url", `${quoted(url)}: ${problem}`, help);
  }

  /** Two sources with one URL would be two sets of rules for one repository. */
  #claimUrl(url: string, source: string, node: Node): void {
    const same = sameRepository(url);
    const owner = this.#urls.get(same);
    if (owner === undefined) this.#urls.set(same, source);
    else {
      const problem = `${quoted(url)} is listed by the source ${quoted(owner)} already`;
      this.#defects.add(
        node.at,
        "duplicate-url",
        problem,
        "remove one, and write its rules in the other source",
      );
    }
  }
}
