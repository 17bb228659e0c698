/**
 * The rules without keys that a warden speaks against: signing keys as if root called them compromised, builders' keys
 * gone.
 *
 * Claims: nothing that such a key signs counts, whether the rules list it, or list what vouches for it: a certificate of
 * which it is a subkey, an authority that certifies it. The rules get another digest, so that nothing that was
 * remembered under them before is believed.
 */
import { encodeHex, encodeUtf8 } from "@firstmile/formats/bytes/text";
import { digest } from "../crypto/hash.ts";
import type { Key, KeyEvent, NixKey, Policy, PolicyDigest, Principal } from "../policy/policy.ts";
import { fingerprintsOf } from "../signature/identities.ts";
import { sshFingerprint } from "../ssh/keys.ts";
import { nixFingerprint } from "../statement/nix-keys.ts";
import type { Objection } from "./distrust.ts";

type SigningKey = Exclude<Key, NixKey>;
/** By fingerprint. */
type Against = ReadonlyMap<string, Objection>;

export function withoutKeys<P extends Policy>(policy: P, against: Against): P {
  if (against.size === 0) return policy;
  const principals = [...policy.principals].map(
    ([name, principal]) => [name, judged(principal, against)] as const,
  );
  const text = [`firstmile policy with distrust 1\0${policy.digest}`, ...[...against.keys()].sort()].join(
    "\n",
  );
  const name = encodeHex(digest("sha256", encodeUtf8(text))) as PolicyDigest;
  return { ...policy, principals: new Map(principals), digest: name };
}

function judged(principal: Principal, against: Against): Principal {
  return { ...principal, keys: principal.keys.flatMap((key) => judgedKey(key, against)) };
}

function judgedKey(key: Key, against: Against): Key[] {
  if (key.kind === "nix") return against.has(nixFingerprint(key)) ? [] : [key];
  const life = [...against].flatMap(([fingerprint, objection]) => eventOf(key, fingerprint, objection));
  return life.length === 0 ? [key] : [{ ...key, life: [...key.life, ...life] }];
}

/** What a word against a key means for one that the policy lists: nothing, or that one it stands for is compromised. */
function eventOf(key: SigningKey, against: string, { by, because }: Objection): KeyEvent[] {
  const reason = `${by.join(" and ")} distrusts it: ${because}`;
  if (namesOf(key).includes(against)) return [{ kind: "compromised", key: undefined, reason }];
  return speaksFor(key, against) ? [{ kind: "compromised", key: against, reason }] : [];
}

function namesOf(key: SigningKey): readonly string[] {
  return key.kind === "ssh-authority"
    ? [sshFingerprint(key.key), ...fingerprintsOf(key)]
    : fingerprintsOf(key);
}

/** Whether a listed key vouches for others that sign: which ones, only a certificate's own subkeys tell beforehand. */
function speaksFor(key: SigningKey, signing: string): boolean {
  if (key.kind === "openpgp") return key.certificate.subkeys.some((one) => one.key.fingerprint === signing);
  return key.kind === "ssh-authority";
}
