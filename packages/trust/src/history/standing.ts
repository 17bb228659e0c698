/**
 * Whose word a signature is, after what root and wardens say of the key behind it. Claim: a key that is `compromised`
 * or distrusted speaks for nobody; one that is `retired` speaks for its owner in commits that the named ones reach, and
 * nowhere else, and there also where it has expired or its owner withdrew it without harm since. Against: whoever got
 * hold of a key that its owner no longer uses, and dates, which whoever holds a key writes as they please: what an old
 * commit is, its place in the history says. Left out: a revocation because of harm, which no retirement softens.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { KeyEvent } from "../policy/policy.ts";
import type { Identities } from "../signature/identities.ts";
import type { SignatureOutcome, SignatureRefused, SignatureValid } from "../signature/outcome.ts";

/** Whether a commit is one of these or one of their ancestors. */
export type IsReached = (commit: CommitId, from: readonly CommitId[]) => boolean;

/** A signature over no commit of a history, such as one over the rules themselves: nothing is old there. */
export const NOTHING_OLD: IsReached = () => false;

export class Standing {
  private readonly lives: Identities["lives"];
  private readonly isReached: IsReached;
  private readonly vouched = new Map<KeyEvent, ReadonlySet<string>>();

  constructor({ lives }: Pick<Identities, "lives">, isReached: IsReached) {
    this.lives = lives;
    this.isReached = isReached;
  }

  /**
   * The outcome that counts, for a signature over `commit`. The same object where root says nothing of its key.
   *
   * @param statement SHA-256 in hex of a word for something that is about content: what the key said before it was
   *   retired counts at any commit, where root or this machine vouches that it was said before
   */
  weigh(outcome: SignatureOutcome, commit: CommitId, statement?: string): SignatureOutcome {
    if (this.lives.size === 0) return outcome;
    const good = outcome.valid ? outcome : outcome.lapsed;
    const event = good && this.eventOf(good, commit);
    if (!good || !event) return outcome;
    if (event.kind === "compromised") return refused("compromised-key", good, reasonText(event));
    if (event.kind === "distrusted") return refused("distrusted", good, distrustText(event));
    if (this.isOldFor(event, commit)) return good;
    if (statement !== undefined && this.isVouched(event, statement)) return { ...good, retired: true };
    return outcome.valid ? refused("retired-key", good, retiredText(event)) : outcome;
  }

  private isVouched(event: KeyEvent & { readonly kind: "retired" }, statement: string): boolean {
    if (event.vouched === undefined) return false;
    const known = this.vouched.get(event) ?? new Set(event.vouched);
    this.vouched.set(event, known);
    return known.has(statement);
  }

  /**
   * What is said of the key that signed outweighs what is said of all keys of its certificate; harm outweighs age. Of
   * several retirements each holds: the one that the commit is not old enough for decides.
   */
  private eventOf({ key, signingKey }: SignatureValid, commit: CommitId): KeyEvent | undefined {
    const said = [...(this.lives.get(signingKey) ?? []), ...(this.lives.get(key) ?? [])];
    const own = said.filter((event) => event.key === undefined || event.key === signingKey);
    const harm =
      own.find(({ kind }) => kind === "distrusted") ?? own.find(({ kind }) => kind === "compromised");
    if (harm) return harm;
    const specific = own.filter((event) => event.key === signingKey);
    const holding = specific.length > 0 ? specific : own;
    return holding.find((event) => !this.isOldFor(event, commit)) ?? holding[0];
  }

  private isOldFor(event: KeyEvent, commit: CommitId): boolean {
    if (event.kind !== "retired") return false;
    return this.isReached(commit, event.after as readonly string[] as readonly CommitId[]);
  }
}

function refused(
  code: SignatureRefused["code"],
  { key, signingKey }: SignatureValid,
  text: string,
): SignatureRefused {
  return { valid: false, code, key, message: `is signed by ${signingKey}, ${text}` };
}

function reasonText(event: KeyEvent & { kind: "compromised" }): string {
  return `which root calls compromised: ${event.reason}`;
}

function distrustText({ by, reason }: KeyEvent & { kind: "distrusted" }): string {
  return `which ${by.join(" and ")} distrusts: ${reason}`;
}

function retiredText({ after }: KeyEvent & { kind: "retired" }): string {
  const named = after.map((id) => id.slice(0, 12)).join(", ");
  return `which root retired: it counts in ${named} and what is before, and this is not`;
}
