/**
 * Events that name a subkey which signs nothing. Against: the fingerprint of an encryption subkey where the signing one
 * was meant, which would leave a stolen key in force without a word.
 */
import { loadCertificate } from "../openpgp/certificate-state.ts";
import type { DefectList, Position } from "./defect.ts";
import { partsOf } from "./key-parts.ts";
import { listed, quoted } from "./nearest.ts";
import type { Key, KeyEvent, OpenPgpKey, Principal } from "./policy.ts";

interface SpokenOf {
  readonly of: OpenPgpKey;
  readonly event: KeyEvent;
  readonly at: Position;
}

/** A subkey that signs nothing here may still be a key elsewhere: listed in another format, or certified by an authority. */
export function reportSilentSubkeys(
  spoken: readonly SpokenOf[],
  principals: Iterable<Principal>,
  defects: DefectList,
): void {
  if (spoken.length === 0) return;
  const keys = [...principals].flatMap((principal) => principal.keys);
  if (keys.some(({ kind }) => kind === "ssh-authority")) return;
  for (const { of, event, at } of spoken) {
    const state = loadCertificate(of.certificate);
    const subkey = state.subkeys.find(({ fingerprint }) => fingerprint === event.key);
    if (subkey?.refusal === undefined || isListedElsewhere(of, event.key, keys)) continue;
    const signing = [state.primary, ...state.subkeys].filter(({ refusal }) => refusal === undefined);
    const problem = `the subkey ${quoted(subkey.fingerprint)} signs nothing, so this ${event.kind === "retired" ? "retirement" : "compromise"} has no effect`;
    const help =
      signing.length > 0
        ? `name a key that signs: ${listed(signing.map(({ fingerprint }) => fingerprint))}; or remove "key" to speak of the whole certificate`
        : 'remove "key" to speak of the whole certificate';
    defects.add(at, "impossible-key", problem, help);
  }
}

function isListedElsewhere(of: OpenPgpKey, name: string | undefined, keys: readonly Key[]): boolean {
  const { id } = partsOf(of).find(({ fingerprint }) => fingerprint === name)!;
  const others = keys.filter((key) => key.kind !== "openpgp" || key.certificate !== of.certificate);
  return others.some((key) => partsOf(key).some((part) => part.id === id));
}
