/**
 * What one sealed evaluation gave: its closure to judge, and the way into the real store once all of it is allowed.
 *
 * Claim: nothing reaches the real store but through `import`, which throws unless the closure held. So a denied
 * evaluation leaves no byte there. Against: a caller that imports first and judges later. Leaves out the judging.
 */
import type { DrvPath, StorePath } from "@firstmile/formats/nix/store-path";
import type { Reason } from "@firstmile/trust/verdict/verdict";
import { type Closure, readClosure } from "../admission/closure.ts";
import type { DerivationReader } from "../admission/derivation-reader.ts";
import type { Evaluated } from "../admission/evaluate-file.ts";
import type { NixTools } from "../admission/nix-tools.ts";
import { askReferences } from "./ask-references.ts";
import { BroughtOut } from "./brought-out.ts";
import { FileCache } from "./file-cache.ts";
import { intoStore } from "./into-store.ts";

/** What is needed of an open seal: its Nix, and where its store can be read once that Nix has ended. */
export type EndedSeal = Pick<NixTools, "run"> & { readonly store: string };

export interface SealedQuestion {
  /** What the store's paths are called. */
  readonly storeDir: string;
  /** The inputs that the seal was given. */
  readonly inputs: Iterable<StorePath>;
  readonly roots: readonly DrvPath[];
  /** Where an import is prepared; a directory of this process's own. Without it, nothing can be imported. */
  readonly importsDir?: string;
}

export interface SealedClosure extends Disposable {
  readonly closure: Closure;
  readonly reader: DerivationReader;
  /**
   * Brings everything into the real store; the inputs have to be there already. Returns a reason where the store holds
   * other bytes under one of the names. Throws `NixError` where Nix does not take it.
   */
  import(nix: NixTools): Promise<Reason | undefined>;
}

/** What an evaluation left, only to be looked at. To be disposed of before its seal is. */
export function readSealed(
  { storeDir }: Pick<NixTools, "storeDir">,
  { seal, roots }: Evaluated,
  importsDir?: string,
): Promise<SealedClosure> {
  const inputs = seal.inputs.map(({ path }) => path);
  return sealedClosure(seal, {
    storeDir,
    inputs,
    roots,
    ...(importsDir === undefined ? {} : { importsDir }),
  });
}

/** Reads what a seal's last evaluation left. To be disposed of before the seal is. */
export async function sealedClosure(seal: EndedSeal, question: SealedQuestion): Promise<SealedClosure> {
  const { storeDir, inputs, roots, importsDir } = question;
  const cache = importsDir === undefined ? undefined : new FileCache(importsDir, storeDir);
  const { store } = seal;
  const brought = new BroughtOut({
    store,
    storeDir,
    inputs,
    references: askReferences(seal),
    ...(cache ? { cache } : {}),
  });
  const dispose = () => {
    brought[Symbol.dispose]();
    cache?.[Symbol.dispose]();
  };
  try {
    const closure = await readClosure(brought, roots);
    return {
      closure,
      reader: brought,
      import: async (nix) => {
        if (!closure.ok || !cache)
          throw new Error("only a closure that holds is imported, from its own directory");
        return intoStore(nix, brought, cache);
      },
      [Symbol.dispose]: dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}
