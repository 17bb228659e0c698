/**
 * Versions of programs, as they say them themselves: for choosing what to print, and how to run a program that is
 * trusted to evaluate anyway. Never for deciding trust.
 */
export interface Version {
  readonly major: number;
  readonly minor: number;
}

/** The last dotted number of a line such as `nix (Nix) 2.34.8` or `git version 2.39.5`; undefined if it has none. */
export function parseVersion(text: string): Version | undefined {
  const found = [...text.slice(0, 1000).matchAll(/(?<![\w.])(\d{1,6})\.(\d{1,6})/g)].at(-1);
  return found ? { major: Number(found[1]), minor: Number(found[2]) } : undefined;
}

export function atLeast(version: Version, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}
