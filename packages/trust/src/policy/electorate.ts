/**
 * A policy with its certified roles filled in for a time: afterwards its groups hold people only, and counting them
 * needs no cryptography.
 *
 * Claims: whoever a certified member stands for is there as a principal of its own, with the elected certificates and
 * no other key; a certificate that a listed principal lists is that principal. No person is there twice. In
 * `past`, each state of the rules has all who were ever certified there: time ends no word against something.
 * Leaves out: who is elected (election.ts), who is one person (certified-people.ts), and imported members, which stay
 * as they are.
 */
import { earliest } from "../openpgp/certificate-state.ts";
import { lacking, type Reason } from "../verdict/verdict.ts";
import { CertifiedPeople, type CertifiedPerson } from "./certified-people.ts";
import {
  type Ballot,
  type ElectionCode,
  holdBallot,
  Register,
  type UserIdVotes,
  type Votes,
} from "./election.ts";
import type { PrincipalName, RoleName, SourceName } from "./names.ts";
import type { Certified, Group, HeldRules, Member, Past, Policy, Principal, Rule } from "./policy.ts";
import { upstreamGroups, withGroups } from "./upstream.ts";

/** Where a certified member stands in the policy. */
export type CertifiedPlace =
  | { readonly kind: "role"; readonly role: RoleName }
  | {
      readonly kind: "rule";
      readonly source: SourceName;
      readonly line: number;
      readonly part: "write" | "review";
    }
  | { readonly kind: "upstream" };

/** Who a certified member stands for, for whoever asks why. */
export interface CertifiedReasons {
  readonly place: CertifiedPlace;
  readonly certified: Certified;
  /** Why it is empty, whoever is certified. */
  readonly code: ElectionCode | undefined;
  readonly people: readonly ToldPerson[];
  /** Certificates that some certifier speaks of, and that are not in it. */
  readonly others: readonly (Votes & { readonly code: ElectionCode })[];
  /** Certifiers' certificates whose word does not count. */
  readonly silenced: Ballot["silenced"];
}

export interface ToldPerson {
  readonly principal: PrincipalName;
  readonly certificates: readonly {
    readonly fingerprint: string;
    readonly userIds: readonly UserIdVotes[];
  }[];
}

export interface ElectorateAt {
  readonly policy: Policy;
  /** Unix seconds at which the roles may be filled otherwise; undefined where time changes nothing. */
  readonly validUntil: number | undefined;
  /** Why nothing may be decided: a role that speaks against things is so large that it would be empty. */
  readonly unusable?: Reason;
}

/**
 * `policy` with every certified member replaced by the people it stands for at `now` (Unix seconds). A policy without
 * certified members comes back as the same object, and so does each group without them. Never throws.
 */
export function electorateAt(policy: Policy, now: number): ElectorateAt {
  const places = certifiedPlaces(policy);
  const past = pastEver(policy.past, now);
  if (places.length === 0)
    return {
      policy: past === policy.past ? policy : { ...policy, ...(past && { past }) },
      validUntil: undefined,
    };
  const register = new Register(policy, certifiedIn(places));
  const election = elect(register, places, now);
  const atAnyTime = elect(register, places, now, EVER);
  const {
    former,
    imports,
    written = { ...fill(policy, atAnyTime), ...(past && { past }) },
  } = past ?? NO_PAST;
  return {
    policy: { ...fill(policy, election), past: { written, former, imports } },
    validUntil: earliest(...[...election.ballots.values()].map(({ validUntil }) => validUntil)),
    ...silenced(policy, atAnyTime),
  };
}

/** As `electorateAt` fills it in, without who was listened to before: for signatures that speak for something. */
export function filledAt(policy: Policy, now: number): Policy {
  const places = certifiedPlaces(policy);
  if (places.length === 0) return policy;
  return fill(policy, elect(new Register(policy, certifiedIn(places)), places, now));
}

