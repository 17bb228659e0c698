/** What is to be handed on: the fixed outputs below an attribute or a derivation, or one URL. */
import { basename, dirname, relative, resolve } from "node:path";
import type { NixHash } from "@firstmile/formats/nix/hash";
import type { DrvPath } from "@firstmile/formats/nix/store-path";
import { type Download, downloadOf } from "@firstmile/trust/handoff/download";
import { fileNameOf, fileNames } from "@firstmile/trust/handoff/file-names";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import { type Closure, readClosure } from "../admission/closure.ts";
import { storeReader } from "../admission/derivation-reader.ts";
import { evaluateDirectory } from "../admission/evaluate-file.ts";
import type { NixTools } from "../admission/nix-tools.ts";
import { gitIn } from "../git/in-directory.ts";
import { treePlace } from "../sealing/places.ts";
import { readSealed } from "../sealing/sealed-closure.ts";
import type { Wanted } from "./make.ts";
import { fetchable, mirrorsIn } from "./mirrors.ts";

export interface HandoffTarget {
  readonly wanted: Wanted;
  /** URLs to fetch, in order. */
  readonly from: readonly string[];
  /** Undefined: a URL that no derivation names. */
  readonly download: Download | undefined;
}

export type Targets =
  | { readonly ok: true; readonly targets: readonly HandoffTarget[] }
  | { readonly ok: false; readonly reason: Reason };

/** Below attributes of a file in a checkout; all of it may be read. Throws `NixError`. */
export async function targetsOfFile(nix: NixTools, file: string, attrs: readonly string[]): Promise<Targets> {
  const treeDir = await checkoutOf(file);
  const question = { treeDir: treePlace(basename(treeDir)), file: relative(treeDir, file) || ".", attrs };
  const evaluated = await evaluateDirectory(nix, treeDir, { ...question, argstr: {} });
  if (!evaluated.ok) return evaluated;
  await using _seal = evaluated.seal;
  using sealed = await readSealed(nix, evaluated);
  return targetsBelow(sealed.closure, evaluated.roots);
}

/** Below derivations; of those that are downloads themselves, these alone. */
export async function targetsOfDerivations(nix: NixTools, roots: readonly DrvPath[]): Promise<Targets> {
  return targetsBelow(await readClosure(storeReader(nix), roots), roots);
}

function targetsBelow(closure: Closure, roots: readonly DrvPath[]): Targets {
  if (!closure.ok) return closure;
  const targets = targetsIn(closure.derivations);
  const own = targets.filter(({ download }) => roots.includes(download!.drvPath));
  return { ok: true, targets: own.length === roots.length ? own : targets };
}

function targetsIn(derivations: Extract<Closure, { ok: true }>["derivations"]): HandoffTarget[] {
  const mirrors = mirrorsIn(derivations);
  const downloads = [...derivations].flatMap(
    ([path, { name, derivation }]) => downloadOf(path, name, derivation) ?? [],
  );
  // One output that several derivations fetch is handed on once.
  const once = new Map(
    downloads.map((download) => [`${download.output} ${download.urls.join(" ")}`, download]),
  );
  const sorted = [...once.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return sorted.map((download) => {
    const { name, urls, method, hash, executable, revision } = download;
    const wanted = { title: name, urls, names: [...fileNames(download)], method, hash, executable, revision };
    return { wanted, from: fetchable(urls, mirrors), download };
  });
}

/** A URL by itself. `unpack`: what is handed on is the tree that the archive there holds. */
export function targetOfUrl(url: string, hash: NixHash | undefined, unpack: boolean): HandoffTarget {
  const name = fileNameOf(url);
  const method = unpack ? "nar" : "flat";
  const wanted = {
    title: name || url,
    urls: [url],
    names: [name],
    method,
    hash,
    executable: false,
    revision: undefined,
  } as const;
  return { wanted, from: [url], download: undefined };
}

/** The checkout that a file is in; its directory where it is in none. */
async function checkoutOf(file: string): Promise<string> {
  const directory = dirname(file);
  const found = await gitIn(directory, ["rev-parse", "--show-toplevel"]);
  const top = found.code === 0 ? found.stdout.toString().trimEnd() : "";
  return top === "" ? directory : resolve(top);
}
