/**
 * Where the signature on a source may lie: by the rule's template, or by what projects have made a habit. A wrong guess
 * costs a request; what is found there is believed only for what it proves.
 */

/** One place to look, and what a signature there would be over. */
export type SignatureCandidate =
  | { readonly kind: "file" | "uncompressed"; readonly url: string }
  /** A list of checksums and, undefined where the list is embedded in it, its signature. */
  | { readonly kind: "list"; readonly url: string; readonly list: string | undefined };

const SUFFIXES = [".asc", ".sig", ".sign", ".minisig", ".sigstore.json", ".sigstore", ".gpg"] as const;
const LISTS = [
  "SHA256SUMS",
  "SHA256SUMS.txt",
  "sha256sums.txt",
  "sha256sum.txt",
  "SHA512SUMS",
  "CHECKSUMS",
] as const;
const LIST_SUFFIXES = [".asc", ".sig", ".sign", ".gpg", ".minisig"] as const;
const COMPRESSED = /\.(?:gz|xz|bz2|zst)$/;

/** `template` is a rule's, filled in. In the order in which they are tried. */
export function signatureCandidates(url: string, template: string | undefined): SignatureCandidate[] {
  const named = template === undefined ? [] : besideTemplate(url, template);
  return template === undefined ? guessed(url) : named;
}

/** A template that leads to a list of checksums is known by its name. */
function besideTemplate(url: string, template: string): SignatureCandidate[] {
  const name = template.split("/").at(-1)!;
  const list = LIST_SUFFIXES.find((suffix) => name.endsWith(suffix));
  const plain = list === undefined ? name : name.slice(0, -list.length);
  if (/^(?:sha(?:256|512)|checksums?)/i.test(plain)) {
    const isEmbedded = /^sha(?:256|512)$/i.test(plain);
    return [{ kind: "list", url: template, list: isEmbedded ? undefined : template.slice(0, -list!.length) }];
  }
  const over: SignatureCandidate[] = [{ kind: "file", url: template }];
  return COMPRESSED.test(url) ? [...over, { kind: "uncompressed", url: template }] : over;
}

function guessed(url: string): SignatureCandidate[] {
  const [plain] = url.split(/[?#]/, 1) as [string];
  const folder = plain.slice(0, plain.lastIndexOf("/") + 1);
  const inner = plain.replace(COMPRESSED, "");
  const over: SignatureCandidate[] = SUFFIXES.map((suffix) => ({ kind: "file", url: plain + suffix }));
  const uncompressed: SignatureCandidate[] =
    inner === plain
      ? []
      : [".sign", ".asc", ".sig"].map((suffix) => ({ kind: "uncompressed", url: inner + suffix }));
  const lists = LISTS.flatMap((list) =>
    LIST_SUFFIXES.map((suffix) => ({
      kind: "list" as const,
      url: folder + list + suffix,
      list: folder + list,
    })),
  );
  const embedded = { kind: "list" as const, url: `${folder}SHA256.sig`, list: undefined };
  return [...over, ...uncompressed, embedded, ...lists];
}
