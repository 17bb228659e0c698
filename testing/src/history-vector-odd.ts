/** One odd commit between good ones, as most cases about signatures are told. */
import type { Notion } from "./history-vector.ts";
import { anyOf, type Cast, type HistoryCase, type Told } from "./history-vector-case.ts";
import type { Person, PolicySpec } from "./world.ts";
import type { KeyKind, PersonOptions, Signing } from "./world-people.ts";
import type { CommitSpec } from "./world-repository.ts";

/** Alice writes in the same format as whoever signs the odd commit. */
function aliceFor(cast: Cast, kind: KeyKind): Promise<Person> {
  return kind.startsWith("openpgp") ? cast.person("alice") : cast.person("alice-ssh", "ssh-ed25519");
}

function notionsOf(kind: KeyKind): Notion[] {
  return [kind.startsWith("openpgp") ? "openpgp" : "ssh"];
}

export interface Odd {
  readonly name: string;
  readonly claim: string;
  readonly kind?: KeyKind;
  readonly group?: string;
  /** Undefined: the odd commit is good. */
  readonly code?: string;
  readonly signing?: Signing;
  readonly tamper?: (object: Buffer) => Buffer;
  /** Whether the policy lists the odd commit's signer. */
  readonly listed?: boolean;
  readonly by?: (cast: Cast) => Promise<Person | undefined>;
  readonly options?: PersonOptions;
  readonly now?: number;
  readonly more?: (signer: Person) => Partial<PolicySpec>;
  readonly commit?: Partial<CommitSpec>;
  readonly needs?: readonly Notion[];
  readonly format?: "sha1" | "sha256";
}

/** One odd commit by bob between alice's. */
export function oddCase(odd: Odd): HistoryCase {
  const { kind = "openpgp-ed25519", group = "signatures" } = odd;
  return {
    name: odd.name,
    group,
    claim: odd.claim,
    needs: [...notionsOf(kind), ...(odd.needs ?? [])],
    tell: (cast) => tellOdd(odd, kind, cast),
  };
}

async function tellOdd(odd: Odd, kind: KeyKind, cast: Cast): Promise<Told> {
  const alice = await aliceFor(cast, kind);
  const signer = odd.by ? await odd.by(cast) : await cast.person(`bob-${odd.name}`, kind, odd.options);
  const writers = signer && odd.listed !== false && signer !== alice ? [alice, signer] : [alice];
  const {
    repository,
    introduction,
    odd: suspect,
  } = await cast.story(
    writers,
    {
      ...(signer ? { by: signer } : {}),
      ...(odd.signing ? { signing: odd.signing } : {}),
      ...(odd.tamper ? { tamper: odd.tamper } : {}),
      ...odd.commit,
    },
    odd.format,
  );
  return {
    repository,
    policy: anyOf(introduction, writers, signer ? odd.more?.(signer) : {}),
    denied: odd.code ? [[odd.code, suspect]] : [],
    ...(odd.now === undefined ? {} : { now: odd.now }),
  };
}

/** Of an odd commit that is not signed. */
export const nobody = async () => undefined;
