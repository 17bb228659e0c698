/**
 * Who fills a certified role at a time, and through whom.
 *
 * Claims: a certificate of the keyring is elected where enough people of `by`, counted as any group counts them,
 * certified one and the same user ID of it, which its owner still claims. Against: one certifier with two keys, people
 * who certify a second key of their own, one person with two certified keys counted as two people, a key of a listed
 * principal that joins under another name, and keyrings made to keep the reader busy.
 * Certifiers are people whom the policy lists, by the certificates it lists. Whoever fills a certified or imported
 * member certifies nobody, and so does a key that root calls retired or compromised: a certification has no place in
 * a history that could tell whether it was made before.
 */
import type { OpenPgpCertificate } from "@firstmile/formats/openpgp/certificate";
import { userIdAddress, userIdText } from "@firstmile/formats/openpgp/user-id";
import { type CertificateState, earliest, loadCertificate } from "../openpgp/certificate-state.ts";
import {
  type Candidate,
  type CandidateUserId,
  type Certification,
  type CertificationCode,
  certificationsAt,
} from "../openpgp/certification.ts";
import { type Certifier, certifiersAt } from "../openpgp/certifier.ts";
import { mergeCertificates } from "../openpgp/merge.ts";
import { type StandingCode, standingAt } from "../openpgp/standing.ts";
import type { Fingerprint } from "../signature/outcome.ts";
import { spellOut } from "./assignment.ts";
import type { PrincipalName } from "./names.ts";
import type { Certified, Policy } from "./policy.ts";
import { isMet } from "./thresholds.ts";

/** Most certificates that one role can elect. A distribution of distributions has a thousand people. */
export const MAX_ELECTED = 2_000;

/** Why somebody whom a certifier speaks of is not in the role, or why a whole role is empty. */
export type ElectionCode =
  | StandingCode
  | "too-few-certifiers"
  | "too-many-certifications"
  | "too-many-elected"
  | "key-of-listed-principal"
  | "person-in-other-roles";

/** One user ID with what each person of `by` has said of it. */
export interface UserIdVotes {
  readonly text: string;
  /** E-mail address, lower case. */
  readonly address: string | undefined;
  /** Whose certifications count; sorted. */
  readonly by: readonly PrincipalName[];
  /** Whose do not, and why. */
  readonly passedOver: readonly { readonly by: PrincipalName; readonly code: CertificationCode }[];
  /** Why this user ID elects nobody; undefined where it does. */
  readonly code: ElectionCode | undefined;
}

/** A certificate that some certifier speaks of. It is elected where one of its user IDs is. */
export interface Votes {
  readonly certificate: OpenPgpCertificate;
  readonly userIds: readonly UserIdVotes[];
  /** What holds against all of it. */
  readonly code: ElectionCode | undefined;
}

export interface Ballot {
  readonly certified: Certified;
  /** Why nobody is elected at all. */
  readonly code: ElectionCode | undefined;
  readonly votes: readonly Votes[];
  readonly elected: readonly Votes[];
  /** Listed certificates whose word counts for nothing, and why. */
  readonly silenced: readonly {
    readonly by: PrincipalName;
    readonly key: Fingerprint;
    readonly why: string;
  }[];
  /** Unix seconds at which something that the ballot rests on changes. */
  readonly validUntil: number | undefined;
}

/** Every certificate that a policy knows, copies merged, and whose the listed ones are. */
export class Register {
  readonly policy: Policy;
  readonly #merged: ReadonlyMap<string, OpenPgpCertificate>;
  readonly #states = new Map<string, CertificateState>();
  readonly listed: ReadonlyMap<string, PrincipalName>;
  /** Primary keys that root calls retired or compromised, or that wardens distrust. */
  readonly #outlived: ReadonlySet<string>;

  constructor(policy: Policy, members: readonly Certified[]) {
    this.policy = policy;
    const keys = [...policy.principals.values()].flatMap(({ name, keys }) =>
      keys.flatMap((key) => (key.kind === "openpgp" ? [{ name, ...key }] : [])),
    );
    const keyrings = new Set(members.map(({ certificates }) => certificates));
    const all = [...keys.map(({ certificate }) => certificate), ...[...keyrings].flat()];
    this.#merged = new Map(mergeCertificates(all).map((one) => [one.fingerprint, one]));
    this.listed = new Map(keys.map(({ name, certificate }) => [certificate.fingerprint, name]));
    const outlived = keys.filter(
      ({ life, certificate: { fingerprint } }) =>
        policy.distrusted?.has(fingerprint) ||
        life.some(({ key }) => key === undefined || key === fingerprint),
    );
    this.#outlived = new Set(outlived.map(({ certificate }) => certificate.fingerprint));
  }

