/**
 * URLs that an import names: its mirrors, its evidence, what it imports. Claim: they lead to public hosts by https, or
 * where this machine's own rules already lead for that import. Against: an import's owners, who would have this machine
 * ask services of its own network, or log in elsewhere with its user's keys. Left out: names that resolve to private
 * addresses; such a host is asked by https, and without a password.
 */
import { isIP } from "node:net";

/** Those of `urls` that may be asked; `own`: the URLs by which the import itself is reached. */
export function within(urls: readonly string[], own: readonly string[]): string[] {
  const places = new Set(own.flatMap((url) => placeOf(url) ?? []));
  return urls.filter((url) => isPublic(url) || places.has(placeOf(url) ?? ""));
}

/** Files are one place; elsewhere a host with its port, in one scheme. */
function placeOf(text: string): string | undefined {
  const url = URL.parse(text);
  return url ? `${url.protocol}//${url.host}` : undefined;
}

function isPublic(text: string): boolean {
  const url = URL.parse(text);
  if (url?.protocol !== "https:" || isIP(url.hostname.replace(/^\[|\]$/g, "")) !== 0) return false;
  return /\.[^.]+$/.test(url.hostname) && !/\.(?:localhost|local|internal|lan|home|corp)$/.test(url.hostname);
}
