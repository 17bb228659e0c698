/**
 * Rules for what is downloaded: by URL, whose signature a source must carry, and who vouches that this is the
 * author's key. Claims: a policy with a single such rule says of each download whether its hash is enough. Against: a
 * source that its author never released, behind a hash that nobody compared with anything. Leaves out: whether the
 * author's own release is sound.
 */

import type { z } from "zod";
import { checkShape } from "./check.ts";
import type { DefectList } from "./defect.ts";
import { child, type Node } from "./document.ts";
import type { PrincipalName, RoleName } from "./names.ts";
import { listed, nearest, quoted } from "./nearest.ts";
import type { Group, Key, Principal } from "./policy.ts";
import { type GroupShape, upstreamShape } from "./shape.ts";
import { tomlKey } from "./toml-key.ts";
import { canonicalUrl, compileUrlGlob, matchesUrl, type UrlGlob } from "./upstream-urls.ts";

/** People a rule asks for. */
export interface Who {
  readonly group: Group;
  readonly role: RoleName | undefined;
}

export type UpstreamRule = SignedUpstream | PinnedUpstream;

/** The author's signature is asked for, handed on by people who vouch for it. */
export interface SignedUpstream {
  readonly kind: "signed";
  readonly urls: readonly UrlGlob[];
  readonly author: PrincipalName;
  /** Where the signature is, with `{url}` and `{name}` to be filled in: a hint for whoever fetches it. */
  readonly signature: string | undefined;
  readonly handoff: Who;
  /** Whose waivers count; undefined: nobody's. */
  readonly waive: RoleName | undefined;
  /** Line of the rule in firstmile.toml, from 1. */
  readonly line: number;
}

/** The hash in an authentic expression is enough. */
export interface PinnedUpstream {
  readonly kind: "pinned";
  readonly urls: readonly UrlGlob[];
  readonly line: number;
}

/** The last rule with a glob for this URL; undefined: none has one, or it is no URL with one reading. */
export function upstreamFor(
  url: string | undefined,
  rules: readonly UpstreamRule[],
): UpstreamRule | undefined {
  if (url === undefined) return rules.findLast(({ urls }) => urls.some(({ inner }) => inner === undefined));
  const canonical = canonicalUrl(url);
  if (canonical === undefined) return undefined;
  return rules.findLast(({ urls }) => urls.some((glob) => matchesUrl(glob, canonical)));
}

