/** A .drv whose text an attacker changed, in a cache of the attacker's, under the very path that its text has. */
import { readFileSync } from "node:fs";
import { parseContentAddress } from "@firstmile/formats/nix/content-address";
import { derivationReferences, derivationStorePath } from "@firstmile/formats/nix/derivation";
import { parseDerivation } from "@firstmile/formats/nix/derivation-parse";
import { nix32Hash, parseHash, sha256 } from "@firstmile/formats/nix/hash";
import { drvNameOf, parseDrvPath } from "@firstmile/formats/nix/store-path";
import { Builder } from "../src/gate-world-builders.ts";
import type { UserWorld } from "./user-world.ts";

export async function forge(world: UserWorld, drv: string, change: (text: string) => string) {
  const { storeDir } = world.gate.nix;
  const text = change(readFileSync(drv, "latin1"));
  const derivation = parseDerivation(Buffer.from(text, "latin1"), storeDir);
  const path = derivationStorePath(derivation, drvNameOf(parseDrvPath(drv, storeDir)), storeDir);
  const hash = parseHash(`sha256:${Buffer.from(sha256(Buffer.from(text, "latin1"))).toString("hex")}`);
  const ca = parseContentAddress(`text:${nix32Hash(hash)}`);
  const cache = await Builder.start("evil", "evil");
  cache.files.set("/nix-cache-info", Buffer.from(`StoreDir: ${storeDir}\n`));
  const references = derivationReferences(derivation);
  cache.offer({
    path,
    content: Buffer.from(text, "latin1"),
    references,
    compression: "none",
    change: (info) => ({ ...info, ca }),
  });
  return { path, url: cache.url, end: () => cache[Symbol.asyncDispose]() };
}
