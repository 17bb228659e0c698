/**
 * Who certified whom: third-party certifications of user IDs (RFC 9580 section 5.2.1, types 0x10 to 0x13 and 0x30).
 *
 * Claims: a certification counts when a certifier's primary key, marked for certifying, neither revoked nor expired
 * at `now`, made it over exactly this primary key and user ID with a hash whose collisions cannot be made, and it is
 * the newest thing that this certifier says of the pair, with its own end ahead. Against: certifications moved to
 * another key or name, brought back after they were taken back, made by collision (a SHA-1 one never counts: its
 * maker may have been shown something else), and floods, which are cheap to make and dear to check.
 * As GnuPG decides it for certifiers of marginal trust whose own keys are beyond doubt, and stricter in this: SHA-1
 * and RIPEMD-160 certify at no date, a primary key marked for other uses only certifies nothing, and what is dated in
 * the future, of version 3 or under a critical restriction does not count, nor does a photograph. A revocation counts
 * also over MD5 or SHA-1, also from the same second, and also of a certification that calls itself irrevocable.
 * Leaves out: how many certifiers are enough, whose keys these are, and trust signatures: whoever is certified
 * certifies nobody in turn.
 */
import type { OpenPgpCertificate, UserId } from "@firstmile/formats/openpgp/certificate";
import type { Issuer } from "@firstmile/formats/openpgp/issuer";
import type { KeyId } from "@firstmile/formats/openpgp/public-key";
import { type Signature, SignatureType } from "@firstmile/formats/openpgp/signature";
import { MAX_USER_ID } from "@firstmile/formats/openpgp/user-id";
import type { Fingerprint } from "../signature/outcome.ts";
import { earliest, signatureExpiry } from "./certificate-state.ts";
import type { Certifier } from "./certifier.ts";
import { gradedHash } from "./hash-algorithm.ts";
import { mayBeFrom, saysOnlyKnown } from "./self-signature.ts";
import { userIdData } from "./signed-data.ts";
import { CERTIFICATIONS } from "./user-id-state.ts";

/** Why a certifier's word for a user ID does not count. Each has a vector in vectors/openpgp/certification. */
export type CertificationCode =
  | "bad-certification"
  | "weak-certification"
  | "persona-certification"
  | "unsupported-certification"
  | "future-certification"
  | "expired-certification"
  | "revoked-certification";

/** What one certifier's statements about one user ID come to. */
export type Certification = { readonly by: Fingerprint } & (
  | { readonly counts: true; readonly expires: number | undefined }
  | {
      readonly counts: false;
      readonly code: CertificationCode;
      /** Unix seconds from which on a certification dated in the future counts. */
      readonly from?: number;
    }
);

export interface CandidateUserId {
  readonly userId: UserId;
  /** One for each certifier who says anything about it. */
  readonly certifications: readonly Certification[];
}

/** A certificate of which at least one certifier says something. */
export interface Candidate {
  readonly certificate: OpenPgpCertificate;
  readonly userIds: readonly CandidateUserId[];
  /** Whether it has more certifications than are looked at; then it has no user IDs here. */
  readonly flooded: boolean;
}

/** Real certificates have some dozens by all certifiers together, over all of their user IDs. */
export const MAX_CHECKS_OF_ONE = 500;
/** Of one role's keyring: a distribution's has a few thousand. At 14,000 a second (RSA-4096), below two seconds. */
export const MAX_CHECKS = 20_000;

/**
 * The certifications of `candidates`, copies of one certificate merged, at `now` (Unix seconds). Candidates of which
 * no certifier says anything are left out. Undefined where all together need more than `MAX_CHECKS`. Never throws.
 *
 * @param since Unix seconds: what ended later than this still counts
 */
export function certificationsAt(
  candidates: Iterable<OpenPgpCertificate>,
  certifiers: readonly Certifier[],
  now: number,
  since = now,
): Candidate[] | undefined {
  const checks = new Checks(certifiers, now, since);
  const found: Candidate[] = [];
  for (const certificate of candidates) {
    const candidate = checks.candidate(certificate);
    if (checks.exhausted) return undefined;
    if (candidate.flooded || candidate.userIds.length > 0) found.push(candidate);
  }
  return found;
}

class Checks {
  readonly #byKeyId: ReadonlyMap<KeyId, readonly Certifier[]>;
  readonly #now: number;
  readonly #since: number;
  #all = 0;
  #ofOne = 0;

  constructor(certifiers: readonly Certifier[], now: number, since: number) {
    const able = certifiers.filter(({ refusal }) => refusal === undefined);
    this.#byKeyId = Map.groupBy(able, ({ key }) => key.keyId);
    this.#now = now;
    this.#since = since;
  }