/** Where a rule says that a download's signature is. */
export function signatureUrl(template: string, url: string): string {
  const name = url.split(/[?#]/, 1)[0]!.split("/").at(-1)!;
  return template.replace(/\{(url|name)\}/g, (_, what) => (what === "url" ? url : name));
}

/** The same rules with other groups, for whoever fills in imported and certified members. */
export function withGroups(
  rules: readonly UpstreamRule[],
  fill: (group: Group, where: string) => Group,
): readonly UpstreamRule[] {
  return rules.map((rule) => {
    if (rule.kind === "pinned") return rule;
    const filled = (who: Who): Who => ({
      ...who,
      group: fill(who.group, `upstream rule at line ${rule.line}`),
    });
    return { ...rule, handoff: filled(rule.handoff) };
  });
}

/** The groups that rules for downloads rest on. */
export function upstreamGroups(rules: readonly UpstreamRule[]): Group[] {
  return rules.flatMap((rule) => (rule.kind === "signed" ? [rule.handoff.group] : []));
}

/** What of the policy is read already. */
export interface UpstreamContext {
  readonly principals: ReadonlyMap<PrincipalName, Principal>;
  /** Principals with a defect as well. */
  readonly names: ReadonlySet<string>;
  readonly who: (shape: string | GroupShape, node: Node) => Who | undefined;
}

export function readUpstreams(
  list: Node | undefined,
  context: UpstreamContext,
  defects: DefectList,
): UpstreamRule[] {
  const nodes = Array.isArray(list?.value) ? (list.value as Node[]) : [];
  const reader = new UpstreamReader(context, defects);
  return nodes.map((node) => reader.rule(node)).filter((rule) => rule !== undefined);
}

type Shape = z.infer<typeof upstreamShape>;

class UpstreamReader {
  readonly #context: UpstreamContext;
  readonly #defects: DefectList;

  constructor(context: UpstreamContext, defects: DefectList) {
    this.#context = context;
    this.#defects = defects;
  }

  rule(node: Node): UpstreamRule | undefined {
    const shape = checkShape(upstreamShape, node, "upstream", this.#defects);
    if (!shape) return undefined;
    const urls = this.#globs(shape.urls, child(node, "urls")!);
    return shape.pinned ? this.#pinned(urls, node) : this.#signed(shape, urls, node);
  }

  #pinned(urls: readonly UrlGlob[], node: Node): PinnedUpstream {
    const foreign = SIGNED_ONLY.find((key) => child(node, key));
    if (foreign !== undefined) {
      const problem = `pinned asks for nobody's signature, and ${quoted(foreign)} stands beside it`;
      this.#defects.add(child(node, foreign)!.keyAt, "bad-value", problem, "remove one of the two");
    }
    return { kind: "pinned", urls, line: node.at.line };
  }

  #signed(shape: Shape, urls: readonly UrlGlob[], node: Node): SignedUpstream | undefined {
    const author = this.#author(shape.author, node);
    if (shape.signature !== undefined) this.#checkTemplate(shape.signature, child(node, "signature")!);
    const handoff = this.#required(shape.handoff, "handoff", node);
    const waive =
      shape.waive === undefined ? undefined : this.#context.who(shape.waive, child(node, "waive")!)?.role;
    if (author === undefined || !handoff) return undefined;
    const { signature } = shape;
    return { kind: "signed", urls, author, signature, handoff, waive, line: node.at.line };
  }

  #required(shape: string | GroupShape | undefined, key: "handoff", node: Node): Who | undefined {
    if (shape !== undefined) return this.#context.who(shape, child(node, key)!);
    this.#missing(key, 'add handoff = "a role": whoever vouches that this is the author\'s key', node);
    return undefined;
  }

  #missing(key: string, help: string, node: Node): void {
    const problem = `an upstream rule needs ${quoted(key)}, or pinned = true`;
    this.#defects.add(node.keyAt, "missing-key", problem, help);
  }

  #author(name: string | undefined, node: Node): PrincipalName | undefined {
    if (name === undefined) {
      this.#missing("author", "add the principal whose key signs what is released there", node);
      return undefined;
    }
    const at = child(node, "author")!.at;
    const principal = this.#context.principals.get(name as PrincipalName);
    if (!this.#context.names.has(name)) {
      const near = nearest(name, [...this.#context.names]);
      const help =
        near === undefined
          ? `add [principal.${tomlKey(name)}] with the author's keys`
          : `did you mean ${quoted(near)}?`;
      this.#defects.add(at, "unknown-author", `there is no principal ${quoted(name)}`, help);
    } else if (principal && principal.keys.length > 0 && !principal.keys.some(maySignReleases)) {
      const problem = `${quoted(name)} could never sign a release: none of its keys is for that`;
      const help = 'give it an OpenPGP or SSH key, a Sigstore identity, or "minisign:BASE64"';
      this.#defects.add(at, "never-met-without-keys", problem, help);
    }
    return principal?.name;
  }

  #globs(texts: readonly string[], list: Node): UrlGlob[] {
    const globs = texts.map((text, i) => {
      const glob = compileUrlGlob(text);
      if (typeof glob !== "string") return glob;
      const help = 'write "https://ftp.gnu.org/gnu/hello/**", "mirror://gnu/hello/*", "https://*/**" or "**"';
      this.#defects.add(child(list, i)!.at, "bad-glob", `${quoted(text)} is no glob of URLs: ${glob}`, help);
      return undefined;
    });
    return globs.filter((glob) => glob !== undefined);
  }

  #checkTemplate(template: string, node: Node): void {
    const left = template.replace(/\{(?:url|name)\}/g, "x");
    const sample = signatureUrl(template, "https://example.org/a-1.tar.gz");
    if (!/[{}]/.test(left) && canonicalUrl(sample) !== undefined) return;
    const problem = `${quoted(template)} comes to no URL once {url} and {name} are filled in`;
    const help = `write ${listed(["{url}.sig", "https://example.org/signatures/{name}.asc"])}`;
    this.#defects.add(node.at, "bad-signature-url", problem, help);
  }
}

const SIGNED_ONLY = ["author", "signature", "handoff", "waive"] as const;
const RELEASE_KEYS: readonly Key["kind"][] = ["openpgp", "ssh", "sigstore", "minisign", "signify"];

function maySignReleases({ kind }: Key): boolean {
  return RELEASE_KEYS.includes(kind);
}
