/**
 * Keys that the rules of today do not list in this form, so that signatures by them can still be checked.
 *
 * Claims: no former key is ever merged with one of today, or with another form of itself: a certificate without the
 * revocation that came later, or with a subkey that was taken out, speaks only in its own layer. So nothing here makes
 * a signature count for anything but a word against something.
 */
import { encodeHex, encodeUtf8 } from "@firstmile/formats/bytes/text";
import type { OpenPgpCertificate } from "@firstmile/formats/openpgp/certificate";
import { digest } from "../crypto/hash.ts";
import type { Operator, PrincipalName } from "../policy/names.ts";
import type { Key, Policy } from "../policy/policy.ts";
import { identities } from "../policy/principals.ts";
import { statementIdentities } from "../statement/identities.ts";
import type { StatementKeys } from "../statement/signature.ts";
import type { Book } from "./books.ts";

/** Keys, each in one form only. */
export interface KeyLayer {
  readonly keys: StatementKeys;
  /** The books that list the key, by the name under which its signatures come out. */
  readonly booksOf: (fingerprint: string) => readonly Book[];
}

interface Draft {
  readonly taken: Set<string>;
  readonly keys: Key[];
  readonly books: Map<string, Book[]>;
}

export function keyLayers(today: Policy, books: readonly Book[]): KeyLayer[] {
  const current = new Set([...today.principals.values()].flatMap(({ keys }) => keys.map(formOf)));
  const layers: Draft[] = [];
  const placed = new Map<string, Draft>();
  for (const book of books) {
    for (const { key, fingerprint } of book.listings()) {
      const form = formOf(key);
      if (current.has(form)) continue;
      const layer = placed.get(form) ?? place(key, layers);
      placed.set(form, layer);
      layer.books.set(fingerprint, [...(layer.books.get(fingerprint) ?? []), book]);
    }
  }
  return layers.map(finished);
}

function place(key: Key, layers: Draft[]): Draft {
  const ids = identities(key);
  let layer = layers.find(({ taken }) => ids.every((id) => !taken.has(id)));
  if (!layer) {
    layer = { taken: new Set(), keys: [], books: new Map() };
    layers.push(layer);
  }
  for (const id of ids) layer.taken.add(id);
  layer.keys.push(key);
  return layer;
}

function finished({ keys, books }: Draft): KeyLayer {
  const name = "former" as PrincipalName;
  const owner = { name, emails: [], operator: name as string as Operator, keys };
  const identified = statementIdentities({ principals: new Map([[name, owner]]) });
  return { keys: identified.keys, booksOf: (fingerprint) => books.get(fingerprint) ?? [] };
}

/** Two keys of one form give one outcome for every signature. What root says of a key's life does not belong to it. */
function formOf(key: Key): string {
  switch (key.kind) {
    case "openpgp":
      return `openpgp ${certificateForm(key.certificate)}`;
    case "ssh":
      return `${identities(key)[0]} ${key.touch} ${key.pin}`;
    case "sigstore":
      return `${identities(key)[0]} ${encodeHex(digest("sha256", key.trustedRoot))}`;
    case "ssh-authority":
    case "nix":
    case "minisign":
    case "signify":
      return identities(key).join(" ");
  }
}

const forms = new WeakMap<OpenPgpCertificate, string>();

function certificateForm(certificate: OpenPgpCertificate): string {
  const known = forms.get(certificate);
  if (known !== undefined) return known;
  const text = JSON.stringify(certificate, (_, value: unknown) => {
    if (typeof value === "bigint") return `${value}n`;
    return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
  });
  const form = encodeHex(digest("sha256", encodeUtf8(text)));
  forms.set(certificate, form);
  return form;
}
