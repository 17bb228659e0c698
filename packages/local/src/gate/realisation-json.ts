/** What `nix realisation info --json` prints: the path that is recorded for each output of a derivation. */
import { baseNameOf, parseStoreBaseName, type StorePath } from "@firstmile/formats/nix/store-path";

/** `[{"id":"sha256:HEX!out","outPath":"BASENAME",…}]`. Anything else counts as nothing recorded. */
export function readRealisations(text: string, storeDir: string): Map<string, StorePath> {
  const paths = new Map<string, StorePath>();
  try {
    for (const { id, outPath } of JSON.parse(text) as { id?: unknown; outPath?: unknown }[]) {
      const output = typeof id === "string" ? id.split("!")[1] : undefined;
      if (output === undefined || typeof outPath !== "string") continue;
      paths.set(output, parseStoreBaseName(baseNameOf(`/${outPath}` as StorePath), storeDir));
    }
  } catch {
    return new Map();
  }
  return paths;
}
