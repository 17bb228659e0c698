/**
 * What `mirror://gnu/hello/…` stands for, by the list of mirrors that the same evaluation gives. It is a hint where to
 * fetch, like any URL.
 */
import type { Closure } from "../admission/closure.ts";

/** By name, the places that a mirror stands for; of nixpkgs, a derivation `mirrors-list` has them in its environment. */
export type Mirrors = ReadonlyMap<string, readonly string[]>;

type Derivations = Extract<Closure, { ok: true }>["derivations"];

export function mirrorsIn(derivations: Derivations): Mirrors {
  const mirrors = new Map<string, readonly string[]>();
  for (const { name, derivation } of derivations.values()) {
    if (name !== "mirrors-list") continue;
    for (const [key, value] of derivation.env) {
      const urls = value.split(/\s+/).filter((word) => /^(?:https?|ftp|file):\/\//.test(word));
      if (urls.length > 0) mirrors.set(key, urls);
    }
  }
  return mirrors;
}

/** The URLs that can be fetched, in order; the mirrors' in place of each that names them. */
export function fetchable(urls: readonly string[], mirrors: Mirrors): string[] {
  return urls.flatMap((url) => {
    const [, name, rest] = /^mirror:\/\/([^/]+)\/(.*)$/.exec(url) ?? [];
    if (name === undefined) return [url];
    return (mirrors.get(name) ?? []).slice(0, 5).map((base) => `${base.replace(/\/*$/, "/")}${rest}`);
  });
}
