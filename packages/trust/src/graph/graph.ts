/**
 * Who may do what through whom, as a value that can be drawn: from what is protected, by rules, roles and groups with
 * their thresholds, to people and their keys. It decides nothing. Each node is there once, however many ways lead to
 * it, and nothing is in it that no way leads to.
 */
import type { ResolvedPolicy } from "../imports/imported.ts";
import type { ImportName, PrincipalName, RoleName, SourceName } from "../policy/names.ts";
import { ruleFor } from "../policy/paths.ts";
import type { Certified, Group, Member, OutputRules, Policy, Source } from "../policy/policy.ts";
import { type GraphKey, graphKeys } from "./keys.ts";

/** What a node stands for. */
export type NodeKind =
  | "rules"
  | "source"
  | "rule"
  | "output"
  | "role"
  | "group"
  | "import"
  | "certified"
  | "person";

export interface GraphNode {
  /** Unique in the graph; of no meaning. */
  readonly id: string;
  readonly kind: NodeKind;
  readonly label: string;
  /** What else is to be known, a line each. */
  readonly notes: readonly string[];
  /** Why nobody, or not everybody, can stand for it. */
  readonly problems: readonly string[];
  /** Groups: how many of how many members. */
  readonly threshold?: { readonly any: number; readonly of: number };
  /** People. */
  readonly keys?: readonly GraphKey[];
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** What may be done through it: absent between a group and its members. */
  readonly may?:
    | "write"
    | "review"
    | "introduce"
    | "publish"
    | "waive"
    | "state the head"
    | "change the rules"
    | "build"
    | "certify";
}

export interface TrustGraph {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** Which part is asked for; everything unless told. */
export interface GraphQuestion {
  readonly source?: SourceName;
  /** Only the rule that holds for this path of the source. Latin1. */
  readonly path?: string;
}

/** Draws up the policy as it is at `now` (Unix seconds): expired keys are told as such. */
export function trustGraph(
  policy: Policy & Partial<Pick<ResolvedPolicy, "findings">>,
  now: number,
  { source, path }: GraphQuestion = {},
): TrustGraph {
  const builder = new GraphBuilder(policy, now);
  if (source === undefined) builder.rules();
  for (const one of policy.sources.values())
    if (source === undefined || one.name === source) builder.source(one, path);
  if (source === undefined && policy.output) builder.output(policy.output);
  return builder.graph();
}

type Extra = Partial<Omit<GraphNode, "id" | "kind" | "label">>;

class GraphBuilder {
  readonly #policy: Policy & Partial<Pick<ResolvedPolicy, "findings">>;
  readonly #now: number;
  readonly #nodes = new Map<string, GraphNode>();
  readonly #edges = new Map<string, GraphEdge>();
  readonly #groups = new Map<Group, string>();

  constructor(policy: Policy & Partial<Pick<ResolvedPolicy, "findings">>, now: number) {
    this.#policy = policy;
    this.#now = now;
  }

  graph(): TrustGraph {
    const { name } = this.#policy;
    return { name, nodes: [...this.#nodes.values()], edges: [...this.#edges.values()] };
  }

  rules(): void {
    const { name, expires, head } = this.#policy;
    const notes = [`until ${new Date(expires * 1000).toISOString().slice(0, 10)}`];
    const id = this.#node("rules", "rules", `the rules of ${name}`, { notes });
    this.#edge(id, this.#role("root" as RoleName), "change the rules");
    if (head) this.#edge(id, this.#role(head.signedBy), "state the head");
  }

  source(source: Source, path: string | undefined): void {
    const { name, introduction, authenticate, head, channel } = source;
    const notes = [authenticate, `from ${introduction.commit.slice(0, 12)}`];
    const id = this.#node(`source ${name}`, "source", name, { notes });
    const { signedBy } = introduction;
    if (path === undefined && signedBy) this.#edge(id, this.#role(signedBy), "introduce");
    if (path === undefined && channel) this.#edge(id, this.#role(channel), "publish");
    if (head && path === undefined) this.#edge(id, this.#role(head.signedBy), "state the head");
    const holds = path === undefined ? undefined : ruleFor(path, source.rules);
    for (const rule of source.rules) if (path === undefined || rule === holds) this.#rule(id, source, rule);
  }

  output({ builders, waive }: OutputRules): void {
    const id = this.#node("output", "output", "outputs", { notes: ["one vote an operator"] });
    this.#edge(id, this.#role(builders), "build");
    if (waive) this.#edge(id, this.#role(waive), "waive");
  }

  #rule(from: string, { name }: Source, rule: Source["rules"][number]): void {
    const notes = [`line ${rule.line}`];
    const id = `rule ${name} ${rule.line}`;
    const label = rule.paths.map(({ text }) => text).join("  ");
    const problems = this.#problems(`rule of ${name} at line ${rule.line}`);
    this.#edge(from, this.#node(id, "rule", label, { notes, problems }));
    if (rule.write.of.length > 0) this.#edge(id, this.#roleOrGroup(rule.role, rule.write), "write");
    if (rule.waive) this.#edge(id, this.#role(rule.waive), "waive");
    if (rule.review) this.#edge(id, this.#roleOrGroup(rule.review.role, rule.review.by), "review");
  }

  #roleOrGroup(role: RoleName | undefined, group: Group): string {
    return role === undefined ? this.#group(group) : this.#role(role);
  }

