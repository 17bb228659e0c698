/**
 * What wardens speak against. Their word always wins: over reviews, waivers, builders and authors' signatures.
 *
 * Claims: one person of the role `warden` is enough, whatever its threshold is; a key that is distrusted counts for
 * nobody, its owner's reviews included. Against: a signature that is valid and a release that is bad. Leaves out who
 * keeps a distrust back: whoever relies on wardens keeps their statements in the trust repository.
 */
import type { CommitId } from "@firstmile/formats/git/object-id";
import type { DistrustStatement } from "@firstmile/formats/statement/distrust";
import type { Statement } from "@firstmile/formats/statement/statement";
import { Standing } from "../history/standing.ts";
import type { PrincipalName, RoleName } from "../policy/names.ts";
import type { Policy } from "../policy/policy.ts";
import { peopleOf } from "../policy/thresholds.ts";
import { identitiesOf } from "../signature/identities.ts";
import type { SignatureOutcome } from "../signature/outcome.ts";
import type { VerifiedStatement } from "../statement/verify.ts";
import { withoutKeys } from "./distrusted-keys.ts";
import { signedTogether } from "./signers.ts";

const WARDEN = "warden" as RoleName;

/** One word against something. */
export interface Objection {
  readonly by: readonly PrincipalName[];
  readonly because: string;
  /** SHA-256 of the statement in hex. */
  readonly statement: string;
}

export class Distrust {
  readonly #content = new Map<
    string,
    { readonly path: string | undefined; readonly objection: Objection }[]
  >();
  readonly #store = new Map<string, Objection>();
  readonly #keys = new Map<string, Objection>();
  /** Git ids of distrusted contents, by which they are found in a tree without reading it whole. */
  readonly ids: ReadonlySet<string>;

  /** Of verified statements, those that somebody signed who is a warden under these rules. */
  constructor(policy: Policy, statements: Iterable<VerifiedStatement>) {
    const ids = new Set<string>();
    for (const { statement, by, digest: name } of heard(policy, statements)) {
      const objection = { by, because: statement.because, statement: name };
      for (const key of statement.keys) this.#keys.set(spelled(key), objection);
      for (const target of statement.targets) {
        if (target.kind === "store") this.#store.set(target.baseName, objection);
        else {
          const known = this.#content.get(target.sha256) ?? [];
          this.#content.set(target.sha256, [...known, { path: target.path, objection }]);
          if (target.id !== undefined) ids.add(target.id);
        }
      }
    }
    this.ids = ids;
  }

  get isEmpty(): boolean {
    return this.#content.size + this.#store.size + this.#keys.size === 0;
  }

  /** Against a content: at `path`, or wherever it lies. `sha256` in hex. */
  ofContent(sha256: string, path: string | undefined): Objection | undefined {
    const all = this.#content.size === 0 ? undefined : this.#content.get(sha256);
    return all?.find((one) => one.path === undefined || one.path === path)?.objection;
  }

  /** Against a derivation or an output, by its path in the store or its base name. */
  ofStorePath(path: string): Objection | undefined {
    return this.#store.get(path.slice(path.lastIndexOf("/") + 1));
  }

  ofKey(fingerprint: string): Objection | undefined {
    return this.#keys.get(spelled(fingerprint));
  }

  /** Every content that is spoken against, by SHA-256. */
  contents(): IterableIterator<string> {
    return this.#content.keys();
  }

  storePaths(): IterableIterator<string> {
    return this.#store.keys();
  }

  /** The policy without the keys that are distrusted; the same one where none is. */
  applied<P extends Policy>(policy: P): P {
    return withoutKeys(policy, this.#keys);
  }
}

/** OpenPGP fingerprints in the case that everything here prints them in. */
function spelled(fingerprint: string): string {
  return /^[0-9a-f]+$/i.test(fingerprint) ? fingerprint.toUpperCase() : fingerprint;
}

/** What was signed by a warden, also by a key that has ended since: what is bad stays so. */
function heard(policy: Policy, statements: Iterable<VerifiedStatement>) {
  const group = policy.roles.get(WARDEN);
  if (!group) return [];
  const wardens = peopleOf(group, policy);
  const identities = identitiesOf(policy);
  const standing = new Standing(identities, () => true);
  const spoken = [...statements].filter(({ statement }) => isDistrust(statement));
  const weighed = spoken.map((one) => ({
    ...one,
    outcomes: one.outcomes.map((outcome) => standing.weigh(lapsedToo(outcome), ANY_COMMIT)),
  }));
  return signedTogether(weighed, identities.ownerOf, isDistrust)
    .map((one) => ({ ...one, by: [...one.by].filter((name) => wardens.has(name)).sort() }))
    .filter(({ by }) => by.length > 0);
}

function isDistrust(statement: Statement): statement is DistrustStatement {
  return statement.kind === "distrust";
}

function lapsedToo(outcome: SignatureOutcome): SignatureOutcome {
  return outcome.valid ? outcome : (outcome.lapsed ?? outcome);
}

/** A word against something is about no place in a history: a retired key is heard everywhere. */
const ANY_COMMIT = "" as CommitId;
