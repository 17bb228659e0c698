/**
 * Which rule holds for a download. A URL proves nothing: whoever writes the expression writes it as they please. It
 * only chooses the rule, so it is compared in one spelling, and one that has two readings chooses none.
 *
 * Globs are compared over the URL split at "/": the scheme literally, the host literally or `*` for any, and each
 * further segment as in paths.ts, but that `?` is itself, since it begins a query, and that a glob must come to the
 * URL's end: only a `**` there covers what is below. `**` alone is for every download, also one that names no URL.
 */
import { type Glob, matchesGlob } from "./paths.ts";

/** A compiled glob over URLs. */
export interface UrlGlob {
  /** As written in the policy. */
  readonly text: string;
  /** Undefined: `**`, every download. */
  readonly inner: Glob | undefined;
}

/** Longest URL, and longest glob over them, in characters. */
export const MAX_URL = 2048;

/** A compiled glob, or a sentence that says why the text is none. */
export function compileUrlGlob(text: string): UrlGlob | string {
  if (text === "**") return { text, inner: undefined };
  const parts = text.length <= MAX_URL ? GLOB.exec(text) : null;
  if (!parts) return "it is no SCHEME://HOST/PATH";
  const [, scheme, host, rest] = parts as unknown as [string, string, string, string];
  if (host.includes("*") && host !== "*") return '"*" must be the whole host';
  const path = rest.split("/").filter((segment, i, all) => segment !== "**" || all[i - 1] !== "**");
  const problem = pathProblem(path);
  if (problem !== undefined) return problem;
  const whole = canonicalUrl(`${scheme}://${host === "*" ? "any" : host}/`);
  if (whole !== `${scheme}://${host === "*" ? "any" : host}/`) return "scheme and host are not in lower case";
  const below = path.at(-1) === "**" ? 2 : 0;
  const segments = [scheme, host, ...(below > 0 ? path.slice(0, -1) : [...path, END])].map(inGlob);
  return { text, inner: { text, segments, below } };
}

const GLOB = /^([a-z][a-z0-9+.-]*):\/\/([^/\s\\]+)\/([!-~]*)$/;
/** No URL has these characters: END stands behind the last segment, so that a glob cannot stop before it. */
const END = "\u0001";
const QUESTION_MARK = "\u0002";

function pathProblem(path: readonly string[]): string | undefined {
  if (path.some((segment) => /[[\]{}\\#"<>^`|]/.test(segment)))
    return "it has characters that a URL does not";
  if (path.some((segment) => segment.includes("**") && segment !== "**"))
    return '"**" must be a whole segment: "https://example.org/a/**"';
  if (path.some((segment) => DOTS.test(segment)))
    return 'it has a "." or ".." segment, which chooses no rule';
  return undefined;
}

const DOTS = /^(?:\.|%2e){1,2}$/i;

function inGlob(segment: string): string {
  return segment.replaceAll("?", QUESTION_MARK);
}

/**
 * The one spelling of a URL: scheme and host in lower case, no default port, and no percent sign before what needs
 * none (RFC 3986 section 6.2.2). Undefined: it is none, or one that names a user or climbs with "..".
 */
export function canonicalUrl(text: string): string | undefined {
  const parts = text.length <= MAX_URL ? URL_TEXT.exec(text) : null;
  if (!parts) return undefined;
  const [, scheme, host, path = ""] = parts as unknown as [string, string, string, string?];
  const lower = scheme.toLowerCase();
  const address = host.toLowerCase().replace(DEFAULT_PORTS.get(lower) ?? /(?!)/, "");
  const plain = path.replace(/%([0-9a-f]{2})/gi, unescaped);
  const [file] = plain.split(/[?#]/, 1);
  if (address.includes("@") || file!.split("/").some((segment) => DOTS.test(segment))) return undefined;
  return `${lower}://${address}${plain === "" ? "/" : plain}`;
}

const URL_TEXT = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#\s\\]*)((?:[/?#][!-~]*)?)$/;
const DEFAULT_PORTS: ReadonlyMap<string, RegExp> = new Map([
  ["https", /:443$/],
  ["http", /:80$/],
  ["ftp", /:21$/],
]);

function unescaped(encoded: string, digits: string): string {
  const character = String.fromCharCode(Number.parseInt(digits, 16));
  return /[A-Za-z0-9._~-]/.test(character) ? character : encoded.toUpperCase();
}

/** Whether a glob is for this URL, given in its one spelling. */
export function matchesUrl({ inner }: UrlGlob, canonical: string): boolean {
  if (inner === undefined) return true;
  const [scheme, rest] = [
    canonical.slice(0, canonical.indexOf(":")),
    canonical.slice(canonical.indexOf(":") + 3),
  ];
  return matchesGlob(inner, [scheme, ...rest.split("/"), END].map(inGlob));
}
