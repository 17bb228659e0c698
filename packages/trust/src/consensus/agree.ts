/**
 * Claim: an output passes only if builders that meet the policy's threshold, one vote an operator, each signed the
 * same NarHash, size and references for exactly this path. Against: a builder that swaps a binary, a cache that
 * replays or invents, one operator with many caches or keys. Left out: which derivation a builder built (a narinfo
 * signature does not name it), and whether the builders are independent in more than what the policy says.
 *
 * The denominator is who the policy names, never who answered.
 */
import { encodeUtf8 } from "@firstmile/formats/bytes/text";
import { fingerprint, type NarInfo } from "@firstmile/formats/nix/narinfo";
import type { StorePath } from "@firstmile/formats/nix/store-path";
import { type Ed25519Key, ed25519Key } from "../crypto/ed25519.ts";
import { WeakKeyError } from "../crypto/weak-key.ts";
import type { PrincipalName } from "../policy/names.ts";
import type { Policy } from "../policy/policy.ts";
import { meetsByOperator, type Tally } from "../policy/thresholds.ts";
import type { Distrust, Objection } from "../slice/distrust.ts";
import { nixFingerprint } from "../statement/nix-keys.ts";
import { found, lacking, type Reason } from "../verdict/verdict.ts";

/** What one cache says of a path. */
export interface Testimony {
  /** The cache's URL: where it was heard, for people. */
  readonly cache: string;
  readonly info: NarInfo;
}

interface BuilderKey {
  readonly principal: PrincipalName;
  readonly key: Ed25519Key;
  /** A warden's word against it: it votes for nothing, and whoever asks is told. */
  readonly objection: Objection | undefined;
}

/** Keys of the policy's builders, loaded once, by the name that signatures give as a hint. */
export type BuilderKeys = ReadonlyMap<string, readonly BuilderKey[]>;

/** `policy` as it lists its keys: those that are distrusted are told by `distrust`. */
export function builderKeys(policy: Policy, distrust?: Pick<Distrust, "ofKey">): BuilderKeys {
  const keys = new Map<string, BuilderKey[]>();
  for (const principal of policy.principals.values()) {
    for (const listed of principal.keys) {
      // Nothing that a builder signs is old: a key that was retired in another format votes no more.
      const counts = listed.kind === "nix" && !listed.life?.length;
      const key = counts ? load(listed.key) : undefined;
      if (listed.kind !== "nix" || !key) continue;
      const objection = distrust?.ofKey(nixFingerprint(listed));
      keys.set(listed.name, [
        ...(keys.get(listed.name) ?? []),
        { principal: principal.name, key, objection },
      ]);
    }
  }
  return keys;
}

function load(key: Uint8Array): Ed25519Key | undefined {
  try {
    return ed25519Key(key);
  } catch (error) {
    if (error instanceof WeakKeyError) return undefined;
    throw error;
  }
}

/** One content that at least one builder vouches for. */
interface Claim {
  readonly testimonies: Testimony[];
  readonly builders: Set<PrincipalName>;
}

export interface Agreement {
  readonly reason: Reason;
  /** Testimonies of the content agreed on, in the order heard; empty where there is no agreement. */
  readonly agreed: readonly Testimony[];
  /** Where too few agree: those of the only content that any builder vouches for. Empty where they differ. */
  readonly undisputed: readonly Testimony[];
}

/** Whether the builders agree on what `path` holds. */
export function judgeAgreement(
  policy: Policy,
  keys: BuilderKeys,
  path: StorePath,
  heard: readonly Testimony[],
): Agreement {
  const { output } = policy;
  if (!output)
    return none(
      lacking("too-few-builders", "the policy trusts no builders", {
        remedy: "add [output] with builders and caches to firstmile.toml",
      }),
    );
  const group = policy.roles.get(output.builders)!;
  const about = heard.filter(({ info }) => info.storePath === path);
  const claims = claimsOf(keys, about);
  const struck = struckFrom(keys, about);
  if (claims.length === 0) return none(nobodyVouches(path, heard, struck));
  const contradicting = contradictors(claims);
  const counted = claims.map((claim) => ({ claim, tally: tallyOf(policy, group, claim, contradicting) }));
  const met = counted.filter(({ tally }) => tally.met);
  const [first] = met;
  if (met.length > 1) return none(conflict(path, claims));
  if (!first) {
    const reason = tooFew(path, output.builders, counted, contradicting, struck);
    const [only, other] = counted;
    const isOne = other === undefined && only!.tally.counted.length > 0;
    return { reason, agreed: [], undisputed: isOne ? only!.claim.testimonies : [] };
  }
  const { testimonies } = first.claim;
  return { reason: agreement(path, first.claim, claims, first.tally), agreed: testimonies, undisputed: [] };
}

function tallyOf(
  policy: Policy,
  group: Parameters<typeof meetsByOperator>[0],
  claim: Claim,
  contradicting: ReadonlySet<PrincipalName>,
): Tally {
  return meetsByOperator(group, claim.builders.difference(contradicting), policy);
}

