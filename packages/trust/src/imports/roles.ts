/**
 * Roles of other trust repositories, spelled out by this one's people.
 *
 * Claims: no more is taken over than the roles named by an import and the people they consist of; what such a role
 * means is what its own repository says, and nothing else; where it cannot be known, it is met by nobody. Against: a
 * repository that names its people as somebody else's, that passes on the roles of a third one unasked, or that
 * imports in circles. Leaves out: whether the other policy is authentic and the newest.
 */

import type { ImportName, PrincipalName, RoleName } from "../policy/names.ts";
import type { Group, Import, Member, Principal } from "../policy/policy.ts";
import { tomlKey } from "../policy/toml-key.ts";
import { judgeTime } from "../root/follow.ts";
import {
  type AuthenticImport,
  finding,
  type ImportedPolicy,
  type ImportFinding,
  MAX_IMPORT_DEPTH,
  MAX_REPOSITORIES,
  NOBODY,
} from "./imported.ts";
import type { People, Taken } from "./people.ts";
import { type Reach, reachOf } from "./reach.ts";

/** A role as it is counted here, and what of it does not count. */
export interface ImportedRole {
  readonly group: Group;
  readonly findings: readonly ImportFinding[];
}

/** The way from this policy to an import. */
export interface Way {
  /** `acme`, or `acme/beta` for what acme imports. */
  readonly prefix: string;
  /** Introductions of the repositories passed on the way. */
  readonly passed: readonly string[];
  /** Whether every import on the way may rest on further ones. */
  readonly transitive: boolean;
}

type Roles = Map<RoleName, ImportedRole>;

export class RoleImporter {
  readonly #people: People;
  readonly #now: number;
  #repositories = 0;

  constructor(people: People, now: number) {
    this.#people = people;
    this.#now = now;
  }

  /** The roles wanted of one import, each met by nobody where it cannot be had. */
  roles(spec: Import, imported: ImportedPolicy | undefined, wanted: Iterable<RoleName>, way: Way): Roles {
    const refusal = this.#refusal(spec, imported, way);
    if (refusal || !imported?.ok) return nobody(wanted, refusal ?? neverFetched(way));
    this.#repositories++;
    const roles: Roles = new Map();
    const groups = new Map<RoleName, Group>();
    for (const name of wanted) {
      const group = this.#named(name, spec, imported, way);
      if ("any" in group) groups.set(name, group);
      else roles.set(name, { group: NOBODY, findings: [group] });
    }
    const onwards = { ...way, passed: [...way.passed, spec.introduction.commit] };
    const reader = this.#reader(imported, reachOf(groups.values(), imported.policy.roles), onwards);
    for (const [name, group] of groups) roles.set(name, reader.read(group));
    return roles;
  }

  #refusal(spec: Import, imported: ImportedPolicy | undefined, way: Way): ImportFinding | undefined {
    const { passed, prefix } = way;
    if (passed.includes(spec.introduction.commit))
      return finding("import-cycle", `${prefix} imports, by way of others, the repository that imports it`);
    if (passed.length >= MAX_IMPORT_DEPTH || this.#repositories >= MAX_REPOSITORIES) {
      const limits = `over ${MAX_IMPORT_DEPTH} repositories deep or over ${MAX_REPOSITORIES} in all`;
      return finding("import-cycle", `${prefix} is ${limits}`, { remedy: "import from it directly" });
    }
    if (!imported) return neverFetched(way);
    if (!imported.ok)
      return finding("import-unavailable", `the import ${prefix} gives nothing: ${imported.reason.message}`, {
        because: [imported.reason],
        ...(imported.reason.remedy === undefined ? {} : { remedy: imported.reason.remedy }),
      });
    const inTime = judgeTime(imported.policy, this.#now, 0);
    if (inTime.ok) return undefined;
    return finding("import-unavailable", `the import ${prefix} gives nothing: ${inTime.message}`, {
      because: [inTime],
      remedy: `firstmile trust update; if that brings nothing, ask the owners of ${prefix} to sign a new expires`,
    });
  }

