/** Sources, where they and the rules themselves are served, and the rules for outputs. */
import { argumentRule } from "./arguments.ts";
import { checkShape } from "./check.ts";
import type { DefectList } from "./defect.ts";
import { child, entries, type Node } from "./document.ts";
import { parseDuration } from "./duration.ts";
import type { GroupUses } from "./group-uses.ts";
import { isWholeId } from "./key-life.ts";
import { isName, NAME_RULE, type RoleName, type SourceName } from "./names.ts";
import { quoted } from "./nearest.ts";
import type { HeadRule, IntroductionCommit, OutputRules, Source } from "./policy.ts";
import { missingKey, onlyWithCommits, onlyWithSlice, RuleReader } from "./rules.ts";
import { outputShape, sourceShape } from "./shape.ts";
import { CACHE_SCHEMES, GIT_SCHEMES, sameRepository, urlProblem } from "./urls.ts";

export class SourceReader {
  readonly #uses: GroupUses;
  readonly #rules: RuleReader;
  readonly #defects: DefectList;
  readonly #urls = new Map<string, string>();

  constructor(uses: GroupUses, defects: DefectList) {
    this.#uses = uses;
    this.#rules = new RuleReader(uses, defects);
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
    const signedBy = this.#uses.signers(shape.signed_by, child(node, "signed_by")!);
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
    const builders = this.#uses.builders(shape.builders, child(node, "builders")!);
    if (builders === undefined) return undefined;
    const { level, conflict, caches: urls, local_builds: localBuilds, impure } = shape;
    const waive = this.#uses.waive(shape.waive, node);
    return { builders, level, caches: urls, localBuilds, impure, conflict, waive };
  }

  #source(name: string, node: Node): Source | undefined {
    if (!isName(name))
      this.#defects.add(node.keyAt, "bad-name", `${quoted(name)} is no source's name`, NAME_RULE);
    const isSlice = child(node, "authenticate")?.value === "slice";
    const rules = this.#rules.rules(name, node, isSlice);
    const shape = checkShape(sourceShape, node, "source", this.#defects);
    if (isSlice) onlyWithCommits(this.#defects, "goodlist", child(node, "goodlist"));
    else this.#requireSigner(child(node, "introduction"));
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
      signed_by === undefined ? undefined : this.#uses.signers(signed_by, child(introduction, "signed_by")!);
    const channel = this.#channel(shape.channel, node, isSlice);
    const given = argumentRule(child(node, "arguments"), this.#defects);
    if (signedBy === undefined && (!isSlice || signed_by !== undefined)) return undefined;
    return {
      name: name as SourceName,
      urls: shape.urls,
      authenticate: shape.authenticate,
      introduction: { commit: commit as IntroductionCommit, signedBy },
      goodlist: new Set(shape.goodlist),
      head,
      channel,
      arguments: given,
      rules,
    };
  }

  /** Only where no commit counts for who signed it may nobody have signed the first one. */
  #requireSigner(introduction: Node | undefined): void {
    if (!(introduction?.value instanceof Map) || child(introduction, "signed_by")) return;
    missingKey(this.#defects, introduction, "signed_by", "an introduction");
  }

  #channel(role: string | undefined, node: Node, isSlice: boolean): RoleName | undefined {
    if (role === undefined) return undefined;
    const at = child(node, "channel")!;
    if (isSlice) return this.#uses.signers(role, at);
    onlyWithSlice(this.#defects, "channel", at);
    return undefined;
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