/** Else the people who may fill the keyring of wardens or reviewers could silence all of them. */
function silenced(policy: Policy, { ballots }: Election): { readonly unusable?: Reason } {
  const rules = [...policy.sources.values()].flatMap((source) => source.rules);
  const wardens = policy.roles.get("warden" as RoleName);
  const speaking = [...rules.map(({ review }) => review?.by), wardens].filter((group) => group !== undefined);
  const empty = [...ballots.values()].find(
    ({ code, certified }) => code !== undefined && reachesCertified(speaking, certified, policy.roles),
  );
  if (!empty) return {};
  const what = `the keyring ${empty.certified.keyring} certifies more than can be counted (${empty.code})`;
  const message = `${what}, so no person in it would be heard against anything`;
  return {
    unusable: lacking("policy-invalid", message, { remedy: "root takes certificates out of the keyring" }),
  };
}

function reachesCertified(
  groups: readonly Group[],
  wanted: Certified,
  roles: Policy["roles"],
  seen = new Set<Group>(),
): boolean {
  return groups.some((group) => {
    if (seen.has(group)) return false;
    seen.add(group);
    return group.of.some((member) => {
      if (member.kind === "certified") return member.certified === wanted;
      const inner = member.kind === "group" ? member.group : undefined;
      const named = member.kind === "role" ? roles.get(member.name) : inner;
      return named !== undefined && reachesCertified([named], wanted, roles, seen);
    });
  });
}

const NO_PAST: Past = { former: [], imports: new Map() };
/** Nothing has ended by then. */
const EVER = Number.NEGATIVE_INFINITY;

/** By policies as they were read, which do not change: with all people who were ever certified by them. */
const filledEver = new WeakMap<Policy, Policy>();

/** Those whose certification begins later than when this was first asked are left out until the program ends. */
function ever(state: Policy, now: number): Policy {
  const known = filledEver.get(state);
  if (known) return known;
  const places = certifiedPlaces(state);
  const past = pastEver(state.past, now);
  const filled =
    places.length === 0
      ? state
      : fill(state, elect(new Register(state, certifiedIn(places)), places, now, EVER));
  const made = past === state.past ? filled : { ...filled, ...(past && { past }) };
  filledEver.set(state, made);
  return made;
}

/** The same object where it has no certified members. */
function pastEver(past: Past | undefined, now: number): Past | undefined {
  if (!past) return past;
  const written = past.written && ever(past.written, now);
  const former = past.former.map((state) => ever(state, now));
  const imports = new Map([...past.imports].map(([name, one]) => [name, heldEver(one, now)]));
  const isSame =
    written === past.written &&
    former.every((state, i) => state === past.former[i]) &&
    [...imports].every(([name, one]) => one === past.imports.get(name));
  return isSame ? past : { ...past, ...(written && { written }), former, imports };
}

function heldEver(held: HeldRules, now: number): HeldRules {
  const policy = ever(held.policy, now);
  const imports = new Map([...held.imports].map(([name, one]) => [name, heldEver(one, now)]));
  const isSame =
    policy === held.policy && [...imports].every(([name, one]) => one === held.imports.get(name));
  return isSame ? held : { policy, imports };
}

/** For each certified member, in the order of the policy: who it stands for at `now`, through whom, and who not. */
export function certificationReasons(policy: Policy, now: number): readonly CertifiedReasons[] {
  const places = certifiedPlaces(policy);
  if (places.length === 0) return [];
  const register = new Register(policy, certifiedIn(places));
  const { ballots, people, leftOut } = elect(register, places, now);
  // A rule that names a role has the role's own members: told once.
  const once = places.filter(
    ({ certified }, i) => places.findIndex((one) => one.certified === certified) === i,
  );
  return once.map(({ place, certified }) => {
    const { votes, elected, silenced, code } = ballots.get(certified)!;
    const inside = people.get(certified)!;
    const others = votes.flatMap((one) => {
      const why = elected.includes(one) ? leftOut.get(one.certificate.fingerprint) : whyNot(one);
      return why === undefined ? [] : [{ ...one, code: why }];
    });
    return {
      place,
      certified,
      code,
      people: inside.map((person) => told(person, elected)),
      others,
      silenced,
    };
  });
}

function whyNot({ code, userIds }: Votes): ElectionCode {
  const codes = userIds.map((userId) => userId.code);
  // The user ID that came furthest says most about what is missing.
  return code ?? codes.find((one) => one !== "too-few-certifiers") ?? "too-few-certifiers";
}