  #named(name: RoleName, spec: Import, { policy }: AuthenticImport, way: Way): Group | ImportFinding {
    const group = policy.roles.get(name);
    const role = `${way.prefix}/${name}`;
    if (!spec.roles.includes(name))
      return finding("import-role-missing", `${role}: the import does not name this role`);
    if (!group) {
      const remedy = `remove it from roles of [import.${tomlKey(spec.name)}], or ask the owners of ${way.prefix}`;
      return finding("import-role-missing", `${role}: the repository has no such role`, { remedy });
    }
    if (way.transitive || reachOf([group], policy.roles).imported.size === 0) return group;
    return finding("import-not-transitive", `${role} rests on what ${way.prefix} itself imports`, {
      remedy: `add transitive = true to [import.${tomlKey(spec.name)}], or import from that repository directly`,
    });
  }

  #reader(imported: AuthenticImport, reach: Reach, way: Way): RoleReader {
    const { policy } = imported;
    const principals = [...reach.principals].map((name) => policy.principals.get(name));
    const known = principals.filter((principal): principal is Principal => principal !== undefined);
    const taken = this.#people.take(way.prefix, known, new Set<string>(policy.principals.keys()));
    const further = new Map<ImportName, Roles>();
    for (const [from, wanted] of reach.imported)
      further.set(from, this.#further(from, imported, wanted, way));
    return new RoleReader(way.prefix, policy.roles, taken, further);
  }

  #further(from: ImportName, imported: AuthenticImport, wanted: Iterable<RoleName>, way: Way): Roles {
    const spec = imported.policy.imports.get(from);
    const { passed } = way;
    const prefix = `${way.prefix}/${from}`;
    if (!spec) return nobody(wanted, finding("import-role-missing", `${way.prefix} has no import ${from}`));
    const transitive = way.transitive && spec.transitive;
    return this.roles(spec, imported.imported.get(from), wanted, { prefix, passed, transitive });
  }
}

/** Groups of one other repository -> groups here. */
class RoleReader {
  readonly #prefix: string;
  readonly #roles: ReadonlyMap<RoleName, Group>;
  readonly #taken: ReadonlyMap<PrincipalName, Taken>;
  readonly #further: ReadonlyMap<ImportName, Roles>;
  readonly #read = new Map<Group, ImportedRole>();

  constructor(
    prefix: string,
    roles: ReadonlyMap<RoleName, Group>,
    taken: ReadonlyMap<PrincipalName, Taken>,
    further: ReadonlyMap<ImportName, Roles>,
  ) {
    this.#prefix = prefix;
    this.#roles = roles;
    this.#taken = taken;
    this.#further = further;
  }

  /** The threshold stays what it is there: whoever cannot be counted is missing and not forgiven. */
  read(group: Group): ImportedRole {
    const known = this.#read.get(group);
    if (known) return known;
    const members = group.of.map((member) => this.#member(member));
    const findings = new Set(members.flatMap((member) => member.findings));
    const read: ImportedRole = {
      group: { any: group.any, of: members.flatMap(({ member }) => member ?? []) },
      findings: [...findings],
    };
    this.#read.set(group, read);
    return read;
  }

  #member(member: Member): { member?: Member; findings: readonly ImportFinding[] } {
    if (member.kind === "principal") return this.#principal(member.name);
    if (member.kind === "certified") {
      const { group: by, findings } = this.read(member.certified.by);
      const keyring = `${this.#prefix}/${member.certified.keyring}`;
      return { member: { kind: "certified", certified: { ...member.certified, by, keyring } }, findings };
    }
    const { group, findings } = this.#inner(member);
    return { member: { kind: "group", group }, findings };
  }

  #inner(member: Exclude<Member, { kind: "principal" | "certified" }>): ImportedRole {
    if (member.kind === "group") return this.read(member.group);
    if (member.kind === "imported") return this.#further.get(member.from)?.get(member.role) ?? NO_ROLE;
    const group = this.#roles.get(member.name);
    return group ? this.read(group) : NO_ROLE;
  }

  #principal(name: PrincipalName): { member?: Member; findings: readonly ImportFinding[] } {
    const taken = this.#taken.get(name);
    if (taken?.ok) return { member: { kind: "principal", name: taken.name }, findings: [] };
    const who = `${this.#prefix}/${name}`;
    const problem = taken?.problem ?? "its repository does not say who that is";
    const remedy = `if you know who it is, list all of its keys as one [principal.${tomlKey(name)}] of this policy`;
    return { findings: [finding("import-contested", `${who} is not counted: ${problem}`, { remedy })] };
  }
}

const NO_ROLE: ImportedRole = { group: NOBODY, findings: [] };

function neverFetched({ prefix }: Way): ImportFinding {
  const remedy = "firstmile trust update";
  return finding("import-unavailable", `the import ${prefix} was never fetched`, { remedy });
}

function nobody(wanted: Iterable<RoleName>, why: ImportFinding): Roles {
  return new Map([...wanted].map((name) => [name, { group: NOBODY, findings: [why] }]));
}