/** Contents by what a signature covers, each with the builders whose key made a valid one. */
function claimsOf(keys: BuilderKeys, heard: readonly Testimony[]): Claim[] {
  const claims = new Map<string, Claim>();
  for (const testimony of heard) {
    const content = fingerprint(testimony.info);
    const message = encodeUtf8(content);
    const builders = testimony.info.signatures.flatMap(({ name, signature }) =>
      (keys.get(name) ?? [])
        .filter(({ key, objection }) => objection === undefined && key.verify(message, signature))
        .map(({ principal }) => principal),
    );
    if (builders.length === 0) continue;
    const claim = claims.get(content) ?? { testimonies: [], builders: new Set() };
    claim.testimonies.push(testimony);
    for (const builder of builders) claim.builders.add(builder);
    claims.set(content, claim);
  }
  return [...claims.values()];
}

/** Builders' signatures that would count if no warden spoke against their keys. */
function struckFrom(keys: BuilderKeys, heard: readonly Testimony[]): Reason[] {
  const messages = new Set<string>();
  for (const { info } of heard) {
    const message = encodeUtf8(fingerprint(info));
    for (const { name, signature } of info.signatures) {
      for (const { principal, key, objection } of keys.get(name) ?? []) {
        if (objection === undefined || !key.verify(message, signature)) continue;
        const { by, because } = objection;
        messages.add(`${principal} signed it with ${name}, which ${by.join(" and ")} distrusts: ${because}`);
      }
    }
  }
  return [...messages].map((message) => lacking("distrusted", message));
}

/** A builder that signed two contents for one path said nothing: it counts for neither. */
function contradictors(claims: readonly Claim[]): Set<PrincipalName> {
  const said = new Set<PrincipalName>();
  const twice = new Set<PrincipalName>();
  for (const { builders } of claims) {
    for (const builder of builders) (said.has(builder) ? twice : said).add(builder);
  }
  return twice;
}

function agreement(path: StorePath, claim: Claim, claims: readonly Claim[], tally: Tally): Reason {
  const votes = claims.map((other) => (other === claim ? vote(other) : dissent(other)));
  const { narHash } = claim.testimonies[0]!.info;
  return {
    ...found("agreed", `${tally.counted.join(" and ")} agree on ${path}: ${narHash}`),
    because: votes,
  };
}

function conflict(path: StorePath, claims: readonly Claim[]): Reason {
  return lacking(
    "builders-conflict",
    `enough builders agree on one content of ${path}, and enough on another`,
    {
      because: claims.map(dissent),
      remedy: "do not install it; find out which builder is wrong: nix-store --realise --check, diffoscope",
    },
  );
}

function tooFew(
  path: StorePath,
  role: string,
  counted: readonly { claim: Claim; tally: Tally }[],
  contradicting: ReadonlySet<PrincipalName>,
  struck: readonly Reason[],
): Reason {
  const best = counted.reduce((a, b) => (b.tally.counted.length > a.tally.counted.length ? b : a));
  const disagree = counted.length > 1;
  const what = disagree
    ? `builders disagree on ${path}, and no content of it meets`
    : `what builders say of ${path} does not meet`;
  const doubtful = [...contradicting].map((name) =>
    lacking("builders-conflict", `${name} signed more than one content, so its word does not count`),
  );
  return lacking("too-few-builders", `${what} role ${role}: ${best.tally.any} of it, one vote an operator`, {
    because: [...counted.map(({ claim }) => vote(claim)), ...doubtful, ...struck],
    remedy: disagree
      ? "build it here and see which is right: nix-build --option substitute false"
      : `${waitFor(best.tally)}build it here: nix-build --option substitute false`,
  });
}

function waitFor({ completions }: Tally): string {
  const sets = completions.map((people) => people.join(" and ")).join(", or ");
  return sets ? `wait until ${sets} built the same, or ` : "";
}

function nobodyVouches(path: StorePath, heard: readonly Testimony[], struck: readonly Reason[]): Reason {
  const answers = heard.map(({ cache, info }) =>
    info.storePath === path
      ? lacking("narinfo-invalid", `${cache} has it, signed by no key of a builder in the policy`)
      : lacking("narinfo-invalid", `${cache} answered with another path, ${info.storePath}`),
  );
  const message =
    heard.length === 0 ? `no cache has ${path}` : `no builder of the policy vouches for ${path}`;
  const because = struck.length > 0 ? struck : answers;
  return lacking("no-builder-answered", message, { because, remedy: "Nix builds it here instead" });
}

function vote(claim: Claim): Reason {
  return found("vote", sentence(claim));
}

function dissent(claim: Claim): Reason {
  return lacking("builders-conflict", sentence(claim));
}

function sentence({ builders, testimonies }: Claim): string {
  const { narHash, narSize } = testimonies[0]!.info;
  const caches = [...new Set(testimonies.map(({ cache }) => cache))].join(", ");
  return `${[...builders].join(", ")} built ${narHash} (${narSize} bytes), heard from ${caches}`;
}

function none(reason: Reason): Agreement {
  return { reason, agreed: [], undisputed: [] };
}
