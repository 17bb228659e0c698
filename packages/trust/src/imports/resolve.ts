/**
 * A policy with imports -> the policy that is decided by, in which `acme/packager` is a role like any other.
 *
 * Claims: whatever of an import cannot be had is met by nobody, with a reason, and only what rests on it is denied;
 * `root` never rests on an import. What an import says against something is heard from the last authentic state that is
 * held, whatever it gives today; where that cannot be had, the rules are unusable and not silent. The digest is another one for each state of the imports, so that nothing that was
 * remembered under one is believed under the next. Leaves out: certified members, which are filled in for a time.
 */
import { encodeHex, encodeUtf8 } from "@firstmile/formats/bytes/text";
import { digest } from "../crypto/hash.ts";
import type { ImportName, RoleName, SourceName } from "../policy/names.ts";
import type { Group, Member, Policy, PolicyDigest, Source } from "../policy/policy.ts";
import { withGroups } from "../policy/upstream.ts";
import {
  finding,
  heldState,
  type ImportedPolicy,
  type ImportFinding,
  NOBODY,
  type ResolvedPolicy,
} from "./imported.ts";
import { Keyrings } from "./keyrings.ts";
import { KeyLives } from "./life.ts";
import { People } from "./people.ts";
import { reachOf } from "./reach.ts";
import { RoleImporter } from "./roles.ts";
import { GroupSizes } from "./size.ts";
import { heldRules, unheard } from "./unheard.ts";

type ImportedPolicies = ReadonlyMap<ImportName, ImportedPolicy>;

/**
 * Fills in the imported members of a policy.
 *
 * @param imported what this machine has of each import; one that is missing gives nothing
 * @param now Unix seconds: an imported policy past its own `expires` gives nothing
 */
export function resolveImports(policy: Policy, imported: ImportedPolicies, now: number): ResolvedPolicy {
  const findings = new Map<string, ImportFinding[]>();
  if (policy.imports.size + imported.size === 0)
    return { ...policy, findings, resolvedUntil: Number.POSITIVE_INFINITY };
  const people = new People(policy.principals, keyringsOf(policy, imported));
  const groups = new GroupFiller(policy, importedRoles(policy, imported, people, now, findings), findings);
  const lives = wordsOn(policy, imported);
  return {
    ...policy,
    principals: new Map([...people.principals].map(([name, principal]) => [name, lives.judged(principal)])),
    roles: groups.roles(),
    sources: groups.sources(),
    upstreams: groups.upstreams(),
    digest: digestOf(policy, imported, now),
    findings,
    resolvedUntil: Math.min(...expiries(imported).filter((expires) => expires > now)),
    past: { written: policy, former: policy.past?.former ?? [], imports: heldRules(imported) },
    ...unheard(policy, imported),
  };
}

function importedRoles(
  policy: Policy,
  imported: ImportedPolicies,
  people: People,
  now: number,
  findings: Map<string, ImportFinding[]>,
): Map<RoleName, Group> {
  const importer = new RoleImporter(people, now);
  const found = new Map<RoleName, Group>();
  for (const [name, spec] of policy.imports) {
    const way = { prefix: name, passed: [], transitive: spec.transitive };
    const roles = importer.roles(spec, imported.get(name), spec.roles, way);
    for (const [role, { group, findings: why }] of roles) {
      found.set(nameOf(name, role), group);
      if (why.length > 0) findings.set(nameOf(name, role), [...why]);
    }
  }
  return found;
}

function nameOf(from: ImportName, role: RoleName): RoleName {
  return `${from}/${role}` as RoleName;
}

/** Puts the imported roles where the policy names them. */
class GroupFiller {
  readonly #policy: Policy;
  readonly #imported: ReadonlyMap<RoleName, Group>;
  readonly #findings: Map<string, ImportFinding[]>;
  readonly #filled = new Map<Group, Group>();
  readonly #all: Map<RoleName, Group>;
  readonly #sizes: GroupSizes;

