/** The keys by which one author's releases are checked, and no others: whose else a signature is does not matter here. */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { KeyNumber, NumberedFormat } from "@firstmile/formats/signify/key";
import { type Ed25519Key, ed25519Key } from "../crypto/ed25519.ts";
import { WeakKeyError } from "../crypto/weak-key.ts";
import { NOTHING_OLD, Standing } from "../history/standing.ts";
import type { PrincipalName } from "../policy/names.ts";
import type { AuthorKey, Policy } from "../policy/policy.ts";
import { authorFingerprint, type Identities, identitiesOf } from "../signature/identities.ts";
import type { Fingerprint, SignatureOutcome } from "../signature/outcome.ts";
import type { KeyRing } from "../signature/verify.ts";

/** A key of minisign or signify. A string is why it proves nothing. */
export interface NumberedKeyAtHand {
  readonly fingerprint: Fingerprint;
  readonly key: Ed25519Key | string;
}

export interface AuthorKeys {
  readonly name: PrincipalName;
  readonly ring: KeyRing;
  numbered(kind: NumberedFormat, number: KeyNumber): readonly NumberedKeyAtHand[];
  /** The outcome after what root says of the key. Nothing is old outside of a history. */
  weigh(outcome: SignatureOutcome): SignatureOutcome;
}

/** For `Standing`, which looks for old commits: a signature over a release or a statement is over none. */
export const NO_COMMIT = "" as CommitId;

/** Loads an author's keys; undefined where the policy has no such principal. */
export function authorKeys(
  policy: Pick<Policy, "principals" | "distrusted">,
  name: PrincipalName,
): AuthorKeys | undefined {
  const principal = policy.principals.get(name);
  if (!principal) return undefined;
  const identities = identitiesOf({ ...policy, principals: new Map([[name, principal]]) });
  const own = principal.keys.filter((key) => "number" in key);
  return {
    name,
    ring: identities.keys,
    numbered: (kind, number) =>
      own.filter((key) => key.kind === kind && key.number === number).map((key) => atHand(key)),
    weigh: (outcome) => weighed(outcome, identities),
  };
}

function atHand(listed: AuthorKey): NumberedKeyAtHand {
  const fingerprint = authorFingerprint(listed);
  try {
    return { fingerprint, key: ed25519Key(listed.key) };
  } catch (error) {
    if (error instanceof WeakKeyError) return { fingerprint, key: error.message };
    throw error;
  }
}

/** Of a key of whose end root says something, no lapsed signature counts. */
function weighed(outcome: SignatureOutcome, identities: Identities): SignatureOutcome {
  const heard = new Standing(identities, NOTHING_OLD).weigh(outcome, NO_COMMIT);
  if (heard.valid || heard.lapsed === undefined) return heard;
  const { key, signingKey } = heard.lapsed;
  if (!identities.lives.has(key) && !identities.lives.has(signingKey)) return heard;
  const { lapsed: _, ...rest } = heard;
  return rest;
}
