/**
 * A fixed-output derivation as rules for downloads see it: which bytes are asked for, and where.
 *
 * Claims: the hash is what Nix will hold the output against, by the name of the output's path. The URLs are what the
 * derivation says of itself: its builder is a program and may fetch from anywhere. Leaves out: what is fetched
 * without a URL in the usual places (`url`, `urls`), such as the dependencies of a lock file: it names none here.
 */
import { type Derivation, derivationKind } from "@firstmile/formats/nix/derivation";
import type { NixHash } from "@firstmile/formats/nix/hash";
import type { DrvPath, IngestionMethod, StorePath } from "@firstmile/formats/nix/store-path";

export interface Download {
  readonly drvPath: DrvPath;
  readonly output: StorePath;
  readonly name: string;
  /** As they are written; none where the derivation names none. */
  readonly urls: readonly string[];
  readonly method: IngestionMethod;
  readonly hash: NixHash;
  /** Whether a recursive output is one executable file: a program that is fetched. */
  readonly executable: boolean;
  /** Of a repository: the tag or commit that is asked for (`rev`); undefined where it names none. */
  readonly revision?: string;
}

/** Undefined where the output is not a fixed one. */
export function downloadOf(drvPath: DrvPath, name: string, derivation: Derivation): Download | undefined {
  if (derivationKind(derivation) !== "fixed") return undefined;
  const output = derivation.outputs.get("out");
  if (output?.kind !== "fixed") return undefined;
  const { method, hash, path } = output;
  const attributes = attributesOf(derivation);
  const urls = [...new Set(["url", "urls"].flatMap((key) => words(attributes.get(key))))];
  const executable = ["1", "true"].includes(attributes.get("executable") ?? "");
  const revision = attributes.get("rev");
  const asked = revision === undefined || revision === "" ? {} : { revision };
  return { drvPath, output: path, name, urls, method, hash, executable, ...asked };
}

function words(value: string | undefined): string[] {
  return (value ?? "").split(/[ \t\n]+/).filter(Boolean);
}

/** The environment, or what stands in it as JSON where the derivation has structured attributes. */
function attributesOf({ env }: Derivation): ReadonlyMap<string, string> {
  const structured = env.get("__json");
  if (structured === undefined) return env;
  try {
    const value: unknown = JSON.parse(structured);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return env;
    const own = Object.entries(value).map(([key, inner]): [string, string] => [
      key,
      [inner].flat().join(" "),
    ]);
    return new Map([...env, ...own]);
  } catch {
    return env;
  }
}
