/**
 * What wardens speak against. Their word always wins: over reviews, waivers, builders and authors' signatures.
 *
 * Claims: one person of the role `warden` is enough, whatever its threshold is; a key that is distrusted counts for
 * nobody, its owner's reviews included; and a word against something outlives the key that signed it. Against: a
 * signature that is valid and a release that is bad. Leaves out who keeps a distrust back: whoever relies on wardens
 * keeps their statements in the trust repository; and the rules themselves, which root alone changes.
 */
import { decodeHex, encodeHex, encodeUtf8 } from "@firstmile/formats/bytes/text";
import { fixedOutputPath, nameOf, type StorePath, storeDirOf } from "@firstmile/formats/nix/store-path";
import type { DistrustStatement } from "@firstmile/formats/statement/distrust";
import type { ContentTarget } from "@firstmile/formats/statement/target";
import { digest } from "../crypto/hash.ts";
import { doubtIn, hearingOf } from "../hearing/hearing.ts";
import { spokenOf } from "../hearing/words.ts";
import { namesakes } from "../policy/key-parts.ts";
import type { PrincipalName, RoleName } from "../policy/names.ts";
import type { DistrustedKey, Key, Policy, PolicyDigest, Principal } from "../policy/policy.ts";
import { identitiesOf } from "../signature/identities.ts";
import { nixFingerprint } from "../statement/nix-keys.ts";
import type { VerifiedStatement } from "../statement/verify.ts";

export const WARDEN = "warden" as RoleName;
/** How what is fetched is named by its content: as one file, or unpacked. */
const METHODS = ["flat", "nar"] as const;

/** One word against something. */
export interface Objection {
  readonly by: readonly PrincipalName[];
  readonly because: string;
  /** SHA-256 of the statement in hex. */
  readonly statement: string;
  /** Why root is asked whether it may end; undefined where one of their words is in no doubt. */
  readonly doubt?: string | undefined;
}

/** `bob distrusts it: it opens a back door`; where the word is in doubt, also why. */
export function objectionText({ by, because, doubt }: Omit<Objection, "statement">, what = "it"): string {
  return `${by.join(" and ")} distrusts ${what}: ${because}${doubtText(doubt)}`;
}

/** What is put behind a word that is in doubt; nothing behind any other. */
export function doubtText(doubt: string | undefined): string {
  return doubt === undefined ? "" : ` (in doubt: ${doubt})`;
}

export class Distrust {
  readonly #content = new Map<
    string,
    { readonly path: string | undefined; readonly objection: Objection }[]
  >();
  readonly #store = new Map<string, Objection>();
  readonly #keys = new Map<string, Objection>();
  /** As wardens call them. */
  readonly #called = new Map<string, Objection>();
  readonly #idLengths = new Map<string, Set<number>>();
  readonly #fixed = new Map<StorePath, Objection | null>();
  /** Git ids of distrusted contents, by which they are found in a tree without reading it whole. */
  readonly ids = new Set<string>();

  /** Of verified statements, those that somebody signed who is a warden under these rules. */
  constructor(policy: Policy, statements: Iterable<VerifiedStatement>) {
    const words = heard(policy, statements);
    // One key in two formats is one key, by whichever name a warden calls it.
    const also = words.some(({ statement }) => statement.keys.length > 0) ? namesOfKeys(policy) : new Map();
    for (const { statement, speakers, digest: name } of words) {
      const by = speakers.map(({ name: who }) => who);
      const objection = { by, because: statement.because, statement: name, doubt: doubtIn(speakers) };
      for (const key of statement.keys.map(spelled)) {
        this.#called.set(key, objection);
        for (const one of also.get(key) ?? [key]) this.#keys.set(one, objection);
      }
      for (const target of statement.targets) {
        if (target.kind === "store") this.#store.set(target.baseName, objection);
        else this.#enter(target, objection);
      }
    }
  }

