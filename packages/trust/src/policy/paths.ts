/**
 * Which rule holds for a path. Paths are bytes as they stand in Git trees and need not be UTF-8: they are compared
 * byte for byte, case-sensitively and without Unicode normalisation, as latin1 strings (one character a byte). A path
 * that no rule matches may be changed by nobody.
 *
 * Matching takes time proportional to the path for a given glob: whoever names files cannot make it slow.
 */
import { encodeUtf8, latin1 } from "@firstmile/formats/bytes/text";

/** Longest glob, in bytes. */
export const MAX_GLOB = 1024;

/** A compiled glob: `segments` from the root, and then at least `below` segments more. */
export interface Glob {
  /** As written in the policy. */
  readonly text: string;
  /** `**` stands for any number of segments. Latin1. */
  readonly segments: readonly string[];
  /** 0: the path itself may end here. 1 and more: only what is below such a directory matches. */
  readonly below: number;
}

/** A compiled glob, or a sentence that says why the text is none. */
export function compileGlob(text: string): Glob | string {
  const problem = globProblem(text);
  if (problem !== undefined) return problem;
  const inner = latin1(encodeUtf8(text)).replace(/^\//, "").replace(/\/$/, "");
  const segments = inner.split("/").filter((s, i, all) => s !== "**" || all[i - 1] !== "**");
  // As in .gitignore: without a slash before its end, a glob matches at any depth.
  if (!text.startsWith("/") && !inner.includes("/") && inner !== "**") segments.unshift("**");
  let below = text.endsWith("/") ? 1 : 0;
  if (segments.at(-1) === "**") {
    segments.pop();
    below++;
  }
  return { text, segments, below };
}

function globProblem(text: string): string | undefined {
  if (text === "" || text === "/") return "it is empty";
  if (encodeUtf8(text).length > MAX_GLOB) return `it has over ${MAX_GLOB} bytes`;
  if (!text.isWellFormed()) return "it has half a surrogate pair, which no path can hold";
  if (text.startsWith("!")) return "negation is not supported: write a later rule for these paths";
  const special = /[[\]{}\\\0\n]/.exec(text);
  if (special)
    return `only "*", "**" and "?" are special, and ${JSON.stringify(special[0])} is not supported`;
  const segments = text.replace(/^\//, "").replace(/\/$/, "").split("/");
  if (segments.includes("")) return "it has an empty segment";
  if (segments.some((s) => s === "." || s === ".."))
    return 'it has a "." or ".." segment, which no Git path has';
  if (segments.some((s) => s.includes("**") && s !== "**")) return '"**" must be a whole segment: "a/**/b"';
  return undefined;
}

/**
 * Whether the glob matches the path, or a directory that the path is in. Greedy with one way back: when a segment
 * fails, only the last `**` may take one segment more, since what an earlier one could take instead the later one can
 * take too.
 */
export function matchesGlob({ segments, below }: Glob, path: readonly string[]): boolean {
  let g = 0;
  let p = 0;
  let star = -1;
  let taken = 0;
  while (path.length - p >= below) {
    if (g === segments.length) return true;
    if (segments[g] === "**") {
      [star, taken] = [g, p];
      g++;
    } else if (p < path.length && matchesSegment(segments[g]!, path[p]!)) {
      g++;
      p++;
    } else if (star >= 0 && p < path.length) {
      taken++;
      [g, p] = [star + 1, taken];
    } else return false;
  }
  return false;
}

/** `*` any bytes, `?` one byte; the same way back as above. */
function matchesSegment(glob: string, name: string): boolean {
  let g = 0;
  let n = 0;
  let star = -1;
  let taken = 0;
  while (n < name.length) {
    if (glob[g] === "*") {
      [star, taken] = [g, n];
      g++;
    } else if (g < glob.length && (glob[g] === "?" || glob[g] === name[n])) {
      g++;
      n++;
    } else if (star >= 0) {
      taken++;
      [g, n] = [star + 1, taken];
    } else return false;
  }
  while (glob[g] === "*") g++;
  return g === glob.length;
}

/**
 * The last rule with a glob for this path; undefined: nobody may write it.
 *
 * @param path bytes as in a Git tree, segments joined by `/`; or the same as a latin1 string
 */
export function ruleFor<R extends { readonly paths: readonly Glob[] }>(
  path: Uint8Array | string,
  rules: readonly R[],
): R | undefined {
  const text = typeof path === "string" ? path : latin1(path);
  const segments = text.split("/");
  // A decoded string would match other bytes than its own; a tree entry is never empty, "." or "..".
  if (/[^\0-\xff]/.test(text) || segments.some((s) => s === "" || s === "." || s === "..")) return undefined;
  return rules.findLast((rule) => rule.paths.some((glob) => matchesGlob(glob, segments)));
}

/**
 * All rules that must be met for what stands at a path. Besides the one that `ruleFor` finds these are the rules for
 * paths below it, as far as they name it: where the rules have `/secure/`, a link, a submodule or a file called `secure`
 * decides what `./secure/key.nix` is, or takes its place. Where a glob has a wildcard for
 * the name of a directory, that is said of what leads on alone: a file beside such directories is not one of them.
 *
 * @param leadsOn whether a symbolic link or a submodule stands there: see `leadsOnIn`
 * @returns the rule of the path itself first; none where no rule covers the path, which no person may write then
 */
export function rulesAt<R extends { readonly paths: readonly Glob[] }>(
  path: Uint8Array | string,
  rules: readonly R[],
  leadsOn = false,
): R[] {
  const own = ruleFor(path, rules);
  if (own === undefined) return [];
  const text = typeof path === "string" ? path : latin1(path);
  const { byName, byPattern } = directoriesOf(rules);
  const literal = byName.get(text.slice(text.lastIndexOf("/") + 1)) ?? [];
  const named = leadsOn ? [...literal, ...byPattern].sort((a, b) => a.place - b.place) : literal;
  if (named.length === 0) return [own];
  const segments = text.split("/");
  const after = rules.indexOf(own);
  const all = new Set([own]);
  // A later rule for all that is below takes the place of those before it, as everywhere.
  for (const { rule, glob } of named.toReversed()) {
    if (rules.indexOf(rule as R) <= after) break;
    const { below, rests } = meets(glob, segments, leadsOn);
    if (below !== "nothing") all.add(rule as R);
    // What a glob names below the path may be another rule's.
    for (const rest of rests) {
      const found = ruleFor([text, ...rest].join("/"), rules);
      if (found) all.add(found);
    }
    if (below === "all") break;
  }
  return [...all];
}

/** Whether something of this mode of Git has paths below it that its own tree does not name. Undefined: nothing is there. */
export function leadsOnIn(mode: number | undefined): boolean {
  return mode === 0o120000 || mode === 0o160000;
}

/** A glob that names a directory, or goes through one. */
interface Named {
  readonly rule: object;
  readonly glob: Glob;
  /** In the order of the rules. */
  readonly place: number;
}

/** Each in the order of the rules. */
interface NamedDirectories {
  readonly byName: ReadonlyMap<string, readonly Named[]>;
  /** Those with a wildcard in a directory's name. */
  readonly byPattern: readonly Named[];
}

/** Worked out once for each list of rules. */
const DIRECTORIES = new WeakMap<object, NamedDirectories>();

function directoriesOf(rules: readonly { readonly paths: readonly Glob[] }[]): NamedDirectories {
  const known = DIRECTORIES.get(rules);
  if (known) return known;
  const byName = new Map<string, Named[]>();
  const byPattern: Named[] = [];
  let place = 0;
  for (const rule of rules) {
    for (const glob of rule.paths) {
      const one = { rule, glob, place: place++ };
      const names = new Set(glob.segments.filter((_, i) => isDirectory(glob, i, true)));
      const literal = [...names].filter((name) => !isPattern(name));
      for (const name of literal) byName.set(name, [...(byName.get(name) ?? []), one]);
      if (literal.length < names.size) byPattern.push(one);
    }
  }
  const found = { byName, byPattern };
  DIRECTORIES.set(rules, found);
  return found;
}

function isPattern(segment: string): boolean {
  return /[*?]/.test(segment);
}

/** Whether a segment stands for one directory below which the glob goes on: by its name, or by a pattern too. */
function isDirectory({ segments, below }: Glob, at: number, byPattern: boolean): boolean {
  const segment = segments[at]!;
  const isOne = segment !== "**" && (byPattern || !isPattern(segment));
  return isOne && (at < segments.length - 1 || below > 0);
}

interface Meeting {
  /** How much below the path the glob covers. */
  readonly below: "nothing" | "some" | "all";
  /** Paths that it names below it, each in segments. */
  readonly rests: readonly (readonly string[])[];
}

/**
 * What the glob says of paths below one, going by the directories that it names, or with `byPattern` matches too. Row by row, one for each segment of
 * the glob, so that time is the product of both lengths at most.
 */
function meets(glob: Glob, path: readonly string[], byPattern: boolean): Meeting {
  const { segments, below } = glob;
  let row = path.map(() => false);
  let isStart = true;
  const rests: string[][] = [];
  let found: Meeting["below"] = "nothing";
  for (const [i, segment] of segments.entries()) {
    const next: boolean[] = [];
    for (const [p, name] of path.entries()) {
      const before = p === 0 ? isStart : row[p - 1]!;
      if (segment === "**") next.push(row[p]! || before || (p > 0 && next[p - 1]!));
      else next.push(before && matchesSegment(segment, name));
    }
    row = next;
    isStart &&= segment === "**";
    if (!row.at(-1) || !isDirectory(glob, i, byPattern)) continue;
    if (i === segments.length - 1 && below === 1) return { below: "all", rests };
    found = "some";
    const rest = segments.slice(i + 1);
    const literal = rest.findIndex(isPattern);
    const names = rest.slice(0, literal < 0 ? rest.length : literal);
    for (let length = 1; length <= names.length; length++) rests.push(names.slice(0, length));
  }
  return { below: found, rests };
}
