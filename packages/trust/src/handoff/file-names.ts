/**
 * What a download calls the file that it fetches.
 *
 * Claims: a download that passes asks for one name, by the last part of each of its URLs and by its own name, and that
 * is the name under which the file was handed on. Against: an older release of the same author, validly signed and
 * with holes that are long known, for which a newer one's name is written somewhere: as a second URL, as the
 * derivation's name, in a query, in a fragment, or in a folder above a file that carries no version.
 * Leaves out what the builder really fetches: the hash says which bytes are meant.
 */
import { canonicalUrl } from "../policy/upstream-urls.ts";
import type { Download } from "./download.ts";

type Named = Pick<Download, "urls" | "name">;

export type AskedName =
  | { readonly ok: true; readonly name: string }
  /** Its names contradict each other: no handoff can be for all of them. */
  | { readonly ok: false; readonly names: readonly string[] };

/** The one name that a download asks for. */
export function askedName({ urls, name }: Named): AskedName {
  const [last, ...more] = lastParts(urls);
  if (last === undefined) return { ok: true, name };
  if (more.length > 0) return { ok: false, names: [last, ...more] };
  return isSameRelease(name, last) ? { ok: true, name: last } : { ok: false, names: [last, name] };
}

/** Names that the released file may have: by its URLs, or where these name none by its own name. */
export function fileNames({ urls, name }: Named): Set<string> {
  const named = lastParts(urls);
  return new Set(named.length > 0 ? named : [name]);
}

/** The last part of a URL's path; empty where it has none. */
export function fileNameOf(url: string): string {
  return segmentsOf(url).at(-1) ?? "";
}

/**
 * Whether people who handed on a file of this name from `stated` URLs meant this URL too: it is one of theirs, or a
 * mirror's, which differs in no part that could name a release.
 */
export function isMirrorOf(url: string, name: string, stated: readonly string[]): boolean {
  const canonical = canonicalUrl(url);
  if (canonical === undefined) return false;
  if (stated.some((one) => canonicalUrl(one) === canonical)) return true;
  if (/[?#]/.test(canonical) || fileNameOf(url) !== name || !DIGIT.test(name)) return false;
  const folders = new Set(stated.flatMap((one) => segmentsOf(one).slice(0, -1)));
  return segmentsOf(url)
    .slice(0, -1)
    .every((folder) => !DIGIT.test(folder) || folders.has(folder));
}

const DIGIT = /\d/;

/** Segments of a URL's path, in its one spelling. */
function segmentsOf(url: string): string[] {
  const canonical = canonicalUrl(url)?.split(/[?#]/, 1)[0] ?? "";
  return canonical.split("/").slice(3);
}

function lastParts(urls: readonly string[]): string[] {
  return [...new Set(urls.map(fileNameOf).filter((part) => part !== ""))];
}

/**
 * Whether a derivation's own name says nothing else than the file's: it is the same, or each part of it that has a
 * digit is a part of the file's too. `source` and `hello` are fine for any file, `hello-2.0` for `v2.0.tar.gz`.
 */
function isSameRelease(own: string, file: string, commit = ""): boolean {
  const parts = new Set(partsOf(file));
  const isCommit = (part: string) => part.length >= 7 && commit.startsWith(part);
  return partsOf(own).every((part) => !DIGIT.test(part) || parts.has(part) || isCommit(part));
}

/** The same for a derivation that fetches a tag: its name may also hold the start of the commit's id. */
export function isNamedAsTag({ name }: Named, tag: string, commit: string): boolean {
  return isSameRelease(name, tag, commit);
}

const PACKED = /(?:\.(?:tar|gz|xz|bz2|zst|lz|Z|tgz|txz|tbz2?|zip|crate))+$/;

/** At dashes, without a `v` before a version, and without what says how it is packed. */
function partsOf(name: string): string[] {
  const plain = name.replace(/%([2-7][0-9A-F])/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  // A name in the store has fewer characters: what it lacks is a dash there.
  const stored = plain.replace(PACKED, "").replace(/[^\w+.?=-]/g, "-");
  return stored.split(/[-_]/).map((part) => part.replace(/^v(?=\d)/, ""));
}