  #enter({ sha256, path, id }: ContentTarget, objection: Objection): void {
    this.#content.set(sha256, [...(this.#content.get(sha256) ?? []), { path, objection }]);
    const lengths = this.#idLengths.get(sha256) ?? new Set();
    this.#idLengths.set(sha256, lengths);
    if (id === undefined) return;
    this.ids.add(id);
    lengths.add(id.length);
  }

  get isEmpty(): boolean {
    return this.#content.size + this.#store.size + this.#keys.size === 0;
  }

  /** Against a content: at `path`, or wherever it lies. `sha256` in hex. */
  ofContent(sha256: string, path: string | undefined): Objection | undefined {
    const all = this.#content.size === 0 ? undefined : this.#content.get(sha256);
    return all?.find((one) => one.path === undefined || one.path === path)?.objection;
  }

  /**
   * Whether all contents are named with ids of this length too, in hex digits, so that whoever looks for them in a Git
   * tree finds them by its ids alone.
   */
  isFoundById(length: number): boolean {
    return [...this.#idLengths.values()].every((lengths) => lengths.has(length));
  }

  /** Against a derivation or an output, by its path in the store or its base name. */
  ofStorePath(path: string): Objection | undefined {
    return this.#store.get(path.slice(path.lastIndexOf("/") + 1));
  }

  /**
   * Against a path that its content names: what a download has to hash to, whether it is one file or is unpacked. It
   * follows from name and hash, so that nobody has to have it.
   */
  ofFixedPath(path: StorePath): Objection | undefined {
    const known = this.#fixed.get(path);
    if (known !== undefined) return known ?? undefined;
    const found = this.#lookUpFixed(path);
    this.#fixed.set(path, found ?? null);
    return found;
  }

  #lookUpFixed(path: StorePath): Objection | undefined {
    const [name, storeDir] = [nameOf(path), storeDirOf(path)];
    for (const sha256 of this.#content.keys()) {
      const hash = { algorithm: "sha256" as const, digest: decodeHex(sha256) };
      const isIt = METHODS.some((method) => fixedOutputPath(method, hash, name, storeDir) === path);
      const objection = isIt ? this.ofContent(sha256, undefined) : undefined;
      if (objection) return objection;
    }
    return undefined;
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

  /**
   * The policy without the keys that are distrusted: whoever signs with one has said nothing, and builders' keys are
   * gone. With another digest, so that nothing that was remembered before is believed. The same object where the policy
   * has been told all of it before.
   */
  applied<P extends Policy>(policy: P): P {
    const told = this.#tellable(policy);
    if (told.every(([fingerprint]) => policy.distrusted?.has(fingerprint))) return policy;
    const distrusted = new Map([...(policy.distrusted ?? []), ...told]);
    const principals = new Map(
      [...policy.principals].map(([name, one]) => [name, withoutNixKeys(one, distrusted)]),
    );
    const names = [...distrusted.keys()].sort();
    const text = ["firstmile policy with distrust 1", policy.digest, ...names].join("\0");
    const name = encodeHex(digest("sha256", encodeUtf8(text))) as PolicyDigest;
    return { ...policy, principals, distrusted, digest: name };
  }

  #tellable(policy: Policy): [string, DistrustedKey][] {
    const also = this.#called.size > 0 ? namesOfKeys(policy) : new Map<string, ReadonlySet<string>>();
    return [...this.#called].flatMap(([fingerprint, { by, because }]) => {
      const event: DistrustedKey = { kind: "distrusted", key: undefined, reason: because, by };
      const names = also.get(fingerprint) ?? [fingerprint];
      return [...names].map((name): [string, DistrustedKey] => [name, event]);
    });
  }
}

function withoutNixKeys(principal: Principal, distrusted: ReadonlyMap<string, DistrustedKey>): Principal {
  const isGone = (key: Key) => key.kind === "nix" && distrusted.has(nixFingerprint(key));
  return principal.keys.some(isGone)
    ? { ...principal, keys: principal.keys.filter((key) => !isGone(key)) }
    : principal;
}

/** Every name of each key: who signs for an authority has one for each name that it certifies. */
function namesOfKeys({ principals }: Policy): ReadonlyMap<string, ReadonlySet<string>> {
  return namesakes([...principals.values()].flatMap(({ keys }) => keys));
}

/** Every name under which something that a principal signs can come out. */
export function fingerprintsOf(principal: Principal): string[] {
  const { ownerOf } = identitiesOf({ principals: new Map([[principal.name, principal]]) });
  const nix = principal.keys.flatMap((key) => (key.kind === "nix" ? [nixFingerprint(key)] : []));
  return [...ownerOf.keys(), ...nix].sort();
}

/** OpenPGP fingerprints in the case that everything here prints them in. */
function spelled(fingerprint: string): string {
  return /^[0-9a-f]+$/i.test(fingerprint) ? fingerprint.toUpperCase() : fingerprint;
}

/** What a warden signed, by whichever key the rules ever listed for them: what is bad stays so. */
function heard(policy: Policy, statements: Iterable<VerifiedStatement>) {
  const hearing = hearingOf(policy);
  const words = Map.groupBy([...statements].filter(isDistrust), ({ digest: name }) => name);
  return [...words]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, copies]) => {
      const speakers = hearing.speakers(copies.flatMap(spokenOf), ({ roles }) => roles.get(WARDEN));
      return speakers.length === 0 ? [] : [{ statement: copies[0]!.statement, digest: name, speakers }];
    });
}

function isDistrust(verified: VerifiedStatement): verified is VerifiedStatement<DistrustStatement> {
  return verified.statement.kind === "distrust";
}
