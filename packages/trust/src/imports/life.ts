/**
 * The life of keys that several entries speak of, in one trust repository or in several.
 *
 * Claim: the strictest word about a key holds wherever the key is listed, in whatever format; compromised anywhere is
 * compromised everywhere, and each `retired` holds besides the others. Against: a stolen key that one repository has
 * heard of and another has not, or that one entry of a person calls stolen and another one lists in its other format.
 * So an import can take a key out of use that this policy trusts, and can bring none in.
 */
import { type KeyPart, partsOf, saidOf } from "../policy/key-parts.ts";
import type { Key, KeyEvent, Principal } from "../policy/policy.ts";

/** What one repository says of a key. */
interface Word {
  readonly event: KeyEvent;
  /** The entry that says so, by what it says. */
  readonly life: Key["life"];
  /** The import, or "" for this policy itself. */
  readonly says: string;
}

/** The principals of one policy, with what is said of each of their keys in any format. */
export function withSharedLives<N>(principals: ReadonlyMap<N, Principal>): Map<N, Principal> {
  const lives = new KeyLives();
  lives.hear("", principals.values());
  return new Map([...principals].map(([name, principal]) => [name, lives.judged(principal)]));
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
    if (!key.life?.length) return;
    for (const part of partsOf(key)) {
      const words = saidOf(key, part).map((event) => ({ event, life: key.life, says }));
      this.#words.set(part.id, [...(this.#words.get(part.id) ?? []), ...words]);
    }
  }

  #judgedKey(key: Key): Key[] {
    const parts = partsOf(key);
    const foreign = parts.map((part) => this.#foreign(key, part));
    if (foreign.every((words) => words.length === 0)) return [key];
    // A thief of a primary key can bind subkeys with it: its certificate falls with it.
    const harm = foreign[0]!.filter(({ event }) => event.kind === "compromised");
    if (key.kind === "nix" && harm.length > 0) return [];
    const life = parts.flatMap((part, i) => {
      const told = part.isWhole ? foreign[i]! : [...foreign[i]!, ...harm];
      const own = saidOf(key, part).map((event) => ({ ...event, key: part.fingerprint }));
      return [...own, ...told.map((word) => toldOf(word, part))];
    });
    return [{ ...key, life: withoutDoubles(life) }];
  }

  #foreign(key: Key, { id }: KeyPart): Word[] {
    return (this.#words.get(id) ?? []).filter(({ life }) => life !== key.life);
  }
}

function toldOf({ event, says }: Word, { fingerprint: key }: KeyPart): KeyEvent {
  if (event.kind === "retired") return { ...event, key };
  return { ...event, key, reason: says === "" ? event.reason : `${event.reason} (says ${says})` };
}

function withoutDoubles(life: readonly KeyEvent[]): KeyEvent[] {
  return [...new Map(life.map((event) => [JSON.stringify(event), event])).values()];
}
