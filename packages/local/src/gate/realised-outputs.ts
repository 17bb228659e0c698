/**
 * Which path an output of a derivation has, where that is known only after a build.
 *
 * Claims: such a path is one that Nix recorded for the output, and that Nix itself got here by building this very
 * derivation, or a resolution of it that the gate made again. Against: a user who registers a realisation: of a path of
 * their own, of another admitted derivation's output, or of another output of the same one.
 */
import { type Derivation, derivationKind } from "@firstmile/formats/nix/derivation";
import {
  type DrvPath,
  drvNameOf,
  nameOf,
  outputPathName,
  type StorePath,
} from "@firstmile/formats/nix/store-path";
import type { NixTools } from "../admission/nix-tools.ts";
import { atLeast, parseVersion } from "../nix-conf/version.ts";
import type { BuiltRecords } from "./built-records.ts";
import type { Ledger } from "./ledger.ts";
import { readRealisations } from "./realisation-json.ts";

const KNOWN_AFTER_BUILD: ReadonlySet<string> = new Set(["floating", "deferred", "impure"]);

/** A path that Nix has as an output, and nothing proves that it was built as that. */
export interface UnprovenOutput {
  readonly derivation: DrvPath;
  readonly output: string;
  readonly path: StorePath;
}

export interface RealisedInputs {
  /** By `DERIVATION!OUTPUT`. */
  readonly paths: ReadonlyMap<string, StorePath>;
  readonly unproven: readonly UnprovenOutput[];
}

export class RealisedOutputs {
  readonly #nix: NixTools;
  readonly #ledger: Ledger;
  readonly #built: BuiltRecords;

  constructor(nix: NixTools, ledger: Ledger, built: BuiltRecords) {
    this.#nix = nix;
    this.#ledger = ledger;
    this.#built = built;
  }

  /** Paths of the outputs that a derivation uses. `read` gives a derivation, or undefined where it cannot be read. */
  async inputsOf(
    derivation: Derivation,
    read: (path: DrvPath) => Derivation | undefined,
  ): Promise<RealisedInputs> {
    const paths = new Map<string, StorePath>();
    const unproven: UnprovenOutput[] = [];
    await Promise.all(
      [...derivation.inputDrvs].map(async ([input, outputs]) => {
        const known = read(input);
        if (!known) return;
        const isLate = KNOWN_AFTER_BUILD.has(derivationKind(known));
        const recorded = isLate ? await this.#recorded(input) : new Map<string, StorePath>();
        for (const name of outputs) {
          const output = known.outputs.get(name);
          if (output && "path" in output) paths.set(`${input}!${name}`, output.path);
          const path = recorded.get(name);
          if (path === undefined) continue;
          if (this.#isBuilt(input, known, name, path)) paths.set(`${input}!${name}`, path);
          else unproven.push({ derivation: input, output: name, path });
        }
      }),
    );
    return { paths, unproven };
  }

  /**
   * Of a derivation with inputs Nix builds the resolution, and 2.8 then reports a build of the derivation too, even
   * where a user registered what the resolution gave. Only derivations without inputs are built as they are.
   */
  #isBuilt(path: DrvPath, { inputDrvs }: Derivation, output: string, used: StorePath): boolean {
    // Nix reports paths without their outputs; the name of a path says which output it is.
    if (nameOf(used) !== outputPathName(drvNameOf(path), output)) return false;
    const built = inputDrvs.size === 0 ? [path] : this.#ledger.resolutionsOf(path);
    return built.some((one) => this.#built.gave(one).has(used));
  }

  /** What Nix recorded for the outputs of a derivation, by name: the word of any user. */
  async #recorded(input: DrvPath): Promise<Map<string, StorePath>> {
    // Since 2.13 the outputs of a derivation are named behind a caret.
    const version = parseVersion(this.#nix.version);
    const installable = version && atLeast(version, 2, 13) ? `${input}^*` : input;
    const features = ["--extra-experimental-features", "nix-command ca-derivations"];
    const args = ["realisation", "info", ...features, "--offline", "--json", installable];
    const answer = await this.#nix.run("nix", args, { timeoutMs: 10_000 });
    return answer.code === 0
      ? readRealisations(answer.stdout.toString(), this.#nix.storeDir)
      : new Map<string, StorePath>();
  }
}