  constructor(
    policy: Policy,
    imported: ReadonlyMap<RoleName, Group>,
    findings: Map<string, ImportFinding[]>,
  ) {
    this.#policy = policy;
    this.#imported = imported;
    this.#findings = findings;
    const own = [...policy.roles].map(([name, group]): [RoleName, Group] => [name, this.#fill(group)]);
    this.#all = new Map([...own, ...imported]);
    this.#sizes = new GroupSizes(this.#all);
  }

  roles(): Map<RoleName, Group> {
    const roles = new Map([...this.#all].map(([name, group]) => [name, this.#simple(group, name)]));
    const root = this.#policy.roles.get(ROOT);
    if (!root || reachOf([root], this.#policy.roles).imported.size === 0) return roles;
    const remedy = "list the people themselves: whoever may change the rules must be in the rules";
    this.#tell(ROOT, finding("import-in-root", "root rests on an import, so nobody meets it", { remedy }));
    return roles.set(ROOT, NOBODY);
  }

  sources(): Map<SourceName, Source> {
    return new Map([...this.#policy.sources].map(([name, source]) => [name, this.#source(source)]));
  }

  upstreams(): Policy["upstreams"] {
    return withGroups(this.#policy.upstreams, (group, where) => this.#simple(this.#fill(group), where));
  }

  #source(source: Source): Source {
    const rules = source.rules.map((rule) => {
      const where = `rule of ${source.name} at line ${rule.line}`;
      const write = this.#simple(this.#fill(rule.write), where);
      const review = rule.review && {
        ...rule.review,
        by: this.#simple(this.#fill(rule.review.by), where),
      };
      return { ...rule, write, review };
    });
    return { ...source, rules };
  }

  /** A group without imported members stays itself. */
  #fill(group: Group): Group {
    const known = this.#filled.get(group);
    if (known) return known;
    const of = group.of.map((member) => this.#member(member));
    const filled = of.every((member, i) => member === group.of[i]) ? group : { any: group.any, of };
    this.#filled.set(group, filled);
    return filled;
  }

  #member(member: Member): Member {
    switch (member.kind) {
      case "imported":
        return this.#importedMember(nameOf(member.from, member.role));
      case "group": {
        const group = this.#fill(member.group);
        return group === member.group ? member : { kind: "group", group };
      }
      case "certified": {
        const by = this.#fill(member.certified.by);
        return by === member.certified.by
          ? member
          : { kind: "certified", certified: { ...member.certified, by } };
      }
      case "principal":
      case "role":
        return member;
    }
  }

  /** Loading refuses a member that no import names; were one to get by, nobody would meet it. */
  #importedMember(name: RoleName): Member {
    if (this.#imported.has(name)) return { kind: "role", name };
    this.#tell(name, finding("import-role-missing", `${name}: the policy imports no such role`));
    return { kind: "group", group: NOBODY };
  }

  #simple(group: Group, where: string): Group {
    if (this.#sizes.isSimpleEnough(group)) return group;
    const remedy = "name fewer imported roles in one group";
    const problem = `${where} comes to too many members or groups with what it imports, so nobody meets it`;
    this.#tell(where, finding("import-too-complex", problem, { remedy }));
    return NOBODY;
  }

  #tell(where: string, what: ImportFinding): void {
    const told = this.#findings.get(where) ?? [];
    if (!told.some(({ code }) => code === what.code)) this.#findings.set(where, [...told, what]);
  }
}

const ROOT = "root" as RoleName;

/** Everybody's word on keys, of repositories at any depth: a warning needs no role, and outlives what else they give. */
function wordsOn(policy: Policy, imported: ImportedPolicies): KeyLives {
  const lives = new KeyLives();
  lives.hear("", policy.principals.values());
  for (const [says, { principals }] of policiesIn(imported, listed)) lives.hear(says, principals.values());
  return lives;
}

function keyringsOf(policy: Policy, imported: ImportedPolicies): Keyrings {
  const keyrings = new Keyrings();
  keyrings.hear("", policy);
  for (const [of, one] of policiesIn(imported)) keyrings.hear(of, one);
  return keyrings;
}

/** What an import gives today. */
const given = (one: ImportedPolicy): ReturnType<typeof heldState> => (one.ok ? one : undefined);

/** The last state that is held of one that the rules still name. */
const listed = (one: ImportedPolicy): ReturnType<typeof heldState> =>
  one.ok || !one.isRemoved ? heldState(one) : undefined;

/** Each policy at hand, once, with the imports that lead to it. */
function policiesIn(
  imported: ImportedPolicies,
  stateOf = given,
  prefix = "",
  seen = new Set<ImportedPolicy>(),
): [string, Policy][] {
  return [...imported].flatMap(([name, one]) => {
    const state = stateOf(one);
    if (!state || seen.has(one)) return [];
    seen.add(one);
    const further = policiesIn(state.imported, stateOf, `${prefix}${name}/`, seen);
    return [[prefix + name, state.policy], ...further];
  });
}

function expiries(imported: ImportedPolicies): number[] {
  return policiesIn(imported).map(([, { expires }]) => expires);
}

/** What the hashed bytes open with, so that no other digest of this project can be the same. */
const DOMAIN = "firstmile policy with imports 1\0";

/** Names hold no "\0" or space, so that no two states are one text. */
function digestOf(policy: Policy, imported: ImportedPolicies, now: number): PolicyDigest {
  const inForce = new Set(policiesIn(imported).map(([, one]) => one));
  const states = policiesIn(imported, heldState).map(([name, one]) => {
    if (!inForce.has(one)) return `${name} ${one.digest} held`;
    return `${name} ${one.digest} ${one.expires > now ? "in force" : "expired"}`;
  });
  const text = [`${DOMAIN}${policy.digest}`, ...states.sort()].join("\n");
  return encodeHex(digest("sha256", encodeUtf8(text))) as PolicyDigest;
}
