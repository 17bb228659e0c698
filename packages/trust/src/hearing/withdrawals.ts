/**
 * Words against something that were taken back.
 *
 * Claims: only the person who spoke ends their own word, by a key that counts today, or root by its whole quorum, which
 * may end any. A withdrawal is a word for something: what ends words for something ends it too, and the word that
 * it took back is heard again. Against: a thief of a former key who would take back what its owner said; a warden who
 * would take back another's word. Leaves out: whether a withdrawal was kept back, which can only stop more.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { WithdrawStatement } from "@firstmile/formats/statement/withdraw";
import { NOTHING_OLD, Standing } from "../history/standing.ts";
import type { PrincipalName, RoleName } from "../policy/names.ts";
import type { Policy } from "../policy/policy.ts";
import { isMet } from "../policy/thresholds.ts";
import { type Identities, identitiesOf, peopleBehind } from "../signature/identities.ts";
import { Distrust } from "../slice/distrust.ts";
import type { VerifiedStatement } from "../statement/verify.ts";
import { type Hearing, hearingOf } from "./hearing.ts";
import { isAgainst, type Spoken, spokenOf } from "./words.ts";

type Withdrawal = VerifiedStatement<WithdrawStatement>;

const ROOT = "root" as RoleName;
const NO_COMMIT = "" as CommitId;
/** Each round may let another key speak again: A's withdrawal frees B's key, B's withdrawal frees C's. */
const MAX_ROUNDS = 8;

/** The same statements; signatures on words against something are left out where they were taken back. */
export function withoutWithdrawn(
  policy: Policy,
  statements: readonly VerifiedStatement[],
): readonly VerifiedStatement[] {
  const withdrawals = statements.filter(isWithdrawal);
  if (withdrawals.length === 0) return statements;
  let left: readonly VerifiedStatement[] = statements;
  for (let round = 0, before = ""; round < MAX_ROUNDS; round++) {
    // A key that a warden speaks against takes nothing back, unless that word was itself taken back.
    const applied = new Distrust(policy, left).applied(policy);
    const ended = new Ended(policy, identitiesOf(applied), withdrawals);
    left = statements.map((one) => (isAgainst(one.statement) ? ended.without(one) : one));
    if (ended.state === before) break;
    before = ended.state;
  }
  return left;
}

/** Whom a withdrawal is by, and what it names. */
class Ended {
  readonly #hearing: Hearing;
  /** By root: statements. */
  readonly #statements = new Set<string>();
  /** By root: keys. */
  readonly #keys = new Set<string>();
  /** Statements and keys, each with the people who took back what they said there. */
  readonly #own = new Map<string, Set<PrincipalName>>();

  constructor(policy: Policy, identities: Identities, withdrawals: readonly Withdrawal[]) {
    this.#hearing = hearingOf(policy);
    const standing = new Standing(identities, NOTHING_OLD);
    for (const { statement, outcomes, digest } of withdrawals) {
      const weighed = outcomes.map((outcome) => standing.weigh(outcome, NO_COMMIT, digest));
      const by = peopleBehind(weighed, identities.ownerOf);
      for (const named of [...statement.statements, ...statement.keys])
        this.#own.set(named, (this.#own.get(named) ?? new Set()).union(by));
    }
    for (const { statements, keys } of byRoot(policy, withdrawals)) {
      for (const one of statements) this.#statements.add(one);
      for (const key of keys) this.#keys.add(key);
    }
  }

  get state(): string {
    const own = [...this.#own].map(([named, by]) => `${named} ${[...by].sort().join(" ")}`);
    return own.sort().join("\n");
  }

  without(word: VerifiedStatement): VerifiedStatement {
    const spoken = spokenOf(word);
    if (this.#statements.has(word.digest)) return { ...word, spoken: [] };
    const left = spoken.filter((one) => !this.#isTakenBack(word.digest, one));
    return { ...word, spoken: left.map((one) => (this.#isNamed(one) ? { ...one, endsInDoubt: true } : one)) };
  }

  #isTakenBack(digest: string, { key, signingKey }: Spoken): boolean {
    const people = [digest, key, signingKey].flatMap((named) => [...(this.#own.get(named) ?? [])]);
    if (people.length === 0) return false;
    const names = this.#hearing.namesOf(key);
    return people.some((name) => names.has(name));
  }

  #isNamed({ key, signingKey }: Spoken): boolean {
    return this.#keys.has(key) || this.#keys.has(signingKey);
  }
}

/** Signed by root's quorum, in whichever envelopes. Wardens do not silence root. */
function byRoot(policy: Policy, withdrawals: readonly Withdrawal[]): WithdrawStatement[] {
  const group = policy.roles.get(ROOT);
  if (!group) return [];
  const identities = identitiesOf({ principals: policy.principals });
  const standing = new Standing(identities, NOTHING_OLD);
  return [...Map.groupBy(withdrawals, ({ digest }) => digest).values()].flatMap((copies) => {
    const weighed = copies.flatMap(({ outcomes, digest }) =>
      outcomes.map((outcome) => standing.weigh(outcome, NO_COMMIT, digest)),
    );
    return isMet(group, peopleBehind(weighed, identities.ownerOf), policy) ? [copies[0]!.statement] : [];
  });
}

function isWithdrawal(verified: VerifiedStatement): verified is Withdrawal {
  return verified.statement.kind === "withdraw";
}