function told({ principal, votes }: CertifiedPerson, elected: readonly Votes[]): ToldPerson {
  const theirs = elected.filter(({ certificate }) =>
    votes.some((one) => one.certificate.fingerprint === certificate.fingerprint),
  );
  return {
    principal,
    certificates: theirs.map(({ certificate, userIds }) => ({
      fingerprint: certificate.fingerprint,
      userIds: userIds.filter(({ code }) => code === undefined),
    })),
  };
}

interface Election {
  readonly ballots: ReadonlyMap<Certified, Ballot>;
  readonly people: ReadonlyMap<Certified, readonly CertifiedPerson[]>;
  /** Elected certificates that nevertheless are nobody's, by fingerprint. */
  readonly leftOut: ReadonlyMap<string, ElectionCode>;
  /** The people whom the policy does not list. */
  readonly joined: readonly Principal[];
}

function certifiedIn(places: readonly PlacedMember[]): Certified[] {
  return places.map(({ certified }) => certified);
}

function elect(
  register: Register,
  places: readonly PlacedMember[],
  now: number,
  since: number = now,
): Election {
  const members = certifiedIn(places);
  const ballots = new Map(members.map((one) => [one, holdBallot(one, register, now, since)]));
  const owners = new CertifiedPeople(register, [...ballots.values()]);
  const people = new Map([...ballots].map(([one, { elected }]) => [one, owners.people(elected)]));
  return { ballots, people, leftOut: owners.leftOut, joined: owners.joined };
}

interface PlacedMember {
  readonly place: CertifiedPlace;
  readonly certified: Certified;
}

function certifiedPlaces({ roles, sources, upstreams }: Policy): PlacedMember[] {
  const found: PlacedMember[] = [];
  const visit = (group: Group, place: CertifiedPlace) => {
    for (const member of group.of) {
      if (member.kind === "certified") found.push({ place, certified: member.certified });
      if (member.kind === "group") visit(member.group, place);
    }
  };
  for (const [role, group] of roles) visit(group, { kind: "role", role });
  for (const [source, { rules }] of sources) {
    for (const { write, review, line } of rules) {
      visit(write, { kind: "rule", source, line, part: "write" });
      if (review) visit(review.by, { kind: "rule", source, line, part: "review" });
    }
  }
  for (const group of upstreamGroups(upstreams)) visit(group, { kind: "upstream" });
  return found;
}

function fill(policy: Policy, election: Election): Policy {
  const filled = new Map<Group, Group>();
  const filler = (group: Group) => {
    const known = filled.get(group) ?? fillGroup(group, election);
    filled.set(group, known);
    return known;
  };
  const rules = (rule: Rule): Rule => {
    const write = filler(rule.write);
    const by = rule.review && filler(rule.review.by);
    if (write === rule.write && by === rule.review?.by) return rule;
    return { ...rule, write, review: rule.review && { ...rule.review, by: by! } };
  };
  return {
    ...policy,
    principals: new Map([...policy.principals, ...election.joined.map((one) => [one.name, one] as const)]),
    roles: new Map([...policy.roles].map(([name, group]) => [name, filler(group)])),
    upstreams: withGroups(policy.upstreams, filler),
    sources: new Map(
      [...policy.sources].map(([name, source]) => [name, { ...source, rules: source.rules.map(rules) }]),
    ),
  };
}

/** The same object where nothing in it is certified. */
function fillGroup(group: Group, election: Election): Group {
  if (!group.of.some(isToFill)) return group;
  const of = group.of.flatMap((member): Member[] => {
    if (member.kind === "group") return [{ kind: "group", group: fillGroup(member.group, election) }];
    if (member.kind !== "certified") return [member];
    const people = election.people.get(member.certified)!;
    return people.map(({ principal }) => ({ kind: "principal", name: principal }));
  });
  return { ...group, of: withoutRepeats(of) };
}

function isToFill(member: Member): boolean {
  return member.kind === "certified" || (member.kind === "group" && member.group.of.some(isToFill));
}

/** A listed principal may be certified as well: still one member. */
function withoutRepeats(members: readonly Member[]): Member[] {
  const seen = new Set<string>();
  return members.filter((member) => {
    if (member.kind !== "principal") return true;
    const isNew = !seen.has(member.name);
    seen.add(member.name);
    return isNew;
  });
}
