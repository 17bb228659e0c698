/**
 * The life of keys that several trust repositories speak of.
 *
 * Claim: the strictest word about a key holds wherever the key is listed, in whatever format; compromised anywhere is
 * compromised everywhere, and each `retired` holds besides the others. Against: a stolen key that one repository has
 * heard of and another has not. So an import can take a key out of use that this policy trusts, and can bring none in.
 */
import type { Key, KeyEvent, Principal } from "../policy/policy.ts";
import { identities } from "../policy/principals.ts";

/** What one repository says of a key. */
interface Word {
  readonly event: KeyEvent;
  readonly about: Key;
  /** The import, or "" for this policy itself. */
  readonly says: string;
}

export class KeyLives {
  readonly #words = new Map<string, Word[]>();

  hear(says: string, principals: Iterable<Principal>): void {
    for (const { keys } of principals) for (const key of keys) this.#hearOne(says, key);
  }

  /** The principal with everything that was heard of its keys. */
  judged(principal: Principal): Principal {
    if (this.#words.size === 0) return principal;
    return { ...principal, keys: principal.keys.flatMap((key) => this.#judgedKey(key)) };
  }

  #hearOne(says: string, key: Key): void {
    if (key.kind === "nix") return;
    const parts = partsOf(key);
    for (const event of key.life) {
      const meant = parts.filter(({ fingerprint }) => event.key === undefined || event.key === fingerprint);
      // A name that fits none of the keys: a slip must not let the key off.
      for (const { id } of meant.length > 0 ? meant : parts) {
        this.#words.set(id, [...(this.#words.get(id) ?? []), { event, about: key, says }]);
      }
    }
  }

  #judgedKey(key: Key): Key[] {
    const heard = partsOf(key).flatMap((part) =>
      (this.#words.get(part.id) ?? []).map((word) => ({ ...word, key: part.fingerprint })),
    );
    if (key.kind === "nix") return heard.some(({ event }) => event.kind === "compromised") ? [] : [key];
    const others = heard.filter(({ about }) => about.kind !== "nix" && about.life !== key.life);
    if (others.length === 0) return [key];
    return [{ ...key, life: withoutDoubles([...key.life, ...others.map(told)]) }];
  }
}

function told({ event, says, key }: Word & { key: string | undefined }): KeyEvent {
  if (event.kind === "retired") return { ...event, key };
  return { ...event, key, reason: says === "" ? event.reason : `${event.reason} (says ${says})` };
}

function withoutDoubles(life: readonly KeyEvent[]): KeyEvent[] {
  return [...new Map(life.map((event) => [JSON.stringify(event), event])).values()];
}

interface Part {
  /** The numbers of the key where they are known, so that one key in two formats is one. */
  readonly id: string;
  readonly fingerprint: string | undefined;
}

/** The keys of which something can be said by itself: an OpenPGP certificate has several. */
function partsOf(key: Key): Part[] {
  switch (key.kind) {
    case "openpgp": {
      const { primary, subkeys } = key.certificate;
      const keys = [primary, ...subkeys.map((subkey) => subkey.key)];
      return keys.map((one) => {
        const alone = { ...key.certificate, fingerprint: one.fingerprint, primary: one, subkeys: [] };
        return { id: identities({ ...key, certificate: alone }).at(-1)!, fingerprint: one.fingerprint };
      });
    }
    case "ssh-authority": {
      const { file, life } = key;
      const plain: Key = { kind: "ssh", file, life, key: key.key, touch: false, pin: false };
      return [{ id: identities(plain).at(-1)!, fingerprint: undefined }];
    }
    case "ssh":
    case "nix":
    case "sigstore":
    case "minisign":
    case "signify":
      return [{ id: identities(key).at(-1)!, fingerprint: undefined }];
  }
}
