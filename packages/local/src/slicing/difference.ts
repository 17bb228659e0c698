/** What another revision changes for the same attributes: of the files that are read, the sources and the recipes. */
import type { DrvPath } from "@firstmile/formats/nix/store-path";
import { downloadsIn, type Slice, type SlicedFile } from "./slice-of.ts";

export interface ChangedFile {
  readonly path: string;
  /** Undefined: it was not read before, or is not any more. */
  readonly before: SlicedFile | undefined;
  readonly after: SlicedFile | undefined;
}

export interface ChangedDownload {
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface SliceDifference {
  /** In the order of paths. */
  readonly files: readonly ChangedFile[];
  /** By name without its version, where that pairs them. */
  readonly downloads: readonly ChangedDownload[];
  /** How many derivations are gone, and how many are new. */
  readonly derivations: { readonly gone: number; readonly fresh: number };
}

export function sliceDifference(before: Slice, after: Slice): SliceDifference {
  return {
    files: changedFiles(before.files, after.files),
    downloads: changedDownloads(before, after),
    derivations: {
      gone: countMissing(before.derivations, after.derivations),
      fresh: countMissing(after.derivations, before.derivations),
    },
  };
}

function changedFiles(before: readonly SlicedFile[], after: readonly SlicedFile[]): ChangedFile[] {
  const old = new Map(before.map((one) => [one.file.path, one]));
  const now = new Map(after.map((one) => [one.file.path, one]));
  const paths = [...new Set([...old.keys(), ...now.keys()])].sort();
  return paths
    .map((path) => ({ path, before: old.get(path), after: now.get(path) }))
    .filter((one) => !isSame(one.before, one.after));
}

function isSame(a: SlicedFile | undefined, b: SlicedFile | undefined): boolean {
  return a?.file.sha256 === b?.file.sha256 && a?.file.mode === b?.file.mode;
}

function changedDownloads(before: Slice, after: Slice): ChangedDownload[] {
  const [old, now] = [outputsOf(before), outputsOf(after)];
  const gone = [...old].filter(([path]) => !now.has(path)).map(([, name]) => name);
  const fresh = [...now].filter(([path]) => !old.has(path)).map(([, name]) => name);
  const paired = fresh.map((name) => {
    const i = gone.findIndex((other) => stemOf(other) === stemOf(name));
    return { before: i < 0 ? undefined : gone.splice(i, 1)[0], after: name };
  });
  return [...paired, ...gone.map((name) => ({ before: name, after: undefined }))];
}

/** What is downloaded, by output path: two recipes for one content are one. */
function outputsOf(slice: Slice): Map<string, string> {
  return new Map(
    downloadsIn(slice).flatMap(([, { name, derivation }]) =>
      [...derivation.outputs.values()].flatMap((output) =>
        "path" in output ? [[output.path, name] as const] : [],
      ),
    ),
  );
}

/** `hello` of `hello-2.12.1.tar.gz`. */
function stemOf(name: string): string {
  return name.replace(/-[0-9].*$/, "");
}

function countMissing(from: ReadonlyMap<DrvPath, unknown>, other: ReadonlyMap<DrvPath, unknown>): number {
  return [...from.keys()].filter((path) => !other.has(path)).length;
}
