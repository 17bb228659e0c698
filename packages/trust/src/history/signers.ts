/**
 * Who stands behind one commit: the people whose valid signatures are over exactly this object, its own and those
 * added by others. Claim: keys count for nothing, people once. An own signature that is forged, ambiguous or not in
 * its own format refuses the commit whoever else signed, since it shows that somebody tampered; one that merely
 * proves nothing (absent, by an unknown or withdrawn key) leaves the word to the others.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { PrincipalName } from "../policy/names.ts";
import { type Identities, peopleBehind } from "../signature/identities.ts";
import type { Fingerprint, SignatureCode, SignatureOutcome, SignatureRefused } from "../signature/outcome.ts";
import type { CommitTable } from "./commit-table.ts";
import { type IsReached, Standing } from "./standing.ts";

/** Who signed one commit. */
export interface Signers {
  readonly principals: ReadonlySet<PrincipalName>;
  /** The key of its own signature, where that counts. */
  readonly key: string | undefined;
  /** Why its own signature does not count, where it does not. */
  readonly refused: SignatureRefused | undefined;
  /** Whether nothing that others signed outweighs that. */
  readonly final: boolean;
}

/** Signatures of others over commits. */
export type Cosignatures = ReadonlyMap<CommitId, readonly SignatureOutcome[]>;

const NEVER_OUTWEIGHED: ReadonlySet<SignatureCode> = new Set<SignatureCode>([
  "several-signatures",
  "malformed-signature",
  "bad-signature",
]);

/** Principals of the commit's own signature and of co-signatures over it, all weighed. */
export function signersOf(
  ownerOf: Identities["ownerOf"],
  own: SignatureOutcome,
  cosignatures: readonly SignatureOutcome[],
): Signers {
  const principals = peopleBehind([own, ...cosignatures], ownerOf);
  if (own.valid) return { principals, key: own.key, refused: undefined, final: false };
  const final = NEVER_OUTWEIGHED.has(own.code) || principals.size === 0;
  return { principals, key: undefined, refused: own, final };
}

/** Signers of the commits of one table; equal ones are one object, so that what follows is worked out once. */
export class Signatories {
  private readonly table: CommitTable;
  private readonly ownerOf: Identities["ownerOf"];
  private readonly cosignatures: Cosignatures;
  private readonly standing: Standing;
  private readonly known = new Map<SignatureOutcome, Signers>();

  constructor(
    table: CommitTable,
    identities: Pick<Identities, "ownerOf" | "lives">,
    cosignatures: Cosignatures,
    isReached: IsReached,
  ) {
    this.table = table;
    this.ownerOf = identities.ownerOf;
    this.cosignatures = cosignatures;
    this.standing = new Standing(identities, isReached);
  }

  of(row: number): Signers {
    const id = this.table.idAt(row);
    const others = this.cosignatures.get(id) ?? [];
    const own = this.standing.weigh(this.table.outcomeAt(row), id);
    if (others.length === 0) return this.alone(own);
    return signersOf(
      this.ownerOf,
      own,
      others.map((outcome) => this.standing.weigh(outcome, id)),
    );
  }

  /** Who made the commit's own signature, where that counts. */
  signer(row: number): PrincipalName | undefined {
    const { key } = this.of(row);
    return key === undefined ? undefined : this.ownerOf.get(key as Fingerprint);
  }

  /** Whose key its own signature names, counting or not. */
  ownSigner(row: number): PrincipalName[] {
    const { key } = this.table.outcomeAt(row);
    return key === undefined ? [] : [this.ownerOf.get(key) ?? []].flat();
  }

  private alone(own: SignatureOutcome): Signers {
    const known = this.known.get(own);
    if (known) return known;
    const signers = signersOf(this.ownerOf, own, []);
    this.known.set(own, signers);
    return signers;
  }
}