  #role(name: RoleName): string {
    const id = `role ${name}`;
    if (this.#nodes.has(id)) return id;
    const group = this.#policy.roles.get(name);
    const slash = name.indexOf("/");
    const notes = slash < 0 ? [] : this.#importNotes(name.slice(0, slash) as ImportName);
    const problems = this.#problems(name);
    this.#node(id, slash < 0 ? "role" : "import", name, { notes, problems, ...thresholdOf(group) });
    for (const member of group?.of ?? []) this.#edge(id, this.#member(member));
    return id;
  }

  #group(group: Group): string {
    const known = this.#groups.get(group);
    if (known !== undefined) return known;
    const id = `group ${this.#groups.size + 1}`;
    this.#groups.set(group, id);
    this.#node(id, "group", `any ${group.any} of ${group.of.length}`, thresholdOf(group));
    for (const member of group.of) this.#edge(id, this.#member(member));
    return id;
  }

  #member(member: Member): string {
    switch (member.kind) {
      case "principal":
        return this.#person(member.name);
      case "role":
        return this.#role(member.name);
      case "group":
        return this.#group(member.group);
      case "imported":
        return this.#role(`${member.from}/${member.role}` as RoleName);
      case "certified":
        return this.#certified(member.certified);
    }
  }

  /** The masters are often a role: then it is that role, and not a group like it. */
  #certified({ by, keyring, certificates }: Certified): string {
    const masters = [...this.#policy.roles].find(([, { of }]) => of === by.of)?.[0];
    const to = masters === undefined ? this.#group(by) : this.#role(masters);
    const count = certificates.length === 1 ? "1 certificate" : `${certificates.length} certificates`;
    const notes = [`${count} in ${keyring}`, `each by any ${by.any} of ${by.of.length}`];
    const id = this.#node(`certified ${keyring} by ${by.any} of ${to}`, "certified", "whoever is certified", {
      notes,
    });
    this.#edge(id, to, "certify");
    return id;
  }

  #person(name: PrincipalName): string {
    const id = `person ${name}`;
    const principal = this.#policy.principals.get(name);
    if (this.#nodes.has(id)) return id;
    const keys = principal ? graphKeys(principal.keys, this.#now) : [];
    const usable = keys.some(({ state }) => state === "good" || state === "retired");
    const own = name.slice(name.lastIndexOf("/") + 1);
    const notes = principal && principal.operator !== own ? [`operator ${principal.operator}`] : [];
    const problems = usable ? [] : ["no key that counts"];
    return this.#node(id, "person", name, { keys, notes, problems });
  }

  #importNotes(name: ImportName): string[] {
    const spec = this.#policy.imports.get(name);
    if (!spec) return [];
    const from = `from ${spec.introduction.commit.slice(0, 12)}`;
    return [`imported from ${spec.urls[0] ?? name}`, spec.transitive ? `${from}, transitive` : from];
  }

  #problems(where: string): string[] {
    return (this.#policy.findings?.get(where) ?? []).map(({ message }) => message);
  }

  #node(id: string, kind: NodeKind, label: string, extra: Extra): string {
    this.#nodes.set(id, { id, kind, label, notes: [], problems: [], ...extra });
    return id;
  }

  #edge(from: string, to: string, may?: GraphEdge["may"]): void {
    this.#edges.set(JSON.stringify([from, to, may]), { from, to, ...(may === undefined ? {} : { may }) });
  }
}

function thresholdOf(group: Group | undefined): Extra {
  return group && group.of.length > 0 ? { threshold: { any: group.any, of: group.of.length } } : {};
}