  get exhausted(): boolean {
    return this.#all > MAX_CHECKS;
  }

  candidate(certificate: OpenPgpCertificate): Candidate {
    this.#ofOne = 0;
    const userIds = certificate.userIds
      .filter(({ kind, bytes }) => kind === "user-id" && bytes.length <= MAX_USER_ID)
      .map((userId) => ({ userId, certifications: this.#userId(certificate, userId) }))
      .filter(({ certifications }) => certifications.length > 0);
    const flooded = this.#ofOne > MAX_CHECKS_OF_ONE;
    return { certificate, userIds: flooded ? [] : userIds, flooded };
  }

  #userId({ primary }: OpenPgpCertificate, userId: UserId): Certification[] {
    const statements = userId.signatures.filter(isStatement);
    const byCertifier = new Map<Certifier, Signature[]>();
    for (const statement of statements) {
      for (const certifier of this.#certifiersOf(statement.issuer)) {
        if (certifier.key.fingerprint === primary.fingerprint) continue;
        const said = byCertifier.get(certifier);
        if (said === undefined) byCertifier.set(certifier, [statement]);
        else said.push(statement);
      }
    }
    return [...byCertifier].map(([certifier, said]) => {
      const data = (version: Signature["version"]) => userIdData(primary, userId, version);
      return { by: certifier.fingerprint, ...this.#newest(certifier, said, data) };
    });
  }

  /** By key ID first: it finds candidates only, since whoever likes can make two keys with the same one. */
  #certifiersOf(issuer: Issuer): Certifier[] {
    if (issuer.kind === "none") return [];
    return (this.#byKeyId.get(issuer.keyId) ?? []).filter(({ key }) => mayBeFrom(issuer, key));
  }

  /**
   * The newest statement that holds decides; one that does not hold might be anybody's, and is passed over. So is a
   * certification from the future: no revocation made before then would ever be newer.
   */
  #newest(certifier: Certifier, said: readonly Signature[], data: (version: 3 | 4 | 6) => Uint8Array[]) {
    let passedOver: { code: CertificationCode; from?: number } = { code: "bad-certification" };
    const flawed: Signature[] = [];
    for (const statement of said.toSorted(newestFirst)) {
      const code = flawOf(statement, certifier);
      if (code !== undefined) {
        passedOver = { code };
        flawed.push(statement);
      } else if (!this.#holds(certifier, statement, data(statement.version))) continue;
      else if (isRevocation(statement) || statement.created <= this.#now)
        return this.#verdict(
          statement,
          flawed.filter((one) => !isPersona(one) && this.#holds(certifier, one, data(one.version))),
        );
      else passedOver = { code: "future-certification", from: statement.created };
    }
    return { counts: false, ...passedOver } as const;
  }

  /** `flawed`: newer ones by the same certifier, which give nothing; where they name an end, that holds. */
  #verdict(statement: Signature, flawed: readonly Signature[]) {
    if (isRevocation(statement)) return { counts: false, code: "revoked-certification" } as const;
    const expires = earliest(...[statement, ...flawed].map(signatureExpiry));
    // An older certification does not come back: its maker gave a newer one an end.
    if (expires !== undefined && expires <= this.#since)
      return { counts: false, code: "expired-certification" } as const;
    return { counts: true, expires } as const;
  }

  #holds({ verifying }: Certifier, statement: Signature, data: readonly Uint8Array[]): boolean {
    if (this.exhausted || this.#ofOne > MAX_CHECKS_OF_ONE) return false;
    this.#all++;
    this.#ofOne++;
    return verifying?.verify(statement, data) ?? false;
  }
}

function isStatement(signature: Signature): boolean {
  return isRevocation(signature) || CERTIFICATIONS.includes(signature.type);
}

function isRevocation({ type }: Signature): boolean {
  return type === SignatureType.certificationRevocation;
}

function isPersona({ type }: Signature): boolean {
  return type === SignatureType.personaCertification;
}

function newestFirst(a: Signature, b: Signature): number {
  return b.created - a.created || Number(isRevocation(b)) - Number(isRevocation(a));
}

/** What keeps a statement from counting whoever made it. A revocation only takes away, so little is asked of it. */
function flawOf(statement: Signature, { key }: Certifier): CertificationCode | undefined {
  const grade = gradedHash(statement.hashAlgorithm)?.grade;
  if (isRevocation(statement)) return grade === undefined ? "weak-certification" : undefined;
  // GnuPG's default, min-cert-level 2: its maker says that they did not look who the owner is.
  if (isPersona(statement)) return "persona-certification";
  if (statement.version === 3 || !saysOnlyKnown(statement)) return "unsupported-certification";
  if (grade !== "strong") return "weak-certification";
  return statement.created < key.created ? "bad-certification" : undefined;
}
