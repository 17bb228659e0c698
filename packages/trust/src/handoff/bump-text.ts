/**
 * Whether two texts of a Nix expression differ by a version and a hash alone.
 *
 * Claims: everything else is the same byte for byte, comments and spaces included; the two that differ are plain strings
 * that Nix binds to `version` and to a hash in the same attribute set; the version is a later one, of characters that
 * mean nothing in an expression, a shell or a URL. Against: a bump that brings anything else. Leaves out which source
 * the hash is of.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { type NixHash, parseHash } from "@firstmile/formats/nix/hash";
import { type NixToken, nixTokens } from "@firstmile/formats/nix/tokens";
import { isLaterVersion } from "./version.ts";

/** From one value to another. */
export interface Step<Value> {
  readonly from: Value;
  readonly to: Value;
}

export interface BumpText {
  readonly version: Step<string>;
  readonly hash: Step<NixHash>;
}

/** Two hashes by different algorithms in different spellings, and two versions. */
const MAX_DIFFERENCE = 256;

/** Throws `FormatError`: of a text that has two readings, or of what else the change is. */
export function bumpText(before: Uint8Array, after: Uint8Array): BumpText {
  // Most changes are none: told before either text is looked at.
  if (Math.abs(before.length - after.length) > MAX_DIFFERENCE) refuse("changes more than literals");
  const [old, fresh] = [nixTokens(before), nixTokens(after)];
  const changed = differing(old, fresh, before, after);
  const [version, hash] = ["version", "hash"].map((what) => {
    const found = changed.filter((at) => (what === "version") === (nameOf(old, at) === "version"));
    return found.length === 1 ? found[0]! : refuse(`changes ${found.length} literals that are a ${what}`);
  }) as [number, number];
  checkScopes(old, version, hash);
  return {
    version: checkVersion({ from: contentOf(old[version]!), to: contentOf(fresh[version]!) }),
    hash: checkHash(nameOf(old, hash)!, { from: contentOf(old[hash]!), to: contentOf(fresh[hash]!) }),
  };
}

/** The plain strings that differ; everything else must not. By place, since both texts have the same tokens. */
function differing(
  old: readonly NixToken[],
  fresh: readonly NixToken[],
  before: Uint8Array,
  after: Uint8Array,
): number[] {
  if (old.length !== fresh.length) refuse("changes more than literals");
  const changed = old.flatMap((token, i) => (token.text === fresh[i]!.text ? [] : [i]));
  if (changed.some((i) => old[i]!.kind !== "string" || fresh[i]!.kind !== "string"))
    refuse("changes more than plain strings");
  if (changed.length !== 2) refuse(`changes ${changed.length} literals, not two`);
  if (!Buffer.from(masked(old, before, changed)).equals(masked(fresh, after, changed)))
    refuse("changes spaces or comments");
  return changed;
}

/** The text without the literals at these places. */
function masked(tokens: readonly NixToken[], bytes: Uint8Array, places: readonly number[]): Buffer {
  let from = 0;
  const parts = places.map((place) => {
    const { start, end } = tokens[place]!;
    const part = bytes.subarray(from, start);
    from = end;
    return part;
  });
  return Buffer.concat([...parts, bytes.subarray(from)]);
}

const HASH_NAMES = ["hash", "sha256", "outputHash"];

/** What the string at this place is bound to, if it is a whole binding `NAME = "…";` of a name of these. */
function nameOf(tokens: readonly NixToken[], at: number): string | undefined {
  const [before, name, equals, , after] = [-3, -2, -1, 0, 1].map((offset) => tokens[at + offset]?.text);
  const isBinding = (before === "{" || before === ";") && equals === "=" && after === ";";
  return isBinding && name !== undefined && ["version", ...HASH_NAMES].includes(name)
    ? name
    : refuse("changes another binding than version and hash");
}

/** The hash is in the attribute set of the version, or in one within it, with only brackets in between. */
function checkScopes(tokens: readonly NixToken[], version: number, hash: number): void {
  const [outer, inner] = [tokens[version]!.scopes, tokens[hash]!.scopes];
  const set = outer.at(-1);
  if (set?.kind !== "{" || outer.some(({ kind }) => kind === "${"))
    refuse("has its version in no plain attribute set");
  const within = inner.slice(outer.length);
  if (inner[outer.length - 1]?.at !== set.at || within.some(({ kind }) => kind !== "{" && kind !== "("))
    refuse("has version and hash in different attribute sets");
  const versions = tokens.filter(
    ({ text, scopes }, i) =>
      text === "version" && tokens[i + 1]?.text === "=" && scopes.at(-1)?.at === set.at,
  );
  if (versions.length !== 1) refuse("binds its version more than once");
}

function contentOf({ text }: NixToken): string {
  return text.slice(1, -1);
}

/** No `..`: a version becomes part of a URL. */
const VERSION = /^[0-9A-Za-z](?:[0-9A-Za-z_+-]|\.(?!\.)){0,63}$/;

function checkVersion(version: Step<string>): Step<string> {
  const odd = [version.from, version.to].some(
    (text) => !VERSION.test(text) || !/\d/.test(text) || text.endsWith("."),
  );
  if (odd) refuse("has a version of characters that versions do not have");
  if (!isLaterVersion(version.from, version.to))
    refuse(`goes from version ${version.from} to ${version.to}, which is no later one`);
  return version;
}

function checkHash(name: string, { from, to }: Step<string>): Step<NixHash> {
  const [old, fresh] = [readHash(name, from), readHash(name, to)];
  if (old.algorithm !== fresh.algorithm) refuse("changes the algorithm of its hash");
  return { from: old, to: fresh };
}

/** `sha256 = "…"` needs no algorithm in front. */
function readHash(name: string, text: string): NixHash {
  const hash = parseHash(/^[a-z0-9]+[:-]/.test(text) ? text : `sha256:${text}`);
  if (hash.algorithm !== "sha256" && hash.algorithm !== "sha512") refuse(`is pinned by ${hash.algorithm}`);
  if (name === "sha256" && hash.algorithm !== "sha256") refuse("has another hash than its name says");
  return hash;
}

function refuse(problem: string): never {
  throw new FormatError("nix expression", "change", 0, problem);
}
