/**
 * The rules without keys that a warden speaks against: signing keys with his word in their life, builders' keys gone.
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

/** The same policy where no key that it lists is spoken against that it has not been told of before. */
export function withoutKeys<P extends Policy>(policy: P, against: Against): P {
  const principals = [...policy.principals].map(
    ([name, principal]) => [name, judged(principal, against)] as const,
  );
  if (principals.every(([name, principal]) => policy.principals.get(name) === principal)) return policy;
  const text = [`firstmile policy with distrust 1\0${policy.digest}`, ...[...against.keys()].sort()].join(
    "\n",
  );
  const name = encodeHex(digest("sha256", encodeUtf8(text))) as PolicyDigest;
  return { ...policy, principals: new Map(principals), digest: name };
}

function judged(principal: Principal, against: Against): Principal {
  const keys = principal.keys.flatMap((key) => judgedKey(key, against));
  const isSame = keys.length === principal.keys.length && keys.every((key, i) => key === principal.keys[i]);
  return isSame ? principal : { ...principal, keys };
}

function judgedKey(key: Key, against: Against): Key[] {
  if (key.kind === "nix") return against.has(nixFingerprint(key)) ? [] : [key];
  const said = [...against].flatMap(([fingerprint, objection]) => eventOf(key, fingerprint, objection));
  const life = said.filter(
    (event) => !key.life.some((one) => one.kind === event.kind && one.key === event.key),
  );
  return life.length === 0 ? [key] : [{ ...key, life: [...key.life, ...life] }];
}

/** What a word against a key means for one that the policy lists: nothing, or that it, or one it stands for, is out. */
function eventOf(key: SigningKey, against: string, { by, because }: Objection): KeyEvent[] {
  const event = { kind: "distrusted", reason: because, by } as const;
  if (namesOf(key).includes(against)) return [{ ...event, key: undefined }];
  return speaksFor(key, against) ? [{ ...event, key: against }] : [];
}

/** Every name under which something that a principal signs can come out. */
export function namesOfKeys({ keys }: Pick<Principal, "keys">): string[] {
  const names = keys.flatMap((key) => (key.kind === "nix" ? [nixFingerprint(key)] : fingerprintsOf(key)));
  return [...new Set<string>(names)].sort();
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
