/** Reads a private store and imports it, as a gate does. For a test that ends it on the way. Arguments: one JSON value. */
import type { DrvPath } from "@firstmile/formats/nix/store-path";
import { nixTools } from "../../src/admission/nix-tools.ts";
import { sealedClosure } from "../../src/sealing/sealed-closure.ts";

export interface ImportJob {
  readonly env: NodeJS.ProcessEnv;
  readonly store: string;
  readonly roots: readonly DrvPath[];
  readonly importsDir: string;
}

const { env, store, roots, importsDir } = JSON.parse(process.argv[2]!) as ImportJob;
const nix = await nixTools(env);
const question = { storeDir: nix.storeDir, inputs: [], roots, importsDir };
using sealed = await sealedClosure({ run: nix.run, store }, question);
if (!sealed.closure.ok) throw new Error(sealed.closure.reason.message);
console.log("read");
const reason = await sealed.import(nix);
if (reason) throw new Error(reason.message);
console.log("imported");