  /** With the statements of every copy. */
  merged(certificates: Iterable<OpenPgpCertificate>): OpenPgpCertificate[] {
    const fingerprints = new Set([...certificates].map(({ fingerprint }) => fingerprint));
    return [...fingerprints].map((fingerprint) => this.#merged.get(fingerprint)!);
  }

  /** Evaluated once, and only where enough people vouch for it: a stranger's own signatures cost a check each. */
  state(certificate: OpenPgpCertificate): CertificateState {
    const known = this.#states.get(certificate.fingerprint);
    if (known !== undefined) return known;
    const state = loadCertificate(certificate);
    this.#states.set(certificate.fingerprint, state);
    return state;
  }

  certificatesOf(people: ReadonlySet<PrincipalName>): OpenPgpCertificate[] {
    const theirs = [...this.listed].filter(([, name]) => people.has(name));
    return theirs.map(([fingerprint]) => this.#merged.get(fingerprint)!);
  }

  outlived(fingerprint: string): boolean {
    return this.#outlived.has(fingerprint);
  }
}

/**
 * One certified member of a group, decided at `now` (Unix seconds). Never throws.
 *
 * @param since what ended later than this still counts
 */
export function holdBallot(certified: Certified, register: Register, now: number, since = now): Ballot {
  const people = new Set(spellOut(certified.by, register.policy.roles).people);
  const certifiers = certifiersAt(register.certificatesOf(people), since);
  const heard = certifiers.filter(
    ({ fingerprint, refusal }) => refusal === undefined && !register.outlived(fingerprint),
  );
  const silenced = certifiers.filter((one) => !heard.includes(one)).map((one) => silence(one, register));
  const candidates = certificationsAt(register.merged(certified.certificates), heard, now, since);
  if (candidates === undefined) return emptied(certified, "too-many-certifications", silenced);
  const count = new Count(certified, register, heard, since);
  const votes = candidates.map((candidate) => count.votes(candidate));
  const elected = votes.filter(isElected);
  if (elected.length > MAX_ELECTED) return emptied(certified, "too-many-elected", silenced);
  return { certified, code: undefined, votes, elected, silenced, validUntil: count.validUntil };
}

function emptied(certified: Certified, code: ElectionCode, silenced: Ballot["silenced"]): Ballot {
  return { certified, code, votes: [], elected: [], silenced, validUntil: undefined };
}

function silence({ fingerprint, refusal }: Certifier, { listed }: Register) {
  const why = refusal?.message ?? "root has retired it or calls it compromised, or a warden distrusts it";
  return { by: listed.get(fingerprint)!, key: fingerprint, why };
}

function isElected({ code, userIds }: Votes): boolean {
  return code === undefined && userIds.some((userId) => userId.code === undefined);
}

class Count {
  readonly #certified: Certified;
  readonly #register: Register;
  readonly #certifiers: ReadonlyMap<Fingerprint, Certifier>;
  readonly #since: number;
  validUntil: number | undefined;

  constructor(certified: Certified, register: Register, certifiers: readonly Certifier[], since: number) {
    this.#certified = certified;
    this.#register = register;
    this.#certifiers = new Map(certifiers.map((one) => [one.fingerprint, one]));
    this.#since = since;
  }

  votes({ certificate, userIds, flooded }: Candidate): Votes {
    if (flooded) return { certificate, userIds: [], code: "too-many-certifications" };
    return { certificate, userIds: userIds.map((one) => this.#userId(certificate, one)), code: undefined };
  }

  #userId(certificate: OpenPgpCertificate, { userId, certifications }: CandidateUserId): UserIdVotes {
    // Whoever holds two keys does not vouch for themselves.
    const owner = this.#register.listed.get(certificate.fingerprint);
    const others = certifications.filter(({ by }) => this.#name(by) !== owner);
    const counting = others.filter((one) => one.counts);
    const by = new Set(counting.map((one) => this.#name(one.by)));
    const passedOver = others.flatMap((one) =>
      one.counts ? [] : [{ by: this.#name(one.by), code: one.code }],
    );
    this.#endsAt(...others.map((one) => (one.counts ? undefined : one.from)));
    const text = userIdText(userId.bytes);
    const said = { text, address: userIdAddress(userId.bytes), by: [...by].sort(), passedOver };
    if (!isMet(this.#certified.by, by, this.#register.policy)) return { ...said, code: "too-few-certifiers" };
    const standing = standingAt(this.#register.state(certificate), userId, this.#since);
    if (!standing.stands) return { ...said, code: standing.code };
    this.#endsAt(standing.until, ...counting.map((one) => this.#endOf(one)));
    return { ...said, code: undefined };
  }

  #endOf(one: Certification & { readonly counts: true }): number | undefined {
    return earliest(one.expires, this.#certifiers.get(one.by)!.expires);
  }

  #endsAt(...times: readonly (number | undefined)[]): void {
    this.validUntil = earliest(this.validUntil, ...times);
  }

  #name(fingerprint: Fingerprint): PrincipalName {
    return this.#register.listed.get(fingerprint)!;
  }
}
