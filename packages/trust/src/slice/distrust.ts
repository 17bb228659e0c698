/**
 * What wardens speak against. Their word always wins: over reviews, waivers, builders and authors' signatures.
 *
 * Claims: one person of the role `warden` is enough, whatever its threshold is; a key that is distrusted counts for
 * nobody, its owner's reviews included. Against: a signature that is valid and a release that is bad. Leaves out who
 * keeps a distrust back: whoever relies on wardens keeps their statements in the trust repository.
 */
import { encodeHex, encodeUtf8 } from "@firstmile/formats/bytes/text";
import type { DistrustStatement } from "@firstmile/formats/statement/distrust";
import { digest } from "../crypto/hash.ts";
import type { PrincipalName, RoleName } from "../policy/names.ts";
import type { Key, Policy, PolicyDigest, Principal } from "../policy/policy.ts";
import { meets } from "../policy/thresholds.ts";
import { identitiesOf, peopleBehind } from "../signature/identities.ts";
import { nixFingerprint } from "../statement/nix-keys.ts";
import type { VerifiedStatement } from "../statement/verify.ts";

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
      for (const key of statement.keys) this.#keys.set(key, objection);
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
    const all = this.#content.get(sha256);
    return all?.find((one) => one.path === undefined || one.path === path)?.objection;
  }

  /** Against a derivation or an output, by its path in the store or its base name. */
  ofStorePath(path: string): Objection | undefined {
    return this.#store.get(path.slice(path.lastIndexOf("/") + 1));
  }

  ofKey(fingerprint: string): Objection | undefined {
    return this.#keys.get(fingerprint);
  }

  /** Every content that is spoken against, by SHA-256. */
  contents(): IterableIterator<string> {
    return this.#content.keys();
  }

  storePaths(): IterableIterator<string> {
    return this.#store.keys();
  }

  /**
   * The policy without the keys that are distrusted: signing keys as if root called them compromised, builders' keys
   * gone. With another digest, so that nothing that was remembered before is believed.
   */
  applied<P extends Policy>(policy: P): P {
    if (this.#keys.size === 0) return policy;
    const principals = new Map([...policy.principals].map(([name, one]) => [name, this.#judged(one)]));
    const text = [
      `firstmile policy with distrust 1\0${policy.digest}`,
      ...[...this.#keys.keys()].sort(),
    ].join("\n");
    return { ...policy, principals, digest: encodeHex(digest("sha256", encodeUtf8(text))) as PolicyDigest };
  }

  #judged(principal: Principal): Principal {
    const keys = principal.keys.flatMap((key): Key[] => {
      if (key.kind === "nix") return this.#keys.has(nixFingerprint(key)) ? [] : [key];
      const own = { ...principal, keys: [key] };
      const { ownerOf } = identitiesOf({ principals: new Map([[principal.name, own]]) });
      const against = [...ownerOf.keys()].flatMap((fingerprint) => this.ofKey(fingerprint) ?? []);
      if (against.length === 0) return [key];
      const reason = `${against[0]!.by.join(" and ")} distrusts it: ${against[0]!.because}`;
      return [{ ...key, life: [...key.life, { kind: "compromised" as const, key: undefined, reason }] }];
    });
    return { ...principal, keys };
  }
}

interface Heard {
  readonly statement: DistrustStatement;
  readonly by: readonly PrincipalName[];
  readonly digest: string;
}

function heard(policy: Policy, statements: Iterable<VerifiedStatement>): Heard[] {
  const group = policy.roles.get(WARDEN);
  if (!group) return [];
  const { ownerOf } = identitiesOf(policy);
  return [...statements].flatMap(({ statement, outcomes, digest: name }) => {
    if (statement.kind !== "distrust") return [];
    const by = [...peopleBehind(outcomes, ownerOf)].filter((one) => isOf(group, one, policy));
    return by.length > 0 ? [{ statement, by, digest: name }] : [];
  });
}

function isOf(group: Parameters<typeof meets>[0], name: PrincipalName, policy: Policy): boolean {
  return meets(group, new Set([name]), policy).counted.length > 0;
}
