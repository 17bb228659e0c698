/**
 * The plain files that derivations name as sources, beside other derivations' outputs.
 *
 * Claims: each is named by its own content, as everything is that an evaluation copies into the store. Against: an
 * expression that takes some output which happens to be in this store (`builtins.storePath`, which restricted mode of
 * 2.34 lets through, `appendContext` in both), whose path tells nothing of what is in it. Leaves out whether the
 * content came from the authenticated trees: one that an authentic file names by hash is as good as a locked one.
 */
import { FormatError } from "@firstmile/formats/bytes/error";
import { isContentAddressedBy, parseContentAddress } from "@firstmile/formats/nix/content-address";
import { parseStorePath, type StorePath } from "@firstmile/formats/nix/store-path";
import { NixError, type NixTools } from "./nix-tools.ts";

/** Paths in one command: an argument list has an end. */
const BATCH = 500;

/** The first path that is not there, or not named by its content; undefined where all are. Throws `NixError`. */
export async function unexplainedSource(
  nix: NixTools,
  sources: readonly StorePath[],
): Promise<StorePath | undefined> {
  for (let from = 0; from < sources.length; from += BATCH) {
    const batch = sources.slice(from, from + BATCH);
    const known = await pathInfo(nix, batch);
    const bad = batch.find((path) => !isNamedByContent(path, known.get(path)));
    if (bad !== undefined) return bad;
  }
  return undefined;
}

export interface Known {
  readonly ca: string;
  readonly references: readonly string[];
}

/** What a store says of these paths, without those that it does not call content-addressed. Throws `NixError`. */
export async function pathInfo(
  nix: Pick<NixTools, "run">,
  paths: readonly StorePath[],
): Promise<Map<string, Known>> {
  const options = ["substitute", "false", "extra-experimental-features", "nix-command"];
  const args = [
    "path-info",
    "--json",
    "--offline",
    "--option",
    ...options.slice(0, 2),
    "--option",
    ...options.slice(2),
  ];
  const told = await nix.run("nix", [...args, ...paths], { offline: true });
  if (told.code !== 0) throw new NixError(`the store does not tell what is in it: ${told.stderr.trim()}`);
  const answer: unknown = JSON.parse(told.stdout.toString());
  // A list in 2.8, an object by path in 2.34.
  const entries: [unknown, unknown][] = Array.isArray(answer)
    ? answer.map((entry: unknown) => [fieldOf(entry, "path"), entry])
    : Object.entries(answer as object);
  return new Map(entries.flatMap(([path, entry]) => asKnown(path, entry)));
}

function asKnown(path: unknown, entry: unknown): [string, Known][] {
  const [ca, references] = [fieldOf(entry, "ca"), fieldOf(entry, "references")];
  const areTexts =
    Array.isArray(references) && references.every((reference) => typeof reference === "string");
  return typeof path === "string" && typeof ca === "string" && areTexts ? [[path, { ca, references }]] : [];
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** Not by the word of Nix's database alone: the path must follow from the address. */
function isNamedByContent(path: StorePath, known: Known | undefined): boolean {
  if (known === undefined) return false;
  try {
    const storeDir = path.slice(0, path.lastIndexOf("/"));
    const references = known.references.map((reference) => parseStorePath(reference, storeDir));
    return isContentAddressedBy(path, parseContentAddress(known.ca), references);
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}
